/**
 * `comparison.json`, and what the page of `compare-models` is drawn from.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { parseStrictly } from "../record/strict_json.ts";
import type { ComparedVariant, ComparisonResult } from "../stats/comparison.ts";
import { type TuneAnswer, TuneAnswerSchema } from "../tune/answer.ts";
import { type Explanation, ExplanationSchema } from "../tune/explanation.ts";
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

/** What a run may have found besides its report. */
export interface PageExtras {
  /** Of `compare-models`, in `comparison.json`. */
  comparison: ComparisonResult | null;
  /** Of `tune`, in `tune.json`. */
  tune: TuneAnswer | null;
  /** Of `explain`, in `explain.json`. */
  explanation: Explanation | null;
}

/**
 * Returns what the files in a run's folder hold besides `report.json`; null for each that is not
 * there. Throws `HarnessError` `bad-record`.
 */
export async function readExtras(folder: string): Promise<PageExtras> {
  const comparison = await readIfThere(ComparisonFileSchema, path.join(folder, "comparison.json"));
  const { runId: _runId, variants: _variants, ...judgements } = comparison ?? {};
  return {
    comparison: comparison && judgements as ComparisonResult,
    tune: await readIfThere(TuneAnswerSchema, path.join(folder, "tune.json")),
    explanation: await readIfThere(ExplanationSchema, path.join(folder, "explain.json")),
  };
}

async function readIfThere<T>(schema: z.ZodType<T>, file: string): Promise<T | null> {
  try {
    return parseStrictly(schema, await Deno.readTextFile(file), file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
