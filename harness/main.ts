/**
 * The commands of Posemark; the only file that exits the process.
 *
 * @module
 */
import { asCalled, standWithCaller } from "./caller.ts";
import { parseCommandLine } from "./cli.ts";
import { benchCommand, prepareCommand } from "./commands/bench.ts";
import { compareModelsCommand } from "./commands/compare.ts";
import { deviceCommands } from "./commands/devices.ts";
import { judgeCommand } from "./commands/judge.ts";
import { evaluateCommand, inspectCommand, layersCommand, reportCommand } from "./commands/files.ts";
import { explainCommand } from "./commands/explain.ts";
import { calibrateCommand, gateCommand } from "./commands/gate.ts";
import { historyCommand } from "./commands/history.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { tuneCommand } from "./commands/tune.ts";
import { trialsCommand } from "./commands/trials.ts";
import { asFileError } from "./disk.ts";
import { EXIT, HarnessError } from "./errors.ts";
import { farmCommands } from "./farm/commands.ts";
import { restartForHosts } from "./network.ts";
import { print, tell, tellError } from "./terminal.ts";
import { POSEMARK_VERSION } from "./version.ts";

const COMMANDS = [
  benchCommand,
  prepareCommand,
  inspectCommand,
  layersCommand,
  reportCommand,
  evaluateCommand,
  judgeCommand,
  ...deviceCommands,
  compareModelsCommand,
  tuneCommand,
  explainCommand,
  gateCommand,
  calibrateCommand,
  historyCommand,
  simulateCommand,
  trialsCommand,
  ...farmCommands,
];

const ABOUT = {
  name: "posemark",
  description: "Measures YOLO-Pose models on phones with ncnn: speed, parity, accuracy.",
  version: POSEMARK_VERSION,
};

/** Runs the command that the arguments ask for and returns the exit code. */
async function main(argv: string[], signal: AbortSignal): Promise<number> {
  const { command, options, args, text } = parseCommandLine(COMMANDS, argv, ABOUT);
  if (command === null) {
    print(text);
    return EXIT.pass;
  }
  return await command.run(options, args, signal);
}

/** Returns a signal that aborts on Ctrl-C (and SIGTERM); a second one ends the process at once. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  const interrupt = () => {
    if (controller.signal.aborted) {
      // `deno task` hands the terminal's Ctrl-C on, so that one arrives twice
      if (performance.now() - firstMs > 1000) Deno.exit(EXIT.environment);
      return;
    }
    firstMs = performance.now();
    controller.abort(
      new HarnessError(
        "interrupted",
        "Interrupted: everything finished is kept",
      ),
    );
  };
  Deno.addSignalListener("SIGINT", interrupt);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", interrupt);
  return controller.signal;
}

if (import.meta.main) {
  const verbose = Deno.args.includes("--verbose");
  const signal = interruptSignal();
  try {
    const isHelp = Deno.args.some((arg) => arg === "--help" || arg === "-h");
    const restarted = isHelp ? null : await restartForHosts(Deno.args);
    if (restarted !== null) Deno.exit(restarted);
    if (!isHelp) standWithCaller();
    Deno.exit(await main(Deno.args, signal));
  } catch (thrown) {
    const error = signal.aborted
      ? signal.reason
      : asFileError(thrown, [import.meta.dirname!]) ?? thrown;
    if (error instanceof HarnessError) {
      tellError(asCalled(error.message), error.stderrTail);
      if (verbose) tell(`${error.stack}\n${Deno.inspect(error.cause ?? "")}`);
      Deno.exit(error.exitCode);
    }
    if (verbose) tell(Deno.inspect(error));
    else {
      tellError(
        `${error instanceof Error ? error.message : error}. ` +
          `This is a defect of Posemark: run again with --verbose and report what it prints`,
      );
    }
    Deno.exit(EXIT.environment);
  }
}
