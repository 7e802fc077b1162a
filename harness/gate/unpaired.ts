/**
 * Rounds of two sessions that can't be paired → a ratio with its interval: what one session had and
 * the other had not is part of the difference, so the interval is widened by what sessions are
 * known to differ.
 *
 * @module
 */
import { studentTQuantile } from "../stats/distribution.ts";
import { median } from "../stats/quantile.ts";
import type { SessionSpread } from "../stats/sessions.ts";

/**
 * What is assumed when nothing is known of the sessions: 2%, what unrooted phones commonly show
 * between days.
 */
export const ASSUMED_SESSIONS: SessionSpread = { sd: 0.02, freedom: 1e6 };

/** Fewest rounds per side. */
export const FEWEST_UNPAIRED_ROUNDS = 3;

/**
 * Variance of the median over that of the mean: asymptotic for normal noise; with heavier tails it
 * is smaller.
 */
const MEDIAN_VARIANCE = Math.PI / 2;

/** An unpaired ratio with its widened interval. */
export interface UnpairedRatio {
  ratio: number;
  low: number;
  high: number;
}

/**
 * Returns candidate over baseline from per-round values, with an interval at the error rates given
 * on each side; null for fewer than 3 rounds on a side.
 *
 * Medians on the log scale; Welch's interval (Welch 1947) with the medians' variances in place of
 * the means', and the reach of two sessions added to it in square, each with its own degrees of
 * freedom.
 */
export function unpairedRatio(
  baseline: readonly number[],
  candidate: readonly number[],
  sessions: SessionSpread,
  rates: { low: number; high: number },
): UnpairedRatio | null {
  if (baseline.length < FEWEST_UNPAIRED_ROUNDS || candidate.length < FEWEST_UNPAIRED_ROUNDS) {
    return null;
  }
  const sides = [baseline, candidate].map((values) => {
    const logs = values.map((value) => Math.log(value));
    const center = median(logs);
    const squares = logs.reduce((sum, log) => sum + (log - center) ** 2, 0);
    const variance = MEDIAN_VARIANCE * squares / (logs.length - 1) / logs.length;
    return { center, count: logs.length, variance };
  });
  const within = sides[0].variance + sides[1].variance;
  const freedom = within === 0 ? 1 : within ** 2 /
    sides.reduce((sum, side) => sum + side.variance ** 2 / (side.count - 1), 0);
  const effect = sides[1].center - sides[0].center;
  const reach = (rate: number) =>
    Math.hypot(
      studentTQuantile(1 - rate, Math.max(1, freedom)) * Math.sqrt(within),
      studentTQuantile(1 - rate, sessions.freedom) * Math.SQRT2 * sessions.sd,
    );
  return {
    ratio: Math.exp(effect),
    low: Math.exp(effect - reach(rates.low)),
    high: Math.exp(effect + reach(rates.high)),
  };
}
