/**
 * The SQLite file of a machine's history: its schema and the one place that opens it.
 *
 * @module
 */
import * as path from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { HarnessError } from "../errors.ts";

/** Newest version of the schema, kept in `PRAGMA user_version`. */
const SCHEMA_VERSION = 1;

/**
 * One row per launch with its figures; the raw samples stay in the run's records. A series is what
 * can be compared: one variant on one device at one set of experiment keys. The key of `launches`
 * is the order in which a gate asks for them.
 */
const SCHEMA = `
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL,
  git_commit TEXT,
  harness_version TEXT NOT NULL,
  ncnn_version TEXT NOT NULL,
  folder TEXT
) STRICT;
CREATE INDEX runs_by_time ON runs (created_at);
CREATE TABLE series (
  series_id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  variant_id TEXT NOT NULL,
  experiment TEXT NOT NULL,
  UNIQUE (device, variant_id, experiment)
) STRICT;
CREATE TABLE launches (
  series_id INTEGER NOT NULL REFERENCES series (series_id),
  run_at TEXT NOT NULL,
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  round INTEGER NOT NULL,
  total_p50_ns REAL NOT NULL,
  total_p90_ns REAL,
  total_p99_ns REAL,
  preprocess_p50_ns REAL,
  inference_p50_ns REAL,
  postprocess_p50_ns REAL,
  peak_rss_bytes INTEGER,
  marks TEXT NOT NULL,
  PRIMARY KEY (series_id, run_at, run_id, round)
) STRICT, WITHOUT ROWID;
CREATE INDEX launches_by_run ON launches (run_id);
CREATE TABLE calibrations (
  device TEXT NOT NULL,
  build_fingerprint TEXT NOT NULL,
  settings TEXT NOT NULL,
  created_at TEXT NOT NULL,
  seconds_per_block REAL NOT NULL,
  blocks TEXT NOT NULL,
  PRIMARY KEY (device, build_fingerprint, settings, created_at)
) STRICT;
`;

/** An open history; give it back with `using`. */
export interface HistoryDatabase extends Disposable {
  readonly file: string;
  readonly sql: DatabaseSync;
}

/**
 * Returns the history in the file, made when it is not there yet (folders too). `:memory:` is one
 * for tests.
 *
 * Throws `HarnessError` `store-failed` when it can't be opened, is not a history, or was made by a
 * newer Posemark.
 */
export function openHistoryDatabase(file: string): HistoryDatabase {
  let sql: DatabaseSync | null = null;
  try {
    if (file !== ":memory:") Deno.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    sql = new DatabaseSync(file, { timeout: 10_000 });
    sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
    migrate(sql, file);
  } catch (cause) {
    sql?.close();
    if (cause instanceof HarnessError) throw cause;
    throw new HarnessError(
      "store-failed",
      `Cannot open the history ${file}: ${
        (cause as Error).message
      }. Name another file, or move this one away`,
      { cause },
    );
  }
  const opened = sql;
  return {
    file,
    sql: opened,
    [Symbol.dispose]: () => opened.close(),
  };
}

function migrate(sql: DatabaseSync, file: string): void {
  inTransaction(sql, () => {
    const row = sql.prepare("PRAGMA user_version").get() as { user_version: number };
    if (row.user_version > SCHEMA_VERSION) {
      throw new HarnessError(
        "store-failed",
        `Cannot open the history ${file}: its schema has version ${row.user_version}, expected ${SCHEMA_VERSION} or older. Update Posemark`,
      );
    }
    if (row.user_version === SCHEMA_VERSION) return;
    sql.exec(SCHEMA);
    sql.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

/**
 * Returns what the work returns, all of its writes or none; throws what it throws, and what SQLite
 * throws as `HarnessError` `store-failed`.
 */
export function inTransaction<T>(sql: DatabaseSync, work: () => T): T {
  try {
    sql.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      sql.exec("COMMIT");
      return result;
    } catch (error) {
      if (sql.isTransaction) sql.exec("ROLLBACK");
      throw error;
    }
  } catch (cause) {
    if ((cause as { code?: string }).code !== "ERR_SQLITE_ERROR") throw cause;
    throw new HarnessError(
      "store-failed",
      `Cannot write to the history ${sql.location() ?? ":memory:"}: ${
        (cause as Error).message
      }. Wait for the other program that writes to it, or name another file`,
      { cause },
    );
  }
}
