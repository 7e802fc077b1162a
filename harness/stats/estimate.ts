/**
 * The one estimator: values of launches → one location for each contestant and one ratio for each
 * pair, which agree with each other: the quotient of two locations is the ratio.
 *
 * A ratio is told by what both contestants met alike (a launch in which they took turns, a round),
 * a location by all launches of its own. Told apart, the two would contradict each other: luck that
 * a ratio takes out stays in the locations. So the differences of all pairs are made consistent by
 * least squares, and only the level of all is taken from the launches.
 *
 * Sources: Hodges and Lehmann, "Estimates of Location Based on Rank Tests" (1963); Lehmann,
 * "Asymptotically Nonparametric Inference in Some Linear Models with One Observation per Cell"
 * (1964), for the adjustment.
 *
 * @module
 */
import { CONFIDENCE_LEVEL, type Interval, robustInterval } from "./interval.ts";

/** A metric of several launches, in its unit. */
export interface MetricEstimate {
  value: number;
  /** Bounds of the 95% interval over launches; null when there is none. */
  low: number | null;
  high: number | null;
}

/** What two contestants share that makes their values a pair: a round, a launch by turns. */
export type Unit = number | string;

/** Values of one contestant, in one unit and above zero. */
export interface Contestant {
  id: string;
  /** Of launches in which it ran alone: they give its level. */
  solo: ReadonlyMap<Unit, number>;
  /**
   * Of launches in which it took turns with others: where a pair has such, they alone give the
   * ratio. Empty without any.
   */
  turns: ReadonlyMap<Unit, number>;
}

/** How an interval is taken of independent values; the estimate lies within its bounds. */
export type IntervalOf = (values: readonly number[], level: number) => Interval;

/** The locations and ratios of contestants. */
export interface Estimates {
  /** Location with its 95 % interval, in order of the contestants; those without a value lack. */
  locations: ReadonlyMap<string, MetricEstimate>;
  /**
   * Returns location of `base` over location of `other`, above 1 where `other` is less, with the
   * interval at the level (two-sided, default 95 %); null when nothing links the two. Bounds are
   * null when they share too few launches for an interval.
   */
  ratio(base: string, other: string, level?: number): MetricEstimate | null;
}

/** How much more a ratio by turns weighs than one by rounds where both bear on a contrast. */
const TURNS_WEIGHT = 1e6;

/**
 * Returns the locations and ratios of the contestants.
 *
 * `intervalOf` takes the intervals of ratios. Throws `RangeError` when a value is not above zero.
 *
 * @example
 * ```ts
 * const of = (id: string, values: number[]) => ({
 *   id,
 *   solo: new Map(values.entries()),
 *   turns: new Map(),
 * });
 * const { ratio } = estimateTogether([of("a", [4, 8]), of("b", [2, 4])]);
 * ratio("a", "b"); // { value: 2, low: 2, high: 2 }
 * ```
 */
export function estimateTogether(
  contestants: readonly Contestant[],
  intervalOf: IntervalOf = robustInterval,
): Estimates {
  const logs = contestants.map(inLogs).filter(({ solo, turns }) => solo.size + turns.size > 0);
  const levels = logs.map(({ solo, turns }) =>
    // their number does not follow from their values, whoever decides how many pairs there are
    robustInterval([...(solo.size > 0 ? solo : turns).values()], CONFIDENCE_LEVEL)
  );
  const contrasts = logs.flatMap((first, i) =>
    logs.slice(i + 1).flatMap((second, k) => {
      const { values, isByTurns } = sharedDifferences(first, second);
      if (values.length === 0) return [];
      const { estimate } = intervalOf(values, CONFIDENCE_LEVEL);
      const weight = values.length * (isByTurns ? TURNS_WEIGHT : 1);
      return [{ first: i, second: i + 1 + k, difference: estimate, weight }];
    })
  );
  const linked = linkedGroups(logs.length, contrasts);
  const located = consistent(levels.map(({ estimate }) => estimate), contrasts, linked);
  const index = new Map(logs.map(({ id }, i) => [id, i]));
  return {
    locations: new Map(
      logs.map(({ id }, i) => [id, inUnits(movedTo(levels[i], located[i]))]),
    ),
    ratio(base, other, level = CONFIDENCE_LEVEL) {
      const [i, j] = [index.get(base), index.get(other)];
      if (i === undefined || j === undefined || linked[i] !== linked[j]) return null;
      if (i === j) return { value: 1, low: 1, high: 1 };
      const values = differences(logs, i, j);
      const found = values.length === 0
        ? { estimate: 0, low: null, high: null }
        : intervalOf(values, level);
      return inUnits(movedTo(found, located[i] - located[j]));
    },
  };
}

function inLogs({ id, solo, turns }: Contestant): Contestant {
  const log = (values: ReadonlyMap<Unit, number>) =>
    new Map(
      [...values].map(([unit, value]) => {
        if (!(value > 0 && value < Infinity)) {
          throw new RangeError(
            `Cannot take the ratio of "${id}": found ${value} in launch ${unit}, expected a number above zero`,
          );
        }
        return [unit, Math.log(value)];
      }),
    );
  return { id, solo: log(solo), turns: log(turns) };
}

/** First less second in each launch by turns that both have; without any in each round. */
function sharedDifferences(
  first: Contestant,
  second: Contestant,
): { values: number[]; isByTurns: boolean } {
  for (const kind of ["turns", "solo"] as const) {
    const values = [...first[kind]].flatMap(([unit, value]) => {
      const other = second[kind].get(unit);
      return other === undefined ? [] : [value - other];
    });
    if (values.length > 0) return { values, isByTurns: kind === "turns" };
  }
  return { values: [], isByTurns: false };
}

/**
 * The differences of a pair. Two that share no launch by turns, but each share some with a third,
 * are compared through it: their launches are independent, so that any order pairs them.
 */
function differences(contestants: readonly Contestant[], i: number, j: number): number[] {
  const direct = sharedDifferences(contestants[i], contestants[j]);
  if (direct.isByTurns) return direct.values;
  for (const [k, third] of contestants.entries()) {
    if (k === i || k === j) continue;
    const there = sharedDifferences(contestants[i], third);
    const back = sharedDifferences(third, contestants[j]);
    if (!there.isByTurns || !back.isByTurns) continue;
    const count = Math.min(there.values.length, back.values.length);
    return there.values.slice(0, count).map((value, at) => value + back.values[at]);
  }
  return direct.values;
}

interface Contrast {
  first: number;
  second: number;
  difference: number;
  weight: number;
}

/** The number of each contestant's group: contestants are linked when contrasts lead to them. */
function linkedGroups(count: number, contrasts: readonly Contrast[]): number[] {
  const groups = Array.from({ length: count }, (_, i) => i);
  for (const { first, second } of contrasts) {
    const [kept, gone] = [groups[first], groups[second]];
    if (kept === gone) continue;
    for (let i = 0; i < count; i++) if (groups[i] === gone) groups[i] = kept;
  }
  return groups;
}

/**
 * Locations whose differences are nearest to the contrasts (weighted least squares), and whose mean
 * over a linked group is that of its levels.
 */
function consistent(
  levels: readonly number[],
  contrasts: readonly Contrast[],
  groups: readonly number[],
): number[] {
  const located = [...levels];
  for (const group of new Set(groups)) {
    const members = groups.flatMap((own, i) => own === group ? [i] : []);
    if (members.length === 1) continue;
    const place = new Map(members.map((member, i) => [member, i]));
    const matrix = members.map(() => new Array<number>(members.length + 1).fill(0));
    for (const { first, second, difference, weight } of contrasts) {
      const [i, j] = [place.get(first), place.get(second)];
      if (i === undefined || j === undefined) continue;
      matrix[i][i] += weight;
      matrix[j][j] += weight;
      matrix[i][j] -= weight;
      matrix[j][i] -= weight;
      matrix[i][members.length] += weight * difference;
      matrix[j][members.length] -= weight * difference;
    }
    // only differences are known: the first stands at 0 until the level is set
    const rest = matrix.slice(1).map((row) => row.slice(1));
    const relative = [0, ...solve(rest)];
    const mean = (values: readonly number[]) =>
      values.reduce((sum, value) => sum + value / values.length, 0);
    const shift = mean(members.map((member) => levels[member])) - mean(relative);
    for (const [i, member] of members.entries()) located[member] = relative[i] + shift;
  }
  return located;
}

/** Solves linear equations: rows of a positive definite matrix, each with its right side last. */
function solve(rows: number[][]): number[] {
  const count = rows.length;
  for (let at = 0; at < count; at++) {
    for (let row = at + 1; row < count; row++) {
      const factor = rows[row][at] / rows[at][at];
      if (factor === 0) continue;
      for (let column = at; column <= count; column++) {
        rows[row][column] -= factor * rows[at][column];
      }
    }
  }
  const solution = new Array<number>(count).fill(0);
  for (let at = count - 1; at >= 0; at--) {
    let rest = rows[at][count];
    for (let column = at + 1; column < count; column++) rest -= rows[at][column] * solution[column];
    solution[at] = rest / rows[at][at];
  }
  return solution;
}

function movedTo({ estimate, low, high }: Interval, location: number): Interval {
  const shift = location - estimate;
  return {
    estimate: location,
    low: low === null ? null : low + shift,
    high: high === null ? null : high + shift,
  };
}

function inUnits({ estimate, low, high }: Interval): MetricEstimate {
  return {
    value: Math.exp(estimate),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}
