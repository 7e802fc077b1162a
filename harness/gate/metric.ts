/**
 * What a gate measures: named figures of one launch, all of them costs (more is worse).
 *
 * @module
 */
import type { LaunchRecord } from "../record/records.ts";
import { launchQuantileNs } from "../stats/round.ts";

/**
 * Names of the metrics, stage and percentile; `peakRss` is the largest resident memory of the
 * process.
 */
export const METRIC_NAMES = [
  "total.p50",
  "total.p90",
  "total.p99",
  "preprocess.p50",
  "inference.p50",
  "inference.p90",
  "postprocess.p50",
  "peakRss",
] as const;
/** See {@linkcode METRIC_NAMES}. */
export type MetricName = typeof METRIC_NAMES[number];

/** Unit of a metric's values. */
export function metricUnit(name: MetricName): "ns" | "bytes" {
  return name === "peakRss" ? "bytes" : "ns";
}

/**
 * Returns the metric of one launch, in nanoseconds or bytes; null when the launch could not tell it
 * or it is too small for the clock (0).
 *
 * Throws `HarnessError` `bad-record` when the launch has no samples.
 */
export function metricOfLaunch(launch: LaunchRecord, name: MetricName): number | null {
  const value = name === "peakRss"
    ? launch.end.peakRssBytes
    : launchQuantileNs(launch, ...stageAndShare(name));
  return value === null || value <= 0 ? null : value;
}

function stageAndShare(
  name: Exclude<MetricName, "peakRss">,
): ["total" | "preprocess" | "inference" | "postprocess", number] {
  const [stage, percentile] = name.split(".") as [
    "total" | "preprocess" | "inference" | "postprocess",
    string,
  ];
  return [stage, Number(percentile.slice(1)) / 100];
}
