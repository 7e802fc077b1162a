/**
 * Launches by turns → what is known of each pair of contestants, however often somebody looks
 * (pure). A round gives one value a pair, the log of one's time over the other's; launches are the
 * independent unit.
 *
 * @module
 */
import type { AnyLaunch, LaunchRecord, RunRecord, TurnsRecord } from "../record/records.ts";
import { anytimeInterval } from "./always_valid.ts";
import type { IntervalOf } from "./estimate.ts";
import { DEFAULT_RATES, evidenceOptions, FEWEST_ROUNDS } from "./experiment.ts";
import { metricOfLaunch } from "./round.ts";

/** Launches of one device. */
export interface PairedLaunches {
  launches: readonly LaunchRecord[];
  turns: readonly TurnsRecord[];
}

/** Settings of the evidence where nothing is known of the device: no effect is looked for. */
const SEQUENTIAL = evidenceOptions({ threshold: 1.01, ...DEFAULT_RATES, calibratedSd: null });

/** When pairs are decided. */
export interface PairRules {
  /** Times that differ by no more than this share count as equal: 0.01 for 1%. */
  margin: number;
  /** Chance of one wrong decision or more, over all pairs and all looks. */
  errorRate: number;
}

/** What is known of two contestants. */
export interface PairState {
  one: string;
  other: string;
  /** Rounds in which both ran. */
  count: number;
  /** Time of the one over that of the other; null when they share no round. */
  ratio: number | null;
  /** Bounds of the ratio that hold at every look, over all pairs together; null while unknown. */
  low: number | null;
  high: number | null;
  /** `apart`: one is faster, and it is known which. `equal`: within the margin. */
  verdict: "apart" | "equal" | "open";
}

/**
 * Returns the location of values with bounds that hold although the values decided how many there
 * are: for the ratios of a run that went on until its order was known.
 */
export const sequentialInterval: IntervalOf = (values, level) => {
  const { estimate, low, high } = anytimeInterval(values, (1 - level) / 2, SEQUENTIAL);
  return { estimate, low, high };
};

/**
 * Returns how intervals of a run's ratios are taken: undefined, as usual, where the number of
 * rounds was asked for.
 */
export function ratioIntervalOf({ options }: Pick<RunRecord, "options">): IntervalOf | undefined {
  return options.rounds === null ? sequentialInterval : undefined;
}

/** Log of the median time of each contestant, by launch and round. */
type LogTimes = Map<number, Map<string, Map<string, number>>>;

/**
 * Returns the log of the time of `one` over that of `other` for each round that tells it, in order:
 * within a launch that they shared; else by two launches that each shared with `base`; where they
 * never took turns, by their launches alone in the same round.
 *
 * A launch that is too short for the clock tells nothing.
 */
export function pairLogRatios(
  { launches, turns }: PairedLaunches,
  one: string,
  other: string,
  base: string,
): number[] {
  const byTurns = logRatios(logTimes(turns), one, other, base);
  return byTurns.length > 0 ? byTurns : logRatios(logTimes(launches), one, other, base);
}

function logTimes(launches: readonly AnyLaunch[]): LogTimes {
  const times: LogTimes = new Map();
  for (const launch of launches) {
    const time = metricOfLaunch(launch, "total.p50");
    if (time === null) continue;
    const rounds = times.get(launch.round) ?? new Map<string, Map<string, number>>();
    times.set(launch.round, rounds);
    // launches alone pair by round
    const name = launch.kind === "turns" ? launch.turns.launch : "";
    rounds.set(name, (rounds.get(name) ?? new Map()).set(launch.variantId, Math.log(time)));
  }
  return times;
}

function logRatios(times: LogTimes, one: string, other: string, base: string): number[] {
  return [...times.entries()].sort(([a], [b]) => a - b).flatMap(([, launches]) => {
    const between = (a: string, b: string): number | undefined => {
      for (const own of launches.values()) {
        const [first, second] = [own.get(a), own.get(b)];
        if (first !== undefined && second !== undefined) return first - second;
      }
    };
    const direct = between(one, other);
    if (direct !== undefined) return [direct];
    const [there, back] = [between(one, base), between(base, other)];
    return there === undefined || back === undefined ? [] : [there + back];
  });
}

/**
 * Returns the state of each pair that matters: every contestant and the base, the one that looks
 * fastest and every other.
 *
 * The bounds of all pairs hold together, at every look, with 1 − `errorRate`: whichever looks
 * fastest, it is one of all pairs that the rate is shared by. No pair is decided before the sixth
 * round, as in the gate.
 */
export function pairStates(
  seen: PairedLaunches,
  ids: readonly string[],
  base: string,
  rules: PairRules,
): PairState[] {
  const pairCount = ids.length * (ids.length - 1) / 2;
  const state = (one: string, other: string) =>
    pairState(one, other, pairLogRatios(seen, one, other, base), rules, pairCount);
  const toBase = ids.filter((id) => id !== base).map((id) => state(id, base));
  const [first] = toBase.filter(({ ratio }) => ratio !== null)
    .sort((a, b) => a.ratio! - b.ratio!);
  // the base itself leads
  if (first === undefined || first.ratio! >= 1) return toBase;
  const leader = first.one;
  const others = ids.filter((id) => id !== leader && id !== base);
  return [...toBase, ...others.map((id) => state(leader, id))];
}

function pairState(
  one: string,
  other: string,
  values: readonly number[],
  { margin, errorRate }: PairRules,
  pairCount: number,
): PairState {
  const count = values.length;
  if (count === 0) {
    return { one, other, count, ratio: null, low: null, high: null, verdict: "open" };
  }
  const { estimate, low, high } = anytimeInterval(values, errorRate / pairCount / 2, SEQUENTIAL);
  const limit = Math.log(1 + margin);
  const isKnown = count >= FEWEST_ROUNDS && low !== null && high !== null;
  const verdict = !isKnown
    ? "open"
    : low > 0 || high < 0
    ? "apart"
    : low >= -limit && high <= limit
    ? "equal"
    : "open";
  return {
    ...{ one, other, count, verdict },
    ratio: Math.exp(estimate),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}
