/**
 * Text from elsewhere (devices, models, file names, farms) as a terminal, a log of CI or a file may
 * show it: nothing in it acts.
 *
 * @module
 */

/**
 * Characters that a reader does not see or that act: control characters, those that change the
 * direction of text (https://trojansource.codes), invisible ones, other line ends, halves of
 * surrogate pairs, tags.
 */
const ACTING =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/**
 * What a log of CI takes for a command: GitHub's `::name::` where a line begins and its older
 * `##[name]`, Azure's `##vso[`, TeamCity's `##teamcity[`
 * (https://github.com/actions/runner, `ActionCommand.cs`).
 */
const LINE_COMMAND = /^(\s*):(?=:)/gm;
const HASH_COMMAND = /#(?=#(\[|vso\[|teamcity\[))/g;

function visible(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/**
 * Returns the text on one line, with every character that acts written as `\xNN` or `\u{NNNN}`.
 *
 * @example
 * ```ts
 * printable("Pixel\n\x1b[2J"); // "Pixel\\x0a\\x1b[2J"
 * ```
 */
export function printable(text: string): string {
  return text.replace(ACTING, visible);
}

/**
 * Returns text of several lines as a log may show it: line ends and tabs stay, every other
 * character that acts is written out, and nothing is taken for a command of a CI system.
 */
export function printableLines(text: string): string {
  return text.replaceAll("\r\n", "\n")
    .replace(ACTING, (character) => /[\n\t]/.test(character) ? character : visible(character))
    .replace(LINE_COMMAND, "$1: ").replace(HASH_COMMAND, "# ");
}

/**
 * Returns a copy of the value whose texts, keys among them, are {@linkcode printable}; what is no
 * JSON stays as it is.
 */
export function printableValues<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(printableValues) as T;
  if (typeof value !== "object" || value === null) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [printable(key), printableValues(each)]),
  ) as T;
}

/**
 * Returns the value as JSON in which every character that acts is escaped: it reads back as the
 * same value.
 */
export function printableJson(value: unknown, indent?: number): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return (JSON.stringify(value, null, indent) ?? "null")
    // line ends between the values are JSON's own; those in texts are escaped already
    .replace(
      ACTING,
      (character) => character === "\n" ? character : character.split("").map(escape).join(""),
    )
    .replace(HASH_COMMAND, escape);
}

/**
 * Returns the text as a cell that no spreadsheet takes for a formula: one that begins with `=`,
 * `+`, `-`, `@`, a tab or a line end gets `'` before it
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
export function plainCell(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${printable(text)}` : printable(text);
}
