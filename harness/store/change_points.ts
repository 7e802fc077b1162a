/**
 * Change points in a history: when did a figure change for good, and which commit was it?
 *
 * Method: E-divisive (Matteson and James, "A Nonparametric Approach for Multiple Change Point
 * Analysis of Multivariate Data", 2014) on the log values, in the form that performance histories
 * use it: energy distance with exponent 1, binary splitting, and a permutation test at each split
 * (Daly, Brown, Ingo, O'Leary and Bradford, "The Use of Change Point Detection to Identify Software
 * Performance Regressions in a Continuous Integration System", 2020; Apache Otava descends from
 * it). It assumes no distribution, only that values between two changes are exchangeable.
 *
 * @module
 */
import { median } from "../stats/quantile.ts";
import { type Rng, seededRng } from "../stats/rng.ts";

/** Fewest values on each side of a change. */
const FEWEST_PER_SEGMENT = 3;
/** Permutations of the test at each split. */
const PERMUTATIONS = 399;
/** A split counts when its p-value is at most this. */
const SIGNIFICANCE = 0.01;

/** A lasting change. */
export interface ChangePoint {
  /** Index of the first value after the change. */
  index: number;
  /** Median before and after, up to the neighbouring changes, in the unit of the values. */
  before: number;
  after: number;
  /** After over before: above 1 is slower for a time. */
  ratio: number;
  /** p-value of the permutation test. */
  pValue: number;
}

/**
 * Returns the change points of a series of values above zero, by index; none for fewer than 6
 * values. The same input gives the same answer.
 *
 * Throws `RangeError` when a value is not above zero.
 */
export function changePoints(values: readonly number[], seed = 1): ChangePoint[] {
  values.forEach((value, index) => {
    if (!(value > 0 && value < Infinity)) {
      throw new RangeError(
        `Cannot look for changes: value ${index} is ${value}, expected a number above zero`,
      );
    }
  });
  const found: { index: number; pValue: number }[] = [];
  split(values.map(Math.log), 0, seededRng(seed), found);
  found.sort((a, b) => a.index - b.index);
  return found.map(({ index, pValue }, i) => {
    const before = median(values.slice(found[i - 1]?.index ?? 0, index));
    const after = median(values.slice(index, found[i + 1]?.index ?? values.length));
    return { index, before, after, ratio: after / before, pValue };
  });
}

/**
 * Returns the first change that made the figure larger by at least `smallestRatio`; null when there
 * is none.
 */
export function firstSlower(
  changes: readonly ChangePoint[],
  smallestRatio = 1,
): ChangePoint | null {
  return changes.find((change) => change.ratio > 1 && change.ratio >= smallestRatio) ?? null;
}

function split(
  logs: readonly number[],
  offset: number,
  rng: Rng,
  found: { index: number; pValue: number }[],
): void {
  if (logs.length < 2 * FEWEST_PER_SEGMENT) return;
  const best = bestSplit(logs);
  if (best.distance <= 0) return;
  let atLeast = 1;
  const shuffled = [...logs];
  const allowed = SIGNIFICANCE * (PERMUTATIONS + 1);
  for (let i = 0; i < PERMUTATIONS && atLeast <= allowed; i++) {
    shuffle(shuffled, rng);
    if (bestSplit(shuffled).distance >= best.distance - 1e-12) atLeast++;
  }
  if (atLeast > allowed) return;
  found.push({ index: offset + best.index, pValue: atLeast / (PERMUTATIONS + 1) });
  split(logs.slice(0, best.index), offset, rng, found);
  split(logs.slice(best.index), offset + best.index, rng, found);
}

/**
 * The split with the largest scaled energy distance; sums are updated as one value after the other
 * changes sides.
 */
function bestSplit(logs: readonly number[]): { index: number; distance: number } {
  const count = logs.length;
  let left = 0, between = 0, right = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) right += Math.abs(logs[i] - logs[j]);
  }
  let best = { index: 0, distance: 0 };
  for (let moved = 0; moved < count - FEWEST_PER_SEGMENT; moved++) {
    let toLeft = 0, toRight = 0;
    for (let i = 0; i < moved; i++) toLeft += Math.abs(logs[moved] - logs[i]);
    for (let i = moved + 1; i < count; i++) toRight += Math.abs(logs[moved] - logs[i]);
    left += toLeft;
    right -= toRight;
    between += toRight - toLeft;
    const n = moved + 1;
    const m = count - n;
    if (n < FEWEST_PER_SEGMENT) continue;
    const energy = 2 * between / (n * m) - 2 * left / (n * (n - 1)) - 2 * right / (m * (m - 1));
    const distance = n * m / (n + m) * energy;
    if (distance > best.distance) best = { index: n, distance };
  }
  return best;
}

function shuffle(values: number[], rng: Rng): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
}
