/**
 * By how much two detections differ, and whether a tolerance covers it.
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import { jointDistancesPx } from "./match.ts";

/** By how much one detection may differ. */
export interface DetectionTolerance {
  /** Per joint, image pixels. */
  keypointPx: number;
  /** Per side of the box, image pixels. */
  boxPx: number;
  score: number;
}

/** Returns the largest difference of the boxes' sides, image pixels. */
export function boxDifferencePx(a: Detection, b: Detection): number {
  return Math.max(...a.boxXyxyPx.map((side, index) => Math.abs(side - b.boxXyxyPx[index])));
}

/** Returns the largest distance of a joint, image pixels; NaN when one is. */
export function largestDistancePx(a: Detection, b: Detection): number {
  return jointDistancesPx(a, b).reduce((x, y) => Number.isNaN(y) || y > x ? y : x, 0);
}

/**
 * Returns true when the two are equal within the tolerance, whatever their classes; false for NaN.
 */
export function isWithin(a: Detection, b: Detection, tolerance: DetectionTolerance): boolean {
  return largestDistancePx(a, b) <= tolerance.keypointPx &&
    boxDifferencePx(a, b) <= tolerance.boxPx &&
    Math.abs(a.score - b.score) <= tolerance.score;
}
