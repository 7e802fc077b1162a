/**
 * `comparison.json`, and what the page of `compare-models` is drawn from.
 *
 * @module
 */
import { z } from "zod";
import { parseStrictly } from "../record/strict_json.ts";
import type { ComparedVariant, ComparisonResult } from "../stats/comparison.ts";
import { RankingSchema, type Report } from "./report_json.ts";

/** A report of all variants that are compared, and the judgements over them. */
export interface Comparison extends ComparisonResult {
  report: Report;
}

/** What `comparison.json` holds. */
export interface ComparisonFile extends ComparisonResult {
  runId: string;
  variants: ComparedVariant[];
}

const number = z.number();
const BoundedSchema = z.strictObject({ value: number, low: number, high: number });

const OrderChangeSchema = z.strictObject({
  variantId: z.string(),
  other: z.string(),
  first: z.string(),
  second: z.string(),
});

const ParetoPlaceSchema = z.strictObject({
  variantId: z.string(),
  onFront: z.boolean(),
  dominatedBy: z.array(z.strictObject({ variantId: z.string(), certain: z.boolean() })),
  notJudged: z.string().nullable(),
});

const SustainedLoadSchema = z.strictObject({
  series: z.array(z.strictObject({ atSeconds: number, fps: number })),
  burstFps: number,
  sustainedFps: number,
  throttledAtSeconds: number.nullable(),
});

const ComparisonFileSchema: z.ZodType<ComparisonFile> = z.strictObject({
  runId: z.string(),
  variants: z.array(z.strictObject({
    variantId: z.string(),
    device: z.string(),
    unranked: z.string().nullable(),
    timeNs: BoundedSchema.nullable(),
    ap: BoundedSchema.nullable(),
    sizeBytes: number,
    peakRssBytes: number.nullable(),
  })),
  rankings: z.array(RankingSchema),
  orderChanges: z.array(OrderChangeSchema),
  pareto: z.array(z.strictObject({ device: z.string(), places: z.array(ParetoPlaceSchema) })),
  sustained: z.array(
    z.strictObject({ device: z.string(), variantId: z.string(), load: SustainedLoadSchema }),
  ),
});

/**
 * Returns the judgements that a file holds; null when there is no such file: the run compared no
 * models. Throws `HarnessError` `bad-record`.
 */
export async function readComparison(file: string): Promise<ComparisonResult | null> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const { runId: _runId, variants: _variants, ...result } = parseStrictly(
    ComparisonFileSchema,
    text,
    file,
  );
  return result;
}
