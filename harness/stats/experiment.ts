/**
 * The paired sequential experiment as a pure state: blocks go in, a verdict comes out, and looking
 * after every block costs nothing.
 *
 * A block is ABBA or BAAB: two rounds of both sides in opposite order, so that over a block linear
 * drift and the place in the round cancel. Each of its rounds gives one value, the log of candidate
 * over base; looks are taken at whole blocks only.
 *
 * @module
 */
import {
  anytimeInterval,
  type EvidenceOptions,
  locationOf,
  logEvidence,
  logEvidenceOfMoments,
} from "./always_valid.ts";
import { normalCdf } from "./distribution.ts";
import { median } from "./quantile.ts";

/** Settings of an experiment, fixed before the first block. */
export interface ExperimentOptions {
  /**
   * Candidate over base from which a change for the worse must be found, above 1: 1.05 for 5% more
   * time.
   */
  threshold: number;
  /**
   * Chance of `fail` when candidate and base are the same, over all looks; also that of the
   * reported lower bound.
   */
  falseAlarmRate: number;
  /**
   * Chance of `pass` when the change is as large as the threshold, over all looks; also that of the
   * reported upper bound.
   */
  missRate: number;
  /**
   * Standard deviation of a round's log ratio from the device's calibration; null when it was never
   * calibrated.
   */
  calibratedSd: number | null;
}

/** Rates that a gate promises unless told otherwise. */
export const DEFAULT_RATES = { falseAlarmRate: 0.05, missRate: 0.05 } as const;

/**
 * Fewest rounds before a verdict: six agree in their sign by luck in 1 of 64, whatever the
 * distribution.
 */
export const FEWEST_ROUNDS = 6;

/**
 * Differences are pulled in to this many robust standard deviations: small, so that a throttling
 * step within a block costs little. Chosen by the simulation: with 1 the rates hold for normal,
 * heavy-tailed, contaminated and two-valued noise, and the detectable change is smallest.
 */
const CLIP_SDS = 1;
/**
 * Smallest standard deviation of a round's log ratio that is believed without a calibration: 0.05%.
 */
const SMALLEST_SD = 0.0005;
/** A session may be this much quieter than the calibration, no more is believed. */
const QUIETEST_SHARE = 0.5;
/**
 * Shares of the prior for effects of half the threshold, the threshold and twice it, where a
 * calibration tells how many standard deviations that is; the rest is for effects of any size. A
 * session that is twice as noisy or quiet as the calibration then costs little. Chosen by the
 * simulation: see `harness/simulate/README.md`.
 */
const EFFECT_SHARES = [[0.5, 0.15], [1, 0.55], [2, 0.15]] as const;
/** Largest effect in standard deviations that a share of the prior is made for. */
const LARGEST_EFFECT = 4;
/** Effect in standard deviations that the prior is made for when nothing is known of the device. */
const UNKNOWN_EFFECT = 2;

/** What is known after some blocks. */
export interface ExperimentState {
  readonly options: ExperimentOptions;
  /** Log of candidate over base for each round of each block, in order. */
  readonly blocks: readonly (readonly number[])[];
}

/** A verdict with its evidence. */
export interface Judgement {
  /** `undecided` asks for another block. */
  verdict: "pass" | "fail" | "inconclusive" | "undecided";
  blockCount: number;
  /** Candidate over base: 1.05 is 5% more time. Null before the first block. */
  ratio: number | null;
  /**
   * Lower bound of the ratio, wrong with at most the false alarm rate over all looks; null while
   * unknown.
   */
  low: number | null;
  /**
   * Upper bound of the ratio, wrong with at most the miss rate over all looks; null while unknown.
   */
  high: number | null;
  /**
   * Further blocks that would decide it if the noise and the effect stay as they look; null when
   * decided or not to be had in 1000.
   */
  moreBlocks: number | null;
}

/**
 * Returns the state before the first block.
 *
 * Throws `RangeError` when the threshold is not above 1, a rate is not between 0 and 0.5, or the
 * calibrated deviation is not above 0.
 */
export function newExperiment(options: ExperimentOptions): ExperimentState {
  const { threshold, falseAlarmRate, missRate, calibratedSd } = options;
  if (!(threshold > 1 && threshold < Infinity)) {
    throw new RangeError(`Cannot test for a ratio of ${threshold}: expected a number above 1`);
  }
  for (const rate of [falseAlarmRate, missRate]) {
    if (!(rate > 0 && rate < 0.5)) {
      throw new RangeError(`Cannot keep an error rate of ${rate}: expected one between 0 and 0.5`);
    }
  }
  if (calibratedSd !== null && !(calibratedSd >= 0 && calibratedSd < Infinity)) {
    throw new RangeError(`Cannot use a standard deviation of ${calibratedSd}: expected one from 0`);
  }
  return { options, blocks: [] };
}

/**
 * Returns the state with one more block: the log ratio of each of its rounds. Throws `RangeError`
 * when it has no log ratio, or one that is not a finite number.
 */
export function withBlock(state: ExperimentState, logRatios: readonly number[]): ExperimentState {
  if (logRatios.length === 0 || !logRatios.every(Number.isFinite)) {
    throw new RangeError(
      `Cannot take a block with the log ratios [${logRatios.join(", ")}]: a time is missing`,
    );
  }
  return { options: state.options, blocks: [...state.blocks, logRatios] };
}

/**
 * Returns the decision alone, without interval: what {@linkcode judge} would say.
 *
 * `pass` when a change as large as the threshold is excluded. `fail` when no change is excluded and
 * the estimate is nearer to the threshold than to 1 (on the log scale). A change that is real but
 * smaller than the threshold passes once the upper bound is below the threshold.
 */
export function decide(state: ExperimentState): "pass" | "fail" | "undecided" {
  const { options, blocks } = state;
  const values = blocks.flat();
  if (values.length < FEWEST_ROUNDS) return "undecided";
  const evidence = evidenceOptions(options);
  const limit = Math.log(options.threshold);
  if (logEvidence(values, limit, "below", evidence) >= -Math.log(options.missRate)) return "pass";
  const alarm = logEvidence(values, 0, "above", evidence) >= -Math.log(options.falseAlarmRate) &&
    // the clipped mean lies above a value when the differences from it lean up
    logEvidence(values, limit / 2, "above", evidence) >
      logEvidence(values, limit / 2, "below", evidence);
  return alarm ? "fail" : "undecided";
}

/** Returns the verdict after the blocks so far, `undecided` when another block is wanted. */
export function judge(state: ExperimentState): Judgement {
  const { options, blocks } = state;
  const verdict = decide(state);
  if (blocks.length === 0) {
    return { verdict, blockCount: 0, ratio: null, low: null, high: null, moreBlocks: null };
  }
  const values = blocks.flat();
  const evidence = evidenceOptions(options);
  const lower = anytimeInterval(values, options.falseAlarmRate, evidence);
  const upper = options.missRate === options.falseAlarmRate
    ? lower
    : anytimeInterval(values, options.missRate, evidence);
  return {
    verdict,
    blockCount: blocks.length,
    ratio: Math.exp(lower.estimate),
    low: lower.low === null ? null : Math.exp(lower.low),
    high: upper.high === null ? null : Math.exp(upper.high),
    moreBlocks: verdict === "undecided" ? blocksToDecide(state, lower.estimate) : null,
  };
}

/**
 * Returns the verdict when no further block is to be had: what is undecided becomes `inconclusive`.
 */
export function conclude(state: ExperimentState): Judgement {
  const judgement = judge(state);
  return judgement.verdict === "undecided" ? { ...judgement, verdict: "inconclusive" } : judgement;
}

/** Returns the settings of the evidence that follow from those of the experiment. */
export function evidenceOptions(options: ExperimentOptions): EvidenceOptions {
  const { threshold, calibratedSd } = options;
  const smallestSd = Math.max(SMALLEST_SD, QUIETEST_SHARE * (calibratedSd ?? 0));
  const common = { smallestSd, clipSds: CLIP_SDS };
  if (calibratedSd === null) return { priorEffect: UNKNOWN_EFFECT, ...common };
  const effect = Math.log(threshold) / Math.max(calibratedSd, SMALLEST_SD);
  return {
    priorEffect: Math.min(8, Math.max(1, effect)),
    effects: effect > LARGEST_EFFECT ? [] : EFFECT_SHARES.map(([times, share]) => ({
      effect: times * effect,
      share,
    })),
    ...common,
  };
}

/** Chance of being decided below which it is not worth a further block. */
const FUTILE_CHANCE = 0.05;
/** Chance of being decided at which a number of blocks would do, in standard errors: 90 %. */
const SAFE_SHIFT = 1.2816;
/** Robust standard deviations of a normal distribution in one median absolute deviation. */
const SDS_PER_MAD = 1.4826;
/** Most blocks that are foreseen. */
const MOST_FORESEEN = 100_000;

/**
 * Returns whether an undecided experiment will hardly be decided by so many more blocks: the chance
 * is below 5 % that the mean then lies far enough from the threshold or from no change. It is the
 * largest chance of three truths: no change, the threshold, and the effect that was seen.
 */
export function isFutile(state: ExperimentState, remainingBlocks: number): boolean {
  const values = state.blocks.flat();
  if (values.length < FEWEST_ROUNDS) return false;
  if (remainingBlocks < 1) return true;
  const more = remainingBlocks * values.length / state.blocks.length;
  const count = Math.round(values.length + more);
  const variance = robustVariance(values);
  const estimate = locationOf(values, evidenceOptions(state.options));
  const sd = Math.sqrt(variance * more) / (values.length + more);
  const { pass, fail } = decidingMeans(state.options, count, variance);
  const chances = [0, Math.log(state.options.threshold), estimate].map((truth) => {
    const mean = (values.length * estimate + more * truth) / (values.length + more);
    return normalCdf((pass - mean) / sd) + normalCdf((mean - fail) / sd);
  });
  return Math.max(...chances) < FUTILE_CHANCE;
}

/**
 * Returns how many blocks in all decide it with a chance of 90 % with the spread that it shows,
 * whichever of no change and the threshold is true; null when 100,000 don't.
 */
export function blocksThatWouldDo({ options, blocks }: ExperimentState): number | null {
  const values = blocks.flat();
  const variance = robustVariance(values);
  const limit = Math.log(options.threshold);
  const rounds = values.length / blocks.length;
  const suffices = (count: number) => {
    const { pass, fail } = decidingMeans(options, count, variance);
    const shift = SAFE_SHIFT * Math.sqrt(variance / count);
    return shift <= pass && limit - shift >= fail;
  };
  for (let wanted = blocks.length; wanted <= MOST_FORESEEN; wanted = Math.ceil(wanted * 1.05)) {
    if (suffices(Math.round(wanted * rounds))) return wanted;
  }
  return null;
}

/** Means of `count` values that are decided: `pass` and below, `fail` and above. */
function decidingMeans(
  options: ExperimentOptions,
  count: number,
  variance: number,
): { pass: number; fail: number } {
  const evidence = evidenceOptions(options);
  const limit = Math.log(options.threshold);
  const squares = variance * (count - 1);
  const distance = (errorRate: number) => {
    const decides = (mean: number) =>
      logEvidenceOfMoments(count, mean, squares, evidence) >= -Math.log(errorRate);
    let far = Math.sqrt(variance);
    for (let i = 0; i < 40 && !decides(far); i++) far *= 1.5;
    let near = 0;
    for (let i = 0; i < 30; i++) {
      const middle = (near + far) / 2;
      if (decides(middle)) far = middle;
      else near = middle;
    }
    return far;
  };
  return {
    pass: limit - distance(options.missRate),
    fail: Math.max(distance(options.falseAlarmRate), limit / 2),
  };
}

/** Variance of the values about their median, no larger than their middle half shows. */
function robustVariance(values: readonly number[]): number {
  const middle = median(values);
  const deviations = values.map((value) => Math.abs(value - middle));
  const variance = deviations.reduce((sum, each) => sum + each ** 2, 0) / (values.length - 1);
  const typical = SDS_PER_MAD * median(deviations);
  return typical === 0 ? variance : Math.min(variance, typical ** 2);
}

/** Blocks still needed if the estimate and the spread stay as they are; null beyond 1000. */
function blocksToDecide({ options, blocks }: ExperimentState, estimate: number): number | null {
  const values = blocks.flat();
  if (values.length < 2) return null;
  const evidence = evidenceOptions(options);
  const limit = Math.log(options.threshold);
  const variance = robustVariance(values);
  const rounds = values.length / blocks.length;
  for (let more = 1; more <= 1000; more++) {
    const count = Math.round((blocks.length + more) * rounds);
    if (count < FEWEST_ROUNDS) continue;
    const squares = variance * (count - 1);
    const pass = logEvidenceOfMoments(count, limit - estimate, squares, evidence) >=
      -Math.log(options.missRate);
    const fail = estimate > limit / 2 &&
      logEvidenceOfMoments(count, estimate, squares, evidence) >= -Math.log(options.falseAlarmRate);
    if (pass || fail) return more;
  }
  return null;
}
