/**
 * The database in one SQLite file: for one machine.
 *
 * @module
 */
import * as path from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { HarnessError } from "../errors.ts";
import type { Sql, SqlQueries, SqlRow, SqlValue } from "./sql.ts";

/** Longest wait for another process that writes. */
const BUSY_MS = 10_000;

/**
 * Returns the database in the file, made when it is missing (folders too); `:memory:` is one for
 * tests. `what` is what errors call it.
 *
 * Throws `HarnessError` `store-failed` when it can't be opened.
 */
export function openSqlite(file: string, what = "store"): Sql {
  const failed = (cause: unknown) =>
    cause instanceof HarnessError ? cause : new HarnessError(
      "store-failed",
      `Cannot use the ${what} ${file}: ${
        (cause as Error).message
      }. Expected a file that this user can write`,
      { cause },
    );
  let database: DatabaseSync;
  try {
    if (file !== ":memory:") Deno.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    database = new DatabaseSync(file);
    database.exec(
      `PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON`,
    );
  } catch (cause) {
    throw failed(cause);
  }
  const query = (text: string, values: readonly SqlValue[]): Promise<SqlRow[]> => {
    try {
      const statement = database.prepare(text.replace(/\$(\d+)/g, "?$1"));
      return Promise.resolve(statement.all(...values) as SqlRow[]);
    } catch (cause) {
      return Promise.reject(failed(cause));
    }
  };
  const queries: SqlQueries = {
    query,
    dialect: (text) =>
      text.replaceAll("{json}", "TEXT").replaceAll("{bytes}", "BLOB").replaceAll("{forUpdate}", "")
        .replaceAll("{clustered}", " WITHOUT ROWID").replaceAll("{id}", "INTEGER PRIMARY KEY"),
    async tableNames() {
      const rows = await query(`SELECT name FROM sqlite_master WHERE type = 'table'`, []);
      return rows.map((row) => String(row.name));
    },
    maxParameters: 32_000,
    // BEGIN IMMEDIATE keeps all others from writing.
    lockSchema: () => Promise.resolve(),
  };
  // One connection: transactions of this process wait for each other here, those of others by the
  // busy timeout.
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...queries,
    address: file,
    transaction(work) {
      const run = async () => {
        await query("BEGIN IMMEDIATE", []);
        try {
          const result = await work(queries);
          await query("COMMIT", []);
          return result;
        } catch (error) {
          await query("ROLLBACK", []);
          throw error;
        }
      };
      const result = last.then(run, run);
      last = result.catch(() => {});
      return result;
    },
    [Symbol.asyncDispose]() {
      database.close();
      return Promise.resolve();
    },
  };
}
