/**
 * What the page of the history shows, and the index of runs.
 *
 * @module
 */
import type { ChangePoint } from "../store/change_points.ts";
import type { MetricName, MetricUnit } from "../record/metrics.ts";
import type { TrendPoint } from "../store/history.ts";
import type { Warning } from "../errors.ts";

/** The trend of one variant on one device. */
export interface HistorySeries {
  device: string;
  /** Name of the device for people; null when only its serial is known. */
  deviceName: string | null;
  variantId: string;
  /** Hash of the experiment keys: figures of different keys are not compared. */
  experiment: string;
  metric: MetricName;
  /** Unit of the metric's values. */
  unit: MetricUnit;
  /** In order of time. */
  points: TrendPoint[];
  /** Lasting changes, by index of `points`. */
  changes: ChangePoint[];
}

/** Everything that the page of the history is drawn from. */
export interface History {
  /** When it was made, ISO 8601. */
  createdAt: string;
  /** The exact command line. */
  command: string[];
  series: HistorySeries[];
  warnings: Warning[];
}

/** One run in the index of runs. */
export interface RunIndexEntry {
  /** Name of the run's folder beside the index. */
  folder: string;
  runId: string;
  createdAt: string;
  /** Parts of the answer in one sentence: keys of the pages' table of texts with their values. */
  answer: { key: string; values: Record<string, string> }[];
  devices: string[];
  variantCount: number;
  sampleCount: number;
  warningCount: number;
  failureCount: number;
  /** Variants whose parity failed. */
  parityFailedCount: number;
}

/** Everything that the index of runs is drawn from. */
export interface RunIndex {
  /** Newest first. */
  runs: RunIndexEntry[];
  /** Folders whose `report.json` could not be read, with the reason. */
  unreadable: { folder: string; reason: string }[];
}
