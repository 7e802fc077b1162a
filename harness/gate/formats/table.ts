/**
 * The figures as typed columns, for CSV and Parquet.
 *
 * @module
 */
import type { FormatInput } from "./figures.ts";

/** One column; all columns have the same length. */
export type Column =
  | { name: string; type: "STRING"; data: (string | null)[] }
  | { name: string; type: "DOUBLE"; data: (number | null)[] }
  | { name: string; type: "INT32"; data: number[] };

/** Returns the columns: run, time, commit, then the figure's own keys. */
export function figureTable({ runId, createdAt, gitCommit, figures }: FormatInput): Column[] {
  return [
    { name: "runId", type: "STRING", data: figures.map(() => runId) },
    { name: "createdAt", type: "STRING", data: figures.map(() => createdAt) },
    { name: "gitCommit", type: "STRING", data: figures.map(() => gitCommit) },
    { name: "device", type: "STRING", data: figures.map((figure) => figure.device) },
    { name: "variantId", type: "STRING", data: figures.map((figure) => figure.variantId) },
    { name: "metric", type: "STRING", data: figures.map((figure) => figure.metric) },
    { name: "unit", type: "STRING", data: figures.map((figure) => figure.unit) },
    { name: "value", type: "DOUBLE", data: figures.map((figure) => figure.value) },
    { name: "low", type: "DOUBLE", data: figures.map((figure) => figure.low) },
    { name: "high", type: "DOUBLE", data: figures.map((figure) => figure.high) },
    { name: "rounds", type: "INT32", data: figures.map((figure) => figure.rounds) },
    { name: "samples", type: "INT32", data: figures.map((figure) => figure.samples) },
  ];
}
