/**
 * What devices can resolve: A/A blocks kept per device, build and settings.
 *
 * @module
 */
import type { MetricName } from "../record/metrics.ts";
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
 * Returns the newest calibration of the device at these settings; null when there is none.
 *
 * One with this workload comes first. Where there is none, one with another workload stands in
 * (`isOfWorkload` is then false): its noise and the time of its blocks are those of another
 * variant, other iterations or images.
 */
export function newestCalibration(
  { sql }: HistoryDatabase,
  key: WorkloadKey,
): Calibration & { isOfWorkload: boolean } | null {
  const ofDevice = settingsText({ settings: key.settings }).slice(0, -1);
  const row = sql.prepare(
    `SELECT created_at AS createdAt, seconds_per_block AS secondsPerBlock, blocks, settings = ? AS isOfWorkload
     FROM calibrations
     WHERE device = ? AND build_fingerprint = ? AND substr(settings, 1, ?) = ?
     ORDER BY isOfWorkload DESC, created_at DESC LIMIT 1`,
  ).get(settingsText(key), ...deviceColumns(key), ofDevice.length, ofDevice);
  if (row === undefined) return null;
  return {
    createdAt: row.createdAt as string,
    secondsPerBlock: row.secondsPerBlock as number,
    blocks: JSON.parse(row.blocks as string),
    isOfWorkload: row.isOfWorkload === 1,
  };
}

/**
 * Returns the noise by metric of a calibration, as the gate wants it. Throws `RangeError` for a
 * metric with fewer than 8 blocks.
 */
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

/** The column `settings`: keys in a fixed order, the workload last, and none in rows of old. */
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
