/**
 * Rows → a Markdown table.
 *
 * @module
 */

/** Returns the table; cells stand as they are, so that hostile ones are to be escaped before. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
