/**
 * Where the caller stands: every path that a user names or leaves out goes by that folder.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "./errors.ts";

/** Top folder of Posemark's own checkout. */
const CHECKOUT = path.resolve(import.meta.dirname!, "..");

/** How Posemark was started. */
export type StartedBy = "deno task" | "posemark";

let started: StartedBy = "deno task";

/** Returns the command line as the caller can give it again. */
export function commandLine(args: readonly string[] = Deno.args): string[] {
  return [...started.split(" "), ...args];
}

/**
 * Returns how Posemark was started: by `deno task` when the working directory is the checkout and
 * Deno tells the caller's folder, else as a program of its own.
 */
export function startedBy(
  workingFolder: string = Deno.cwd(),
  initialFolder: string | null = Deno.env.get("INIT_CWD") ?? null,
): StartedBy {
  const isTask = Boolean(initialFolder) && realPath(workingFolder) === realPath(CHECKOUT);
  return isTask ? "deno task" : "posemark";
}

/** Returns the text with Posemark's commands as the caller gives them. */
export function asCalled(text: string, by: StartedBy = started): string {
  return text.replaceAll(/\bdeno task (?=[\w-])/g, `${by} `);
}

/**
 * Makes the caller's folder the working directory, so that relative paths mean what the user typed,
 * and messages show them as typed.
 *
 * `deno task` runs in the checkout and tells the caller's folder as `INIT_CWD`
 * (https://docs.deno.com/runtime/reference/cli/task/#specifying-the-current-working-directory). A
 * program that was started otherwise stands where it was started: an `INIT_CWD` that it inherited
 * is another program's.
 *
 * Throws `HarnessError` `bad-option` when the folder is gone or can't be entered.
 */
export function standWithCaller(): void {
  const folder = Deno.env.get("INIT_CWD") ?? null;
  started = startedBy(Deno.cwd(), folder);
  if (started === "posemark" || !folder) return;
  try {
    Deno.chdir(folder);
  } catch (cause) {
    throw new HarnessError(
      "bad-option",
      `Cannot work in the folder of the caller, ${folder} (INIT_CWD): ${
        (cause as Error).message
      }. Start from a folder that is there, or unset INIT_CWD`,
      { cause },
    );
  }
}

function realPath(folder: string): string {
  try {
    return Deno.realPathSync(folder);
  } catch {
    return path.resolve(folder);
  }
}
