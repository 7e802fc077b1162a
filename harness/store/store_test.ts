import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { type AnyRecord, type FailureRecord, RECORD_VERSION } from "../record/records.ts";
import { makeSecret, type Secret } from "../secret.ts";
import { runFixture } from "../gate/testdata/gate_fixture.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { newestCalibration, saveCalibration } from "./calibrations.ts";
import {
  importRun,
  knownSessions,
  latestBaseline,
  listRuns,
  listSeries,
  trend,
} from "./history.ts";
import { migrated, openDatabase, openStore } from "./open_store.ts";
import { openSqlite } from "./sqlite.ts";
import { migrate, MIGRATIONS } from "./migrations.ts";
import { openPostgres } from "./postgres.ts";
import type { Sql } from "./sql.ts";
import { farmStore } from "./sql_store.ts";
import { postgresBin, startPostgres } from "./testdata/postgres_server.ts";
import { type FarmStore, isStoreRefusal, recordKey } from "./store.ts";
import { sha256Hex } from "../hash.ts";
import { needs } from "../testdata/needs.ts";

function failure(round: number, message = "it's “odd” \\ \u0001 text"): FailureRecord {
  return {
    kind: "failure",
    schemaVersion: RECORD_VERSION,
    runId: "r1",
    device: "phone-a",
    variantId: "v",
    round,
    at: "2026-01-01T00:00:00Z",
    code: "timeout",
    message,
    stderrTail: [],
  };
}
const A = { device: "phone-a", host: "h1" };
const B = { device: "phone-b", host: "h2" };

async function planned(store: FarmStore, runId: string, count: number): Promise<void> {
  await store.putRun(runId, { note: "ü" });
  const shards = Array.from(
    { length: count },
    (_, index) => ({ index, document: { index, text: `"'${index}` } }),
  );
  await store.addShards(runId, shards);
}

/** What every store must do; each case has a run of its own. */
const CONTRACT: Record<string, (store: FarmStore, runId: string) => Promise<void>> = {
  async "addShards() and putRun() may be repeated, another document is refused"(store, runId) {
    await planned(store, runId, 3);
    await planned(store, runId, 4);
    assertEquals(
      (await store.progress(runId)).map((shard) => [shard.index, shard.state, shard.attempts]),
      [
        [0, "waiting", 0],
        [1, "waiting", 0],
        [2, "waiting", 0],
        [3, "waiting", 0],
      ],
    );
    assertEquals((await store.shard(runId, 2))?.document, { index: 2, text: `"'2` });
    assertEquals([await store.shard(runId, 9), await store.run("other")], [null, null]);
    assertEquals(await store.run(runId), { note: "ü" });
    await assertRejects(() => store.putRun(runId, { note: "x" }), HarnessError, "another run");
    const changed = [0, 1, 4].map((index) => ({ index, document: { index, text: "other phone" } }));
    const error = await assertRejects(() => store.addShards(runId, changed), HarnessError);
    assertStringIncludes(error.message, "shard 0 is");
    assertEquals((await store.progress(runId)).length, 4);
  },

  async "append() keeps each record once and gives its text back unchanged"(store, runId) {
    await planned(store, runId, 1);
    const { claim, earlier } = (await store.claim(runId, 0, A))!;
    assertEquals(earlier, []);
    assertEquals(await store.append(claim, [failure(0), failure(1)]), 2);
    assertEquals(await store.append(claim, [failure(1), failure(2), failure(2)]), 1);
    assertEquals(await store.append(claim, []), 0);
    const [only] = await Array.fromAsync(store.shardRecords(runId));
    assertEquals(
      only.records.map((record) => JSON.stringify(record)),
      [0, 1, 2].map((r) => JSON.stringify(failure(r))),
    );
  },

  async "claim() gives the same device its earlier records, another device none"(store, runId) {
    await planned(store, runId, 1);
    const first = (await store.claim(runId, 0, A))!;
    await store.append(first.claim, [failure(0)]);
    const second = (await store.claim(runId, 0, A))!;
    assertEquals(second.earlier, [failure(0)]);
    assertEquals(second.claim.attempt, 2);
    const third = (await store.claim(runId, 0, B))!;
    assertEquals(third.earlier, []);
    await store.append(third.claim, [failure(5)]);
    const [only] = await Array.fromAsync(store.shardRecords(runId));
    assertEquals([only.shard.device, only.records.length], ["phone-b", 1]);
    assertEquals((only.records[0] as FailureRecord).round, 5);
  },

  async "append() and finish() of an attempt that was taken over are refused"(store, runId) {
    await planned(store, runId, 1);
    const dead = (await store.claim(runId, 0, A))!.claim;
    const alive = (await store.claim(runId, 0, B))!.claim;
    const error = await assertRejects(() => store.append(dead, [failure(0)]), HarnessError);
    assertEquals(error.code, "store-failed");
    assertStringIncludes(error.message, "phone-b");
    await assertRejects(
      () => store.finish(dead, { state: "done", code: null, message: null }),
      HarnessError,
    );
    await store.finish(alive, { state: "done", code: null, message: null });
    await assertRejects(() => store.append(alive, [failure(0)]), HarnessError, "it is done");
  },

  async "claim() returns null when the shard is done, and begins anew when it was returned or failed"(
    store,
    runId,
  ) {
    await planned(store, runId, 2);
    const hot = (await store.claim(runId, 0, A))!.claim;
    await store.finish(hot, { state: "returned", code: "device-hot", message: "47 °C" });
    const again = (await store.claim(runId, 0, A))!.claim;
    await store.finish(again, { state: "done", code: null, message: null });
    assertEquals(await store.claim(runId, 0, B), null);
    const failed = (await store.claim(runId, 1, A))!.claim;
    await store.finish(failed, { state: "failed", code: "bad-param", message: "x" });
    assertEquals((await store.claim(runId, 1, A))!.claim.attempt, 2);
    const attempts = await store.attempts(runId);
    assertEquals(
      attempts.map((a) => [a.index, a.attempt, a.device, a.host, a.code, a.endedAt !== null]),
      [
        [0, 1, "phone-a", "h1", "device-hot", true],
        [0, 2, "phone-a", "h1", null, true],
        [1, 1, "phone-a", "h1", "bad-param", true],
        [1, 2, "phone-a", "h1", null, false],
      ],
    );
    await assertRejects(() => store.claim(runId, 77, A), HarnessError, "shard 77");
  },

  async "claim() lets exactly one of many at once hold the shard"(store, runId) {
    await planned(store, runId, 1);
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.claim(runId, 0, i % 2 ? A : B)),
    );
    assertEquals(claims.map((c) => c!.claim.attempt).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
    const written = await Promise.allSettled(
      claims.map((c) => store.append(c!.claim, [failure(0)])),
    );
    assertEquals(written.filter((result) => result.status === "fulfilled").length, 1);
  },

  async "shardRecords() yields many shards in order, page by page"(store, runId) {
    await planned(store, runId, 150);
    for (const index of [149, 0, 64, 63]) {
      const { claim } = (await store.claim(runId, index, A))!;
      await store.append(claim, [failure(index)]);
    }
    const rows = await Array.fromAsync(store.shardRecords(runId));
    assertEquals(rows.map((row) => row.shard.index), Array.from({ length: 150 }, (_, i) => i));
    assertEquals(rows.filter((row) => row.records.length > 0).map((row) => row.shard.index), [
      0,
      63,
      64,
      149,
    ]);
  },

  async "newestCalibration() is that of the phone, its build and the settings"(store) {
    const key = {
      device: "R5CT10",
      buildFingerprint: "b1",
      settings: { threads: 4, powersave: 2, coreMask: null, turns: null },
      workload: { variantId: "a", warmup: 3, iterations: 10, images: 8 },
    };
    const calibration = (createdAt: string) => ({
      createdAt,
      secondsPerBlock: 3,
      blocks: { "total.p50": [[0.01, -0.01]] },
    });
    await saveCalibration(store.database, key, calibration("2026-01-01"));
    await saveCalibration(store.database, key, calibration("2026-01-02"));
    await saveCalibration(store.database, key, calibration("2026-01-02"));
    assertEquals(await newestCalibration(store.database, key), {
      ...calibration("2026-01-02"),
      isOfWorkload: true,
    });
    const others = [
      { ...key, device: "other" },
      { ...key, buildFingerprint: null },
      { ...key, settings: { ...key.settings, threads: 1 } },
    ];
    for (const other of others) assertEquals(await newestCalibration(store.database, other), null);
  },

  async "putArtefact() keeps bytes by their hash and refuses others"(store) {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const hash = await sha256Hex(bytes);
    assertEquals([await store.hasArtefact(hash), await store.artefact(hash)], [false, null]);
    await store.putArtefact(hash, bytes);
    await store.putArtefact(hash, bytes);
    assertEquals(await store.hasArtefact(hash), true);
    assertEquals(await store.artefact(hash), bytes);
    const error = await assertRejects(() => store.putArtefact("0".repeat(64), bytes), HarnessError);
    assertEquals(error.code, "hash-mismatch");
  },
};

async function checkContract(context: Deno.TestContext, store: FarmStore): Promise<void> {
  for (const [index, [name, check]] of Object.entries(CONTRACT).entries()) {
    assertEquals(await context.step(name, () => check(store, `run-${index}`)), true);
  }
}

Deno.test("openStore() keeps the contract of a farm's store", async (context) => {
  const dir = await Deno.makeTempDir();
  {
    await using store = await openStore(`${dir}/farm.db`);
    await checkContract(context, store);
  }
  {
    await using again = await openStore(`${dir}/farm.db`);
    assertEquals((await again.progress("run-0")).length, 4);
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("openStore() says what is wrong when the file can't be used", async () => {
  const file = await Deno.makeTempFile();
  const error = await assertRejects(() => openStore(`${file}/all.db`), HarnessError);
  await Deno.remove(file);
  assertEquals(error.code, "store-failed");
});

Deno.test("migrate() applies only the steps that are missing, and refuses a newer store", async () => {
  await using sql = openSqlite(":memory:");
  const next = [...MIGRATIONS, [`ALTER TABLE farm_shards ADD COLUMN note TEXT`]];
  assertEquals(await migrate(sql), MIGRATIONS.length);
  assertEquals(await migrate(sql), MIGRATIONS.length);
  assertEquals(await migrate(sql, next), MIGRATIONS.length + 1);
  await sql.query(`SELECT note FROM farm_shards`, []);
  const error = await assertRejects(() => migrate(sql), HarnessError);
  assertStringIncludes(error.message, "Update Posemark");
});

Deno.test("migrate() leaves the store as it was when a step fails", async () => {
  await using sql = openSqlite(":memory:");
  await migrate(sql);
  const broken = [...MIGRATIONS, [
    `CREATE TABLE farm_more (x TEXT)`,
    `ALTER TABLE nothing ADD COLUMN y TEXT`,
  ]];
  await assertRejects(() => migrate(sql, broken), HarnessError);
  assertEquals(await migrate(sql), MIGRATIONS.length);
  await assertRejects(() => sql.query(`SELECT x FROM farm_more`, []), HarnessError);
});

Deno.test("recordKey() differs for every measurement of a shard", () => {
  const records = [failure(0), failure(1), { ...failure(0), at: "x" }] as AnyRecord[];
  assertEquals(new Set(records.map(recordKey)).size, 3);
});

/** Imports runs of two variants, one run twice, and returns all that a history answers. */
async function historyAnswers(sql: Sql) {
  const added = [];
  for (const day of [0, 1, 2, 3, 4, 5, 6, 0]) {
    const launches = ["a", "b"].flatMap((variantId) =>
      [0, 1, 2].map((round) =>
        launchFixture({
          variantId,
          round,
          runId: `r${day}`,
          totalNs: [3e7 + day * 1e5 + round * 1e4, 3.3e7],
          marks: day === 5 ? ["test-build"] : round === 2 ? ["throttled"] : [],
        })
      )
    );
    added.push(await importRun(sql, [runFixture(`r${day}`, day), ...launches], `/runs/${day}`));
  }
  const [series] = await listSeries(sql, { variantId: "b" });
  return {
    added,
    runs: await listRuns(sql, { device: "host", limit: 5 }),
    all: (await listRuns(sql)).length,
    series: await listSeries(sql),
    trends: [await trend(sql, series), await trend(sql, series, "peakRss", 2)],
    baselines: [await latestBaseline(sql, series), await latestBaseline(sql, series, "r6")],
    sessions: await knownSessions(sql, series, "total.p90"),
  };
}

async function teamStore(address: string, password: Secret): Promise<FarmStore> {
  return farmStore(await migrated(openPostgres(address, password)));
}

const BIN = await postgresBin();

Deno.test({
  name: "openPostgres() keeps the contract of a farm's store, over restarts too",
  ...needs("postgresql"),
  async fn(context) {
    if (BIN === null) {
      throw new Error("PostgreSQL's server is not installed: apt-get install postgresql");
    }
    await using server = await startPostgres(BIN);
    // Two that open an empty database at once make the schema once.
    const [store, other] = await Promise.all([
      teamStore(server.address, server.password),
      teamStore(server.address, server.password),
    ]);
    await other[Symbol.asyncDispose]();
    await checkContract(context, store);

    await context.step("statements wait for a server that is restarted", async () => {
      await planned(store, "restart", 1);
      const { claim } = (await store.claim("restart", 0, A))!;
      await server.stop();
      const written = store.append(claim, [failure(0)]);
      await server.start();
      assertEquals(await written, 1);
    });

    await context.step("a team's history answers as one in a file does", async () => {
      await using local = await openDatabase(":memory:", "--history");
      assertEquals(await historyAnswers(store.database), await historyAnswers(local));
    });

    await context.step("a wrong password is said without showing it", async () => {
      const wrong = makeSecret("hunter2-secret");
      const error = await assertRejects(
        () => teamStore(server.address, wrong),
        HarnessError,
      );
      assertEquals(error.code, "store-failed");
      assertStringIncludes(error.message, "POSEMARK_STORE_PASSWORD");
      assertEquals(error.message.includes("hunter2"), false);
      assertEquals(isStoreRefusal(error), true);
    });

    await context.step("50,000 rows are kept in one call", async () => {
      await planned(store, "large", 50_000);
      assertEquals((await store.progress("large")).length, 50_000);
    });
    await store[Symbol.asyncDispose]();
  },
});

Deno.test("openPostgres() refuses a password in the address and an unknown sslmode", () => {
  for (
    const [address, part] of [["postgres://a:hunter2@h/d", "POSEMARK_STORE_PASSWORD"], [
      "postgres://h/d?sslmode=x",
      "sslmode",
    ]]
  ) {
    try {
      openPostgres(address, null);
    } catch (error) {
      assertStringIncludes((error as Error).message, part);
      assertEquals((error as Error).message.includes("hunter2"), false);
      continue;
    }
    throw new Error(`${address} was accepted`);
  }
});
