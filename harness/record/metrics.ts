/**
 * The metrics: what a launch is measured by, each described once. Gate, history, report and formats
 * follow from this table.
 *
 * To add a metric, add a row here (and the field of the record that it reads, when there is none).
 * The page's table of variants gets a column for it when `reports/template/texts.js` names one.
 *
 * @module
 */
import type { LaunchRecord, StageSamples } from "./records.ts";

/** A stage of the pipeline as the samples name it. */
export type SampledStage = keyof StageSamples;

/** Stages as the samples name them, in the order of the pipeline. */
export const SAMPLED_STAGES = [
  "preprocess",
  "inference",
  "postprocess",
  "total",
] as const satisfies readonly SampledStage[];

/** Units of metrics' values. */
export const METRIC_UNITS = ["ns", "bytes"] as const;
/** Unit of a metric's values. */
export type MetricUnit = typeof METRIC_UNITS[number];

/** One metric. */
export interface Metric {
  unit: MetricUnit;
  /** What it is called in a sentence: `median time of the network`. */
  label: string;
  /**
   * Where the value of a launch comes from: a quantile (0 to 1) of a stage's samples, or a field.
   */
  of:
    | { stage: SampledStage; quantile: number }
    | { read: (launch: LaunchRecord) => number | null };
  /** How the values of several launches become one: their robust location, or the largest. */
  pool: "location" | "largest";
  /** True for a cost; a gate reads a rise of a cost as a loss. */
  lessIsBetter: boolean;
}

const NAMES_OF_STAGES: Record<SampledStage, string> = {
  preprocess: "time of the preprocessing",
  inference: "time of the network",
  postprocess: "time of decode and NMS",
  total: "time per image",
};

/** Row of a quantile of a stage's time. */
function latency(stage: SampledStage, quantile: number): Metric {
  const which = quantile === 0.5 ? "median" : `${100 * quantile}th percentile of the`;
  return {
    unit: "ns",
    label: `${which} ${NAMES_OF_STAGES[stage]}`,
    of: { stage, quantile },
    pool: "location",
    lessIsBetter: true,
  };
}

/** Row of a figure of a launch's last line. */
function ofEnd(
  unit: MetricUnit,
  label: string,
  pool: Metric["pool"],
  read: (end: LaunchRecord["end"]) => number | null | undefined,
): Metric {
  return {
    unit,
    label,
    of: { read: ({ end }) => read(end) ?? null },
    pool,
    lessIsBetter: true,
  };
}

/** The metrics by name, in the order in which they are listed. */
export const METRICS = {
  "total.p50": latency("total", 0.5),
  "total.p90": latency("total", 0.9),
  "total.p99": latency("total", 0.99),
  "preprocess.p50": latency("preprocess", 0.5),
  "inference.p50": latency("inference", 0.5),
  "inference.p90": latency("inference", 0.9),
  "postprocess.p50": latency("postprocess", 0.5),
  "load": ofEnd(
    "ns",
    "time to load the network",
    "location",
    ({ coldStart: cold }) => cold && cold.paramNs + cold.binNs + cold.pipelineNs,
  ),
  "load.param": ofEnd(
    "ns",
    "time to parse the .param",
    "location",
    ({ coldStart }) => coldStart?.paramNs,
  ),
  "load.bin": ofEnd("ns", "time to read the .bin", "location", ({ coldStart }) => coldStart?.binNs),
  "load.pipeline": ofEnd(
    "ns",
    "time to lay out the weights for the kernels",
    "location",
    ({ coldStart }) => coldStart?.pipelineNs,
  ),
  "firstInference": ofEnd(
    "ns",
    "time of the first run of the network",
    "location",
    ({ coldStart }) => coldStart?.firstInferenceNs,
  ),
  "loadedRss": ofEnd(
    "bytes",
    "resident memory when the network is loaded",
    "location",
    ({ loadedRssBytes }) => loadedRssBytes,
  ),
  "steadyRss": ofEnd(
    "bytes",
    "resident memory after the last inference",
    "location",
    ({ steadyRssBytes }) => steadyRssBytes,
  ),
  "peakRss": ofEnd(
    "bytes",
    "largest resident memory of the process",
    "largest",
    ({ peakRssBytes }) => peakRssBytes,
  ),
} as const satisfies Record<string, Metric>;
/** Name of a metric. */
export type MetricName = keyof typeof METRICS;

/** Names of all metrics. */
export const METRIC_NAMES = Object.keys(METRICS) as [MetricName, ...MetricName[]];

/**
 * Returns whether a metric is the process's, so that a launch of the variant alone must tell it;
 * times of stages are told better by launches that both sides share.
 */
export function isOfProcess(name: MetricName): boolean {
  return "read" in metricOf(name).of;
}

/** Returns the row of a metric. */
export function metricOf(name: MetricName): Metric {
  return METRICS[name];
}
