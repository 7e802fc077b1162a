/**
 * Rows → a table for a terminal, or in Markdown (pure).
 *
 * @module
 */

import { textWidth } from "./lines.ts";
import { printable } from "./printable.ts";

/**
 * Returns a table: columns as wide as their widest cell, two blanks between them, a line of dashes
 * below the head. Cells are made printable: one with a line end stays in its row.
 *
 * @example
 * ```ts
 * formatTable(["a", "bc"], [["1", "2"]]); // "a  bc\n-  --\n1  2\n"
 * ```
 */
export function formatTable(
  head: readonly string[],
  foreign: readonly (readonly string[])[],
): string {
  const rows = foreign.map((row) => row.map(printable));
  const widths = head.map((title, i) =>
    Math.max(textWidth(title), ...rows.map((row) => textWidth(row[i] ?? "")))
  );
  const line = (cells: readonly string[]) =>
    widths.map((columns, i) => {
      const cell = cells[i] ?? "";
      return cell + " ".repeat(columns - textWidth(cell));
    }).join("  ").trimEnd();
  const dashes = widths.map((columns) => "-".repeat(columns));
  return [head, dashes, ...rows].map((cells) => `${line(cells)}\n`).join("");
}

/**
 * Returns the table in Markdown, without a line break at its end; cells stand as they are, so that
 * hostile ones are to be escaped before.
 */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
