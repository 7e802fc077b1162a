/**
 * Runs a command in this process as the command line does, for tests.
 *
 * @module
 */
import { type CommandSpec, parseCommandLine } from "../../cli.ts";

const ABOUT = { name: "posemark", description: "", version: "0" };

/** Returns the exit code of one of the commands and what it printed; throws what it throws. */
export async function runCommandOf(
  specs: CommandSpec[],
  argv: string[],
): Promise<{ code: number; stdout: string }> {
  const { command, options, args } = parseCommandLine(specs, argv, ABOUT);
  let stdout = "";
  const { log } = console;
  console.log = (text: string) => stdout += text + "\n";
  try {
    return { code: await command!.run(options, args, new AbortController().signal), stdout };
  } finally {
    console.log = log;
  }
}
