/**
 * Selection: what a cell's classes give, and which candidates become detections.
 *
 * @module
 */
import type { HeadCode, Selection } from "../record/head_code.ts";
import { type Candidates, classAt, rowLength, scoreAt } from "./candidates.ts";

/** Options of {@linkcode select}. */
export interface SelectOptions {
  /** A box goes when its IoU with a kept box of its class is greater. */
  nmsIou: number;
  /** At most so many are kept. */
  maxDetections: number;
}

/**
 * Returns the index of the largest of the classes' values, the first of equals; -1 when all are
 * NaN.
 */
function bestClass(classCount: number, valueOf: (classIndex: number) => number): number {
  let best = -1;
  for (let index = 0; index < classCount; index++) {
    if (valueOf(index) > (best < 0 ? -Infinity : valueOf(best))) best = index;
  }
  return best;
}

/** The part of a head's description that selection follows from. */
export interface SelectSpec {
  classCount: number;
  headCode: Pick<HeadCode, "select">;
}

/**
 * Returns the classes of a cell that become candidates, of those whose value is greater than the
 * threshold: for `nms` the best one, for `top-k` all. NaN never passes.
 */
export function candidateClasses(
  { classCount, headCode }: SelectSpec,
  valueOf: (classIndex: number) => number,
  threshold: number,
): number[] {
  const best = bestClass(classCount, valueOf);
  if (best < 0 || !(valueOf(best) > threshold)) return [];
  if (headCode.select === "nms") return [best];
  return Array.from({ length: classCount }, (_, index) => index)
    .filter((index) => valueOf(index) > threshold);
}

/** Returns the rule of the selection in words, with its numbers. */
export function selectionRule(select: Selection, options: SelectOptions): string {
  return select === "nms"
    ? `greedy by class, IoU > ${options.nmsIou}, at most ${options.maxDetections}`
    : `the best ${options.maxDetections} pairs of cell and class, without NMS`;
}

/**
 * Returns the IoU above which a candidate goes for a better one; null where none goes, whatever it
 * overlaps.
 */
export function overlapLimit({ headCode }: SelectSpec, { nmsIou }: SelectOptions): number | null {
  return headCode.select === "nms" ? nmsIou : null;
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
export function nms(candidates: Candidates, options: SelectOptions): Int32Array {
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

/**
 * Returns the indices of the best candidates by descending score, at most `maxDetections`; ties:
 * the lower index first.
 *
 * ultralytics takes the best k cells first and then, of those, the best k pairs of cell and class
 * (`Detect.get_topk_index`). The pairs are the same: a pair of any other cell has the best pairs of
 * k cells before it.
 */
export function topK(candidates: Candidates, { maxDetections }: SelectOptions): Int32Array {
  return byDescendingScore(candidates).slice(0, maxDetections);
}

/** Returns the indices of the candidates that become detections, by descending score. */
export function select(
  { headCode }: SelectSpec,
  candidates: Candidates,
  options: SelectOptions,
): Int32Array {
  return headCode.select === "nms" ? nms(candidates, options) : topK(candidates, options);
}
