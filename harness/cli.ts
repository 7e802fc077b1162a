/**
 * The command line: the only file that knows the CLI library (npm commander; cliffy can replace it
 * here).
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { HarnessError } from "./errors.ts";

/** One option of a command. */
export interface OptionSpec {
  /** As commander and cliffy write it: `--out <dir>`, `--resume`, `--no-benchncnn`. */
  flags: string;
  description: string;
  default?: string | number | boolean;
  /** True when the option may be given several times; its value is then an array. */
  repeat?: boolean;
}

/** One command. */
export interface CommandSpec {
  name: string;
  description: string;
  /** Positional arguments as commander writes them: `<file>`, `[dir]`, `<files...>`. */
  arguments?: { name: string; description: string }[];
  options: OptionSpec[];
  /** Runs the command; returns the exit code. `signal` aborts on Ctrl-C. */
  // deno-lint-ignore no-explicit-any
  run(options: any, args: string[], signal: AbortSignal): Promise<number>;
}

/** What the command line asks for. */
export interface ParsedCommand {
  /** Null when help or the version was asked for; `text` then holds it. */
  command: CommandSpec | null;
  options: Record<string, unknown>;
  args: string[];
  text: string;
}

/**
 * Returns which command the arguments ask for, with its options by camelCase name.
 *
 * Throws `HarnessError` `bad-option` for an unknown command or option, a missing or excess
 * argument.
 */
export function parseCommandLine(
  specs: CommandSpec[],
  argv: string[],
  about: { name: string; description: string; version: string },
): ParsedCommand {
  const parsed: ParsedCommand = { command: null, options: {}, args: [], text: "" };
  const write = (text: string) => parsed.text += text;
  const program = new Command(about.name).description(about.description).version(about.version);
  program.exitOverride().configureOutput({ writeOut: write, writeErr: () => {} });
  program.showHelpAfterError(false).option("--verbose", "show stack traces of errors", false);
  for (const spec of specs) {
    const command = program.command(spec.name).description(spec.description);
    command.exitOverride().configureOutput({ writeOut: write, writeErr: () => {} });
    command.option("--verbose", "show stack traces of errors", false);
    for (const argument of spec.arguments ?? []) {
      command.argument(argument.name, argument.description);
    }
    for (const option of spec.options) {
      const made = new Option(option.flags, option.description);
      if (option.repeat) {
        made.argParser((value: string, before?: string[]) => [...(before ?? []), value]);
      }
      if (option.default !== undefined) made.default(option.default);
      command.addOption(made);
    }
    command.action(() => {
      parsed.command = spec;
      parsed.options = command.opts();
      parsed.args = command.args;
    });
  }
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return parsed;
    if (error.code === "commander.help") {
      parsed.text = program.helpInformation();
      return parsed;
    }
    throw new HarnessError(
      "bad-option",
      `Cannot read the command line: ${error.message.replace(/^error: /, "")}. ` +
        `Run "deno task help" for the commands, "deno task COMMAND --help" for the options of one`,
    );
  }
  return parsed;
}
