/**
 * The user's cache folder: entries keyed by the content that they were made from, complete or not
 * there at all.
 *
 * @module
 */
import { sha256Hex } from "../hash.ts";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { damageOf, seal, sealOf } from "./seal.ts";

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
  /**
   * Whether its files are hashed each time that it is asked for, and a damaged entry made anew;
   * default: true. False for a large tree: who builds from it checks it by {@linkcode damageOf}.
   */
  isChecked?: boolean;
  /** Called with what was found when an entry is damaged, before it is made anew. */
  onDamaged?(found: string): void;
  /** Called when another process makes the same entry and this one waits for it. */
  onWait?(): void;
  signal?: AbortSignal;
  /** The cache, see {@linkcode cacheRoot}. */
  root?: string;
}

/**
 * Returns the folder of the entry, and whether it was there already.
 *
 * An entry whose files are no longer what they were is made anew. A missing entry is made in a
 * folder beside its place and renamed when it is complete, so that an interrupted or failed `make`
 * leaves nothing. Of several processes that ask for one entry one makes it and the others wait: the
 * lock ends with the process that holds it.
 *
 * Throws what `make` throws, and `HarnessError`: `interrupted` when the signal fires, `no-space`
 * when the disk is full.
 */
export async function cached(
  request: CacheRequest,
): Promise<{ folder: string; cached: boolean }> {
  const root = request.root ?? cacheRoot();
  const folder = path.join(root, request.kind, request.key);
  if (await isWhole(folder, request)) return { folder, cached: true };
  try {
    await Deno.mkdir(path.dirname(folder), { recursive: true });
    using lockFile = await Deno.open(`${folder}.lock`, { create: true, write: true });
    await lock(lockFile, request);
    // another process may have made it while this one waited
    if (await isWhole(folder, request, request.onDamaged)) return { folder, cached: true };
    await removeLeftovers(folder);
    await Deno.remove(sealOf(folder)).catch(() => {});
    await Deno.remove(folder, { recursive: true }).catch(ignoreMissing);
    const unfinished = await Deno.makeTempDir({
      dir: path.dirname(folder),
      prefix: `${request.key}.unfinished-`,
    });
    try {
      await request.make(unfinished);
      request.signal?.throwIfAborted();
      await Deno.chmod(unfinished, 0o755);
      await seal(unfinished, folder);
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

/** True when the entry is there and as it was when it was complete. */
async function isWhole(
  folder: string,
  { isChecked = true }: CacheRequest,
  onDamaged?: (found: string) => void,
): Promise<boolean> {
  if (!await isFolder(folder)) return false;
  const damage = isChecked ? await damageOf(folder) : null;
  if (damage !== null) onDamaged?.(damage);
  return damage === null;
}

/**
 * Removes what killed processes left: of this entry, whose lock the caller holds, and of others
 * whose lock nobody holds.
 */
async function removeLeftovers(folder: string): Promise<void> {
  const parent = path.dirname(folder);
  for (const { name } of [...Deno.readDirSync(parent)]) {
    const key = /^(.+)\.unfinished-/.exec(name)?.[1];
    if (key === undefined) continue;
    const leftover = path.join(parent, name);
    if (key === path.basename(folder)) await Deno.remove(leftover, { recursive: true });
    else await removeIfFree(leftover, path.join(parent, `${key}.lock`));
  }
}

async function removeIfFree(leftover: string, lockFile: string): Promise<void> {
  try {
    using file = await Deno.open(lockFile, { create: true, write: true });
    if (await file.tryLock(true)) await Deno.remove(leftover, { recursive: true });
  } catch {
    // somebody else's, or being removed by somebody else: it harms nothing here
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
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
  const isReadOnly = code === "EROFS" || /os error 30/.test(String(cause));
  if (isReadOnly || cause instanceof Deno.errors.PermissionDenied && !(code === undefined)) {
    return new HarnessError(
      "bad-config",
      `Cannot write the cache entry ${folder}: ${
        isReadOnly ? "its disk is read-only" : "permission denied"
      }: make the folder writable, or set POSEMARK_CACHE to one that is`,
      { cause },
    );
  }
  return cause;
}
