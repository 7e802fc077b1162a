/**
 * Which launches a round has, and when there is none left: a number of rounds that was fixed
 * beforehand, or as many as a question needs (`until_decided.ts`).
 *
 * @module
 */
import type { LaunchRecord, TurnsRecord } from "../record/records.ts";

/** One launch to be done. */
export interface PlannedLaunch {
  variantId: string;
  /** From 0. */
  round: number;
  /** Place within the round, from 0. */
  position: number;
}

/** What a round launches. */
export interface PlannedRound {
  /** Ids of variants that are launched alone. */
  alone: readonly string[];
  /** Ids of variants that take turns: those near each other are to share a launch. */
  together: readonly string[];
}

/** What is on record of one device. */
export interface SeenLaunches {
  launches: readonly LaunchRecord[];
  turns: readonly TurnsRecord[];
}

/** The rounds of a run on one device. */
export interface Schedule {
  /** What is done, as progress calls it: `10 rounds`. */
  title: string;
  /** Returns what the round launches, by what is on record; null when nothing more is wanted. */
  next(round: number, seen: SeenLaunches): PlannedRound | null;
  /** Returns the share that is done when `done` rounds are, and what there is to say of it. */
  progress(done: number, seen: SeenLaunches): { share: number; text: string };
  /** Returns what came of it in the end; "" where that is plain. */
  outcome(seen: SeenLaunches): string;
}

/** Returns so many rounds, in each of which every variant is launched alone and by turns. */
export function fixedRounds(variantIds: readonly string[], rounds: number): Schedule {
  return {
    title: `${rounds} rounds`,
    next: (round) => round < rounds ? { alone: variantIds, together: variantIds } : null,
    progress: (done) => ({
      share: Math.min(1, done / rounds),
      text: done < rounds ? `round ${Math.floor(done) + 1} of ${rounds}` : "done",
    }),
    outcome: () => "",
  };
}

/** Returns the same rounds without turns: each variant is launched alone. */
export function roundsAlone(variantIds: readonly string[], rounds: number): Schedule {
  const schedule = fixedRounds(variantIds, rounds);
  return {
    ...schedule,
    next: (round, seen) => {
      const planned = schedule.next(round, seen);
      return planned && { ...planned, together: [] };
    },
  };
}

/**
 * Returns the launches of variants alone in a round: even rounds forwards, odd ones backwards
 * (ABBA), so that in every pair of rounds each variant has the same mean position and a linear
 * drift cancels.
 *
 * @example
 * ```ts
 * launchesAlone(["a", "b"], 1).map((launch) => launch.variantId); // ["b", "a"]
 * ```
 */
export function launchesAlone(variantIds: readonly string[], round: number): PlannedLaunch[] {
  const order = round % 2 === 0 ? variantIds : variantIds.toReversed();
  return order.map((variantId, position) => ({ variantId, round, position }));
}
