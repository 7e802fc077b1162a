/**
 * What devices can resolve: A/A blocks kept per device, build and settings.
 *
 * @module
 */
import type { MetricName } from "../record/metrics.ts";
import type { DeviceDescription } from "../record/device.ts";
import type { AnyLaunch } from "../record/records.ts";
import type { SqlQueries } from "./sql.ts";

/** What the noise depends on besides the device: threads and cores. */
export interface CalibrationSettings {
  threads: number;
  powersave: number | null;
  coreMask: string | null;
  /**
   * Unmeasured inferences of a turn where both sides share their launches; null where each launch
   * is of one side.
   */
  turns: number | null;
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

/** Returns what a calibration must hold for that is to tell of launches like this one. */
export function workloadKeyOf(
  device: Pick<DeviceDescription, "serial" | "buildFingerprint">,
  launch: AnyLaunch,
): WorkloadKey {
  const { variantId, runner, images } = launch;
  const { threads, powersave, coreMask, warmup, iterations } = runner.options;
  return {
    device: device.serial,
    buildFingerprint: device.buildFingerprint,
    settings: {
      ...{ threads, powersave, coreMask },
      turns: launch.kind === "turns" ? launch.turns.unmeasured : null,
    },
    workload: { variantId, warmup, iterations, images: images.length },
  };
}

/** An A/A run. */
export interface Calibration {
  createdAt: string;
  /** Device time of one block of four launches, seconds. */
  secondsPerBlock: number;
  /** By metric, for each block in order the log ratio of each of its rounds. */
  blocks: Partial<Record<MetricName, number[][]>>;
}

/** Keeps a calibration; earlier ones stay. Workload null: nothing is known of it. */
export async function saveCalibration(
  sql: SqlQueries,
  key: CalibrationKey & { workload: CalibrationWorkload | null },
  { createdAt, secondsPerBlock, blocks }: Calibration,
): Promise<void> {
  await sql.query(
    `INSERT INTO device_calibrations
       (device, build_fingerprint, settings, workload, created_at, seconds_per_block, blocks)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (device, build_fingerprint, settings, workload, created_at) DO UPDATE
       SET seconds_per_block = excluded.seconds_per_block, blocks = excluded.blocks`,
    [
      ...deviceColumns(key),
      workloadText(key.workload),
      createdAt,
      secondsPerBlock,
      JSON.stringify(blocks),
    ],
  );
}

/**
 * Returns the newest calibration of the device at these settings; null when there is none.
 *
 * One with this workload comes first. Where there is none, one with another workload stands in
 * (`isOfWorkload` is then false): its noise and the time of its blocks are those of another
 * variant, other iterations or images.
 */
export async function newestCalibration(
  sql: SqlQueries,
  key: CalibrationKey & { workload: CalibrationWorkload | null },
): Promise<Calibration & { isOfWorkload: boolean } | null> {
  const workload = workloadText(key.workload);
  const rows = await sql.query(
    `SELECT created_at, seconds_per_block, blocks, workload FROM device_calibrations
     WHERE device = $1 AND build_fingerprint = $2 AND settings = $3
     ORDER BY CASE WHEN workload = $4 THEN 0 ELSE 1 END, created_at DESC LIMIT 1`,
    [...deviceColumns(key), workload],
  );
  if (rows.length === 0) return null;
  const [row] = rows;
  return {
    createdAt: String(row.created_at),
    secondsPerBlock: Number(row.seconds_per_block),
    blocks: JSON.parse(String(row.blocks)),
    isOfWorkload: row.workload === workload,
  };
}

/** Device, build and settings as columns; a build that is unknown is one of its own. */
function deviceColumns({ device, buildFingerprint, settings }: CalibrationKey): string[] {
  const { threads, powersave, coreMask, turns } = settings;
  // calibrations of before turns stay known by what they were written with
  const own = [threads, powersave, coreMask, ...(turns === null ? [] : [`turns ${turns}`])];
  return [device, buildFingerprint ?? "", JSON.stringify(own)];
}

function workloadText(workload: CalibrationWorkload | null): string {
  if (workload === null) return "";
  const { variantId, warmup, iterations, images } = workload;
  return JSON.stringify([variantId, warmup, iterations, images]);
}
