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

/** Returns the error of a failed write as a user can act on it. */
export function asWriteError(cause: unknown, path: string): unknown {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/os error 28|ENOSPC|No space left|os error 122|quota/i.test(text)) {
    return new HarnessError(
      "no-space",
      `Cannot write ${path}: the disk is full. All finished rounds before this are kept: free some space and run again with --resume`,
      { cause },
    );
  }
  if (PLACE_ERRORS.some((kind) => cause instanceof kind) || /os error 30/.test(text)) {
    return new HarnessError(
      "bad-option",
      `Cannot write ${path}: ${text}. Name a folder that can be written by --out`,
      { cause },
    );
  }
  return cause;
}

/** What is wrong with the place that was asked for, not with the machine. */
const PLACE_ERRORS = [
  Deno.errors.PermissionDenied,
  Deno.errors.NotCapable,
  Deno.errors.NotFound,
  Deno.errors.AlreadyExists,
  Deno.errors.NotADirectory,
  Deno.errors.IsADirectory,
];
