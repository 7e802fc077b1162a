/**
 * The user's cache folder: entries keyed by the content that they were made from, complete or not
 * there at all.
 *
 * @module
 */
import { sha256Hex } from "../hash.ts";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";

/**
 * Returns the folder of everything that Posemark builds or downloads: `POSEMARK_CACHE`, else
 * `XDG_CACHE_HOME/posemark`, else `~/.cache/posemark`.
 *
 * Throws `HarnessError` `bad-config` when none of the variables is set.
 */
export function cacheRoot(getEnv: (name: string) => string | undefined = Deno.env.get): string {
  const own = getEnv("POSEMARK_CACHE");
  if (own) return path.resolve(own);
  const xdg = getEnv("XDG_CACHE_HOME");
  if (xdg && path.isAbsolute(xdg)) return path.join(xdg, "posemark");
  const home = getEnv("HOME");
  if (home) return path.join(home, ".cache", "posemark");
  throw new HarnessError(
    "bad-config",
    "Cannot find a cache folder: neither POSEMARK_CACHE, XDG_CACHE_HOME nor HOME is set: set POSEMARK_CACHE to a folder",
  );
}

/**
 * Returns the key of an entry: 32 hexadecimal digits of the SHA-256 of the inputs' names and
 * values.
 *
 * The order of the names does not matter.
 */
export async function contentKey(inputs: Record<string, string | string[]>): Promise<string> {
  const sorted = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return (await sha256Hex(JSON.stringify(sorted))).slice(0, 32);
}

/** How an entry is made. */
export interface CacheRequest {
  /** Kind of entry, a folder in the cache: `ncnn`, `runner`, … */
  kind: string;
  /** See {@linkcode contentKey}. */
  key: string;
  /** Fills the empty folder. What it leaves there is the entry; when it throws, nothing is kept. */
  make(folder: string): Promise<void>;
  /** Called when another process makes the same entry and this one waits for it. */
  onWait?(): void;
  signal?: AbortSignal;
  /** The cache, see {@linkcode cacheRoot}. */
  root?: string;
}

/**
 * Returns the folder of the entry, and whether it was there already.
 *
 * A missing entry is made in a folder beside its place and renamed when it is complete, so that an
 * interrupted or failed `make` leaves nothing. Of several processes that ask for one entry one
 * makes it and the others wait: the lock ends with the process that holds it.
 *
 * Throws what `make` throws, and `HarnessError`: `interrupted` when the signal fires, `no-space`
 * when the disk is full.
 */
export async function cached(
  request: CacheRequest,
): Promise<{ folder: string; cached: boolean }> {
  const root = request.root ?? cacheRoot();
  const folder = path.join(root, request.kind, request.key);
  if (await isFolder(folder)) return { folder, cached: true };
  try {
    await Deno.mkdir(path.dirname(folder), { recursive: true });
    using lockFile = await Deno.open(`${folder}.lock`, { create: true, write: true });
    await lock(lockFile, request);
    // another process may have made it while this one waited
    if (await isFolder(folder)) return { folder, cached: true };
    await removeLeftovers(folder);
    const unfinished = await Deno.makeTempDir({
      dir: path.dirname(folder),
      prefix: `${request.key}.unfinished-`,
    });
    try {
      await request.make(unfinished);
      request.signal?.throwIfAborted();
      await Deno.chmod(unfinished, 0o755);
      await Deno.rename(unfinished, folder);
    } catch (cause) {
      await Deno.remove(unfinished, { recursive: true }).catch(() => {});
      throw cause;
    }
    return { folder, cached: false };
  } catch (cause) {
    throw asCacheError(cause, folder, request.signal);
  }
}

async function isFolder(folder: string): Promise<boolean> {
  try {
    return (await Deno.stat(folder)).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}

async function lock(file: Deno.FsFile, request: CacheRequest): Promise<void> {
  if (await file.tryLock(true)) return;
  request.onWait?.();
  while (!await file.tryLock(true)) {
    request.signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Removes what a killed process left; only called by the holder of the lock. */
async function removeLeftovers(folder: string): Promise<void> {
  const prefix = `${path.basename(folder)}.unfinished-`;
  for await (const entry of Deno.readDir(path.dirname(folder))) {
    if (entry.name.startsWith(prefix)) {
      await Deno.remove(path.join(path.dirname(folder), entry.name), { recursive: true });
    }
  }
}

function asCacheError(cause: unknown, folder: string, signal?: AbortSignal): unknown {
  if (cause instanceof HarnessError) return cause;
  if (signal?.aborted) {
    return new HarnessError("interrupted", `Stopped before ${folder} was complete: run again`, {
      cause,
    });
  }
  const code = (cause as { code?: string }).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new HarnessError(
      "no-space",
      `Cannot fill the cache entry ${folder}: no space left: free some, or set POSEMARK_CACHE to a folder on another disk`,
      { cause },
    );
  }
  if (cause instanceof Deno.errors.PermissionDenied && !(code === undefined)) {
    return new HarnessError(
      "bad-config",
      `Cannot write the cache entry ${folder}: permission denied: make the folder writable, or set POSEMARK_CACHE to one that is`,
      { cause },
    );
  }
  return cause;
}
