/**
 * One effect over many phones: a random-effects combination that a sick phone can't turn.
 *
 * @module
 */
import { studentTQuantile } from "../../stats/distribution.ts";
import { median } from "../../stats/quantile.ts";

/** What one phone found. */
export interface PhoneEffect {
  /** Device key in the records. */
  device: string;
  /** What phones must share to stand for each other (see `phoneKind()`). */
  kind: string;
  /** Log of candidate over base: above 0 the candidate is slower. */
  logRatio: number;
  /** Standard error of `logRatio`, above 0. */
  standardError: number;
}

/** An effect over phones. */
export interface CombinedEffect {
  phoneCount: number;
  /** Mean log of candidate over base over the phones that these stand for. */
  logRatio: number;
  /** Standard error of the mean; null for one phone. */
  standardError: number | null;
  /**
   * Bounds of the mean, one-sided at the rates asked for; null for one phone: it says nothing of
   * others.
   */
  low: number | null;
  high: number | null;
  /** Standard deviation of the true effect between phones (τ). */
  betweenPhones: number;
  /**
   * Share of the spread that noise within phones does not explain (I²), 0 to 1; null for one phone.
   */
  unexplainedShare: number | null;
  /** Share of each phone in the mean, in order of the input; they add up to 1. */
  weights: number[];
  /** Phones whose effect lies so far out that it was pulled in, with the effect as it was found. */
  outlying: { device: string; logRatio: number; limit: number }[];
}

/**
 * An effect further from the median than this many of its standard deviations is pulled in to
 * there.
 */
const PULL_IN_SDS = 3;
/**
 * Among fewer phones the median absolute deviation is too rough a measure: simulated, bounds at 5%
 * then miss 8%.
 */
const FEWEST_TO_PULL_IN = 4;
/** Standard deviations of a normal distribution in one median absolute deviation. */
const SDS_PER_MAD = 1.4826;
/** Smallest standard error that is believed: 0.05%. */
const SMALLEST_SE = 0.0005;

/**
 * Returns the combined effect of phones.
 *
 * Phones are a sample of phones: the true effect differs between them with variance τ² (moments
 * estimator of DerSimonian and Laird 1986), and the bounds are those of Hartung and Knapp (2001),
 * Student's t with k−1 degrees of freedom, their variance never below that of the plain estimator
 * (Röver, Knapp and Friede 2015), which keep their level for few phones. Before that, effects
 * further than 3 standard deviations from the median are pulled in to there (Huber 1964; the spread
 * between phones is taken from the median absolute deviation, which half of the phones can't move):
 * a sick phone has a bounded share, and is named in `outlying`. It is not left out. Among fewer
 * than 4 phones nothing is pulled in: the bounds are then wide.
 *
 * `falseAlarmRate` is the chance that `low` is above the truth, `missRate` that `high` is below it.
 * Throws `RangeError` for no phones, or for an effect or standard error that is not finite or not
 * above 0.
 */
export function combineEffects(
  effects: readonly PhoneEffect[],
  rates: { falseAlarmRate: number; missRate: number },
): CombinedEffect {
  const count = effects.length;
  if (count === 0) throw new RangeError("Cannot combine the effects of no phones");
  for (const { device, logRatio, standardError } of effects) {
    if (!Number.isFinite(logRatio) || !(standardError >= 0 && standardError < Infinity)) {
      throw new RangeError(
        `Cannot combine the effect of "${device}": found ${logRatio} ± ${standardError}, expected finite numbers`,
      );
    }
  }
  const variances = effects.map((effect) => Math.max(effect.standardError, SMALLEST_SE) ** 2);
  const { values, outlying } = pullIn(effects, variances);

  const fixed = weighted(values, variances.map((variance) => 1 / variance));
  const q = fixed.squares;
  const spare = fixed.sum - fixed.sumOfSquares / fixed.sum;
  const tau2 = count > 1 && spare > 0 ? Math.max(0, (q - (count - 1)) / spare) : 0;
  const random = weighted(values, variances.map((variance) => 1 / (variance + tau2)));
  const weights = variances.map((variance) => 1 / (variance + tau2) / random.sum);
  if (count === 1) {
    return {
      phoneCount: 1,
      logRatio: random.mean,
      standardError: null,
      low: null,
      high: null,
      betweenPhones: 0,
      unexplainedShare: null,
      weights,
      outlying,
    };
  }
  const inflation = Math.max(1, random.squares / (count - 1));
  const standardError = Math.sqrt(inflation / random.sum);
  const reach = (rate: number) => studentTQuantile(1 - rate, count - 1) * standardError;
  return {
    phoneCount: count,
    logRatio: random.mean,
    standardError,
    low: random.mean - reach(rates.falseAlarmRate),
    high: random.mean + reach(rates.missRate),
    betweenPhones: Math.sqrt(tau2),
    unexplainedShare: q > 0 ? Math.max(0, (q - (count - 1)) / q) : 0,
    weights,
    outlying,
  };
}

/** Effects with those far out pulled in to the limit, and which ones these were. */
function pullIn(
  effects: readonly PhoneEffect[],
  variances: readonly number[],
): { values: number[]; outlying: CombinedEffect["outlying"] } {
  const found = effects.map((effect) => effect.logRatio);
  if (found.length < FEWEST_TO_PULL_IN) return { values: found, outlying: [] };
  const centre = median(found);
  const deviation = median(found.map((value) => Math.abs(value - centre)));
  // The median absolute deviation of few values is too small (Croux and Rousseeuw 1992).
  const sd = SDS_PER_MAD * deviation * found.length / (found.length - 0.8);
  const between = Math.max(0, sd ** 2 - median(variances));
  const outlying: CombinedEffect["outlying"] = [];
  const values = found.map((value, index) => {
    const reach = PULL_IN_SDS * Math.sqrt(variances[index] + between);
    if (Math.abs(value - centre) <= reach) return value;
    const limit = centre + Math.sign(value - centre) * reach;
    outlying.push({ device: effects[index].device, logRatio: value, limit });
    return limit;
  });
  return { values, outlying };
}

/** Weighted mean, weighted squares about it, and the sums of weights and of their squares. */
function weighted(
  values: readonly number[],
  weights: readonly number[],
): { mean: number; squares: number; sum: number; sumOfSquares: number } {
  let sum = 0;
  let sumOfSquares = 0;
  let total = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    sumOfSquares += weight * weight;
    total += weight * values[index];
  }
  const mean = total / sum;
  let squares = 0;
  for (const [index, weight] of weights.entries()) squares += weight * (values[index] - mean) ** 2;
  return { mean, squares, sum, sumOfSquares };
}
