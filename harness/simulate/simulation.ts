/**
 * Error rates and device time of the paired experiment and of three other ways to gate, on
 * simulated devices.
 *
 * @module
 */
import { smallestDetectableRatio } from "../stats/detectable.ts";
import { DEFAULT_RATES } from "../stats/experiment.ts";
import { pause } from "../pause.ts";
import { mannWhitneyScore } from "./mann_whitney.ts";
import { type NoiseModel, type SimulatedDevice, simulatedDevice } from "./noise_model.ts";
import { runSimulatedGate, simulatedCalibration } from "./simulated_gate.ts";
import { median, quantile } from "../stats/quantile.ts";
import { type Rng, seededRng } from "../stats/rng.ts";

/** How much is simulated. */
export interface SimulationOptions {
  seed: number;
  /** Calibrations of the experiment per noise model; each has its own claim. */
  calibrations: number;
  /** Gates per calibration and truth. */
  gatesPerCalibration: number;
  /** Experiments of each other method per truth. */
  otherExperiments: number;
  /** A/A blocks of a calibration. */
  calibrationBlocks: number;
  /** Blocks after which an undecided gate gives up. */
  budgetBlocks: number;
  /** Iterations of one launch. */
  iterations: number;
}

/** Settings of `deno task simulate`: minutes. */
export const FULL_SIMULATION: SimulationOptions = {
  seed: 8,
  calibrations: 20,
  gatesPerCalibration: 50,
  otherExperiments: 400,
  calibrationBlocks: 20,
  budgetBlocks: 20,
  iterations: 10,
};

/** Settings for a look of a few seconds: the rates are rough. */
export const QUICK_SIMULATION: SimulationOptions = {
  ...FULL_SIMULATION,
  calibrations: 6,
  gatesPerCalibration: 25,
  otherExperiments: 60,
};

/** One line of the table. */
export interface SimulationRow {
  model: string;
  method: string;
  /** Candidate over base of the change that was to be found. */
  ratio: number;
  /** Share of alarms when nothing changed, 0 to 1. */
  falseAlarms: number;
  /** Share of changes that were not reported (inconclusive ones are among them), 0 to 1. */
  misses: number;
  /** Mean device seconds of one comparison, over both truths. */
  seconds: number;
  /**
   * Mean device seconds of the smallest design of this method that keeps 5% false alarms and 10%
   * misses with the best cut-off there is; null when no design that was tried does. The other
   * methods vary repetitions and cut-off, the paired experiment its nominal rates.
   */
  secondsAtEqualErrors: number | null;
}

/** Error rates at which device times are compared. */
export const EQUAL_ERRORS = { falseAlarms: 0.05, misses: 0.1 } as const;

/**
 * Returns the table for one noise model: the paired experiment first, then the others. Throws the
 * signal's reason when it aborts.
 */
export async function simulateModel(
  model: NoiseModel,
  options: SimulationOptions,
  signal?: AbortSignal,
): Promise<SimulationRow[]> {
  const rng = seededRng(options.seed);
  const calibrations = Array.from(
    { length: options.calibrations },
    () => simulatedCalibration(model, options.calibrationBlocks, options.iterations, rng),
  );
  const claims = calibrations.map((noise) =>
    smallestDetectableRatio(noise, DEFAULT_RATES, options.budgetBlocks)
  );
  const claimed = claims.filter((claim) => claim !== null);
  if (claimed.length === 0) return [];
  const ratio = median(claimed);
  const sds = calibrations.map((noise) => noise.sd);
  const rows = [{ ...await pairedRow(model, claims, sds, options, rng, signal), ratio }];
  for (const method of OTHER_METHODS) {
    rows.push(await otherRow(model, method, ratio, options, rng, signal));
  }
  return rows;
}

/** Nominal error rates of the designs that are tried for equal measured ones, ascending. */
const PAIRED_DESIGNS = [DEFAULT_RATES.falseAlarmRate, 0.1, 0.15, 0.2, 0.3];

async function pairedRow(
  model: NoiseModel,
  claims: (number | null)[],
  sds: number[],
  options: SimulationOptions,
  rng: Rng,
  signal: AbortSignal | undefined,
): Promise<SimulationRow> {
  const experiments = (rate: number) => {
    let gates = 0, alarms = 0, missed = 0, seconds = 0;
    claims.forEach((threshold, calibration) => {
      if (threshold === null) return;
      for (let gate = 0; gate < options.gatesPerCalibration; gate++) {
        gates++;
        for (const truth of [1, threshold]) {
          const calibratedSd = sds[calibration];
          const rates = { falseAlarmRate: rate, missRate: rate };
          const outcome = runSimulatedGate(model, {
            truth,
            experiment: { threshold, ...rates, calibratedSd },
            budgetBlocks: options.budgetBlocks,
            iterations: options.iterations,
            stopsWhenFutile: true,
          }, rng);
          const { verdict } = outcome;
          seconds += outcome.seconds;
          if (truth === 1 && verdict === "fail") alarms++;
          if (truth !== 1 && verdict !== "fail") missed++;
        }
      }
    });
    return { falseAlarms: alarms / gates, misses: missed / gates, seconds: seconds / (2 * gates) };
  };
  let usual: ReturnType<typeof experiments> | null = null;
  let secondsAtEqualErrors: number | null = null;
  for (const rate of PAIRED_DESIGNS) {
    await pause(0, signal);
    const measured = experiments(rate);
    usual ??= measured;
    const { falseAlarms, misses, seconds } = measured;
    if (falseAlarms > EQUAL_ERRORS.falseAlarms || misses > EQUAL_ERRORS.misses) break;
    secondsAtEqualErrors = seconds;
  }
  return {
    model: model.name,
    method: "paired sequential",
    ratio: NaN,
    ...usual!,
    secondsAtEqualErrors,
  };
}

/**
 * A way to gate that looks once: a statistic that grows with the candidate's time, and a cut-off.
 */
interface OtherMethod {
  name: string;
  /** Repetitions of each side as the method is used. */
  usualRepetitions: number;
  usualCutOff: number;
  /** Designs that are tried for equal error rates, ascending. */
  repetitions: number[];
  statistic(
    device: SimulatedDevice,
    repetitions: number,
    factor: number,
    iterations: number,
  ): number;
}

const OTHER_METHODS: readonly OtherMethod[] = [
  {
    // google/benchmark's compare.py: repetitions of one binary, then of the other
    name: "Mann-Whitney, 10 repetitions",
    usualRepetitions: 10,
    // two-sided 5%
    usualCutOff: 1.959964,
    repetitions: [4, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 320],
    statistic(device, repetitions, factor, iterations) {
      const side = (of: number) =>
        Array.from({ length: repetitions }, () => median(device.launch(iterations, of)));
      const base = side(1);
      return mannWhitneyScore(base, side(factor));
    },
  },
  {
    name: "means, 5% threshold",
    usualRepetitions: 10,
    usualCutOff: Math.log(1.05),
    repetitions: [1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 320],
    statistic(device, repetitions, factor, iterations) {
      const side = (of: number) => {
        let sum = 0;
        for (let i = 0; i < repetitions; i++) {
          for (const sample of device.launch(iterations, of)) sum += sample;
        }
        return sum;
      };
      const base = side(1);
      return Math.log(side(factor) / base);
    },
  },
  {
    // MLPerf Mobile: p90 of one run of at least 60 s and 1,024 queries; replicates are to agree
    // within 5%
    name: "MLPerf, one run of 60 s",
    usualRepetitions: 1,
    usualCutOff: Math.log(1.05),
    repetitions: [1, 2, 3, 4, 6, 8],
    statistic(device, repetitions, factor) {
      const side = (of: number) => {
        let log = 0;
        for (let i = 0; i < repetitions; i++) {
          const begin = device.clockSeconds;
          const samples: number[] = [];
          while (device.clockSeconds - begin < 60 || samples.length < 1024) {
            samples.push(...device.launch(samples.length === 0 ? 1024 : 64, of));
          }
          log += Math.log(quantile(samples, 0.9)) / repetitions;
        }
        return log;
      };
      const base = side(1);
      return side(factor) - base;
    },
  },
];

async function otherRow(
  model: NoiseModel,
  method: OtherMethod,
  ratio: number,
  options: SimulationOptions,
  rng: Rng,
  signal: AbortSignal | undefined,
): Promise<SimulationRow> {
  const experiment = (repetitions: number) => {
    let seconds = 0;
    const statistics = (factor: number) =>
      Array.from({ length: options.otherExperiments }, () => {
        const device = simulatedDevice(model, rng);
        const value = method.statistic(device, repetitions, factor, options.iterations);
        seconds += device.clockSeconds;
        return value;
      });
    const same = statistics(1);
    const changed = statistics(ratio);
    return { same, changed, seconds: seconds / (2 * options.otherExperiments) };
  };
  const usual = experiment(method.usualRepetitions);
  let secondsAtEqualErrors: number | null = null;
  for (const repetitions of method.repetitions) {
    await pause(0, signal);
    const { same, changed, seconds } = experiment(repetitions);
    // the best cut-off: the share of alarms is the same above the highest 5% of no change
    const cutOff = quantile(same, 1 - EQUAL_ERRORS.falseAlarms);
    if (share(changed, (value) => value <= cutOff) <= EQUAL_ERRORS.misses) {
      secondsAtEqualErrors = seconds;
      break;
    }
  }
  return {
    model: model.name,
    method: method.name,
    ratio,
    falseAlarms: share(usual.same, (value) => value > method.usualCutOff),
    misses: share(usual.changed, (value) => value <= method.usualCutOff),
    seconds: usual.seconds,
    secondsAtEqualErrors,
  };
}

function share(values: readonly number[], counts: (value: number) => boolean): number {
  return values.filter(counts).length / values.length;
}
