/**
 * Two sides on one device: deployed, launched in blocks, and the candidate's keypoints checked.
 *
 * @module
 */
import type { BuiltRunner } from "../toolchain/runner.ts";
import { coolLaunches, realWaiting } from "../device/cool_down.ts";
import type { Device } from "../device/device.ts";
import type { DeviceDescription, DeviceState } from "../record/device.ts";
import { isLaunchFailure } from "../errors.ts";
import { assertComparable } from "../record/experiment_keys.ts";
import type { BlockLaunches } from "../gate/live.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { LaunchRecord, RunImage, RunRecord } from "../record/records.ts";
import type { CalibrationSettings, CalibrationWorkload } from "../store/calibrations.ts";
import { deploy, deployImages, type DeviceSetup } from "./deploy.ts";
import type { ExperimentSettings } from "./experiment.ts";
import { measureOnce } from "./measure.ts";
import { failureRecord, type RecordLog } from "../record/record_log.ts";
import type { RgbFile } from "../images/rgb_files.ts";

/** A word for a side. */
export type SideWord = "baseline" | "candidate";

/** One side as a session deploys it. */
export interface SessionSide {
  name: string;
  variant: PreparedVariant;
  runner: Pick<BuiltRunner, "runner">;
  /** Further arguments of the runner; only a test build takes any. */
  runnerArguments: readonly string[];
}

/** What a session runs. */
export interface SessionPlan {
  run: RunRecord;
  /** Unique among the sessions of the run on one device: names the folder on the device. */
  name: string;
  description: DeviceDescription;
  sides: Record<SideWord, SessionSide>;
  timed: readonly RgbFile[];
  settings: Pick<ExperimentSettings, "runner" | "launchTimeoutMs" | "coolDownMs">;
  log: Pick<RecordLog, "append">;
  /** Local folder for files on their way. */
  work: string;
  signal: AbortSignal;
  /** Hears of waits. */
  tell?(message: string): void;
}

/** A session; give it back by `await using`: its folder on the device is removed then. */
export interface PairSession extends AsyncDisposable {
  setups: Record<SideWord, DeviceSetup>;
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

/** Returns the session with everything on the device. Throws what deploying throws. */
export async function openSession(device: Device, plan: SessionPlan): Promise<PairSession> {
  const { run, sides, settings, signal } = plan;
  const setupOf = ({ variant, runner }: SessionSide) =>
    deploy(device, plan.description, { runner: runner.runner, benchncnn: null }, [variant], {
      runId: `${run.runId}-${plan.name}`,
      options: settings.runner,
      signal,
    });
  const setups = {
    baseline: await setupOf(sides.baseline),
    candidate: await setupOf(sides.candidate),
  };
  const images: RunImage[] = plan.timed.map(({ image }) => image);
  const { list: imageList } = await deployImages(
    setups.baseline,
    [...plan.timed],
    "timed",
    plan.work,
    signal,
  );
  const waiting = realWaiting({ signal, tell: plan.tell });
  const cool = await coolLaunches(device, settings.coolDownMs, waiting);
  const launches: LaunchRecord[] = [];
  let beganMs: number | null = null;
  let last: { state: DeviceState; marks: string[] } = { state: cool.atRest, marks: [] };
  const hooks = { ...cool, signal, beforeLaunch: async () => last = await cool.beforeLaunch() };
  const launch = async (side: SideWord, round: number, position: number) => {
    const { variant, runnerArguments } = sides[side];
    const { manifest } = variant;
    for (let tried = 1;; tried++) {
      signal.throwIfAborted();
      try {
        return await measureOnce(
          setups[side],
          {
            runId: run.runId,
            images,
            imageList,
            launchTimeoutMs: settings.launchTimeoutMs,
            runnerArguments,
          },
          manifest,
          { variantId: manifest.id, round, position },
          hooks,
        );
      } catch (error) {
        if (!isLaunchFailure(error)) throw error;
        const where = { runId: run.runId, device: device.serial, variantId: manifest.id, round };
        plan.log.append(failureRecord(where, error));
        if (tried === TRIES) throw error;
      }
    }
  };
  const { threads, powersave, coreMask, warmup, iterations } = setups.candidate.options;
  return {
    setups,
    calibrationSettings: {
      threads,
      // as the runner tells it: a mask takes the place of powersave, and is written in its shortest
      // form
      powersave: coreMask === null ? powersave : null,
      coreMask: coreMask === null ? null : coreMask.toLowerCase().replace(/^(0x)?0*(?=.)/, ""),
    },
    workload: {
      variantId: sides.candidate.variant.manifest.id,
      warmup,
      iterations,
      images: images.length,
    },
    launches,
    async runBlock(index, order) {
      beganMs ??= performance.now();
      const block: Record<SideWord, LaunchRecord[]> = { baseline: [], candidate: [] };
      for (const side of order) {
        const place = block.baseline.length + block.candidate.length;
        const record = await launch(side, 2 * index + Math.floor(place / 2), place % 2);
        plan.log.append(record);
        launches.push(record);
        block[side].push(record);
      }
      const sideOf = (side: SideWord) => ({
        name: sides[side].name,
        device: plan.description,
        images: run.images,
        launches: block[side],
      });
      assertComparable(sideOf("baseline"), sideOf("candidate"));
      return block;
    },
    elapsedSeconds: () => beganMs === null ? 0 : (performance.now() - beganMs) / 1000,
    stopReason: () => stopReason(last.state, last.marks.length > 0),
    [Symbol.asyncDispose]: () => device.removeRunDir(setups.baseline.runDir),
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
