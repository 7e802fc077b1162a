/**
 * Schema of the database, as steps from one version to the next: SQL that SQLite and PostgreSQL
 * both read. History and farm have their tables in it, and calibrations are shared.
 *
 * A released step is never changed; a new one is added at the end.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { adoptHistory, moveFarmCalibrations } from "./older_tables.ts";
import type { Sql, SqlQueries } from "./sql.ts";

/** One step: statements, or work for what SQL alone can't say. */
export type Migration = readonly string[] | ((inside: SqlQueries) => Promise<void>);

/** Steps: the first makes version 1. `{json}`, … stand for the dialect's words. */
export const MIGRATIONS: readonly Migration[] = [
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
  [
    `CREATE TABLE device_calibrations (
      device TEXT NOT NULL,
      build_fingerprint TEXT NOT NULL,
      settings TEXT NOT NULL,
      workload TEXT NOT NULL,
      created_at TEXT NOT NULL,
      seconds_per_block DOUBLE PRECISION NOT NULL,
      blocks {json} NOT NULL,
      PRIMARY KEY (device, build_fingerprint, settings, workload, created_at)
    )`,
    `CREATE TABLE history_runs (
      run_id TEXT PRIMARY KEY,
      created_at TEXT NOT NULL,
      git_commit TEXT,
      harness_version TEXT NOT NULL,
      ncnn_version TEXT NOT NULL,
      folder TEXT
    )`,
    `CREATE INDEX history_runs_by_time ON history_runs (created_at)`,
    `CREATE TABLE history_series (
      series_id {id},
      device TEXT NOT NULL,
      variant_id TEXT NOT NULL,
      experiment TEXT NOT NULL,
      UNIQUE (device, variant_id, experiment)
    )`,
    // Unique in the order in which a gate asks for them. earnest: 1, or 0 for a test build.
    `CREATE TABLE history_launches (
      launch_id {id},
      series_id INTEGER NOT NULL REFERENCES history_series (series_id),
      run_at TEXT NOT NULL,
      run_id TEXT NOT NULL REFERENCES history_runs (run_id),
      round INTEGER NOT NULL,
      earnest INTEGER NOT NULL,
      marks TEXT NOT NULL,
      UNIQUE (series_id, run_at, run_id, round)
    )`,
    `CREATE INDEX history_launches_by_run ON history_launches (run_id)`,
    `CREATE TABLE history_figures (
      launch_id INTEGER NOT NULL REFERENCES history_launches (launch_id),
      metric TEXT NOT NULL,
      value DOUBLE PRECISION NOT NULL,
      PRIMARY KEY (launch_id, metric)
    ){clustered}`,
  ],
  moveFarmCalibrations,
  adoptHistory,
  // What was kept as the commit of a run was Posemark's own; whose models ran was not on record.
  [
    `ALTER TABLE history_runs ADD COLUMN posemark_commit TEXT`,
    `UPDATE history_runs SET posemark_commit = git_commit, git_commit = NULL`,
  ],
  // What the report of a run says of a series: launches of other variants bear on it too.
  [
    `CREATE TABLE history_estimates (
      series_id INTEGER NOT NULL REFERENCES history_series (series_id),
      run_id TEXT NOT NULL REFERENCES history_runs (run_id),
      metric TEXT NOT NULL,
      launches INTEGER NOT NULL,
      value DOUBLE PRECISION NOT NULL,
      low DOUBLE PRECISION,
      high DOUBLE PRECISION,
      PRIMARY KEY (series_id, run_id, metric)
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
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number> {
  return await sql.transaction(async (inside) => {
    await inside.lockSchema();
    await inside.query(`CREATE TABLE IF NOT EXISTS farm_schema (version INTEGER NOT NULL)`, []);
    const rows = await inside.query(`SELECT version FROM farm_schema`, []);
    const version = Number(rows[0]?.version ?? 0);
    if (version > migrations.length) {
      throw new HarnessError(
        "store-failed",
        `Cannot use the database ${sql.address}: its schema has version ${version}, expected ${migrations.length} or older. Update Posemark on this host`,
      );
    }
    for (const step of migrations.slice(version)) {
      if (typeof step === "function") await step(inside);
      else for (const text of step) await inside.query(inside.dialect(text), []);
    }
    if (rows.length === 0) {
      await inside.query(`INSERT INTO farm_schema (version) VALUES ($1)`, [migrations.length]);
    } else if (version < migrations.length) {
      await inside.query(`UPDATE farm_schema SET version = $1`, [migrations.length]);
    }
    return migrations.length;
  });
}
