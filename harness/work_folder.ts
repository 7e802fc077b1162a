/**
 * Folders for files on their way, in the system's place for temporary ones: given back at the end,
 * or cleared by the next run when their owner was killed.
 *
 * @module
 */
import * as path from "@std/path";
import { asWriteError } from "./disk.ts";
import { HarnessError } from "./errors.ts";

/** A folder that ends with its owner. */
export interface WorkFolder extends AsyncDisposable {
  path: string;
}

const PREFIX = "posemark-";
/** Locked as long as the folder's owner lives: the system unlocks it when the owner is killed. */
const ALIVE = ".alive";

/**
 * Returns a new empty folder (but for a hidden file); clears those whose owners were killed.
 *
 * Throws `HarnessError`: `bad-config` when the place for temporary files is missing or can't be
 * written, `no-space`.
 *
 * @param place default: the system's for temporary files
 */
export async function openWorkFolder(purpose: string, place?: string): Promise<WorkFolder> {
  const folder = await makeFolder(purpose, place);
  const alive = await Deno.open(path.join(folder, ALIVE), { create: true, write: true });
  await alive.lock(true);
  await clearDead(path.dirname(folder));
  return {
    path: folder,
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }).finally(() => alive.close());
    },
  };
}

async function makeFolder(purpose: string, place?: string): Promise<string> {
  try {
    return await Deno.makeTempDir({ prefix: `${PREFIX}${purpose}-`, dir: place });
  } catch (cause) {
    const error = asWriteError(cause, "a temporary folder");
    if (error instanceof HarnessError && error.code === "no-space") throw error;
    const named = place ?? Deno.env.get("TMPDIR");
    throw new HarnessError(
      "bad-config",
      `Cannot make a temporary folder in ${named ?? "the system's place for them"}: ${
        (cause as Error).message
      }. Make the folder, or set TMPDIR to one that is there and can be written`,
      { cause },
    );
  }
}

/** Removes folders of Posemark's that nobody holds; what is somebody else's stays. */
async function clearDead(place: string): Promise<void> {
  for (const { name, isDirectory } of [...Deno.readDirSync(place)]) {
    if (!isDirectory || !name.startsWith(PREFIX)) continue;
    const folder = path.join(place, name);
    try {
      // not created: a folder without it is of another kind, or is just being made
      using alive = await Deno.open(path.join(folder, ALIVE), { write: true });
      if (!await alive.tryLock(true)) continue;
      // made, and not yet locked by its owner
      const { mtime } = await alive.stat();
      if (mtime !== null && Date.now() - mtime.getTime() < YOUNG_MS) continue;
      await Deno.remove(folder, { recursive: true });
    } catch {
      // it is of another user, or has gone meanwhile
    }
  }
}

/** An owner locks its folder within this time. */
const YOUNG_MS = 10_000;
