import type { Distribution } from "./distribution.ts";

/** One stage of a training; train.py says what the numbers do. */
export type Stage = {
  distribution: Distribution;
  /** How many different pictures there are. */
  pictures: number;
  /** How many batches are trained on, and over how many at the end the learning rate decays. */
  batches: number;
  decayBatches: number;
  /** Pictures a batch. */
  batch: number;
  /** Side of the pictures as trained on: during the decay, and before it. */
  sidePx: number;
  earlySidePx: number;
  learningRate: number;
  keypointLoss: "narrowing" | "log";
};

/**
 * The stages in which the shipped models were trained: from scratch on varied pictures, then on
 * from these weights on plain ones, few and then many.
 */
export const SHIPPED_STAGES: readonly Stage[] = [
  {
    distribution: "varied",
    pictures: 8000,
    batches: 1000,
    decayBatches: 0,
    batch: 8,
    sidePx: 160,
    earlySidePx: 128,
    learningRate: 0.0012,
    keypointLoss: "narrowing",
  },
  {
    distribution: "plain",
    pictures: 5000,
    batches: 995,
    decayBatches: 90,
    batch: 16,
    sidePx: 128,
    earlySidePx: 96,
    learningRate: 0.002,
    keypointLoss: "log",
  },
  {
    distribution: "plain",
    pictures: 15000,
    batches: 8000,
    decayBatches: 1200,
    batch: 16,
    sidePx: 160,
    earlySidePx: 128,
    learningRate: 0.002,
    keypointLoss: "log",
  },
];

/** The side of the square that the shipped models take, in pixels. */
export const SHIPPED_EXPORT_SIDE_PX = 160;

/** Returns the stages with no more pictures and batches each than the limits; null for no limit. */
export function limitedStages(
  stages: readonly Stage[],
  limits: { pictures: number | null; batches: number | null },
): Stage[] {
  return stages.map((stage) => {
    const batches = Math.min(stage.batches, limits.batches ?? Infinity);
    return {
      ...stage,
      pictures: Math.min(stage.pictures, limits.pictures ?? Infinity),
      batches,
      decayBatches: Math.min(stage.decayBatches, batches),
    };
  });
}
