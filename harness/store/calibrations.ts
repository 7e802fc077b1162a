/**
 * What devices can resolve: A/A blocks kept per device, build and settings.
 *
 * @module
 */
import type { MetricName } from "../gate/metric.ts";
import { type DeviceNoise, deviceNoise } from "../stats/detectable.ts";
import type { HistoryDatabase } from "./history_database.ts";

/** What the noise depends on besides the device: threads and cores. */
export interface CalibrationSettings {
  threads: number;
  powersave: number | null;
  coreMask: string | null;
}

/** The device, its build and the settings that a calibration holds for. */
export interface CalibrationKey {
  device: string;
  /** `ro.build.fingerprint`, or the kernel version on the host; null when unknown. */
  buildFingerprint: string | null;
  settings: CalibrationSettings;
}

/** What a launch does: how long it takes and how much its figures differ depend on it. */
export interface CalibrationWorkload {
  variantId: string;
  warmup: number;
  iterations: number;
  /** Timed images of a launch. */
  images: number;
}

/** The device at its settings, and the workload that was calibrated on it. */
export interface WorkloadKey extends CalibrationKey {
  workload: CalibrationWorkload;
}

/** An A/A run. */
export interface Calibration {
  createdAt: string;
  /** Device time of one block of four launches, seconds. */
  secondsPerBlock: number;
  /** By metric, for each block in order the log ratio of each of its rounds. */
  blocks: Partial<Record<MetricName, number[][]>>;
}

/** Keeps a calibration; earlier ones stay. */
export function saveCalibration(
  { sql }: HistoryDatabase,
  key: WorkloadKey,
  { createdAt, secondsPerBlock, blocks }: Calibration,
): void {
  sql.prepare("INSERT OR REPLACE INTO calibrations VALUES (?, ?, ?, ?, ?, ?)").run(
    ...deviceColumns(key),
    settingsText(key),
    createdAt,
    secondsPerBlock,
    JSON.stringify(blocks),
  );
}

/**
 * Returns the newest calibration of the device at these settings with this workload; null when there is none.
 *
 * One that was made before calibrations kept their workload stands in where there is no other.
 */
export function newestCalibration(
  { sql }: HistoryDatabase,
  key: WorkloadKey,
): Calibration | null {
  const row = sql.prepare(
    `SELECT created_at AS createdAt, seconds_per_block AS secondsPerBlock, blocks FROM calibrations
     WHERE device = ? AND build_fingerprint = ? AND settings IN (?, ?)
     ORDER BY settings = ? DESC, created_at DESC LIMIT 1`,
  ).get(
    ...deviceColumns(key),
    settingsText(key),
    settingsText({ settings: key.settings }),
    settingsText(key),
  );
  if (row === undefined) return null;
  return {
    createdAt: row.createdAt as string,
    secondsPerBlock: row.secondsPerBlock as number,
    blocks: JSON.parse(row.blocks as string),
  };
}

/** Returns the noise by metric of a calibration, as the gate wants it. Throws `RangeError` for a metric with fewer than 8 blocks. */
export function calibratedNoise(
  calibration: Calibration,
): Partial<Record<MetricName, DeviceNoise>> {
  return Object.fromEntries(
    Object.entries(calibration.blocks).map(([metric, blocks]) => [metric, deviceNoise(blocks)]),
  );
}

function deviceColumns({ device, buildFingerprint }: CalibrationKey): string[] {
  return [device, String(buildFingerprint)];
}

/** The column `settings`: keys in a fixed order, no workload in rows of old. */
function settingsText(
  { settings, workload }: Pick<CalibrationKey, "settings"> & Partial<WorkloadKey>,
): string {
  const { threads, powersave, coreMask } = settings;
  if (workload === undefined) return JSON.stringify({ threads, powersave, coreMask });
  const { variantId, warmup, iterations, images } = workload;
  return JSON.stringify({
    threads,
    powersave,
    coreMask,
    workload: { variantId, warmup, iterations, images },
  });
}
