/**
 * Two sides on one device, launched in blocks: both in one process that alternates, where they can
 * share it, else each in launches of its own that alternate.
 *
 * @module
 */
import type { DeviceState } from "../record/device.ts";
import { type HarnessError, isLaunchFailure } from "../errors.ts";
import { assertComparable, settingKeys } from "../record/experiment_keys.ts";
import { isOfProcess, type MetricName } from "../record/metrics.ts";
import type { BlockLaunches } from "../gate/evidence.ts";
import { FEWEST_UNPAIRED_ROUNDS } from "../gate/unpaired.ts";
import type { AnyLaunch, LaunchRecord, TurnsRecord } from "../record/records.ts";
import type { CalibrationSettings, CalibrationWorkload } from "../store/calibrations.ts";
import { measureOnce } from "./launch.ts";
import { failureRecord } from "../record/record_log.ts";
import { coolSession, type DeviceSession } from "./session.ts";
import { canShare, fitTogether } from "./turn_groups.ts";
import { arrangeLaunch, contestantAtFault, measureTurns, type TurnContestant } from "./turns.ts";

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
  launches: AnyLaunch[];
  /** What there is to know of how the sides were launched. */
  notes: string[];
  /**
   * Runs one block and returns its launches; a failed launch is recorded and tried once more.
   * Without `wanted` no metric of the process is.
   */
  runBlock(
    index: number,
    order: readonly SideWord[],
    wanted?: readonly MetricName[],
  ): Promise<BlockLaunches>;
  /** Returns the time since the first block began, seconds. */
  elapsedSeconds(): number;
  /** Returns why no further block may run, or null. */
  stopReason(): string | null;
}

/**
 * First blocks of turns in which each side is launched alone once as well: as many launches as a
 * comparison with another run needs.
 */
const BLOCKS_ALONE = FEWEST_UNPAIRED_ROUNDS;
/** Times that a launch is tried. */
const TRIES = 2;
/** Below this charge, and not charging, a phone slows down or dies. */
const LEAST_BATTERY_PERCENT = 15;

/**
 * Returns two of the session's variants as a pair; nothing has run yet. `tell` is told of waits.
 *
 * Sides of one runner share their launches. In the first blocks each is launched alone once before
 * that: it tells time and memory, and whether both fit into memory together. Where they don't, or
 * where a shared launch fails twice, the sides have launches of their own.
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
  const launches: AnyLaunch[] = [];
  const notes: string[] = [];
  let beganMs: number | null = null;
  let last: { state: DeviceState; marks: string[] } = { state: cool.atRest, marks: [] };
  const hooks = {
    ...cool,
    signal: context.signal,
    beforeLaunch: async () => last = await cool.beforeLaunch(),
  };
  const manifestOf = (id: string) => variants.find(({ manifest }) => manifest.id === id)!.manifest;
  const manifests = [sides.baseline, sides.candidate].map(({ variantId }) => manifestOf(variantId));
  let shares = canShare(setup, manifests);
  /** What `launch` returns; a failure is put on record and tried once more. */
  const trying = async <L>(launch: () => Promise<L>, failed: (error: HarnessError) => void) => {
    for (let tried = 1;; tried++) {
      context.signal.throwIfAborted();
      try {
        return await launch();
      } catch (error) {
        if (!isLaunchFailure(error)) throw error;
        failed(error);
        if (tried === TRIES) throw error;
      }
    }
  };
  const failedIn = (round: number, variantId: string) => (error: HarnessError) => {
    const where = { runId: run.runId, device: device.serial, round };
    log.append(
      failureRecord({ ...where, variantId: contestantAtFault(error) ?? variantId }, error),
    );
  };
  const keep = <L extends AnyLaunch>(record: L): L => {
    log.append(record);
    launches.push(record);
    return record;
  };
  const launchAlone = async (side: SideWord, round: number, position: number) => {
    const { variantId, runnerArguments } = sides[side];
    const plan = { ...launchPlan, runnerArguments };
    const launch = { variantId, round, position };
    return keep(
      await trying(
        () => measureOnce(setup, plan, manifestOf(variantId), launch, hooks),
        failedIn(round, variantId),
      ),
    );
  };
  const runAlone = async (index: number, order: readonly SideWord[]) => {
    const block: Record<SideWord, LaunchRecord[]> = { baseline: [], candidate: [] };
    for (const [place, side] of order.entries()) {
      const round = 2 * index + Math.floor(place / 2);
      block[side].push(await launchAlone(side, round, place % 2));
    }
    return block;
  };
  const contestant = (side: SideWord): TurnContestant => {
    const { variantId, runnerArguments } = sides[side];
    return { manifest: manifestOf(variantId), runnerArguments };
  };
  const pair = [contestant("baseline"), contestant("candidate")];
  const runShared = async (index: number) => {
    const block: Record<SideWord, TurnsRecord[]> = { baseline: [], candidate: [] };
    for (const round of [2 * index, 2 * index + 1]) {
      const arranged = arrangeLaunch(pair, round, launchPlan.turnImages.length);
      const launch = { round, group: 0, ...arranged };
      const records = await trying(
        () => measureTurns(setup, launchPlan, launch, hooks),
        failedIn(round, sides.candidate.variantId),
      );
      for (const record of records) {
        const isBase = record.variantId === sides.baseline.variantId;
        block[isBase ? "baseline" : "candidate"].push(keep(record));
      }
    }
    return block;
  };
  const goAlone = (why: string) => {
    shares = false;
    notes.push(`the sides were launched one by one, which takes longer: ${why}`);
  };
  const measured = async (index: number, order: readonly SideWord[], wanted: boolean) => {
    if (!shares) return await runAlone(index, order);
    const all = wanted ? order : index < BLOCKS_ALONE ? order.slice(0, 2) : [];
    const alone = await runAlone(index, all);
    if (index === 0) {
      const peaks = [alone.baseline[0], alone.candidate[0]].map(({ end }) => end.peakRssBytes);
      if (!fitTogether(peaks, last.state.freeMemoryBytes)) {
        goAlone("they don't fit into the memory of the device together");
      }
    }
    if (shares) {
      try {
        return { ...await runShared(index), ...(wanted ? { alone } : {}) };
      } catch (error) {
        if (!isLaunchFailure(error)) throw error;
        goAlone(error.message);
      }
    }
    return wanted ? alone : await runAlone(index, order);
  };
  const { threads, powersave, coreMask, warmup, iterations, turnWarmup, turnIterations } =
    setup.options;
  return {
    calibrationSettings: {
      threads,
      // as the runner tells it: a mask takes the place of powersave, and is written in its shortest
      // form
      powersave: coreMask === null ? powersave : null,
      coreMask: coreMask === null ? null : coreMask.toLowerCase().replace(/^(0x)?0*(?=.)/, ""),
      turns: shares ? turnWarmup : null,
    },
    workload: {
      variantId: sides.candidate.variantId,
      warmup,
      iterations: shares ? turnIterations : iterations,
      images: (shares ? launchPlan.turnImages : launchPlan.images).length,
    },
    launches,
    notes,
    async runBlock(index, order, wanted = []) {
      beganMs ??= performance.now();
      const block = await measured(index, order, wanted.some(isOfProcess));
      const sideOf = (side: SideWord) => ({
        name: sides[side].name,
        device: description,
        images: run.images,
        launches: block[side],
      });
      const chosen = manifests.flatMap(settingKeys);
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
