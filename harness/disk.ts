/**
 * Writing to folders that the user named: what goes wrong there, as an error that says what to do.
 *
 * @module
 */
import { HarnessError } from "./errors.ts";

/**
 * Makes the folder and those above it; throws `HarnessError` that says what to do when that can't
 * be.
 */
export function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw asWriteError(cause, folder);
  }
}

/** What the system says of a place that can't be used, by its numbers on Linux, macOS, Windows. */
const FULL = /os error (28|122|69|112)\b|ENOSPC|EDQUOT|No space left|quota/i;
const SAYINGS: [words: RegExp, said: string][] = [
  [/os error (36|63|206)\b|ENAMETOOLONG|File ?name too long/i, "its name is too long"],
  [/os error (40|62)\b|ELOOP|Too many levels of symbolic links/i, "its links lead in a circle"],
  [/os error 21\b|EISDIR|Is a directory/i, "it is a folder"],
  [/os error 20\b|ENOTDIR|Not a directory/i, "a file stands where a folder is expected"],
  [/os error 30\b|EROFS|Read-only file system/i, "its disk is read-only"],
  [/os error (13|1)\b|EACCES|EPERM|Permission denied|not permitted/i, "permission denied"],
  [/os error 17\b|EEXIST|File exists/i, "a file of that name stands there"],
  [/os error (2|3)\b|ENOENT|No such file/i, "there is no such file or folder"],
  [/os error (24|23)\b|EMFILE|ENFILE|Too many open files/i, "too many files are open (ulimit -n)"],
  [/os error 5\b|EIO|Input\/output error/i, "the disk failed (input/output error)"],
];

/** Returns what is wrong with a place, in plain words; null when the error is of another kind. */
function sayingOf(cause: unknown): string | null {
  const text = cause instanceof Error ? cause.message : String(cause);
  return SAYINGS.find(([words]) => words.test(text))?.[1] ?? null;
}

/** Returns the error of a failed write as a user can act on it. */
export function asWriteError(cause: unknown, path: string): unknown {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (FULL.test(text)) {
    return new HarnessError(
      "no-space",
      `Cannot write ${
        shortPath(path)
      }: the disk is full. All finished rounds before this are kept: free some space and run again, a run with --resume`,
      { cause },
    );
  }
  const saying = sayingOf(cause);
  if (saying === null) return cause;
  return new HarnessError(
    "bad-option",
    `Cannot write ${shortPath(path)}: ${saying}. Name another place, that can be written`,
    { cause },
  );
}

/**
 * Returns the error that a file operation ended in, wherever it was, as a user can act on it; null
 * when it is none of a file that the user may have named.
 *
 * @param own folders whose files are the program's: what is wrong with them is no user's mistake
 */
export function asFileError(cause: unknown, own: readonly string[] = []): HarnessError | null {
  if (!(cause instanceof Error) || cause instanceof HarnessError) return null;
  // Deno tells operation and path: `… (os error 21): readfile '/tmp'`
  const place = /: (\w+) '([^]*)'(?: -> '[^]*')?$/.exec(cause.message)?.[2] ?? null;
  if (place !== null && own.some((folder) => place.startsWith(folder))) return null;
  const named = place === null ? "its output" : shortPath(place);
  if (FULL.test(cause.message)) {
    return new HarnessError(
      "no-space",
      `Cannot write ${named}: the disk is full. Free some space and run again`,
      { cause },
    );
  }
  const saying = sayingOf(cause);
  const isOfFile = place !== null || "code" in cause && /os error/.test(cause.message);
  if (saying === null || !isOfFile) return null;
  return new HarnessError(
    "bad-option",
    `Cannot use ${named}: ${saying}. Check the path, or name another`,
    { cause },
  );
}

/** A path that a line can hold: the middle of a very long one is left out. */
function shortPath(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 120)}…${path.slice(-60)}`;
}
