/**
 * Cells in which two classes score alike, so that rounding decides between them: the expected
 * detections as they are when the runner decided the other way.
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import { classAt, rowAt, scoreAt } from "../head/candidates.ts";
import { type Detected, toDetection } from "../pose/detect.ts";
import type { Letterbox } from "../pose/letterbox.ts";
import { byDescendingScore, candidateIou } from "../head/select.ts";
import { type DetectionTolerance, isWithin } from "./detection_difference.ts";

/** A class that an expected candidate may come out as. */
export interface TiedClass {
  classIndex: number;
  /** Of that class in the candidate's cell. */
  score: number;
}

/** What the ties are resolved by. */
export interface TieOptions {
  geometry: Letterbox;
  /** IoU above which a candidate goes for a better one of its class; null where none goes. */
  overlapLimit: number | null;
  maxDetections: number;
  toleranceOf: (candidateIndex: number) => DetectionTolerance;
  /** Classes that the expected candidate with that index may come out as besides its own. */
  tiedClasses: (candidateIndex: number) => readonly TiedClass[];
}

/**
 * Returns the expected detections with the classes of tied cells chosen so that they explain what
 * was found.
 *
 * NMS is done anew, candidate by candidate: it takes its own class or a tied one in which it stays
 * and is within tolerance of a detection that was found; failing that, a class in which it goes;
 * failing that, its own.
 */
export function resolveTies(
  expected: Detected,
  found: readonly Detection[],
  options: TieOptions,
): Detected {
  const { geometry, overlapLimit, maxDetections, toleranceOf, tiedClasses } = options;
  const candidates = { ...expected.candidates, rows: expected.candidates.rows.slice() };
  const free = new Set(found);
  const kept: number[] = [];
  for (const index of byDescendingScore(expected.candidates)) {
    if (kept.length >= maxDetections) break;
    const detection = toDetection(candidates, index, geometry);
    const overlapping = new Set(
      kept.filter((winner) => candidateIou(candidates, winner, index) > (overlapLimit ?? Infinity))
        .map((winner) => classAt(candidates, winner)),
    );
    const own = { classIndex: detection.classIndex, score: detection.score };
    const classes = [own, ...tiedClasses(index)].map((choice) => ({
      choice,
      stays: !overlapping.has(choice.classIndex),
      partner: overlapping.has(choice.classIndex)
        ? undefined
        : free.values().find((other) =>
          other.classIndex === choice.classIndex &&
          isWithin({ ...detection, ...choice }, other, toleranceOf(index))
        ),
    }));
    const { choice, stays, partner } = classes.find(({ partner }) => partner !== undefined) ??
      classes.find(({ stays }) => !stays) ?? classes[0];
    rowAt(candidates, index).set([choice.score, choice.classIndex], 4);
    if (partner !== undefined) free.delete(partner);
    if (stays) kept.push(index);
  }
  const order = kept.toSorted((a, b) => scoreAt(candidates, b) - scoreAt(candidates, a) || a - b);
  return {
    candidates,
    kept: Int32Array.from(order),
    detections: order.map((index) => toDetection(candidates, index, geometry)),
  };
}
