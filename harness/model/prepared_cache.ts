/**
 * Folders that are made once and kept under the cache root, each under a key that stands for all it was made from.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";

/**
 * Returns the folder of the key; calls `make` with an empty folder to fill when there is none or `isSound` says no.
 *
 * The folder appears under its key by one rename after `make` is done: another process sees it whole or not at all. Of two
 * processes that make the same, the first to finish wins. Throws `HarnessError` `no-space` when the disk is full.
 */
export function keptFolder(
  root: string,
  key: string,
  make: (folder: string) => Promise<void>,
  isSound: (folder: string) => Promise<boolean> = exists,
): Promise<string> {
  const folder = path.join(root, key);
  const running = inTheMaking.get(folder);
  if (running) return running;
  const made = makeFolder(root, key, make, isSound).finally(() => inTheMaking.delete(folder));
  inTheMaking.set(folder, made);
  return made;
}

/** Folders that this process is making: a second caller waits for the first. */
const inTheMaking = new Map<string, Promise<string>>();

async function makeFolder(
  root: string,
  key: string,
  make: (folder: string) => Promise<void>,
  isSound: (folder: string) => Promise<boolean>,
): Promise<string> {
  const folder = path.join(root, key);
  if (await isSound(folder)) return folder;
  await Deno.mkdir(root, { recursive: true });
  const draft = await Deno.makeTempDir({ dir: root, prefix: `.${key.slice(0, 12)}-` });
  try {
    await make(draft);
    if (await isSound(folder)) return folder;
    if (await exists(folder)) await Deno.rename(folder, `${draft}.broken`);
    try {
      await Deno.rename(draft, folder);
    } catch (cause) {
      if (!(await isSound(folder))) throw cause;
    }
    return folder;
  } catch (cause) {
    if (cause instanceof Error && /No space left|os error 28/.test(cause.message)) {
      throw new HarnessError(
        "no-space",
        `Cannot write to the cache ${root}: no space left on the disk: free some, or set POSEMARK_CACHE to a folder on another disk`,
        { cause },
      );
    }
    throw cause;
  } finally {
    for (const rest of [draft, `${draft}.broken`]) {
      await Deno.remove(rest, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }
}

async function exists(folder: string): Promise<boolean> {
  try {
    return (await Deno.stat(folder)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
