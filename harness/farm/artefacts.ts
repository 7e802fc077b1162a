/**
 * Files by their hash: fetched once to the phone's host, and verified before each use.
 *
 * @module
 */
import * as path from "@std/path";
import { asWriteError } from "../disk.ts";
import { HarnessError } from "../errors.ts";
import { hashMismatch } from "../store/sql_store.ts";
import type { ArtefactStore } from "../store/store.ts";
import { sha256Hex } from "../hash.ts";
import type { Artefact } from "./shard_file.ts";

/**
 * Returns the path of an artefact within a folder: two digits of the hash, then the whole of it.
 */
export function artefactPath(folder: string, sha256: string): string {
  return path.join(folder, sha256.slice(0, 2), sha256);
}

/** Returns a store of artefacts in a folder, for hosts that share a disk. */
export function folderArtefacts(folder: string): ArtefactStore {
  return {
    hasArtefact: (sha256) =>
      Deno.stat(artefactPath(folder, sha256)).then((info) => info.isFile, () => false),
    async putArtefact(sha256, bytes) {
      const found = await sha256Hex(bytes);
      if (found !== sha256) throw hashMismatch(sha256, found, folder);
      if (await this.hasArtefact(sha256)) return;
      await writeAside(artefactPath(folder, sha256), bytes, false);
    },
    async artefact(sha256) {
      try {
        return await Deno.readFile(artefactPath(folder, sha256));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    },
  };
}

/**
 * Returns the local path of each artefact by its hash, fetched to the cache where it is not there
 * yet.
 *
 * What the cache holds is read and hashed too: a file that was damaged on the disk is fetched
 * again. Throws `hash-mismatch` when the store itself holds other bytes, `store-failed` when it
 * does not have the file.
 */
export async function fetchArtefacts(
  artefacts: readonly Artefact[],
  from: ArtefactStore,
  cacheDir: string,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const { sha256, name, executable } of artefacts) {
    signal?.throwIfAborted();
    const file = artefactPath(cacheDir, sha256);
    if (!await holds(file, sha256)) {
      const bytes = await from.artefact(sha256);
      if (bytes === null) {
        throw new HarnessError(
          "store-failed",
          `Cannot fetch "${name}" (${
            sha256.slice(0, 16)
          }…): the store does not have it, expected the run to have put it there. Start the run again`,
        );
      }
      const found = await sha256Hex(bytes);
      if (found !== sha256) throw hashMismatch(sha256, found, `the store (${name})`);
      await writeAside(file, bytes, executable);
    }
    paths.set(sha256, file);
  }
  return paths;
}

/** Whether the file is there with these bytes. */
async function holds(file: string, sha256: string): Promise<boolean> {
  try {
    return await sha256Hex(await Deno.readFile(file)) === sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Writes the file under another name first: who reads it sees all of it or none. */
async function writeAside(file: string, bytes: Uint8Array, executable: boolean): Promise<void> {
  const aside = `${file}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    await Deno.mkdir(path.dirname(file), { recursive: true });
    await Deno.writeFile(aside, bytes, { mode: executable ? 0o755 : 0o644 });
    await Deno.rename(aside, file);
  } catch (cause) {
    await Deno.remove(aside).catch(() => {});
    throw asWriteError(cause, file);
  }
}
