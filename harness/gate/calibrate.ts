/**
 * Calibration: A/A blocks on one device, and what it can resolve within a budget.
 *
 * Pure but for the callbacks: how a block runs is the caller's.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import {
  deviceNoise,
  FEWEST_CALIBRATION_BLOCKS,
  smallestDetectableRatio,
} from "../stats/detectable.ts";
import { DEFAULT_RATES } from "../stats/experiment.ts";
import { blockLogRatios, type DeviceEvidence } from "./evidence.ts";
import { blockOrder, type LiveGate } from "./live.ts";
import type { MetricName } from "../record/metrics.ts";

/** What a calibration runs on: both sides of its blocks are the same variant and runner. */
export interface CalibrationRun
  extends Pick<LiveGate, "runBlock" | "elapsedSeconds" | "stopReason"> {
  device: string;
  metrics: readonly MetricName[];
  /** Blocks to run, at least 8. */
  blockCount: number;
  /** Hears of every block that is done. */
  onBlock?(done: number): void;
}

/** Blocks of a calibration, as the history keeps them. */
export interface CalibrationBlocks {
  /** Device time of one block, seconds. */
  secondsPerBlock: number;
  /**
   * By metric, for each block the log ratio of each of its rounds; a metric that a launch did not
   * tell is absent.
   */
  blocks: Partial<Record<MetricName, number[][]>>;
}

/**
 * Blocks of a calibration unless told otherwise: their 40 rounds tell the spread to about a tenth.
 */
export const DEFAULT_CALIBRATION_BLOCKS = 20;

/**
 * Returns the A/A blocks of a device.
 *
 * When `stopReason` tells one, the blocks so far are returned if they are at least 8; else throws
 * `HarnessError` `device-hot`. Throws `RangeError` for a `blockCount` below 8, and what the
 * callbacks throw.
 */
export async function runCalibration(run: CalibrationRun): Promise<CalibrationBlocks> {
  if (!(run.blockCount >= FEWEST_CALIBRATION_BLOCKS)) {
    throw new RangeError(
      `Cannot calibrate with ${run.blockCount} blocks: expected at least ${FEWEST_CALIBRATION_BLOCKS}`,
    );
  }
  const blocks: CalibrationBlocks["blocks"] = {};
  for (const name of run.metrics) blocks[name] = [];
  let done = 0;
  while (done < run.blockCount) {
    const reason = await run.stopReason?.() ?? null;
    if (reason !== null) {
      if (done >= FEWEST_CALIBRATION_BLOCKS) break;
      throw new HarnessError(
        "device-hot",
        `Cannot calibrate "${run.device}": stopped after ${done} blocks, since ${reason}; expected at least ${FEWEST_CALIBRATION_BLOCKS}. Let it rest and calibrate again`,
      );
    }
    const block = await run.runBlock(done, blockOrder(done), run.metrics);
    done++;
    for (const name of run.metrics) {
      const logRatios = blockLogRatios(block, name);
      if (logRatios === null) delete blocks[name];
      else blocks[name]?.push(logRatios);
    }
    run.onBlock?.(done);
  }
  return { secondsPerBlock: run.elapsedSeconds() / done, blocks };
}

/**
 * Returns what is known of a device's noise from its newest calibration, and what to know of that;
 * metrics with too few blocks count for none. Null: it was never calibrated.
 */
export function knownNoise(
  calibration: CalibrationBlocks & { isOfWorkload: boolean } | null,
  device: string,
): Pick<DeviceEvidence, "noise" | "secondsPerBlock" | "notes"> {
  if (calibration === null) return { noise: {}, secondsPerBlock: null, notes: [] };
  const enough = Object.entries(calibration.blocks).filter(([, blocks]) =>
    blocks.length >= FEWEST_CALIBRATION_BLOCKS
  );
  return {
    noise: Object.fromEntries(enough.map(([name, blocks]) => [name, deviceNoise(blocks)])),
    secondsPerBlock: calibration.secondsPerBlock,
    notes: calibration.isOfWorkload ? [] : [
      `"${device}" was calibrated with another variant, or other iterations or images: what it resolves here is a rough figure until this one is calibrated (deno task calibrate)`,
    ],
  };
}

/** What a device resolves in a metric within a budget. */
export interface Resolution {
  metric: MetricName;
  budgetSeconds: number;
  /** Smallest ratio above 1 that is found with 90% power; null when not even twice the time is. */
  detectable: number | null;
}

/**
 * Returns what the device resolves within each budget, metric by metric, at the gate's usual error
 * rates.
 */
export function resolutions(
  { secondsPerBlock, blocks }: CalibrationBlocks,
  budgetsSeconds: readonly number[],
): Resolution[] {
  return Object.entries(blocks).flatMap(([metric, own]) => {
    const noise = deviceNoise(own);
    return budgetsSeconds.map((budgetSeconds) => ({
      metric: metric as MetricName,
      budgetSeconds,
      detectable: smallestDetectableRatio(
        noise,
        DEFAULT_RATES,
        Math.floor(budgetSeconds / secondsPerBlock),
      ),
    }));
  });
}
