/**
 * Output of one shell script that reads many sources: each under a header line of its own.
 *
 * @module
 */

/** Start of a header line in the output of a script. */
export const SECTION_MARK = "@@posemark ";

/**
 * Shell functions that the scripts share: `section NAME` starts a section, `first FILE` reads a
 * file's first line into `$v` (`-` when it can't be read). Their names are no aliases of mksh,
 * which has `r` and `type`.
 */
export const SECTION_PRELUDE = `section() { echo; echo "${SECTION_MARK}$1"; }
first() { v=-; { read -r v <"$1"; } 2>/dev/null; [ -n "$v" ] || v=-; }
`;

/**
 * Returns the text of each section by its name; a section that appears twice keeps the first.
 *
 * Text before the first header is dropped (a shell's greeting, a warning of a vendor's library).
 *
 * @example
 * ```ts
 * splitSections("noise\n@@posemark uid\n2000\n").get("uid"); // "2000"
 * ```
 */
export function splitSections(text: string): Map<string, string> {
  const sections = new Map<string, string>();
  let name: string | undefined;
  let lines: string[] = [];
  const finish = () => {
    if (name !== undefined && !sections.has(name)) sections.set(name, lines.join("\n").trim());
  };
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    if (line.startsWith(SECTION_MARK)) {
      finish();
      name = line.slice(SECTION_MARK.length).trim();
      lines = [];
    } else lines.push(line);
  }
  finish();
  return sections;
}

/** Returns the integer that the text is, or null when it is anything else (`-`, empty, text). */
export function integerOrNull(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+$/.test(text.trim()) ? Number(text.trim()) : null;
}

/** Returns the trimmed text, or null when it is missing, empty or `-`. */
export function textOrNull(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" || trimmed === "-" ? null : trimmed;
}
