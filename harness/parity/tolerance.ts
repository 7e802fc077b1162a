/**
 * Tolerances, derived from the precision that ran.
 *
 * How strongly the graph amplifies rounding on this image is measured: its weights are rounded as
 * coarsely as in fp16 (unit roundoff u16 = 2^-11; to other numbers, since weights may be fp16
 * numbers already) and the outputs' change D is taken per level and meaning. Everything else
 * follows from D:
 *
 * | ran | compared with | tolerance per value |
 * |---|---|---|
 * | fp32 | the float32 reference | 4·√n · (u32/u16) · D |
 * | fp16 weights | the reference with the same fp16 weights | the same |
 * | fp16 or bf16 storage | the float32 reference | 4 · S, S: change by a simulation that rounds every stored blob as well |
 * | fp16 arithmetic | the float32 reference | 4·√(m/2) · S |
 * | int8 | the float32 reference | 4 · S, S: change by a simulation with the inputs and weights of every layer in steps of int8 |
 *
 * n is the longest dot product of the graph, m the mean one over output channels. The root mean
 * square has half the factor λ of the largest difference where 16-bit storage or int8 decides. The
 * rounding errors of a sum of n terms grow like √n with high probability (Higham and Mary, "A New
 * Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 41, 2019; its factor λ
 * is 4 here). A sum kept in fp16 is rounded at each of its m terms, with partial sums of √(k/m) of
 * the result's size: √(m/2) times the rounding of the result. What int8 can be is simulated with
 * the steps that fit the very image (see `int8_steps.ts`), whatever the scales of the model: scales
 * that clip, or that are far too coarse, are beyond it.
 *
 * How well it fits: on x86 (AVX2, fp32) the worst group of 24 photographs uses a quarter of its
 * tolerance; on an emulated arm64 CPU with fp16 arithmetic (asimdhp, three photographs at 128×128)
 * half of it.
 *
 * Sums in float32 are rounded by their own size as well, which a large bias makes: 4·√n · u32 of
 * the values themselves is added. It decides where the weights hardly matter.
 *
 * A head that decodes in the graph computes pixels: where its blobs are stored in 16 bits, the
 * spacing of such numbers at the largest coordinate is added (fp16: 0.5 px from 512 to 1024; bf16:
 * 4 px).
 *
 * @module
 */
import { EFFECTIVE, type EffectivePrecision } from "../record/precision.ts";
import {
  type HeadSpec,
  type InputSize,
  isDecoded,
  levelStrides,
  VALUE_ROLES,
  type ValueRole,
} from "../head/head_spec.ts";
import type { DotLengths } from "../reference/dot_lengths.ts";
import { groupDifferences, type GroupKey } from "./blob_groups.ts";

/** Factor λ of the probabilistic rounding analysis. */
const LAMBDA = 4;
/** u32 / u16. */
const FP32_OVER_FP16 = 2 ** -13;
/** Unit roundoff of float32. */
const U32 = 2 ** -24;
/** Smallest tolerance of a value: where a measured change is 0, float32 still rounds. */
const FLOOR = 2 ** -20;

/**
 * Outputs of the reference graph with roundings, all in the layout of the variant's head and on the
 * reference's tensor.
 */
export interface RoundedBlobs {
  /** Of the float32 graph. */
  exact: readonly Float32Array[];
  /** With the weights rounded to fp16. */
  fp16Weights: readonly Float32Array[];
  /** With the weights rounded as coarsely as in fp16, but to other numbers. */
  perturbed: readonly Float32Array[];
  /**
   * With stored blobs rounded as the effective precision does, or in steps of int8; null when blobs
   * stay float32.
   */
  storage: readonly Float32Array[] | null;
}

/** Tolerance of one group of values. */
export interface GroupTolerance extends GroupKey {
  /**
   * Largest absolute difference that is allowed; logits, or for a head decoded in the graph pixels
   * and scores.
   */
  maxAbs: number;
  /** Largest root mean square. */
  rms: number;
  /**
   * Part of `maxAbs` by which this group may differ from the float32 reference, which for fp16
   * weights is more than from `target`.
   */
  fromExact: number;
}

/** Tolerances of all groups. */
export interface NetworkTolerance {
  groups: GroupTolerance[];
  /** What ran. */
  precision: EffectivePrecision;
  /** Blobs that the network's outputs are compared with. */
  target: readonly Float32Array[];
  /** Where the numbers come from, for people. */
  reason: string;
}

/**
 * Returns the distance between neighbouring numbers of that many significand bits (fp16: 11, bf16:
 * 8, float32: 24) at a value.
 */
export function spacingAt(value: number, significandBits: number): number {
  return 2 ** (Math.floor(Math.log2(value)) - significandBits + 1);
}

/** Returns the tolerances of the network's outputs on one image. */
export function networkTolerance(
  spec: HeadSpec,
  input: InputSize,
  precision: EffectivePrecision,
  dots: DotLengths,
  blobs: RoundedBlobs,
): NetworkTolerance {
  const byWeights = groupDifferences(spec, blobs.exact, blobs.perturbed, input);
  const byHalf = groupDifferences(spec, blobs.exact, blobs.fp16Weights, input);
  const byStorage = blobs.storage === null
    ? null
    : groupDifferences(spec, blobs.exact, blobs.storage, input);
  const summing = LAMBDA * Math.sqrt(dots.longest) * FP32_OVER_FP16;
  const byItself = LAMBDA * Math.sqrt(dots.longest) * U32;
  const values = groupDifferences(
    spec,
    blobs.exact.map((blob) => new Float32Array(blob.length)),
    blobs.exact,
    input,
  );
  const decoded = isDecoded(spec);
  const longSide = Math.max(input.widthPx, input.heightPx);
  const { significandBits: bits, storage, simulation } = EFFECTIVE[precision];
  const hasHalfWeights = simulation === "fp16-weights";
  // float32 rounds a handful of times on the way to a pixel
  const gridPx = decoded ? (storage === null ? 16 : 1) * spacingAt(longSide, bits) : 0;
  const gridScore = decoded ? (storage === null ? 16 : 1) * spacingAt(1, bits) : 0;
  const factors = storageFactors(precision, dots, byStorage !== null);
  const groups = levelStrides(spec).flatMap((stride) =>
    VALUE_ROLES.flatMap((role): GroupTolerance[] => {
      // levels share the largest change of their kind: a level alone has too few values for its
      // tail
      const size = (list: typeof byWeights, what: "maxAbs" | "rms") =>
        Math.max(0, ...list.filter((group) => group.role === role).map((group) => group[what]));
      if (!byWeights.some((group) => group.role === role && group.stride === stride)) return [];
      const own = values.find((group) => group.role === role && group.stride === stride)!;
      const grid = role === "box" || role === "kpt" ? gridPx : gridScore;
      const source = factors.of === "storage" ? byStorage! : byWeights;
      const maxAbs = factors.of === "sums"
        ? summing * size(byWeights, "maxAbs") + byItself * own.maxAbs + grid + FLOOR
        : factors.factor * size(source, "maxAbs") + grid + FLOOR;
      const rms = factors.of === "sums"
        ? summing * size(byWeights, "rms") + byItself * own.rms + grid + FLOOR
        : factors.factor * size(source, "rms") / 2 + grid + FLOOR;
      const fromExact = hasHalfWeights ? maxAbs + size(byHalf, "maxAbs") : maxAbs;
      return [{ role, stride, maxAbs, rms, fromExact }];
    })
  );
  return {
    groups,
    precision,
    target: hasHalfWeights ? blobs.fp16Weights : blobs.exact,
    reason: factors.reason +
      (decoded && storage !== null
        ? `, plus ${gridPx} px: the spacing of ${storage} numbers at ${longSide}, since the graph computes pixels`
        : ""),
  };
}

/**
 * Returns the factor by which a measured change is multiplied to give a tolerance, and which
 * change: by `weights` or by `storage`.
 */
export function roundingFactor(
  precision: EffectivePrecision,
  dots: DotLengths,
): { of: "weights" | "storage"; factor: number } {
  const { of, factor } = storageFactors(precision, dots, true);
  return of === "sums"
    ? { of: "weights", factor: LAMBDA * Math.sqrt(dots.longest) * FP32_OVER_FP16 }
    : { of, factor };
}

/** How the tolerance follows from the measured changes. */
function storageFactors(
  precision: EffectivePrecision,
  dots: DotLengths,
  hasStorage: boolean,
): { of: "sums" | "storage" | "weights"; factor: number; reason: string } {
  const n = dots.longest;
  const change = "D: change of the outputs when the weights are rounded as coarsely as in fp16";
  const { sums, storage, simulation } = EFFECTIVE[precision];
  if (storage === null && sums !== "int8") {
    const formula = `4·√${n}·(2^-13·D + 2^-24·|y|) (${change}; y: the outputs)`;
    return {
      of: "sums",
      factor: 0,
      reason: simulation === null
        ? `${precision}: ${formula}`
        : `fp16 weights, fp32 sums: against the reference with the same rounded weights, ${formula}`,
    };
  }
  if (!hasStorage) {
    throw new TypeError(
      `Cannot derive the tolerance of ${precision}: the simulated storage is missing`,
    );
  }
  if (sums === "int8") {
    return {
      of: "storage",
      factor: LAMBDA,
      reason:
        "int8: 4·S (S: change of the outputs when inputs and weights of every layer are in steps of int8 that fit this image)",
    };
  }
  const simulated =
    `S: change of the outputs when weights and every stored blob are rounded to ${storage}`;
  return sums === "fp16"
    ? {
      of: "storage",
      factor: LAMBDA * Math.sqrt(dots.mean / 2),
      reason: `fp16 arithmetic: 4·√(${Math.round(dots.mean)}/2)·S (${simulated})`,
    }
    : { of: "storage", factor: LAMBDA, reason: `${precision}: 4·S (${simulated})` };
}

/** Returns by how much values of that meaning and level may differ from the float32 reference. */
export function toleranceOf(
  tolerance: NetworkTolerance,
  role: ValueRole,
  stride: number,
): number {
  return tolerance.groups.find((group) => group.role === role && group.stride === stride)
    ?.fromExact ?? 0;
}
