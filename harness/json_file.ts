/**
 * JSON files of people's data sets, however large.
 *
 * @module
 */
import { type ErrorCode, HarnessError } from "./errors.ts";
import { withoutByteOrderMark } from "./text/byte_order_mark.ts";

/** How a file is called in errors. */
export interface FileRole {
  code: ErrorCode;
  /** For instance `annotations`. */
  what: string;
}

/** Returns the error for a file that can't be opened; `cause` says why. */
export function unreadable(file: string, { code, what }: FileRole, cause: unknown): HarnessError {
  const found = cause instanceof Deno.errors.NotFound
    ? "there is no such file"
    : (cause as Error).message;
  return new HarnessError(
    code,
    `Cannot read the ${what} ${file}: ${found}: check the path`,
    { cause },
  );
}

/**
 * Returns the JSON value of a file. Throws `HarnessError` of the role's code that names the file
 * when it can't be read or is no JSON.
 */
export async function readJsonFile(file: string, role: FileRole): Promise<unknown> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw unreadable(file, role, cause);
  }
  try {
    return JSON.parse(withoutByteOrderMark(text));
  } catch (cause) {
    throw new HarnessError(
      role.code,
      `Cannot read the ${role.what} ${file}: found text that is not JSON (${
        (cause as Error).message
      }): expected a JSON file`,
      { cause },
    );
  }
}
