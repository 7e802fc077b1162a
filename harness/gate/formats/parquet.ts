/**
 * Apache Parquet: the same columns as the CSV, typed.
 *
 * @module
 */
import { parquetWriteBuffer } from "hyparquet-writer";
import type { FormatInput } from "./figures.ts";
import { figureTable } from "./table.ts";

/** Returns the bytes of a Parquet file with one row per figure; unknown values are nulls. */
export function parquetBytes(input: FormatInput): Uint8Array {
  const columnData = figureTable(input).map((column) => ({
    ...column,
    nullable: column.type !== "INT32",
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
