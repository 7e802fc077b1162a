/**
 * The terminal: the one place where text leaves for it, so that what came from devices, models and
 * files can't act there or in a log of CI.
 *
 * @module
 */
import { printable, printableJson, printableLines, printableValues } from "./text/printable.ts";

/** Prints a result to stdout. */
export function print(text: string): void {
  console.log(printableLines(text.trimEnd()));
}

/** Prints a value to stdout as JSON, which reads back as it was. */
export function printJson(value: unknown, indent = 2): void {
  console.log(printableJson(value, indent));
}

/**
 * Prints a result: as JSON, or as the text that people read, made of values in which nothing acts
 * and no line ends.
 */
export function printResult<T>(isJson: boolean, value: T, toText: (value: T) => string): void {
  if (isJson) printJson(value);
  else print(toText(printableValues(value)));
}

/** Says something to stderr, where stdout may be read by a program. */
export function tell(text: string): void {
  console.error(printableLines(text));
}

/** Says what went wrong, with the last lines of a child's stderr; further lines are indented. */
export function tellError(message: string, stderrTail: readonly string[] = []): void {
  tell(`error: ${message.replaceAll("\n", "\n  ")}`);
  for (const line of stderrTail) tell(`  | ${printable(line)}`);
}

/**
 * Prints commands for a CI system to the stream that it may be read from; their parts must have
 * been made {@linkcode printable} before.
 */
export function printCommands(lines: string, stream: "stdout" | "stderr"): void {
  if (lines.trim() === "") return;
  if (stream === "stdout") console.log(lines.trimEnd());
  else console.error(lines.trimEnd());
}
