/**
 * Bencher Metric Format: benchmark → measure → value with bounds.
 *
 * @module
 */
import type { FormatInput } from "./figures.ts";

/** Bencher's own slugs for what we measure; others are taken as they are. */
const MEASURES: Record<string, string> = { "total.p50": "latency", "fps": "throughput" };

/** One measure in Bencher's format. */
export interface BencherMetric {
  value: number;
  lower_value?: number;
  upper_value?: number;
}

/** Returns the JSON text: `{"<variant> on <device>": {"latency": {"value": ns, …}, …}}`. */
export function bencherJson({ figures }: FormatInput): string {
  const result: Record<string, Record<string, BencherMetric>> = {};
  for (const { device, variantId, metric, value, low, high } of figures) {
    const measures = result[`${variantId} on ${device}`] ??= {};
    measures[MEASURES[metric] ?? metric.replaceAll(".", "-")] = {
      value,
      ...(low === null ? {} : { lower_value: low }),
      ...(high === null ? {} : { upper_value: high }),
    };
  }
  return JSON.stringify(result, null, 2) + "\n";
}
