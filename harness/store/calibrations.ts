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
  key: CalibrationKey,
  { createdAt, secondsPerBlock, blocks }: Calibration,
): void {
  sql.prepare("INSERT OR REPLACE INTO calibrations VALUES (?, ?, ?, ?, ?, ?)").run(
    ...keyColumns(key),
    createdAt,
    secondsPerBlock,
    JSON.stringify(blocks),
  );
}

/** Returns the newest calibration of the device at these settings; null when there is none. */
export function newestCalibration(
  { sql }: HistoryDatabase,
  key: CalibrationKey,
): Calibration | null {
  const row = sql.prepare(
    `SELECT created_at AS createdAt, seconds_per_block AS secondsPerBlock, blocks FROM calibrations
     WHERE device = ? AND build_fingerprint = ? AND settings = ? ORDER BY created_at DESC LIMIT 1`,
  ).get(...keyColumns(key));
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

function keyColumns({ device, buildFingerprint, settings }: CalibrationKey): string[] {
  const { threads, powersave, coreMask } = settings;
  return [device, String(buildFingerprint), JSON.stringify({ threads, powersave, coreMask })];
}
