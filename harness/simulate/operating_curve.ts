/**
 * The operating curve of the gate: what it says, and what it costs, over the true slow-down; and
 * its blocks beside Wald's bound.
 *
 * @module
 */
import { DEFAULT_RATES } from "../stats/experiment.ts";
import { seededRng } from "../stats/rng.ts";
import { type NoiseModel, simulatedDevice } from "./noise_model.ts";
import { runSimulatedGate, simulatedBlock, simulatedCalibration } from "./simulated_gate.ts";

/** How much is simulated for a point. */
export interface CurveOptions {
  seed: number;
  /** Gates of a point, each after a calibration of its own. */
  gates: number;
  calibrationBlocks: number;
  iterations: number;
}

/** Shares of gates and their mean cost at one true slow-down. */
export interface CurvePoint {
  /** True candidate over base, less 1. */
  slowDown: number;
  /** Shares of the gates, 0 to 1. */
  pass: number;
  fail: number;
  inconclusive: number;
  /** Mean blocks and device seconds of a gate. */
  blocks: number;
  seconds: number;
}

/** What a point is asked for. */
export interface PointRequest {
  /** Candidate over base that must fail. */
  threshold: number;
  /** True candidate over base, less 1. */
  slowDown: number;
  budgetBlocks: number;
  stopsWhenFutile: boolean;
}

/** Returns a point of the curve; the same for the same seed, whatever other points there are. */
export function curvePoint(
  model: NoiseModel,
  { threshold, slowDown, budgetBlocks, stopsWhenFutile }: PointRequest,
  { seed, gates, calibrationBlocks, iterations }: CurveOptions,
): CurvePoint {
  const rng = seededRng(seed);
  const counts = { pass: 0, fail: 0, inconclusive: 0 };
  let blocks = 0;
  let seconds = 0;
  for (let gate = 0; gate < gates; gate++) {
    const { sd } = simulatedCalibration(model, calibrationBlocks, iterations, rng);
    const outcome = runSimulatedGate(model, {
      truth: 1 + slowDown,
      experiment: { threshold, ...DEFAULT_RATES, calibratedSd: sd },
      budgetBlocks,
      iterations,
      stopsWhenFutile,
    }, rng);
    counts[outcome.verdict]++;
    blocks += outcome.blockCount;
    seconds += outcome.seconds;
  }
  const share = (count: number) => count / gates;
  return {
    slowDown,
    pass: share(counts.pass),
    fail: share(counts.fail),
    inconclusive: share(counts.inconclusive),
    blocks: share(blocks),
    seconds: share(seconds),
  };
}

/** True slow-downs of a curve, in thresholds. */
export const CURVE_SHARES = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;

/** Returns the curve of a gate with a threshold and a budget, from 0 to twice the threshold. */
export function operatingCurve(
  model: NoiseModel,
  request: Omit<PointRequest, "slowDown">,
  options: CurveOptions,
  shares: readonly number[] = CURVE_SHARES,
): CurvePoint[] {
  return shares.map((share) =>
    curvePoint(model, { ...request, slowDown: share * (request.threshold - 1) }, options)
  );
}

/** The gate without a budget beside the bound. */
export interface BoundRow {
  model: string;
  threshold: number;
  /** Standard deviation of a block's mean log ratio. */
  blockSd: number;
  /** Mean blocks that a test of these error rates needs at least, see {@linkcode waldBound}. */
  bound: number;
  /** Mean blocks of the gate where nothing changed, and where the threshold is true. */
  blocksSame: number;
  blocksSlower: number;
  falseAlarms: number;
  misses: number;
  /** Gates that were not decided within {@linkcode MOST_BLOCKS}, of both truths. */
  undecided: number;
}

/** Blocks after which a gate without a budget gives up. */
export const MOST_BLOCKS = 600;

/**
 * Returns the mean number of blocks that Wald's sequential test needs to tell no change from
 * `threshold` at 5 % / 5 % errors, where blocks are normal with a known standard deviation: 5.3
 * σ²/δ². No test of these rates needs fewer there (Wald and Wolfowitz, 1948); with other noise one
 * that pulls outliers in may.
 */
export function waldBound(blockSd: number, threshold: number): number {
  const rate = 0.05;
  const odds = Math.log((1 - rate) / rate);
  return 2 * (1 - 2 * rate) * odds * (blockSd / Math.log(threshold)) ** 2;
}

/** Sessions and blocks from which the deviation of a model's blocks is taken. */
const SPREAD = { sessions: 40, blocks: 50 } as const;

/** Returns the standard deviation of the mean log ratio of a block of the model. */
export function blockSd(model: NoiseModel, iterations: number, seed: number): number {
  const rng = seededRng(seed);
  const means: number[] = [];
  for (let session = 0; session < SPREAD.sessions; session++) {
    const device = simulatedDevice(model, rng);
    for (let index = 0; index < SPREAD.blocks; index++) {
      const [first, second] = simulatedBlock(device, index, 1, iterations);
      means.push((first + second) / 2);
    }
  }
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
  return Math.sqrt(means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (means.length - 1));
}

/** Returns the row of a model and a threshold: gates without a budget, of both truths. */
export function boundRow(model: NoiseModel, threshold: number, options: CurveOptions): BoundRow {
  const without = { threshold, budgetBlocks: MOST_BLOCKS, stopsWhenFutile: false };
  const same = curvePoint(model, { ...without, slowDown: 0 }, options);
  const slower = curvePoint(model, { ...without, slowDown: threshold - 1 }, options);
  const sd = blockSd(model, options.iterations, options.seed);
  return {
    model: model.name,
    threshold,
    blockSd: sd,
    bound: waldBound(sd, threshold),
    blocksSame: same.blocks,
    blocksSlower: slower.blocks,
    falseAlarms: same.fail,
    misses: slower.pass,
    undecided: same.inconclusive + slower.inconclusive,
  };
}
