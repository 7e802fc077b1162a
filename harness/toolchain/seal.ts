/**
 * The seal of a cache entry: what its files were when it was complete, so that a damaged or
 * exchanged one is noticed before it is used.
 *
 * @module
 */
import * as path from "@std/path";
import { fileSha256 } from "../hash.ts";
import { listFiles } from "./folder_hash.ts";

/** Hashes of the files of an entry, by their names in it. */
type Hashes = Record<string, string>;

/** Returns the file with the seal of the entry in the folder. */
export function sealOf(folder: string): string {
  return `${folder}.seal`;
}

/** Writes the seal of the folder that is to lie at `place`. */
export async function seal(folder: string, place: string): Promise<void> {
  await Deno.writeTextFile(sealOf(place), JSON.stringify(await hashesOf(folder)));
}

/**
 * Returns what is wrong with the entry: a file that is missing, was changed or was added; null when
 * nothing is, or when it has no seal (it is of an earlier version).
 */
export async function damageOf(folder: string): Promise<string | null> {
  let sealed: Hashes;
  try {
    sealed = JSON.parse(await Deno.readTextFile(sealOf(folder)));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    return "its seal can't be read";
  }
  const found = await hashesOf(folder);
  for (const name of new Set([...Object.keys(sealed), ...Object.keys(found)])) {
    if (sealed[name] === found[name]) continue;
    if (found[name] === undefined) return `${name} is missing`;
    return sealed[name] === undefined ? `${name} was added` : `${name} was changed`;
  }
  return null;
}

async function hashesOf(folder: string): Promise<Hashes> {
  const hashes: Hashes = {};
  for (const name of await listFiles(folder)) {
    hashes[name] = await fileSha256(path.join(folder, name));
  }
  return hashes;
}
