/**
 * COCO's average precision and recall: matches → the ten keypoint numbers and the twelve box
 * numbers, equal to pycocotools'.
 *
 * Source: pycocotools 2.0.10, `cocoeval.py` (`accumulate`, `summarize`). A number is -1 where there
 * is nothing to evaluate.
 *
 * @module
 */
import type { CocoAnnotations } from "./coco_annotations.ts";
import {
  AREA_RANGES,
  type AreaRange,
  type CategoryMatches,
  type ImageMatches,
  IOU_THRESHOLDS,
  matchResults,
  MAX_DETECTIONS,
} from "./coco_match.ts";
import type { EvaluationKind } from "./ground_truth.ts";
import { type CocoResult, resultKind } from "./results.ts";

/** Keypoint numbers: at most 20 detections per image. */
export interface KeypointMetrics {
  AP: number;
  AP50: number;
  AP75: number;
  APm: number;
  APl: number;
  AR: number;
  AR50: number;
  AR75: number;
  ARm: number;
  ARl: number;
}

/** Box numbers: precision at 100 detections per image, recall at 1, 10 and 100. */
export interface BoxMetrics {
  AP: number;
  AP50: number;
  AP75: number;
  APs: number;
  APm: number;
  APl: number;
  AR1: number;
  AR10: number;
  AR100: number;
  ARs: number;
  ARm: number;
  ARl: number;
}

/** Recall steps: `np.linspace(0, 1, 101)`. */
const RECALL_STEPS = 100;

/** Per threshold: precision averaged over the 101 recall steps, and the largest recall. */
export interface PrecisionRecall {
  precision: Float64Array;
  recall: Float64Array;
}

/**
 * Returns precision and recall per IoU threshold over the images of one category and area range;
 * null when no annotation counts.
 */
export function precisionRecall(
  images: readonly ImageMatches[],
  maxDetections: number,
): PrecisionRecall | null {
  let annotationCount = 0;
  let total = 0;
  for (const image of images) {
    annotationCount += image.annotationCount;
    total += Math.min(image.scores.length, maxDetections);
  }
  if (annotationCount === 0) return null;
  // the detections of all images in stable order of descending score
  const scores = new Float64Array(total);
  const owners = new Int32Array(total);
  const places = new Int32Array(total);
  let at = 0;
  for (const [owner, image] of images.entries()) {
    for (let place = 0; place < Math.min(image.scores.length, maxDetections); place++, at++) {
      scores[at] = image.scores[place];
      owners[at] = owner;
      places[at] = place;
    }
  }
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  const precision = new Float64Array(IOU_THRESHOLDS.length);
  const recall = new Float64Array(IOU_THRESHOLDS.length);
  const precisions = new Float64Array(total);
  const recalls = new Float64Array(total);
  for (let threshold = 0; threshold < IOU_THRESHOLDS.length; threshold++) {
    let truePositives = 0;
    let falsePositives = 0;
    for (const [rank, index] of order.entries()) {
      const image = images[owners[index]];
      const cell = threshold * image.scores.length + places[index];
      if (!image.ignored[cell]) {
        if (image.matched[cell]) truePositives++;
        else falsePositives++;
      }
      recalls[rank] = truePositives / annotationCount;
      precisions[rank] = truePositives / (falsePositives + truePositives + Number.EPSILON);
    }
    recall[threshold] = total === 0 ? 0 : recalls[total - 1];
    precision[threshold] = averageOverRecall(precisions, recalls);
  }
  return { precision, recall };
}

/**
 * Mean over the recall steps of the largest precision at that recall or beyond; changes
 * `precisions` to that envelope.
 */
function averageOverRecall(precisions: Float64Array, recalls: Float64Array): number {
  for (let rank = precisions.length - 1; rank > 0; rank--) {
    if (precisions[rank] > precisions[rank - 1]) precisions[rank - 1] = precisions[rank];
  }
  let sum = 0;
  for (let step = 0, rank = 0; step <= RECALL_STEPS; step++) {
    const target = step === RECALL_STEPS ? 1 : step * 0.01;
    while (rank < recalls.length && recalls[rank] < target) rank++;
    if (rank === recalls.length) break;
    sum += precisions[rank];
  }
  return sum / (RECALL_STEPS + 1);
}

/** Mean of the values over categories and thresholds, -1 when there are none. */
function mean(values: number[]): number {
  return values.length === 0 ? -1 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Looks up one number: the mean over categories and over all thresholds, or at one. */
function summarize(
  categories: readonly CategoryMatches[],
  kind: EvaluationKind,
): (
  what: keyof PrecisionRecall,
  area: AreaRange["name"],
  maxDetections: number,
  threshold?: 0.5 | 0.75,
) => number {
  const cache = new Map<string, (PrecisionRecall | null)[]>();
  return (what, area, maxDetections, threshold) => {
    const areaIndex = AREA_RANGES[kind].findIndex(({ name }) => name === area);
    const key = `${area}/${maxDetections}`;
    let curves = cache.get(key);
    if (curves === undefined) {
      curves = categories.map(({ byArea }) => precisionRecall(byArea[areaIndex], maxDetections));
      cache.set(key, curves);
    }
    return mean(curves.flatMap((curve) => {
      if (curve === null) return [];
      return threshold === undefined
        ? Array.from(curve[what])
        : [curve[what][threshold === 0.5 ? 0 : 5]];
    }));
  };
}

/**
 * Returns the ten keypoint numbers of COCO's evaluation; all -1 when the results have boxes only.
 *
 * Throws `RangeError` when an entry has another number of keypoints than the annotations.
 */
export function evaluateKeypoints(
  annotations: CocoAnnotations,
  results: readonly CocoResult[],
): KeypointMetrics {
  const boxesOnly = resultKind(results) === "boxes";
  if (!boxesOnly) checkKeypointCounts(annotations, results);
  const value = boxesOnly
    ? () => -1
    : summarize(matchResults(annotations, results, "keypoints"), "keypoints");
  const [limit] = MAX_DETECTIONS.keypoints;
  return {
    AP: value("precision", "all", limit),
    AP50: value("precision", "all", limit, 0.5),
    AP75: value("precision", "all", limit, 0.75),
    APm: value("precision", "medium", limit),
    APl: value("precision", "large", limit),
    AR: value("recall", "all", limit),
    AR50: value("recall", "all", limit, 0.5),
    AR75: value("recall", "all", limit, 0.75),
    ARm: value("recall", "medium", limit),
    ARl: value("recall", "large", limit),
  };
}

/**
 * Throws when an entry has another number of keypoints than the objects of its category, or the
 * first entry where none of them has any.
 */
function checkKeypointCounts(
  { categories }: CocoAnnotations,
  results: readonly CocoResult[],
): void {
  const countOf = ({ keypoints = [] }: CocoResult) => keypoints.length / 3;
  const expectedBy = new Map(categories.map(({ id, jointCount }) => [id, jointCount]));
  for (const [index, entry] of results.entries()) {
    const expected = expectedBy.has(entry.category_id)
      ? expectedBy.get(entry.category_id) ?? countOf(results[0])
      : countOf(entry);
    if (countOf(entry) === expected) continue;
    throw new RangeError(
      `entry ${index} has ${
        countOf(entry)
      } keypoints, expected ${expected} as the objects of category ${entry.category_id} have: was it made by a model with another keypoint layout?`,
    );
  }
}

/**
 * Returns the twelve box numbers of COCO's evaluation; boxes are derived from keypoints where the
 * results have none.
 */
export function evaluateBoxes(
  annotations: CocoAnnotations,
  results: readonly CocoResult[],
): BoxMetrics {
  const value = summarize(matchResults(annotations, results, "boxes"), "boxes");
  const [few, some, many] = MAX_DETECTIONS.boxes;
  return {
    AP: value("precision", "all", many),
    AP50: value("precision", "all", many, 0.5),
    AP75: value("precision", "all", many, 0.75),
    APs: value("precision", "small", many),
    APm: value("precision", "medium", many),
    APl: value("precision", "large", many),
    AR1: value("recall", "all", few),
    AR10: value("recall", "all", some),
    AR100: value("recall", "all", many),
    ARs: value("recall", "small", many),
    ARm: value("recall", "medium", many),
    ARl: value("recall", "large", many),
  };
}
