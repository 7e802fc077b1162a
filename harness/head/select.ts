/**
 * Non-maximum suppression: candidates → the indices that stay.
 *
 * @module
 */
import { type Candidates, classAt, rowLength, scoreAt } from "./candidates.ts";

/** Options of {@linkcode nms}. */
export interface NmsOptions {
  /** A box goes when its IoU with a kept box of its class is greater. */
  nmsIou: number;
  /** At most so many are kept. */
  maxDetections: number;
}

/**
 * Returns the intersection over union of two boxes x1, y1, x2, y2 (no +1 on the sides); 0 when
 * neither has an area.
 */
export function iou(a: ArrayLike<number>, b: ArrayLike<number>, aStart = 0, bStart = 0): number {
  const width = Math.min(a[aStart + 2], b[bStart + 2]) - Math.max(a[aStart], b[bStart]);
  const height = Math.min(a[aStart + 3], b[bStart + 3]) - Math.max(a[aStart + 1], b[bStart + 1]);
  if (!(width > 0 && height > 0)) return 0;
  const intersection = width * height;
  const areaA = (a[aStart + 2] - a[aStart]) * (a[aStart + 3] - a[aStart + 1]);
  const areaB = (b[bStart + 2] - b[bStart]) * (b[bStart + 3] - b[bStart + 1]);
  return intersection / (areaA + areaB - intersection);
}

/** Returns the IoU of two candidates. */
export function candidateIou(candidates: Candidates, a: number, b: number): number {
  const length = rowLength(candidates.keypointCount);
  return iou(candidates.rows, candidates.rows, a * length, b * length);
}

/**
 * Returns the candidates' indices by descending score; equal scores keep their order, NaN comes
 * last.
 */
export function byDescendingScore(candidates: Candidates): Int32Array {
  const order = Array.from({ length: candidates.count }, (_, index) => index);
  const key = (index: number) => {
    const score = scoreAt(candidates, index);
    return Number.isNaN(score) ? -Infinity : score;
  };
  return Int32Array.from(order.sort((a, b) => key(b) - key(a) || a - b));
}

/**
 * Returns the indices of the candidates that stay, by descending score.
 *
 * Greedy and by class: the best candidate stays, all of its class with an IoU greater than the
 * threshold go, and so on. Ties in score: the lower index first.
 */
export function nms(candidates: Candidates, options: NmsOptions): Int32Array {
  const kept: number[] = [];
  for (const index of byDescendingScore(candidates)) {
    if (kept.length >= options.maxDetections) break;
    const suppressed = kept.some((winner) =>
      classAt(candidates, winner) === classAt(candidates, index) &&
      candidateIou(candidates, winner, index) > options.nmsIou
    );
    if (!suppressed) kept.push(index);
  }
  return Int32Array.from(kept);
}
