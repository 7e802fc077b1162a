/**
 * Two sides on one device, launched in blocks.
 *
 * @module
 */
import type { DeviceState } from "../record/device.ts";
import { isLaunchFailure } from "../errors.ts";
import { assertComparable, settingKeys } from "../record/experiment_keys.ts";
import type { BlockLaunches } from "../gate/evidence.ts";
import type { LaunchRecord } from "../record/records.ts";
import type { CalibrationSettings, CalibrationWorkload } from "../store/calibrations.ts";
import { measureOnce } from "./measure.ts";
import { failureRecord } from "../record/record_log.ts";
import { coolSession, type DeviceSession } from "./session.ts";

/** A word for a side. */
export type SideWord = "baseline" | "candidate";

/** One side of a pair. */
export interface PairSide {
  /** As results show it. */
  name: string;
  /** Of the session's variants; the sides have different ones. */
  variantId: string;
  /** Further arguments of the runner; only a test build takes any. */
  runnerArguments: readonly string[];
}

/** Two sides on a device. */
export interface Pair {
  /** What a calibration of the device must hold for. */
  calibrationSettings: CalibrationSettings;
  /** What a launch of the candidate does. */
  workload: CalibrationWorkload;
  /** Finished launches so far. */
  launches: LaunchRecord[];
  /** Runs one block and returns its launches; a failed launch is recorded and tried once more. */
  runBlock(index: number, order: readonly SideWord[]): Promise<BlockLaunches>;
  /** Returns the time since the first block began, seconds. */
  elapsedSeconds(): number;
  /** Returns why no further block may run, or null. */
  stopReason(): string | null;
}

/** Times that a launch is tried. */
const TRIES = 2;
/** Below this charge, and not charging, a phone slows down or dies. */
const LEAST_BATTERY_PERCENT = 15;

/**
 * Returns two of the session's variants as a pair; nothing has run yet. `tell` is told of waits.
 *
 * Throws what reading the device's state throws.
 */
export async function openPair(
  session: DeviceSession,
  sides: Record<SideWord, PairSide>,
  tell?: (message: string) => void,
): Promise<Pair> {
  const { setup, launchPlan, variants, experiment: { record: run, log, context } } = session;
  const { device, description } = setup;
  const cool = await coolSession(session, tell);
  const launches: LaunchRecord[] = [];
  let beganMs: number | null = null;
  let last: { state: DeviceState; marks: string[] } = { state: cool.atRest, marks: [] };
  const hooks = {
    ...cool,
    signal: context.signal,
    beforeLaunch: async () => last = await cool.beforeLaunch(),
  };
  const launch = async (side: SideWord, round: number, position: number) => {
    const { variantId, runnerArguments } = sides[side];
    const { manifest } = variants.find(({ manifest: { id } }) => id === variantId)!;
    for (let tried = 1;; tried++) {
      context.signal.throwIfAborted();
      try {
        const plan = { ...launchPlan, runnerArguments };
        return await measureOnce(setup, plan, manifest, { variantId, round, position }, hooks);
      } catch (error) {
        if (!isLaunchFailure(error)) throw error;
        const where = { runId: run.runId, device: device.serial, variantId, round };
        log.append(failureRecord(where, error));
        if (tried === TRIES) throw error;
      }
    }
  };
  const { threads, powersave, coreMask, warmup, iterations } = setup.options;
  return {
    calibrationSettings: {
      threads,
      // as the runner tells it: a mask takes the place of powersave, and is written in its shortest
      // form
      powersave: coreMask === null ? powersave : null,
      coreMask: coreMask === null ? null : coreMask.toLowerCase().replace(/^(0x)?0*(?=.)/, ""),
    },
    workload: {
      variantId: sides.candidate.variantId,
      warmup,
      iterations,
      images: launchPlan.images.length,
    },
    launches,
    async runBlock(index, order) {
      beganMs ??= performance.now();
      const block: Record<SideWord, LaunchRecord[]> = { baseline: [], candidate: [] };
      for (const side of order) {
        const place = block.baseline.length + block.candidate.length;
        const record = await launch(side, 2 * index + Math.floor(place / 2), place % 2);
        log.append(record);
        launches.push(record);
        block[side].push(record);
      }
      const sideOf = (side: SideWord) => ({
        name: sides[side].name,
        device: description,
        images: run.images,
        launches: block[side],
      });
      const chosen = Object.values(sides).flatMap(({ variantId }) =>
        settingKeys(variants.find(({ manifest }) => manifest.id === variantId)!.manifest)
      );
      assertComparable(sideOf("baseline"), sideOf("candidate"), chosen);
      return block;
    },
    elapsedSeconds: () => beganMs === null ? 0 : (performance.now() - beganMs) / 1000,
    stopReason: () => stopReason(last.state, last.marks.length > 0),
  };
}

/**
 * Returns why a device in this state should not go on; null when it may. `isHot`: it did not become
 * cool before the last launch.
 */
export function stopReason(
  state: Pick<DeviceState, "batteryPercent" | "charging">,
  isHot: boolean,
): string | null {
  if (isHot) return "the device did not become cool in time";
  const { batteryPercent, charging } = state;
  return batteryPercent !== null && batteryPercent < LEAST_BATTERY_PERCENT && charging === false
    ? `its battery is at ${batteryPercent}%`
    : null;
}
