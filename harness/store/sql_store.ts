/**
 * The farm's store over a database.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { type AnyRecord, parseRecord } from "../record/records.ts";
import { insertRows, type Sql, type SqlQueries, type SqlRow, type SqlValue } from "./sql.ts";
import { type FarmStore, recordKey, type ShardClaim, type StoredShard } from "./store.ts";
import { sha256Hex } from "../hash.ts";

/** Shards that are read at once when all records of a run are asked for: bounds the memory. */
const PAGE_SHARDS = 64;

/** Returns the store in a database whose schema is of the newest version. */
export function farmStore(sql: Sql): FarmStore {
  /** Row of a shard, kept from others until the transaction ends. */
  const lockShard = async (inside: SqlQueries, runId: string, index: number): Promise<SqlRow> => {
    const rows = await inside.query(
      inside.dialect(
        `SELECT state, device, attempts, epoch FROM farm_shards WHERE run_id = $1 AND shard = $2 {forUpdate}`,
      ),
      [runId, index],
    );
    if (rows.length === 1) return rows[0];
    throw new HarnessError(
      "store-failed",
      `Cannot find shard ${index} of run "${runId}" in ${sql.address}: is it the store that the run was planned in?`,
    );
  };

  const checkClaim = async (inside: SqlQueries, claim: ShardClaim): Promise<void> => {
    const row = await lockShard(inside, claim.runId, claim.index);
    if (Number(row.attempts) === claim.attempt && row.state === "running") return;
    throw new HarnessError(
      "store-failed",
      `Cannot write to shard ${claim.index} of run "${claim.runId}" as attempt ${claim.attempt}: ` +
        (Number(row.attempts) === claim.attempt
          ? `it is ${row.state}`
          : `attempt ${row.attempts} on device "${row.device}" has taken it over`) +
        `. This attempt is over: end it`,
    );
  };

  /** Compares shards with those that are there. */
  const checkShards = async (
    inside: SqlQueries,
    runId: string,
    shards: readonly { index: number; document: unknown }[],
  ): Promise<void> => {
    const indices = shards.map(({ index }) => index);
    const rows = await inside.query(
      `SELECT shard, document FROM farm_shards WHERE run_id = $1 AND shard >= $2 AND shard <= $3`,
      [runId, indices.reduce((a, b) => Math.min(a, b)), indices.reduce((a, b) => Math.max(a, b))],
    );
    const stored = new Map(rows.map((row) => [Number(row.shard), String(row.document)]));
    for (const { index, document } of shards) {
      const text = JSON.stringify(document);
      if (stored.get(index) === text) continue;
      throw new HarnessError(
        "store-failed",
        `Cannot go on with run "${runId}" in ${sql.address}: shard ${index} is ${
          stored.get(index)
        } there and ${text} now, so the run was planned with other phones, variants or folders. ` +
          `Ask for the same as then, or start a run of its own`,
      );
    }
  };

  return {
    address: sql.address,
    database: sql,

    async putRun(runId, document) {
      const text = JSON.stringify(document);
      const rows = await sql.transaction(async (inside) => {
        await inside.query(
          `INSERT INTO farm_runs (run_id, document, created_at) VALUES ($1, $2, $3) ON CONFLICT (run_id) DO NOTHING`,
          [runId, text, new Date().toISOString()],
        );
        return await inside.query(`SELECT document FROM farm_runs WHERE run_id = $1`, [runId]);
      });
      if (rows[0].document === text) return;
      throw new HarnessError(
        "store-failed",
        `Cannot keep run "${runId}" in ${sql.address}: there is another run of that name. Start again: each start makes a name of its own`,
      );
    },

    async run(runId) {
      const rows = await sql.query(`SELECT document FROM farm_runs WHERE run_id = $1`, [runId]);
      return rows.length === 0 ? null : JSON.parse(String(rows[0].document));
    },

    async addShards(runId, shards) {
      const rows = shards.map(({ index, document }) => [runId, index, JSON.stringify(document)]);
      if (rows.length === 0) return;
      await sql.transaction(async (inside) => {
        const head = `INSERT INTO farm_shards (run_id, shard, document)`;
        const tail = `ON CONFLICT (run_id, shard) DO NOTHING RETURNING shard`;
        if ((await insertRows(inside, head, tail, rows)).length < rows.length) {
          await checkShards(inside, runId, shards);
        }
      });
    },

    async shard(runId, index) {
      const rows = await sql.query(
        `SELECT shard, document, state, device, attempts FROM farm_shards WHERE run_id = $1 AND shard = $2`,
        [runId, index],
      );
      return rows.length === 0 ? null : asShard(rows[0]);
    },

    async progress(runId) {
      const rows = await sql.query(
        `SELECT shard, state, device, attempts FROM farm_shards WHERE run_id = $1 ORDER BY shard`,
        [runId],
      );
      return rows.map((row) => {
        const { document: _, ...shard } = asShard({ ...row, document: "null" });
        return shard;
      });
    },

    async claim(runId, index, who) {
      return await sql.transaction(async (inside) => {
        const row = await lockShard(inside, runId, index);
        if (row.state === "done") return null;
        const attempt = Number(row.attempts) + 1;
        const epoch = Number(row.epoch) + (row.device === who.device ? 0 : 1);
        await inside.query(
          `UPDATE farm_shards SET state = 'running', device = $3, attempts = $4, epoch = $5 WHERE run_id = $1 AND shard = $2`,
          [runId, index, who.device, attempt, epoch],
        );
        await inside.query(
          `INSERT INTO farm_attempts (run_id, shard, attempt, device, host, started_at) VALUES ($1, $2, $3, $4, $5, $6)`,
          [runId, index, attempt, who.device, who.host, new Date().toISOString()],
        );
        const earlier = await inside.query(
          `SELECT body FROM farm_records WHERE run_id = $1 AND shard = $2 AND epoch = $3 ORDER BY sequence`,
          [runId, index, epoch],
        );
        return {
          claim: { runId, index, attempt, epoch, device: who.device },
          earlier: asRecords(earlier, runId, index),
        };
      });
    },

    async append(claim, records) {
      if (records.length === 0) return 0;
      return await sql.transaction(async (inside) => {
        await checkClaim(inside, claim);
        const last = await inside.query(
          `SELECT COALESCE(MAX(sequence), 0) AS last FROM farm_records WHERE run_id = $1 AND shard = $2 AND epoch = $3`,
          [claim.runId, claim.index, claim.epoch],
        );
        const first = Number(last[0].last) + 1;
        // PostgreSQL takes no key twice in one statement with DO NOTHING, but the second would be
        // counted on.
        const byKey = new Map(records.map((record) => [recordKey(record), record]));
        const rows = [...byKey].map(([key, record], place) => [
          claim.runId,
          claim.index,
          claim.epoch,
          key,
          claim.attempt,
          first + place,
          JSON.stringify(record),
        ]);
        const head =
          `INSERT INTO farm_records (run_id, shard, epoch, record_key, attempt, sequence, body)`;
        const tail = `ON CONFLICT (run_id, shard, epoch, record_key) DO NOTHING RETURNING sequence`;
        return (await insertRows(inside, head, tail, rows)).length;
      });
    },

    async finish(claim, outcome) {
      await sql.transaction(async (inside) => {
        await checkClaim(inside, claim);
        await inside.query(
          `UPDATE farm_shards SET state = $3 WHERE run_id = $1 AND shard = $2`,
          [claim.runId, claim.index, outcome.state],
        );
        await inside.query(
          `UPDATE farm_attempts SET ended_at = $4, code = $5, message = $6 WHERE run_id = $1 AND shard = $2 AND attempt = $3`,
          [
            claim.runId,
            claim.index,
            claim.attempt,
            new Date().toISOString(),
            outcome.code,
            outcome.message,
          ],
        );
      });
    },

    async attempts(runId) {
      const rows = await sql.query(
        `SELECT shard, attempt, device, host, started_at, ended_at, code, message FROM farm_attempts WHERE run_id = $1 ORDER BY shard, attempt`,
        [runId],
      );
      return rows.map((row) => ({
        index: Number(row.shard),
        attempt: Number(row.attempt),
        device: String(row.device),
        host: String(row.host),
        startedAt: String(row.started_at),
        endedAt: asText(row.ended_at),
        code: asText(row.code),
        message: asText(row.message),
      }));
    },

    async *shardRecords(runId) {
      for (let from = -1;;) {
        const shards = await sql.query(
          `SELECT shard, document, state, device, attempts FROM farm_shards WHERE run_id = $1 AND shard > $2 ORDER BY shard LIMIT ${PAGE_SHARDS}`,
          [runId, from],
        );
        if (shards.length === 0) return;
        const last = Number(shards[shards.length - 1].shard);
        const rows = await sql.query(
          `SELECT r.shard AS shard, r.body AS body FROM farm_records r
            JOIN farm_shards s ON s.run_id = r.run_id AND s.shard = r.shard AND s.epoch = r.epoch
            WHERE r.run_id = $1 AND r.shard > $2 AND r.shard <= $3 ORDER BY r.shard, r.sequence`,
          [runId, from, last],
        );
        const byShard = Map.groupBy(rows, (row) => Number(row.shard));
        for (const row of shards) {
          const shard = asShard(row);
          const records = asRecords(byShard.get(shard.index) ?? [], runId, shard.index);
          yield { shard, records };
        }
        from = last;
      }
    },

    async hasArtefact(sha256) {
      const rows = await sql.query(`SELECT 1 AS found FROM farm_artefacts WHERE sha256 = $1`, [
        sha256,
      ]);
      return rows.length > 0;
    },

    async putArtefact(sha256, bytes) {
      const found = await sha256Hex(bytes);
      if (found !== sha256) throw hashMismatch(sha256, found, sql.address);
      await sql.query(
        `INSERT INTO farm_artefacts (sha256, size_bytes, content) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING`,
        [sha256, bytes.length, bytes],
      );
    },

    async artefact(sha256) {
      const rows = await sql.query(`SELECT content FROM farm_artefacts WHERE sha256 = $1`, [
        sha256,
      ]);
      return rows.length === 0 ? null : new Uint8Array(rows[0].content as Uint8Array);
    },

    [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose](),
  };
}

/** Returns the error of a file whose bytes are not those that its name promises. */
export function hashMismatch(expected: string, found: string, where: string): HarnessError {
  return new HarnessError(
    "hash-mismatch",
    `Cannot use the artefact ${expected.slice(0, 16)}… of ${where}: its bytes have the hash ${
      found.slice(0, 16)
    }…. It was damaged or changed: put it there again`,
  );
}

function asText(value: SqlValue): string | null {
  return value === null ? null : String(value);
}

function asShard(row: SqlRow): StoredShard {
  return {
    index: Number(row.shard),
    document: JSON.parse(String(row.document)),
    state: row.state as StoredShard["state"],
    device: asText(row.device),
    attempts: Number(row.attempts),
  };
}

function asRecords(rows: readonly SqlRow[], runId: string, index: number): AnyRecord[] {
  const where = `a record of shard ${index} of run "${runId}"`;
  return rows.map(({ body }) => parseRecord(String(body), where)).filter((each) => each !== null);
}
