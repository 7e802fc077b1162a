/**
 * The effect of a variant: the ratio of per-round medians, on the log scale, paired by round.
 *
 * @module
 */
import { robustInterval } from "./interval.ts";

/** A speed-up with its confidence interval. */
export interface Ratio {
  /**
   * Time of the base over time of the variant: 1.42 means that the variant is 1.42 times as fast as
   * the base.
   */
  value: number;
  /** Lower bound; null when the rounds are too few for an interval. */
  low: number | null;
  /** Upper bound; null when the rounds are too few for an interval. */
  high: number | null;
  /** Id of the base variant. */
  base: string;
}

/**
 * Returns the log of base over variant for every round that has both, in order of the rounds.
 *
 * Input: time per round of each, in one unit. Throws `RangeError` when a time is not above zero.
 */
export function pairedLogRatios(
  baseByRound: ReadonlyMap<number, number>,
  variantByRound: ReadonlyMap<number, number>,
): number[] {
  const rounds = [...variantByRound.keys()].filter((round) => baseByRound.has(round));
  return rounds.sort((a, b) => a - b).map((round) => {
    const base = baseByRound.get(round)!;
    const variant = variantByRound.get(round)!;
    if (!(base > 0 && variant > 0)) {
      throw new RangeError(
        `Cannot take the ratio of round ${round}: found times ${base} and ${variant}, expected both above zero`,
      );
    }
    return Math.log(base / variant);
  });
}

/**
 * Returns the speed-up of a variant over the base from times per round, paired by round; null when
 * no round has both.
 *
 * The estimate is the Hodges–Lehmann location of the paired log ratios, the interval that of the
 * signed-rank test (Student's t below six rounds), 95%, and both are taken back from the log scale.
 * Pairing by round takes out drift and heat that hit both alike; the alternating order (ABBA) takes
 * out what the place in the round does.
 */
export function pairedRatio(
  baseId: string,
  baseByRound: ReadonlyMap<number, number>,
  variantByRound: ReadonlyMap<number, number>,
): Ratio | null {
  const logs = pairedLogRatios(baseByRound, variantByRound);
  if (logs.length === 0) return null;
  const interval = robustInterval(logs);
  return {
    value: Math.exp(interval.estimate),
    low: interval.low === null ? null : Math.exp(interval.low),
    high: interval.high === null ? null : Math.exp(interval.high),
    base: baseId,
  };
}
