/**
 * Reading JSON that Posemark wrote, strictly: unknown keys and missing values are errors that name
 * the place.
 *
 * @module
 */
import type { z } from "zod";
import { HarnessError } from "../errors.ts";

/**
 * Returns the value that the JSON text, or the parsed JSON, holds by the schema; throws
 * `bad-record` that names `where` (file and line) and the key at fault.
 */
export function parseStrictly<T>(
  schema: z.ZodType<T>,
  input: unknown,
  where: string,
): T {
  const value = typeof input === "string" ? parseJson(input, where) : input;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new HarnessError(
    "bad-record",
    `Cannot read ${where}: key "${
      issue.path.join(".")
    }": ${issue.message}. Was it written by another version of Posemark, or edited?`,
  );
}

/** Returns the value of the JSON text; throws `bad-record` that names `where`. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HarnessError(
      "bad-record",
      `Cannot read ${where}: found text that is not JSON (${
        (cause as Error).message
      }), expected what Posemark wrote`,
      { cause },
    );
  }
}
