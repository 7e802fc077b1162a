/**
 * What the formats write: the figures of a run, one row per device, variant and metric, and the
 * gate's result beside them.
 *
 * @module
 */
import { METRIC_NAMES, metricOf, type MetricUnit } from "../../record/metrics.ts";
import type { AnyLaunch } from "../../record/records.ts";
import { summarizeLaunches, type VariantSummary } from "../../stats/summary.ts";
import type { MergedResult, NamedMetric } from "../verdict.ts";

/** One figure with its interval. */
export interface Figure {
  device: string;
  variantId: string;
  /** `total.p50`, `fps`, `peakRss`, … */
  metric: string;
  unit: MetricUnit | "fps";
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
 * Returns the rows of the summaries of one device: every metric that is known, and FPS, which is
 * the reciprocal of the time per image.
 */
export function figuresOf(device: string, summaries: readonly VariantSummary[]): Figure[] {
  return summaries.flatMap((summary) => {
    const { variantId, roundCount: rounds, sampleCount: samples } = summary;
    const rows = METRIC_NAMES.flatMap((metric): Figure[] => {
      const figure = summary.figures[metric];
      if (figure === null) return [];
      const { unit } = metricOf(metric);
      const value = unit === "ns" ? Math.round(figure.value) : figure.value;
      return [{ device, variantId, metric, unit, ...figure, value, rounds, samples }];
    });
    const { value: timeNs, low: lowNs, high: highNs } = summary.timeNs;
    return [...rows, {
      device,
      variantId,
      metric: "fps",
      unit: "fps",
      value: 1e9 / timeNs,
      low: highNs === null ? null : 1e9 / highNs,
      high: lowNs === null ? null : 1e9 / lowNs,
      rounds,
      samples,
    }];
  });
}

/**
 * Returns the figures of launches of any devices, for the formats: levels of launches alone, ratios
 * of those that variants shared where there are such.
 */
export function launchFigures(launches: readonly AnyLaunch[], baseVariantId: string): Figure[] {
  return [...Map.groupBy(launches, (launch) => launch.device)].flatMap(([device, own]) => {
    const alone = own.filter((launch) => launch.kind === "launch");
    const shared = own.filter((launch) => launch.kind === "turns");
    return figuresOf(device, summarizeLaunches(alone, baseVariantId, shared));
  });
}
