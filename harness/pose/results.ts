/**
 * COCO's result format: detections → the entries of a results file (pure).
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import type { ClassTarget } from "./ground_truth.ts";

/** One entry of a results file in COCO's keypoint result format (keys are COCO's). */
export interface CocoResult {
  image_id: number;
  category_id: number;
  score: number;
  /** x, y, width, height in image pixels. */
  bbox?: number[];
  /** x, y, confidence per keypoint. */
  keypoints?: number[];
}

/** COCO's category "person". */
const PERSON_CATEGORY_ID = 1;

/**
 * Returns an image's detections as entries of COCO's keypoint result format, in the order of the
 * detections.
 *
 * `classes` says what each class stands for, see `groundTruthOf()`; null without annotations: class
 * 0 is category 1 (COCO's person), class 1 category 2, and so on. The third value of each keypoint
 * is its confidence; COCO's evaluation does not use it.
 */
export function toCocoResults(
  imageId: number,
  detections: readonly Detection[],
  classes: readonly ClassTarget[] | null,
): CocoResult[] {
  return detections.map(({ score, classIndex, boxXyxyPx: [x1, y1, x2, y2], keypoints }) => {
    const target = classes?.[classIndex] ?? null;
    const joints = target?.joints?.map((joint) => keypoints[joint]) ?? keypoints;
    return {
      image_id: imageId,
      category_id: classes === null ? PERSON_CATEGORY_ID + classIndex : target?.categoryId ?? -1,
      bbox: [x1, y1, x2 - x1, y2 - y1],
      // an entry of a detection has a box alone
      ...(keypoints.length > 0 ? { keypoints: joints.flat() } : {}),
      score,
    };
  });
}

/** Returns what the AP of these entries is about: boxes where none has keypoints. */
export function resultKind(results: readonly CocoResult[]): "keypoints" | "boxes" {
  return results.length > 0 && results.every(({ keypoints }) => keypoints === undefined)
    ? "boxes"
    : "keypoints";
}
