/**
 * What the CPU can do at best, by `posemark-runner roofline` (pure).
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../errors.ts";
import { parseStrictly, RunnerHeaderSchema } from "../records.ts";

/** Schema of the runner's line of kind `roofline`. */
export const RooflineSchema = z.strictObject({
  kind: z.literal("roofline"),
  schemaVersion: z.literal(1),
  threads: z.int().positive(),
  /** A fused multiply-add counts as two operations. */
  fp32GflopPerSecond: z.number().positive(),
  /** Instructions that were used, for instance `avx2 fma`. */
  fp32Kernel: z.string(),
  /** Null when the CPU has no fp16 arithmetic. */
  fp16GflopPerSecond: z.number().positive().nullable(),
  /** Of a triad over arrays far larger than the caches: two reads and one write. */
  bandwidthGbytePerSecond: z.number().positive(),
});
/** See {@linkcode RooflineSchema}. */
export type Roofline = z.infer<typeof RooflineSchema>;

/**
 * Returns the roofline in the stdout of `posemark-runner roofline`: a header and one line.
 *
 * Throws `HarnessError`: `bad-device-output` when the lines are not two, `bad-record` when one is not by its schema.
 */
export function parseRoofline(stdout: string): Roofline {
  const lines = stdout.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length !== 2) {
    throw new HarnessError(
      "bad-device-output",
      `Cannot read the roofline: found ${lines.length} lines, expected the runner's header and one line of figures: run it again`,
    );
  }
  parseStrictly(RunnerHeaderSchema, lines[0], "line 1 of the roofline");
  return parseStrictly(RooflineSchema, lines[1], "line 2 of the roofline");
}

/**
 * Returns the GFLOP/s that a layer could reach at best: the lower of what the arithmetic and the memory allow.
 *
 * `flopPerByte`: operations of the layer per byte that it moves. Source: Williams, Waterman, Patterson, "Roofline: an insightful
 * visual performance model for multicore architectures", CACM 52(4), 2009.
 */
export function attainableGflops(
  roofline: Roofline,
  flopPerByte: number,
  fp16Arithmetic = false,
): number {
  const peak = fp16Arithmetic && roofline.fp16GflopPerSecond !== null
    ? roofline.fp16GflopPerSecond
    : roofline.fp32GflopPerSecond;
  return Math.min(peak, roofline.bandwidthGbytePerSecond * flopPerByte);
}
