/**
 * CSV (RFC 4180): one line per figure, with a header.
 *
 * @module
 */
import { plainCell } from "../../text/printable.ts";
import type { FormatInput } from "./figures.ts";
import { figureTable } from "./table.ts";

/** Returns the CSV text with CRLF line ends; an unknown value is an empty field. */
export function csvText(input: FormatInput): string {
  const columns = figureTable(input);
  const rows = Array.from(
    { length: input.figures.length },
    (_, row) => columns.map((column) => column.data[row]),
  );
  return [columns.map((column) => column.name), ...rows].map((row) =>
    row.map((value) => field(value)).join(",") + "\r\n"
  ).join("");
}

/** Text that a spreadsheet would take for a formula is marked as text; numbers stay numbers. */
function field(value: string | number | bigint | null): string {
  if (value === null) return "";
  const text = typeof value === "string" ? plainCell(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
