/**
 * The command line: the only file that knows the CLI library (npm commander; cliffy can replace it
 * here).
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { HarnessError } from "./errors.ts";
import type { OptionSpec, OptionTable, ValuesOf } from "./options.ts";

/** One command as it is written, with the types of its options. */
export interface TypedCommand<T extends OptionTable> {
  name: string;
  description: string;
  /** Positional arguments as commander writes them: `<file>`, `[dir]`, `<files...>`. */
  arguments?: { name: string; description: string }[];
  options: T;
  /** Runs the command; returns the exit code. `signal` aborts on Ctrl-C. */
  run(options: ValuesOf<T>, args: string[], signal: AbortSignal): Promise<number>;
}

/** One command of the command line. */
export interface CommandSpec extends Omit<TypedCommand<OptionTable>, "run"> {
  /** Runs the command with values that its table has read. */
  run(options: Record<string, unknown>, args: string[], signal: AbortSignal): Promise<number>;
}

/** Returns the command with the types of its options forgotten, for a list of commands. */
export function command<T extends OptionTable>(typed: TypedCommand<T>): CommandSpec {
  return {
    ...typed,
    run: (options, args, signal) => typed.run(options as ValuesOf<T>, args, signal),
  };
}

/** What the command line asks for. */
export interface ParsedCommand {
  /** Null when help or the version was asked for; `text` then holds it. */
  command: CommandSpec | null;
  /** Values by the names of the command's table. */
  options: Record<string, unknown>;
  args: string[];
  text: string;
}

/**
 * Returns which command the arguments ask for, with the values of its options.
 *
 * Throws `HarnessError` `bad-option` for an unknown command or option, a missing or excess
 * argument, and a value that an option can't have.
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
    const table = Object.entries(spec.options).map(([name, option]) => {
      const made = new Option(option.flags, option.description);
      if (option.repeat) {
        made.argParser((value: string, before?: string[]) => [...(before ?? []), value]);
      }
      if (option.default !== undefined) made.default(option.default);
      command.addOption(made);
      return { name, option, attribute: made.attributeName() };
    });
    command.action(() => {
      const given = command.opts();
      const flags = new Set(["--verbose", ...table.map(({ option }) => flagOf(option))]);
      for (const { option, attribute } of table) {
        refuseEmpty(flagOf(option), given[attribute], flags);
      }
      (spec.arguments ?? []).forEach(({ name }, index) =>
        refuseEmpty(name, name.includes("...") ? command.args.slice(index) : command.args[index])
      );
      parsed.command = spec;
      parsed.options = Object.fromEntries(
        table.map(({ name, option, attribute }) => [name, option.read(given[attribute])]),
      );
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

/** Returns an option's flag without its value: `--out` of `--out <dir>`. */
function flagOf(option: OptionSpec): string {
  return option.flags.split(" ")[0];
}

/**
 * Throws `bad-option` for a value without a text, or one that is the next option: in CI an unset
 * variable makes either, and a path of "" would be the working directory.
 */
function refuseEmpty(
  name: string,
  given: unknown,
  flags: ReadonlySet<string> = new Set(),
): void {
  for (const value of Array.isArray(given) ? given : [given]) {
    if (typeof value !== "string") continue;
    if (value.trim() === "") {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${name} "${value}": it is empty, as an unset variable makes it. Give it a value, or leave it out`,
      );
    }
    if (flags.has(value.split("=")[0])) {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${name} ${value}: found the next option in place of a value, as an unset variable makes it. ` +
          `Give it a value, or leave it out; a file of that name is ./${value}`,
      );
    }
  }
}
