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
import type { LaunchRecord } from "../record/records.ts";
import {
  isDecided,
  leader,
  openContestants,
  type RaceState,
  stillIn,
  without,
  withRound,
} from "../stats/race.ts";
import { openLauncher } from "./relative_times.ts";
import type { DeviceSession } from "./session.ts";

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
  launches: readonly LaunchRecord[];
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
