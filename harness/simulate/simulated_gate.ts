/**
 * One gate on a simulated device: blocks by the noise model, verdicts by the experiment that real
 * gates use.
 *
 * A block is two rounds of launches of both sides, ABBA or BAAB. Gates whose sides share a process
 * take turns within it, where slow noise cancels better: for those the figures are cautious.
 *
 * @module
 */
import { deviceNoise } from "../stats/detectable.ts";
import type { DeviceNoise } from "../stats/detectable.ts";
import {
  decide,
  type ExperimentOptions,
  isFutile,
  newExperiment,
  withBlock,
} from "../stats/experiment.ts";
import { median } from "../stats/quantile.ts";
import type { Rng } from "../stats/rng.ts";
import { type NoiseModel, type SimulatedDevice, simulatedDevice } from "./noise_model.ts";

/** How a gate is simulated. */
export interface SimulatedGate {
  /** True candidate over base. */
  truth: number;
  experiment: ExperimentOptions;
  /** Blocks after which an undecided gate gives up. */
  budgetBlocks: number;
  /** Iterations of one launch. */
  iterations: number;
  /** Whether it gives up as soon as the budget will not decide it. */
  stopsWhenFutile: boolean;
}

/** What came of a simulated gate. */
export interface SimulatedOutcome {
  verdict: "pass" | "fail" | "inconclusive";
  blockCount: number;
  seconds: number;
}

/** Returns the log of candidate over base for the two rounds of a block: ABBA, then BAAB. */
export function simulatedBlock(
  device: SimulatedDevice,
  index: number,
  truth: number,
  iterations: number,
): number[] {
  const orders = index % 2 === 0 ? [[0, 1], [1, 0]] : [[1, 0], [0, 1]];
  return orders.map((order) =>
    order.reduce((log, candidate) => {
      const samples = device.launch(iterations, candidate ? truth : 1);
      return log + (candidate ? 1 : -1) * Math.log(median(samples));
    }, 0)
  );
}

/** Returns a calibration of a device of the model in a session of its own. */
export function simulatedCalibration(
  model: NoiseModel,
  blockCount: number,
  iterations: number,
  rng: Rng,
): DeviceNoise {
  const device = simulatedDevice(model, rng);
  return deviceNoise(
    Array.from({ length: blockCount }, (_, i) => simulatedBlock(device, i, 1, iterations)),
  );
}

/** Returns the outcome of a gate: a block, a look, until it is decided or gives up. */
export function runSimulatedGate(
  model: NoiseModel,
  { truth, experiment, budgetBlocks, iterations, stopsWhenFutile }: SimulatedGate,
  rng: Rng,
): SimulatedOutcome {
  const device = simulatedDevice(model, rng);
  let state = newExperiment(experiment);
  const outcome = (verdict: SimulatedOutcome["verdict"]) => ({
    verdict,
    blockCount: state.blocks.length,
    seconds: device.clockSeconds,
  });
  while (state.blocks.length < budgetBlocks) {
    state = withBlock(
      state,
      simulatedBlock(device, state.blocks.length, truth, iterations),
    );
    const verdict = decide(state);
    if (verdict !== "undecided") return outcome(verdict);
    if (stopsWhenFutile && isFutile(state, budgetBlocks - state.blocks.length)) break;
  }
  return outcome("inconclusive");
}
