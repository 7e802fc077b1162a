/**
 * The precisions that can be asked for, and those that a CPU may run: everything that a precision
 * decides, one row each.
 *
 * @module
 */

/** Switches of ncnn that a precision sets. */
export interface PrecisionSwitches {
  fp16Packed: boolean;
  fp16Storage: boolean;
  fp16Arithmetic: boolean;
  bf16Storage: boolean;
  /** Layers that the file holds as int8 run as int8; without it they are refused. */
  int8: boolean;
}

/** How a variant's weights are stored in its `.bin`. */
export type WeightStorage = "fp32" | "fp16" | "int8";

/**
 * How the reference's stored blobs are rounded to stand for a precision that ran; `int8-steps`: the
 * inputs and weights of its layers with weights.
 */
export type StorageSimulation = "fp16-storage" | "bf16-storage" | "int8-steps";
/** How the reference is rounded to stand for a precision that ran. */
export type Simulation = "fp16-weights" | StorageSimulation;

/** One precision that a CPU may run. */
interface EffectiveRow {
  /** As people read it. */
  label: string;
  /** Significand bits of a stored value. */
  significandBits: number;
  /** Bytes of a value in blobs and weights as they are computed with; null where kinds differ. */
  valueBytes: number | null;
  /** Largest number of its narrowest format; null where float32 is the narrowest. */
  largest: number | null;
  /** Null: the reference stands for it as it is. */
  simulation: Simulation | null;
  /** Format of every stored blob; null where blobs stay float32 or have several formats. */
  storage: "fp16" | "bf16" | null;
  /** Format in which sums are kept. */
  sums: "fp32" | "fp16" | "int8";
}

/**
 * What the CPU executed, by name. `fp16-weights`: weights stored as fp16, blobs and arithmetic
 * float32; `fp16-storage`, `bf16-storage`: blobs too, arithmetic float32.
 */
export const EFFECTIVE = {
  "fp32": row("fp32", 24, 4, null, null, "fp32"),
  "fp16-weights": row("fp16 weights", 24, 4, "fp16-weights", null, "fp32"),
  "fp16-storage": row("fp16 storage", 11, 2, "fp16-storage", "fp16", "fp32"),
  "fp16-arithmetic": row("fp16", 11, 2, "fp16-storage", "fp16", "fp16"),
  "bf16-storage": row("bf16", 8, 2, "bf16-storage", "bf16", "fp32"),
  "int8": row("int8", 24, null, "int8-steps", null, "int8"),
};

/** See {@linkcode EFFECTIVE}. */
export type EffectivePrecision = keyof typeof EFFECTIVE;
/** Names of {@linkcode EFFECTIVE}, in its order. */
export const EFFECTIVE_PRECISIONS = Object.keys(EFFECTIVE) as EffectivePrecision[];

/** One precision that can be asked for. */
interface RequestedRow {
  weights: WeightStorage;
  /** As the runner and benchncnn get them. */
  switches: PrecisionSwitches;
  /** What it must run as, to be called by its name. */
  runsAs: EffectivePrecision;
  /** Which CPU does, as in "needs a CPU with NEON"; null: every one that the build is for. */
  needs: string | null;
}

const OFF = {
  fp16Packed: false,
  fp16Storage: false,
  fp16Arithmetic: false,
  bf16Storage: false,
  int8: false,
};
const FP16 = { ...OFF, fp16Packed: true, fp16Storage: true, fp16Arithmetic: true };

/**
 * What is asked of ncnn, by the name that options and ids write. `fp16` is ncnn's default on
 * phones; int8 runs its float layers by that default, as an app would; the weights of bf16 are
 * rounded when they are loaded.
 */
export const PRECISIONS = {
  "fp32": asked("fp32", OFF, "fp32", null),
  "fp16": asked("fp16", FP16, "fp16-arithmetic", "with fp16 arithmetic (asimdhp)"),
  "fp16-storage": asked("fp16", { ...FP16, fp16Arithmetic: false }, "fp16-storage", "with NEON"),
  "bf16": asked("fp32", { ...OFF, bf16Storage: true }, "bf16-storage", null),
  "int8": asked("int8", { ...FP16, int8: true }, "int8", null),
};

/**
 * Returns the switches of a precision by the names that the runner's options have, for instance
 * `["fp16-packed", true]`.
 */
export function namedSwitches(precision: Precision): [name: string, on: boolean][] {
  return Object.entries(PRECISIONS[precision].switches).map(([name, on]) => [
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    on,
  ]);
}

/** See {@linkcode PRECISIONS}. */
export type Precision = keyof typeof PRECISIONS;
/** Names of {@linkcode PRECISIONS}, in its order. */
export const PRECISION_NAMES = Object.keys(PRECISIONS) as Precision[];

function row(
  label: string,
  significandBits: number,
  valueBytes: number | null,
  simulation: Simulation | null,
  storage: EffectiveRow["storage"],
  sums: EffectiveRow["sums"],
): EffectiveRow {
  const isHalf = storage === "fp16" || simulation === "fp16-weights";
  return {
    label,
    significandBits,
    valueBytes,
    largest: isHalf ? 65504 : null,
    simulation,
    storage,
    sums,
  };
}

function asked(
  weights: WeightStorage,
  switches: PrecisionSwitches,
  runsAs: EffectivePrecision,
  needs: string | null,
): RequestedRow {
  return { weights, switches, runsAs, needs };
}
