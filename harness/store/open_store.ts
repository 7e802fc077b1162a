/**
 * Which database an address names, for the history and for the farm's store.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { readSecret } from "../secret.ts";
import { migrate } from "./migrations.ts";
import { openPostgres, PASSWORD_NAME } from "./postgres.ts";
import type { Sql } from "./sql.ts";
import { openSqlite } from "./sqlite.ts";
import { farmStore } from "./sql_store.ts";
import type { FarmStore } from "./store.ts";

/** Returns whether the address is one of PostgreSQL, and not a file. */
export function isPostgres(address: string): boolean {
  return /^postgres(ql)?:/.test(address);
}

/**
 * Returns the database at `postgres://user@host:port/database`, or in a SQLite file (`sqlite:FILE`,
 * or a path), its schema brought to the newest version. `option` is the option that gave the
 * address.
 *
 * The password of PostgreSQL comes from `POSEMARK_STORE_PASSWORD` or the file that
 * `POSEMARK_STORE_PASSWORD_FILE` names. Throws `bad-option` for another scheme, `store-failed` when
 * the database can't be opened or was made by a newer Posemark.
 */
export async function openDatabase(address: string, option = "--store"): Promise<Sql> {
  const sql = isPostgres(address)
    ? openPostgres(address, await readSecret(PASSWORD_NAME), option)
    : openSqlite(fileOf(address, option), option.slice(2));
  return await migrated(sql);
}

/** Returns the database with the newest schema; ends it when that fails. */
export async function migrated(sql: Sql): Promise<Sql> {
  try {
    await migrate(sql);
    return sql;
  } catch (error) {
    await sql[Symbol.asyncDispose]();
    throw error;
  }
}

/** Returns the farm's store at the address; see {@linkcode openDatabase}. */
export async function openStore(address: string): Promise<FarmStore> {
  return farmStore(await openDatabase(address));
}

function fileOf(address: string, option: string): string {
  const file = address.replace(/^sqlite:(\/\/(?=\/))?/, "");
  if (file !== "" && !/^[a-z]{2,}:/i.test(file)) return file;
  const scheme = /^([a-z]+):/i.exec(file)?.[1] ?? "";
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} of scheme "${scheme}": expected postgres://user@host:port/database, or sqlite:FILE for one machine`,
  );
}
