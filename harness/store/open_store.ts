/**
 * Which store an address names.
 *
 * @module
 */
import { readSecret } from "../secret.ts";
import { HarnessError } from "../errors.ts";
import { openEmbeddedStore } from "./embedded.ts";
import { openPostgresStore, PASSWORD_NAME } from "./postgres.ts";
import type { FarmStore } from "./store.ts";

/**
 * Returns the store at `postgres://user@host:port/database`, or in a SQLite file (`sqlite:FILE`, or
 * a path).
 *
 * The password of PostgreSQL comes from `POSEMARK_STORE_PASSWORD` or the file that
 * `POSEMARK_STORE_PASSWORD_FILE` names. Throws `bad-option` for another scheme, `store-failed` when
 * the store can't be opened.
 */
export async function openStore(address: string): Promise<FarmStore> {
  if (/^postgres(ql)?:/.test(address)) {
    return await openPostgresStore(address, await readSecret(PASSWORD_NAME));
  }
  const file = address.replace(/^sqlite:(\/\/(?=\/))?/, "");
  if (file === "" || /^[a-z]{2,}:/i.test(file)) {
    const scheme = /^([a-z]+):/i.exec(file)?.[1] ?? "";
    throw new HarnessError(
      "bad-option",
      `Cannot use --store of scheme "${scheme}": expected postgres://user@host:port/database, or sqlite:FILE for one machine`,
    );
  }
  return await openEmbeddedStore(file);
}
