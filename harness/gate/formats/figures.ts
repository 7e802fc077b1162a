/**
 * What the formats write: the figures of a run, one row per device, variant and metric, and the
 * gate's result beside them.
 *
 * @module
 */
import type { VariantSummary } from "../../stats/summary.ts";
import type { MergedResult, NamedMetric } from "../verdict.ts";

/** One figure with its interval. */
export interface Figure {
  device: string;
  variantId: string;
  /** `total.p50`, `fps`, `peakRss`, … */
  metric: string;
  unit: "ns" | "fps" | "bytes";
  value: number;
  /** Bounds of the 95% interval; null when there is none. */
  low: number | null;
  high: number | null;
  rounds: number;
  samples: number;
}

/** Everything that a format may write. */
export interface FormatInput {
  runId: string;
  /** ISO 8601. */
  createdAt: string;
  /** Commit of the user's repository; null when unknown. */
  gitCommit: string | null;
  figures: readonly Figure[];
  /** Null for a run without a gate. */
  gate: MergedResult | null;
  /**
   * What kept the device from being measured, for instance a phone that is not there; null when it
   * was measured.
   */
  environmentError: { code: string; message: string } | null;
}

/**
 * Returns the name of a metric that is unique on its device: with its candidate where the gate has
 * several.
 */
export function metricLabel(gate: MergedResult, { name, candidate }: NamedMetric): string {
  const isSeveral = gate.metrics.some((metric) => metric.candidate !== candidate);
  return isSeveral ? `${name} of ${candidate}` : name;
}

/**
 * Returns the rows of the summaries of one device: percentiles of the stages, FPS, and memory where
 * it is known.
 *
 * The median of the whole and FPS have intervals over rounds, and are the estimates that these
 * belong to.
 */
export function figuresOf(device: string, summaries: readonly VariantSummary[]): Figure[] {
  return summaries.flatMap((summary) => {
    const row = (
      metric: string,
      unit: Figure["unit"],
      value: number,
      low: number | null = null,
      high: number | null = null,
    ): Figure => ({
      device,
      variantId: summary.variantId,
      metric,
      unit,
      value,
      low,
      high,
      rounds: summary.roundCount,
      samples: summary.sampleCount,
    });
    const { total, preprocess, inference, postprocess } = summary.latencyNs;
    const { estimateNs, lowNs, highNs } = summary.intervalNs;
    return [
      row("total.p50", "ns", Math.round(estimateNs), lowNs, highNs),
      row("total.p90", "ns", total.p90),
      row("total.p99", "ns", total.p99),
      row("preprocess.p50", "ns", preprocess.p50),
      row("inference.p50", "ns", inference.p50),
      row("postprocess.p50", "ns", postprocess.p50),
      row(
        "fps",
        "fps",
        1e9 / estimateNs,
        highNs === null ? null : 1e9 / highNs,
        lowNs === null ? null : 1e9 / lowNs,
      ),
      ...(summary.peakRssBytes === null ? [] : [row("peakRss", "bytes", summary.peakRssBytes)]),
    ];
  });
}
