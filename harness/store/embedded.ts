/**
 * The farm's store in one SQLite file: for one machine.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { HarnessError } from "../errors.ts";
import type { Sql, SqlQueries, SqlRow, SqlValue } from "./sql.ts";
import { openSqlStore } from "./sql_store.ts";
import type { FarmStore } from "./store.ts";

/** Longest wait for another process that writes. */
const BUSY_MS = 10_000;

/**
 * Returns the store in a file, made when it is missing; throws `store-failed` when it can't be
 * opened.
 */
export async function openEmbeddedStore(file: string): Promise<FarmStore> {
  return await openSqlStore(openSqlite(file));
}

/** Returns the database of a file (or `:memory:`). */
export function openSqlite(file: string): Sql {
  const failed = (cause: unknown) =>
    cause instanceof HarnessError ? cause : new HarnessError(
      "store-failed",
      `Cannot use the store ${file}: ${
        (cause as Error).message
      }. Expected a file that this user can write`,
      { cause },
    );
  let database: DatabaseSync;
  try {
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
      text.replaceAll("{json}", "TEXT").replaceAll("{bytes}", "BLOB").replaceAll("{forUpdate}", ""),
    // BEGIN IMMEDIATE keeps all others from writing.
    lockSchema: () => Promise.resolve(),
  };
  // One connection: transactions of this process wait for each other here, those of others by the
  // busy timeout.
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...queries,
    address: file,
    maxParameters: 32_000,
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
