/**
 * The commands of Posemark; the only file that exits the process.
 *
 * @module
 */
import { parseCommandLine } from "./cli.ts";
import { benchCommand, prepareCommand } from "./commands/bench.ts";
import { deviceCommands } from "./commands/devices.ts";
import { evaluateCommand, inspectCommand, reportCommand } from "./commands/files.ts";
import { gateCommands } from "./commands/gate.ts";
import { EXIT, HarnessError } from "./errors.ts";
import { POSEMARK_VERSION } from "./run/harness_version.ts";

const COMMANDS = [
  benchCommand,
  prepareCommand,
  inspectCommand,
  reportCommand,
  evaluateCommand,
  ...deviceCommands,
  ...gateCommands,
];

const ABOUT = {
  name: "posemark",
  description: "Measures YOLO-Pose models on phones with ncnn: speed, parity, accuracy.",
  version: POSEMARK_VERSION,
};

/** Runs the command that the arguments ask for and returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const { command, options, args, text } = parseCommandLine(COMMANDS, argv, ABOUT);
  if (command === null) {
    console.log(text.trimEnd());
    return EXIT.pass;
  }
  return await command.run(options, args);
}

if (import.meta.main) {
  const verbose = Deno.args.includes("--verbose");
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (error instanceof HarnessError) {
      console.error(`error: ${error.message}`);
      for (const line of error.stderrTail) console.error(`  | ${line}`);
      if (verbose) console.error(error.stack, error.cause ?? "");
      Deno.exit(error.exitCode);
    }
    console.error(
      verbose ? error : `error: ${error instanceof Error ? error.message : error}. ` +
        `This is a defect of Posemark: run again with --verbose and report what it prints`,
    );
    Deno.exit(EXIT.environment);
  }
}
