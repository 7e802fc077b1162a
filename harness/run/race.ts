/**
 * A race on a device: rounds of those that are still in, until it is decided or the time ends.
 *
 * The first rounds launch each alone: they tell absolute times, memory, and who cannot run. After
 * them contestants share launches in groups, each with the leader in it, and take turns on each
 * image. Those that cannot share its process (other CPUs, too much memory) are launched alone, the
 * leader beside them.
 *
 * @module
 */
import { isDeviceFailure, isLaunchFailure } from "../errors.ts";
import { failureRecord } from "../record/record_log.ts";
import type { AnyLaunch, LaunchRecord, TurnsRecord } from "../record/records.ts";
import {
  isDecided,
  leader,
  openContestants,
  type RaceState,
  stillIn,
  without,
  withRound,
} from "../stats/race.ts";
import { launchQuantileNs } from "../stats/round.ts";
import { measureOnce } from "./measure.ts";
import { coolSession, type DeviceSession } from "./session.ts";
import { canShare, LARGEST_GROUP, planGroups } from "./turn_groups.ts";
import { arrangeLaunch, contestantAtFault, measureTurns } from "./turns.ts";

/** How long a race may go on. */
export interface RaceLimits {
  /** Time of the rounds, seconds; at least one round is run. */
  seconds: number;
  /** Rounds at most. */
  rounds: number;
  /** First rounds in which each is launched alone, 1 or more: they tell absolute times. */
  aloneRounds: number;
  /**
   * Those that are launched in these rounds only: they can't win, and their time is of interest.
   */
  aloneOnly: ReadonlySet<string>;
}

/** Rounds in which the anchor runs although it is no longer in. */
const ANCHOR_ROUNDS = 8;

/** What came of a race. */
export interface RaceOutcome {
  race: RaceState;
  launches: LaunchRecord[];
  /** Why contestants could not run, by id. */
  failed: ReadonlyMap<string, string>;
  /** Logs of the time over the anchor's of those that did not race, in each round, by id. */
  aloneTimes: ReadonlyMap<string, number[]>;
}

/**
 * Returns the race after its rounds. Launches of an earlier session of the run are taken into
 * account and not run again.
 *
 * A contestant whose launch fails twice, or that ncnn refuses, leaves with the reason; the race
 * needs its anchor, so a failure of `anchorId` is thrown. Throws what the device throws.
 */
export async function raceOnDevice(
  session: DeviceSession,
  start: RaceState,
  anchorId: string,
  limits: RaceLimits,
): Promise<RaceOutcome> {
  const { experiment: { context }, setup } = session;
  const step = context.progress.step(`${setup.device.serial}: race of ${start.ids.length}`);
  const launcher = await openLauncher(session, anchorId, (message) => step.update(null, message));
  const { aloneOnly } = limits;
  const aloneTimes = new Map<string, number[]>();
  let race = start;
  for (const id of aloneOnly) race = without(race, id);
  const beganMs = performance.now();
  const seconds = () => (performance.now() - beganMs) / 1000;
  for (let round = 0; round < limits.rounds; round++) {
    if (round > 0 && (isDecided(race) || seconds() >= limits.seconds)) break;
    // the anchor's own ratio is needed, and then costs too much if it is a slow one
    const anchors = round < ANCHOR_ROUNDS ? [anchorId] : [];
    const running = [...new Set([...anchors, ...stillIn(race)])];
    const isAlone = round < limits.aloneRounds;
    const times = isAlone
      ? await launcher.alone([...running, ...aloneOnly], round)
      : await launcher.byTurns(running, leader(race), round);
    for (const id of launcher.failed.keys()) {
      if (race.ids.includes(id)) race = without(race, id);
    }
    for (const id of isAlone ? aloneOnly : []) {
      const time = times.get(id);
      const base = times.get(anchorId);
      if (time === undefined || base === undefined) continue;
      aloneTimes.set(id, [...aloneTimes.get(id) ?? [], time - base]);
    }
    race = withRound(race, times);
    const open = openContestants(race).length;
    step.update(
      Math.min(1, seconds() / limits.seconds),
      `round ${round + 1}, ${stillIn(race).length} still in, ${open} open, ${leader(race)} leads`,
    );
  }
  const count = stillIn(race).length;
  step.done(
    count === 1
      ? `${leader(race)} is the fastest`
      : `${count} of ${start.ids.length} can't be told from the fastest`,
  );
  return { race, launches: launcher.launches, failed: launcher.failed, aloneTimes };
}

/** Log of each contestant's time over the base's, by id. */
type LogTimes = Map<string, number>;

interface Launcher {
  launches: LaunchRecord[];
  failed: Map<string, string>;
  alone(ids: readonly string[], round: number): Promise<LogTimes>;
  byTurns(ids: readonly string[], base: string, round: number): Promise<LogTimes>;
}

async function openLauncher(
  session: DeviceSession,
  anchorId: string,
  tell: (message: string) => void,
): Promise<Launcher> {
  const { setup, variants, launchPlan, experiment: { log, earlier, context } } = session;
  const { serial } = setup.device;
  const cool = await coolSession(session, tell);
  const hooks = { ...cool, signal: context.signal };
  const manifests = new Map(variants.map(({ manifest }) => [manifest.id, manifest]));
  const own = earlier.filter((record) => "device" in record && record.device === serial);
  const launches: LaunchRecord[] = [];
  const failed = new Map<string, string>();
  const peakBytes = new Map<string, number | null>();
  let freeBytes: number | null = cool.atRest.freeMemoryBytes;

  /** Returns what `launch` returns; null when a contestant failed, which then is in `failed`. */
  const trying = async <L>(
    launch: () => Promise<L>,
    ids: readonly string[],
    round: number,
  ): Promise<L | null> => {
    for (let tried = 1;; tried++) {
      context.signal.throwIfAborted();
      try {
        return await launch();
      } catch (error) {
        if (!isDeviceFailure(error)) throw error;
        const fault = ids.length === 1 ? ids[0] : contestantAtFault(error);
        const where = { runId: launchPlan.runId, device: serial, round };
        log.append(failureRecord({ ...where, variantId: fault ?? ids[0] }, error));
        if (!isLaunchFailure(error)) throw error;
        if (tried < 2 && error.code !== "model-refused") continue;
        if (fault === null || fault === anchorId) throw error;
        failed.set(fault, error.message);
        return null;
      }
    }
  };
  const launchAlone = async (variantId: string, round: number, position: number) => {
    const known = own.find((record): record is LaunchRecord =>
      record.kind === "launch" && record.round === round && record.variantId === variantId
    );
    const planned = { variantId, round, position };
    const record = known ?? await trying(
      () => measureOnce(setup, launchPlan, manifests.get(variantId)!, planned, hooks),
      [variantId],
      round,
    );
    if (record === null) return null;
    if (known === undefined) log.append(record);
    launches.push(record);
    peakBytes.set(variantId, record.end.peakRssBytes);
    freeBytes = record.stateAfter?.freeMemoryBytes ?? freeBytes;
    return record;
  };
  const launchShared = async (ids: readonly string[], round: number, group: number) => {
    const arranged = arrangeLaunch(ids, round, launchPlan.images.length);
    const known = own.filter((record): record is TurnsRecord =>
      record.kind === "turns" && record.round === round &&
      record.turns.contestants.toSorted().join() === ids.toSorted().join()
    );
    if (known.length === ids.length) return known;
    const contestants = arranged.contestants.map((id) => ({ manifest: manifests.get(id)! }));
    const planned = { round, group, firstStep: arranged.firstStep, contestants };
    const records = await trying(
      () => measureTurns(setup, launchPlan, planned, hooks),
      ids,
      round,
    );
    for (const record of records ?? []) log.append(record);
    return records;
  };
  const alone = async (ids: readonly string[], round: number): Promise<LogTimes> => {
    const order = round % 2 === 0 ? ids : ids.toReversed();
    const records: AnyLaunch[] = [];
    for (const [position, id] of order.entries()) {
      const record = await launchAlone(id, round, position);
      if (record !== null) records.push(record);
    }
    return overBase(records, ids[0]);
  };
  return {
    launches,
    failed,
    alone,
    async byTurns(ids, base, round) {
      const shared = ids.filter((id) =>
        id !== base && canShare(setup, [manifests.get(base)!, manifests.get(id)!])
      );
      // who is beside whom changes from round to round
      const turned = [...shared.slice(round % Math.max(1, shared.length)), ...shared]
        .slice(0, shared.length);
      const groups = planGroups({
        ...{ ids: turned, base, peakBytes, freeBytes, largest: LARGEST_GROUP },
      });
      const times: LogTimes = new Map([[base, 0]]);
      for (const [index, group] of groups.entries()) {
        const records = await launchShared(group, round, index);
        for (const [id, time] of overBase(records ?? [], base)) times.set(id, time);
      }
      const others = ids.filter((id) => id !== base && !groups.flat().includes(id));
      if (others.length > 0) {
        for (const [id, time] of await alone([base, ...others], round)) times.set(id, time);
      }
      return times;
    },
  };
}

/** Logs of the records' times over that of the base, which is one of them; none without it. */
function overBase(records: readonly AnyLaunch[], base: string): LogTimes {
  const times = records.map((record) =>
    [record.variantId, Math.log(launchQuantileNs(record, "total", 0.5))] as const
  );
  const own = times.find(([id]) => id === base);
  if (own === undefined) return new Map();
  return new Map(times.map(([id, time]) => [id, time - own[1]]));
}
