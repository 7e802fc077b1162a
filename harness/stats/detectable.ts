/**
 * What a device can resolve: from an A/A run, the smallest change that the experiment finds within
 * a budget.
 *
 * @module
 */
import { decide, type ExperimentOptions, newExperiment, withBlock } from "./experiment.ts";
import { median } from "./quantile.ts";
import { seededRng } from "./rng.ts";

/** Fewest A/A blocks for a calibration: below them the spread itself is unknown. */
export const FEWEST_CALIBRATION_BLOCKS = 8;
/**
 * Share that must be found in the simulation: a margin for what a calibration of some minutes has
 * not seen.
 */
const SIMULATED_POWER = 0.93;
/** Repetitions of the simulated experiment. */
const REPETITIONS = 300;
/** Largest change that is looked for: twice the time. */
const LARGEST_RATIO = 2;
/**
 * Longest experiment that is simulated, blocks: its time grows with the cube of the length. A
 * longer budget resolves a little more than is claimed for it, and none is offered as a way out.
 */
export const LONGEST_SIMULATED_BLOCKS = 200;
/** Size of a disturbance that the calibration did not see, in its largest one. */
const UNSEEN_SIZE = 3;
/** Robust standard deviations of a normal distribution in one median absolute deviation. */
const SDS_PER_MAD = 1.4826;
/** Outliers are pulled in to this many robust standard deviations before the spread is taken. */
const OUTLIER_SDS = 3;

/** Noise of a device at one setting, from the log ratios of A/A blocks. */
export interface DeviceNoise {
  /**
   * Standard deviation of a round's log ratio about 0, outliers pulled in to 3 robust deviations.
   */
  sd: number;
  /** The log ratios of the rounds of each block: what experiments are simulated from. */
  blocks: readonly (readonly number[])[];
}

/**
 * Returns the noise that A/A blocks show. The truth is known to be 0, so the deviation is taken
 * about 0.
 *
 * Throws `RangeError` for fewer than 8 blocks, or a value that is missing or not finite.
 */
export function deviceNoise(blocks: readonly (readonly number[])[]): DeviceNoise {
  const count = blocks.length;
  if (count < FEWEST_CALIBRATION_BLOCKS) {
    throw new RangeError(
      `Cannot calibrate from ${count} blocks: expected at least ${FEWEST_CALIBRATION_BLOCKS}`,
    );
  }
  const logRatios = blocks.flat();
  if (blocks.some((block) => block.length === 0) || !logRatios.every(Number.isFinite)) {
    throw new RangeError("Cannot calibrate: found a log ratio that is not a finite number");
  }
  const limit = OUTLIER_SDS * SDS_PER_MAD * median(logRatios.map(Math.abs));
  const squares = logRatios.reduce((sum, value) => sum + Math.min(limit, Math.abs(value)) ** 2, 0);
  return { sd: Math.sqrt(squares / logRatios.length), blocks };
}

/**
 * Returns how many blocks find a change as large as the threshold with 90% power; null when
 * `mostBlocks` don't.
 *
 * Experiments are simulated from the device's own blocks, drawn whole with a random sign, moved by
 * the change. A few blocks have not seen everything: with the chance that a further block exceeds
 * all n seen (1/(n+1), as for any exchangeable values) a disturbance three times the largest seen
 * is put into one of its rounds.
 */
export function blocksForThreshold(
  noise: DeviceNoise,
  options: Omit<ExperimentOptions, "calibratedSd">,
  mostBlocks: number,
  seed = 1,
): number | null {
  const needed: number[] = [];
  const effect = Math.log(options.threshold);
  const far = UNSEEN_SIZE * Math.max(...noise.blocks.flat().map(Math.abs));
  const rng = seededRng(seed);
  const allowedMisses = Math.floor((1 - SIMULATED_POWER) * REPETITIONS);
  let misses = 0;
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    let state = newExperiment({ ...options, calibratedSd: noise.sd });
    let verdict: ReturnType<typeof decide> = "undecided";
    while (verdict === "undecided" && state.blocks.length < mostBlocks) {
      const block = noise.blocks[rng.integer(noise.blocks.length)];
      const sign = rng.uniform() < 0.5 ? -1 : 1;
      const hit = rng.uniform() < 1 / (noise.blocks.length + 1) ? rng.integer(block.length) : -1;
      state = withBlock(
        state,
        block.map((value, round) => effect + sign * (round === hit ? far : value)),
      );
      verdict = decide(state);
    }
    if (verdict === "fail") needed.push(state.blocks.length);
    else if (++misses > allowedMisses) return null;
  }
  needed.sort((a, b) => a - b);
  return needed[REPETITIONS - allowedMisses - 1];
}

/**
 * Returns the smallest ratio (above 1) that the experiment finds with 90% power within the budget,
 * used as its own threshold; null when not even twice the time is found. Rounded up to three
 * decimals (0.1%).
 */
export function smallestDetectableRatio(
  noise: DeviceNoise,
  rates: Omit<ExperimentOptions, "calibratedSd" | "threshold">,
  budgetBlocks: number,
  seed = 1,
): number | null {
  const mostBlocks = Math.min(budgetBlocks, LONGEST_SIMULATED_BLOCKS);
  const finds = (threshold: number) =>
    blocksForThreshold(noise, { ...rates, threshold }, mostBlocks, seed) !== null;
  if (!finds(LARGEST_RATIO)) return null;
  let below = 0;
  let above = Math.log(LARGEST_RATIO);
  while (Math.exp(above) - Math.exp(below) > 0.0005) {
    const middle = below === 0 ? above / 4 : Math.sqrt(below * above);
    if (middle < 1e-4) break;
    if (finds(Math.exp(middle))) above = middle;
    else below = middle;
  }
  return Math.ceil(Math.exp(above) * 1000 - 1e-9) / 1000;
}
