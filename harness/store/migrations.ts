/**
 * Schema of the farm's store, as steps from one version to the next: SQL that SQLite and PostgreSQL
 * both read.
 *
 * A released step is never changed; a new one is added at the end.
 *
 * @module
 */
import type { Sql } from "./sql.ts";
import { HarnessError } from "../errors.ts";

/** Steps: the first makes version 1. `{json}` and `{bytes}` stand for the dialect's types. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE farm_runs (
      run_id TEXT PRIMARY KEY,
      document {json} NOT NULL,
      created_at TEXT NOT NULL
    )`,
    `CREATE TABLE farm_shards (
      run_id TEXT NOT NULL REFERENCES farm_runs (run_id),
      shard INTEGER NOT NULL,
      document {json} NOT NULL,
      state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'returned', 'done', 'failed')),
      device TEXT,
      attempts INTEGER NOT NULL DEFAULT 0,
      epoch INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (run_id, shard)
    )`,
    `CREATE TABLE farm_attempts (
      run_id TEXT NOT NULL,
      shard INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      device TEXT NOT NULL,
      host TEXT NOT NULL,
      started_at TEXT NOT NULL,
      ended_at TEXT,
      code TEXT,
      message TEXT,
      PRIMARY KEY (run_id, shard, attempt),
      FOREIGN KEY (run_id, shard) REFERENCES farm_shards (run_id, shard)
    )`,
    `CREATE TABLE farm_records (
      run_id TEXT NOT NULL,
      shard INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      record_key TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      body {json} NOT NULL,
      PRIMARY KEY (run_id, shard, epoch, record_key),
      FOREIGN KEY (run_id, shard) REFERENCES farm_shards (run_id, shard)
    )`,
    `CREATE TABLE farm_artefacts (
      sha256 TEXT PRIMARY KEY,
      size_bytes INTEGER NOT NULL,
      content {bytes} NOT NULL
    )`,
  ],
  [
    `CREATE TABLE farm_calibrations (
      device TEXT NOT NULL,
      build_fingerprint TEXT NOT NULL,
      settings TEXT NOT NULL,
      created_at TEXT NOT NULL,
      body {json} NOT NULL,
      PRIMARY KEY (device, build_fingerprint, settings, created_at)
    )`,
  ],
];

/**
 * Brings the schema to the newest version, in one transaction: two that begin at once do it once.
 *
 * Throws `store-failed` when the store was made by a newer Posemark.
 */
export async function migrate(
  sql: Sql,
  migrations: readonly (readonly string[])[] = MIGRATIONS,
): Promise<number> {
  return await sql.transaction(async (inside) => {
    await inside.lockSchema();
    await inside.query(`CREATE TABLE IF NOT EXISTS farm_schema (version INTEGER NOT NULL)`, []);
    const rows = await inside.query(`SELECT version FROM farm_schema`, []);
    const version = Number(rows[0]?.version ?? 0);
    if (version > migrations.length) {
      throw new HarnessError(
        "store-failed",
        `Cannot use the store ${sql.address}: its schema has version ${version}, expected ${migrations.length} or older. Update Posemark on this host`,
      );
    }
    for (const step of migrations.slice(version)) {
      for (const text of step) await inside.query(inside.dialect(text), []);
    }
    if (rows.length === 0) {
      await inside.query(`INSERT INTO farm_schema (version) VALUES ($1)`, [migrations.length]);
    } else if (version < migrations.length) {
      await inside.query(`UPDATE farm_schema SET version = $1`, [migrations.length]);
    }
    return migrations.length;
  });
}
