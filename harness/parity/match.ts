/**
 * Detections of the reference and of a variant → matched pairs, by assignment and not by order.
 *
 * @module
 */
import type { Detection, Match } from "../record/records.ts";
import { iou } from "../head/select.ts";
import { oksFromDistances, SEGMENT_SHARE_OF_BOX, sigmasFor } from "../pose/oks.ts";
import { assign } from "./assignment.ts";

/** Pairs whose mean of OKS and box IoU is smaller are no pairs. */
export const MIN_SIMILARITY = 0.3;

/** Matched pairs and what is left over. */
export interface Matching {
  matches: Match[];
  unmatchedReference: number[];
  unmatchedCandidate: number[];
}

/** Returns the distance of each joint in image pixels; NaN where a coordinate is. */
export function jointDistancesPx(a: Detection, b: Detection): number[] {
  return a.keypoints.map(([x, y], joint) =>
    Math.hypot(x - (b.keypoints[joint]?.[0] ?? NaN), y - (b.keypoints[joint]?.[1] ?? NaN))
  );
}

/**
 * Returns the area in square pixels that stands for a detection's person in OKS: a share of its
 * box, at least one pixel.
 */
export function personAreaPx2({ boxXyxyPx: [x1, y1, x2, y2] }: Detection): number {
  return Math.max(1, (x2 - x1) * (y2 - y1) * SEGMENT_SHARE_OF_BOX);
}

/**
 * Returns the OKS of a detection with the reference's, all joints counted, at the scale of the
 * reference's box; of detections without joints the IoU of their boxes.
 */
export function detectionOks(reference: Detection, candidate: Detection): number {
  if (reference.keypoints.length === 0) return iou(withArea(reference), withArea(candidate));
  const distances = jointDistancesPx(reference, candidate);
  return oksFromDistances(distances, personAreaPx2(reference), sigmasFor(distances.length));
}

/** Returns the box, at least a pixel wide and high: outside of the image it has no area. */
function withArea({ boxXyxyPx: [x1, y1, x2, y2] }: Detection): number[] {
  return [x1, y1, Math.max(x2, x1 + 1), Math.max(y2, y1 + 1)];
}

/**
 * Returns the pairs of the two lists with the largest sum of similarity (the mean of OKS and of the
 * boxes' IoU), within each class.
 *
 * A person whose joints are all wrong is still paired by the box, so that the error is told in
 * pixels.
 */
export function matchDetections(
  reference: readonly Detection[],
  candidate: readonly Detection[],
): Matching {
  const similarity = reference.map((a) =>
    candidate.map((b) =>
      a.classIndex === b.classIndex
        ? (detectionOks(a, b) || 0) / 2 + iou(a.boxXyxyPx, b.boxXyxyPx) / 2
        : NaN
    )
  );
  const pairs = assign(similarity, MIN_SIMILARITY);
  const taken = new Set(pairs);
  return {
    matches: pairs.flatMap((column, row) =>
      column < 0 ? [] : [describePair(reference[row], candidate[column], row, column)]
    ),
    unmatchedReference: pairs.flatMap((column, row) => column < 0 ? [row] : []),
    unmatchedCandidate: candidate.flatMap((_, column) => taken.has(column) ? [] : [column]),
  };
}

/** Returns how two detections that are a pair differ. */
export function describePair(
  reference: Detection,
  candidate: Detection,
  referenceIndex: number,
  candidateIndex: number,
): Match {
  return {
    referenceIndex,
    candidateIndex,
    oks: detectionOks(reference, candidate),
    distancesPx: jointDistancesPx(reference, candidate),
    scoreDiff: candidate.score - reference.score,
    visibilityFlips:
      reference.keypoints.filter(([, , confidence], joint) =>
        (confidence >= 0.5) !== (candidate.keypoints[joint]?.[2] >= 0.5)
      ).length,
  };
}
