/**
 * Confidence intervals of a location from a few independent values (rounds or blocks).
 *
 * @module
 */
import { signedRankQuantile, studentTQuantile } from "./distribution.ts";
import { quantileOfSorted, sortedSamples } from "./quantile.ts";

/** An estimate with its confidence interval, in the unit of the values. */
export interface Interval {
  estimate: number;
  /** Lower bound; null when the values are too few for an interval (fewer than two). */
  low: number | null;
  /** Upper bound; null when the values are too few for an interval (fewer than two). */
  high: number | null;
}

/** Confidence level of all intervals that are reported. */
export const CONFIDENCE_LEVEL = 0.95;

/**
 * Returns the fewest values with which the signed-rank interval can reach the level: 6 for 95%,
 * since 2·2⁻⁶ = 3.1%.
 */
export function fewestForSignedRank(level: number): number {
  return Math.ceil(1 - Math.log2(1 - level));
}

/**
 * Returns the mean of the values with Student's t interval, at the two-sided level given.
 *
 * Throws `RangeError` on no or non-finite values. Zero spread gives an interval of zero width.
 */
export function studentInterval(values: readonly number[], level = CONFIDENCE_LEVEL): Interval {
  const count = sortedSamples(values).length;
  let mean = 0;
  for (const value of values) mean += value / count;
  if (count < 2) return { estimate: mean, low: null, high: null };
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const half = studentTQuantile((1 + level) / 2, count - 1) *
    Math.sqrt(squares / (count - 1) / count);
  return { estimate: mean, low: mean - half, high: mean + half };
}

/**
 * Returns the location of the values with a confidence interval that outliers don't move: the
 * Hodges–Lehmann estimate (the median of all pairwise averages) with the interval of the
 * signed-rank test.
 *
 * Assumes independent values, symmetric about the location: log ratios of rounds with alternating
 * order are. Below six values the signed-rank interval can't reach 95%, so Student's t interval
 * stands in. One value has an estimate and no interval. Throws `RangeError` on no or non-finite
 * values.
 *
 * Source: Hodges and Lehmann, "Estimates of Location Based on Rank Tests" (1963); Hollander, Wolfe
 * and Chicken, "Nonparametric Statistical Methods", sections 3.2 and 3.3. The bounds are those of
 * R's `wilcox.test(conf.int=TRUE)`.
 *
 * @example
 * ```ts
 * robustInterval([1, 2, 3, 4, 5, 6]); // { estimate: 3.5, low: 1, high: 6 }
 * ```
 */
export function robustInterval(values: readonly number[], level = CONFIDENCE_LEVEL): Interval {
  if (values.length < fewestForSignedRank(level)) return studentInterval(values, level);
  const averages = walshAverages(sortedSamples(values));
  const rank = Math.max(1, signedRankQuantile((1 - level) / 2, values.length));
  return {
    estimate: quantileOfSorted(averages, 0.5),
    low: averages[rank - 1],
    high: averages[averages.length - rank],
  };
}

/** Averages of all pairs, each value with itself included, in ascending order. */
function walshAverages(values: readonly number[]): Float64Array {
  const averages = new Float64Array(values.length * (values.length + 1) / 2);
  let next = 0;
  for (let i = 0; i < values.length; i++) {
    for (let j = i; j < values.length; j++) averages[next++] = (values[i] + values[j]) / 2;
  }
  return averages.sort();
}
