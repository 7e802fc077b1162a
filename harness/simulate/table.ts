/**
 * The simulation's rows as a table for people.
 *
 * @module
 */
import { markdownTable } from "../text/table.ts";
import type { SimulationRow } from "./simulation.ts";

/**
 * Returns the rows as a Markdown table: one line per noise model and method, rates in percent,
 * times in device seconds.
 */
export function simulationTable(rows: readonly SimulationRow[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const lines = rows.map((row) => [
    row.model,
    row.method,
    `${((row.ratio - 1) * 100).toFixed(1)}%`,
    percent(row.falseAlarms),
    percent(row.misses),
    row.seconds.toFixed(0),
    row.secondsAtEqualErrors === null ? "never" : row.secondsAtEqualErrors.toFixed(0),
  ]);
  const header = [
    "noise",
    "method",
    "slow-down",
    "false alarms",
    "misses",
    "device s",
    "device s at 5% / 10%",
  ];
  return markdownTable(header, lines);
}
