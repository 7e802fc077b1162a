/**
 * The network's tolerance carried through the decode: by how much each candidate's detection may
 * differ, and which class it may have.
 *
 * @module
 */
import { boxSlopePx } from "../head/box.ts";
import { type Candidates, classAt, rowAt } from "../head/candidates.ts";
import { cellValues, classValues, decode, levelPlanes } from "../head/decode.ts";
import type { Detected, DetectOptions } from "../pose/detect.ts";
import { sigmoid } from "../head/exponential.ts";
import { hasScores } from "../head/head_spec.ts";
import { keypointSlopePx } from "../head/keypoint.ts";
import { overlapLimit } from "../head/select.ts";
import { rawSpec } from "../head/head_blobs.ts";
import type { Reference } from "../reference/reference.ts";
import type { VariantManifest } from "../record/variant.ts";
import type { TiedClass } from "./near_ties.ts";
import type { DetectionTolerance } from "./detection_difference.ts";
import { decodeTolerancePx } from "./stage_decode.ts";
import { type NetworkTolerance, toleranceOf } from "./tolerance.ts";

/**
 * Returns how far detections may be from the reference's: the network's tolerance carried through
 * the decode.
 *
 * Of raw heads the head itself says by how much a keypoint and a box side move per logit; a score
 * moves by at most a quarter. Index -1 stands for a detection that has no candidate in the
 * reference: its score may be off by the most that holds anywhere.
 */
export function detectionTolerance(
  variant: VariantManifest,
  reference: Reference,
  detected: Detected,
  tolerance: NetworkTolerance,
): (candidateIndex: number) => DetectionTolerance {
  const { geometry } = reference;
  const levels = levelPlanes(rawSpec(variant), reference.rawBlobs, geometry);
  const boxSlopeAt = (cell: number) => {
    const { firstCell, box, stride } = levels.findLast((level) => level.firstCell <= cell)!;
    return boxSlopePx(variant, cellValues(box, cell - firstCell), stride);
  };
  const rounding = decodeTolerancePx(geometry);
  const cache = new Map<number, DetectionTolerance>();
  const scoreTolerance = (ofClass: number) => hasScores(variant) ? ofClass : ofClass / 4 + 1e-6;
  return (index) => {
    const known = cache.get(index);
    if (known !== undefined) return known;
    if (index < 0) {
      const ofClasses = tolerance.groups.filter(({ role }) => role === "cls");
      const score = scoreTolerance(Math.max(0, ...ofClasses.map(({ fromExact }) => fromExact)));
      const anywhere = { keypointPx: 0, boxPx: 0, score };
      cache.set(index, anywhere);
      return anywhere;
    }
    const stride = detected.candidates.strides[index];
    const of = (role: "cls" | "box" | "kpt") => toleranceOf(tolerance, role, stride);
    const made: DetectionTolerance = variant.head === "decoded"
      ? {
        keypointPx: (Math.SQRT2 * of("kpt") + rounding) / geometry.scale,
        // the matrix has centre and size: a side moves by the centre and half of the size
        boxPx: (1.5 * of("box") + rounding) / geometry.scale,
        score: scoreTolerance(of("cls")),
      }
      : {
        keypointPx: (Math.SQRT2 * keypointSlopePx(variant, stride) * of("kpt") + rounding) /
          geometry.scale,
        boxPx: (boxSlopeAt(detected.candidates.cells[index]) * of("box") + rounding) /
          geometry.scale,
        score: scoreTolerance(of("cls")),
      };
    cache.set(index, made);
    return made;
  };
}

/**
 * Returns the classes that a candidate may come out as instead of its own: those whose logit (in a
 * decoded head whose score) lies so near to the best that the two change places when each moves by
 * the network's tolerance.
 */
export function tiedClassesOf(
  variant: VariantManifest,
  blobs: readonly Float32Array[],
  reference: Reference,
  { candidates }: Detected,
  tolerance: NetworkTolerance,
  options: DetectOptions,
): (candidateIndex: number) => TiedClass[] {
  // a head that takes all classes of a cell has a candidate of each
  if (overlapLimit(variant, options) === null) return () => [];
  const valueOf = classValues(variant, blobs, reference.geometry);
  return (index) => {
    const [cell, own] = [candidates.cells[index], classAt(candidates, index)];
    const nearest = valueOf(cell, own) -
      2 * toleranceOf(tolerance, "cls", candidates.strides[index]);
    const tied: TiedClass[] = [];
    for (let classIndex = 0; classIndex < variant.classCount; classIndex++) {
      const value = valueOf(cell, classIndex);
      if (classIndex === own || !(value >= nearest)) continue;
      tied.push({ classIndex, score: hasScores(variant) ? value : sigmoid(value) });
    }
    return tied;
  };
}

/**
 * Returns by how much the seed's fast exponential moves each candidate (box and score; keypoints do
 * not depend on it): measured on the reference's own blobs. Nothing for the exact one.
 */
export function fastExponentialShift(
  variant: VariantManifest,
  blobs: readonly Float32Array[],
  reference: Reference,
  detected: Detected,
  options: DetectOptions,
): (candidateIndex: number) => DetectionTolerance {
  if (options.sigmoid !== "fast") return () => ({ keypointPx: 0, boxPx: 0, score: 0 });
  const { geometry } = reference;
  // lower, so that every exact candidate has its counterpart
  const scoreThreshold = options.scoreThreshold / 2;
  const fast = decode(variant, blobs, geometry, { scoreThreshold, sigmoid: "fast" });
  // a cell may have a candidate of each class
  const isPerClass = overlapLimit(variant, options) === null;
  const keyOf = (candidates: Candidates, index: number) =>
    `${candidates.cells[index]} ${isPerClass ? classAt(candidates, index) : ""}`;
  const byCell = new Map(Array.from(fast.cells, (_, index) => [keyOf(fast, index), index]));
  /** Of scores, also of those below the threshold: for what has no candidate. */
  const largestShift = () => {
    const exact = decode(variant, blobs, geometry, { scoreThreshold, sigmoid: "exact" });
    return Array.from(exact.cells, (_, index) => {
      const other = byCell.get(keyOf(exact, index));
      return other === undefined ? 0 : Math.abs(rowAt(exact, index)[4] - rowAt(fast, other)[4]);
    }).reduce((a, b) => Math.max(a, b), 0);
  };
  let anywhere: number | null = null;
  return (index) => {
    if (index < 0) return { keypointPx: 0, boxPx: 0, score: anywhere ??= largestShift() };
    const other = byCell.get(keyOf(detected.candidates, index));
    if (other === undefined) return { keypointPx: 0, boxPx: 0, score: 0 };
    const [exactRow, fastRow] = [rowAt(detected.candidates, index), rowAt(fast, other)];
    const shifts = [0, 1, 2, 3].map((side) => Math.abs(exactRow[side] - fastRow[side]));
    return {
      keypointPx: 0,
      boxPx: Math.max(...shifts) / geometry.scale,
      score: Math.abs(exactRow[4] - fastRow[4]),
    };
  };
}
