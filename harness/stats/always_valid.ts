/**
 * Evidence about a mean that stays valid although it is looked at after every block: the
 * anytime-valid t-test.
 *
 * The e-value is a Bayes factor of Student's t-test that does not depend on the unknown scale:
 * under the null hypothesis the effect is not on the tested side, under the alternative the effect
 * in standard deviations has a half-normal prior, and both carry the right Haar prior on the scale.
 * It is an e-process: under the null the chance that it ever reaches 1/α, at whatever time we stop,
 * is at most α (Ville's inequality). Exact for independent normal values; for symmetric values with
 * heavier tails the t statistic is conservative (Efron 1969), and what outliers do to the power is
 * bounded by pulling them in.
 *
 * Sources: Lai, "On Confidence Sequences" (1976); Pérez-Ortiz, Lardy, de Heide and Grünwald,
 * "E-statistics, group invariance and anytime-valid testing" (2022), section 4; Wang and Ramdas,
 * "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance" (2023),
 * section 4; Efron, "Student's t-test under symmetry conditions" (1969).
 *
 * @module
 */
import { studentTCdf } from "./distribution.ts";

/** The side of the tested value on which the mean is to be shown to lie. */
export type Side = "above" | "below";

/** Settings of the evidence that are fixed before the first value is seen. */
export interface EvidenceOptions {
  /**
   * Standard deviation of the effect's prior, in standard deviations of the values. Any fixed
   * number is valid; the power is best near the effect that matters.
   */
  priorEffect: number;
  /**
   * Effects that the alternative holds by themselves, in standard deviations, above 0, each with
   * its share of the prior; the half-normal prior has the rest. Shares add up to less than 1. The
   * power is best at these effects: with one share near 1 the evidence is that of Wald's test.
   */
  effects?: readonly { effect: number; share: number }[];
  /**
   * Smallest standard deviation that is believed, in the unit of the values: guards against values
   * that agree by luck or by a coarse clock.
   */
  smallestSd: number;
  /**
   * Values further from the tested mean than this many robust standard deviations are pulled in to
   * it; Infinity leaves them.
   */
  clipSds: number;
}

/**
 * Returns the natural logarithm of the e-value for "the mean lies on `side` of `mean`".
 *
 * 0 for no or one value. Throws `RangeError` when a value is not finite.
 */
export function logEvidence(
  values: readonly number[],
  mean: number,
  side: Side,
  options: EvidenceOptions,
): number {
  const sign = side === "above" ? 1 : -1;
  const residuals = clippedResiduals(values, mean, options);
  const { average, squares } = moments(residuals);
  if (!Number.isFinite(average)) {
    throw new RangeError("Cannot weigh evidence: found a value that is not a finite number");
  }
  return logEvidenceOfMoments(values.length, sign * average, squares, options);
}

/**
 * Returns the natural logarithm of the e-value for "the mean is above 0" from the moments of
 * `count` values: their average and the sum of squares about it.
 */
export function logEvidenceOfMoments(
  count: number,
  average: number,
  squares: number,
  { priorEffect, smallestSd, effects = [] }: EvidenceOptions,
): number {
  if (count < 2) return 0;
  const believed = Math.max(squares, (count - 1) * smallestSd ** 2);
  const signal = count * average * average;
  const shrink = 1 + count * priorEffect ** 2;
  const rest = believed + signal / shrink;
  const twoSided = 0.5 * (count * Math.log((believed + signal) / rest) - Math.log(shrink));
  // under the two-sided prior the mean's posterior is Student's t with `count` degrees of freedom
  const location = average * (shrink - 1) / shrink;
  const scale = Math.sqrt(rest * (shrink - 1) / shrink) / count;
  const spread = twoSided + Math.log(2 * Math.max(studentTCdf(location / scale, count), 1e-300));
  if (effects.length === 0) return spread;
  const direction = count * average / Math.sqrt(believed + signal);
  const shares = effects.reduce((sum, { share }) => sum + share, 0);
  return logSum([
    Math.log(1 - shares) + spread,
    ...effects.map(({ effect, share }) =>
      Math.log(share) + logFactorOfEffect(count, direction, effect)
    ),
  ]);
}

/** Points of the quadrature: to each side of the largest value, and how far apart, in widths. */
const QUADRATURE_POINTS = 24;
const QUADRATURE_STEP = 0.3;

/**
 * Returns the logarithm of the Bayes factor of one effect against none, the right Haar prior on the
 * scale: the likelihood ratio of the non-central t statistic.
 *
 * @param direction Sum of the values over the root of their sum of squares: from −√count to √count.
 */
function logFactorOfEffect(count: number, direction: number, effect: number): number {
  return logScaleIntegral(count, effect * direction) - logScaleIntegral(count, 0) -
    count * effect ** 2 / 2;
}

/** Logarithm of the integral of u^(count−1) · exp(−u²/2 + tilt·u) over u > 0. */
function logScaleIntegral(count: number, tilt: number): number {
  const power = count - 1;
  const mode = (tilt + Math.sqrt(tilt ** 2 + 4 * power)) / 2;
  const width = 1 / Math.sqrt(1 + power / mode ** 2);
  const logDensity = (u: number) => power * Math.log(u) - u ** 2 / 2 + tilt * u;
  const logs: number[] = [];
  for (let i = -QUADRATURE_POINTS; i <= QUADRATURE_POINTS; i++) {
    const u = mode + i * QUADRATURE_STEP * width;
    if (u > 0) logs.push(logDensity(u));
  }
  return logSum(logs) + Math.log(QUADRATURE_STEP * width);
}

/** Logarithm of the sum of what the logarithms stand for. */
function logSum(logs: readonly number[]): number {
  const largest = Math.max(...logs);
  let sum = 0;
  for (const each of logs) sum += Math.exp(each - largest);
  return largest + Math.log(sum);
}

/** Mean and bounds of a confidence sequence, in the unit of the values. */
export interface AnytimeInterval {
  /** Location with outliers pulled in. */
  estimate: number;
  /** Null while the values are too few for a bound. */
  low: number | null;
  /** Null while the values are too few for a bound. */
  high: number | null;
}

/**
 * Returns the location of the values and bounds that hold at every look: the chance that the lower
 * bound ever exceeds the true mean is at most `alpha`, and so for the upper one.
 *
 * Found by inverting {@linkcode logEvidence}. Throws `RangeError` on no or non-finite values.
 */
export function anytimeInterval(
  values: readonly number[],
  alpha: number,
  options: EvidenceOptions,
): AnytimeInterval {
  if (values.length === 0) throw new RangeError("Cannot bound the mean of no values");
  if (!values.every(Number.isFinite)) {
    throw new RangeError("Cannot bound the mean: found a value that is not a finite number");
  }
  const estimate = locationOf(values, options);
  const needed = -Math.log(alpha);
  const bound = (side: Side): number | null => {
    const direction = side === "above" ? -1 : 1;
    const decided = (distance: number) =>
      logEvidence(values, estimate + direction * distance, side, options) >= needed;
    let far = options.smallestSd;
    // small steps: with outliers the evidence need not grow all the way
    for (let steps = 0; !decided(far); steps++) {
      if (steps > MOST_STEPS) return null;
      far *= STEP;
    }
    let near = far / STEP;
    if (decided(near)) near = 0;
    for (let i = 0; i < 50 && near < far; i++) {
      const middle = (near + far) / 2;
      if (middle === near || middle === far) break;
      if (decided(middle)) far = middle;
      else near = middle;
    }
    return estimate + direction * far;
  };
  return { estimate, low: bound("above"), high: bound("below") };
}

/**
 * Factor and number of the steps in which a bound is looked for: from the smallest deviation to
 * 10¹³ of it.
 */
const STEP = 1.3;
const MOST_STEPS = 120;

/** Returns the point about which the clipped differences add up to nothing. */
export function locationOf(values: readonly number[], options: EvidenceOptions): number {
  let low = Math.min(...values);
  let high = Math.max(...values);
  for (let i = 0; i < 60 && low < high; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (moments(clippedResiduals(values, middle, options)).average > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Robust standard deviations of a normal distribution in one median absolute deviation. */
const SDS_PER_MAD = 1.4826;

/**
 * Differences from the tested mean, outliers pulled in. The limit depends on the sizes of the
 * differences only, not on their signs, so that values which are symmetric about the tested mean
 * stay so.
 */
function clippedResiduals(
  values: readonly number[],
  mean: number,
  { clipSds, smallestSd }: EvidenceOptions,
): number[] {
  const residuals = values.map((value) => value - mean);
  if (clipSds === Infinity) return residuals;
  const sizes = residuals.map(Math.abs).sort((a, b) => a - b);
  const middle = sizes.length >> 1;
  const typical = sizes.length % 2 === 1 ? sizes[middle] : (sizes[middle - 1] + sizes[middle]) / 2;
  const limit = clipSds * Math.max(SDS_PER_MAD * typical, smallestSd);
  return residuals.map((residual) => Math.max(-limit, Math.min(limit, residual)));
}

function moments(values: readonly number[]): { average: number; squares: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const average = values.length === 0 ? 0 : sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - average) ** 2;
  return { average, squares };
}
