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
  type AreaMatches,
  type AreaRange,
  type CategoryMatches,
  IOU_THRESHOLDS,
  matchResults,
  MAX_DETECTIONS,
  OUTCOME,
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
 * Returns the places of the detections of all images in stable order of descending score, of each
 * image the first `maxDetections`.
 */
export function rankedDetections(
  { firstDetections, scores }: Pick<CategoryMatches, "firstDetections" | "scores">,
  maxDetections: number,
): Uint32Array {
  const kept = new Uint32Array(scores.length);
  let count = 0;
  for (let image = 0; image + 1 < firstDetections.length; image++) {
    const end = Math.min(firstDetections[image + 1], firstDetections[image] + maxDetections);
    for (let place = firstDetections[image]; place < end; place++) kept[count++] = place;
  }
  return descending(kept.subarray(0, count), scores);
}

/**
 * Returns the places in stable order of descending score: a radix sort of the scores' bits, since a
 * comparison of each pair takes most of the time of an evaluation.
 */
function descending(places: Uint32Array, scores: Float64Array): Uint32Array {
  const bits = new Uint32Array(2 * places.length);
  const values = new Float64Array(bits.buffer);
  for (let index = 0; index < places.length; index++) values[index] = scores[places[index]] + 0;
  // bits that grow as the score falls: of a negative number they do, of a positive one turned round
  for (let high = 1; high < bits.length; high += 2) {
    if (bits[high] >>> 31) continue;
    bits[high] = ~bits[high] & 0x7fffffff;
    bits[high - 1] = ~bits[high - 1];
  }
  let order = Uint32Array.from(places.keys());
  let next = new Uint32Array(places.length);
  const starts = new Uint32Array(1 << 16);
  for (let digit = 0; digit < 4; digit++) {
    const word = digit >> 1;
    const shift = 16 * (digit & 1);
    starts.fill(0);
    for (let index = 0; index < order.length; index++) {
      starts[(bits[2 * index + word] >>> shift) & 0xffff]++;
    }
    for (let value = 0, start = 0; value < starts.length; value++) {
      const size = starts[value];
      starts[value] = start;
      start += size;
    }
    for (let rank = 0; rank < order.length; rank++) {
      next[starts[(bits[2 * order[rank] + word] >>> shift) & 0xffff]++] = order[rank];
    }
    [order, next] = [next, order];
  }
  return order.map((index) => places[index]);
}

/**
 * Returns precision and recall per IoU threshold of one category and area range, its detections in
 * the order of {@linkcode rankedDetections}; null when no annotation counts.
 */
export function precisionRecall(
  { annotationCounts, outcomes }: AreaMatches,
  order: Uint32Array,
  detectionCount: number,
): PrecisionRecall | null {
  const annotationCount = annotationCounts.reduce((sum, count) => sum + count, 0);
  if (annotationCount === 0) return null;
  const precision = new Float64Array(IOU_THRESHOLDS.length);
  const recall = new Float64Array(IOU_THRESHOLDS.length);
  const precisions = new Float64Array(order.length);
  for (let threshold = 0; threshold < IOU_THRESHOLDS.length; threshold++) {
    const from = threshold * detectionCount;
    let truePositives = 0;
    let falsePositives = 0;
    for (let rank = 0; rank < order.length; rank++) {
      const outcome = outcomes[from + order[rank]];
      if (outcome === OUTCOME.truePositive) {
        truePositives++;
        // recall grows here alone, and precision falls until the next
        precisions[truePositives - 1] = truePositives /
          (falsePositives + truePositives + Number.EPSILON);
      } else if (outcome === OUTCOME.falsePositive) falsePositives++;
    }
    recall[threshold] = truePositives / annotationCount;
    precision[threshold] = averageOverRecall(precisions, truePositives, annotationCount);
  }
  return { precision, recall };
}

/**
 * Mean over the recall steps of the largest precision at that recall or beyond; changes
 * `precisions`, those at each of the true positives, to that envelope.
 */
function averageOverRecall(
  precisions: Float64Array,
  truePositives: number,
  annotationCount: number,
): number {
  for (let rank = truePositives - 1; rank > 0; rank--) {
    if (precisions[rank] > precisions[rank - 1]) precisions[rank - 1] = precisions[rank];
  }
  let sum = 0;
  for (let step = 0, rank = 0; step <= RECALL_STEPS; step++) {
    const target = step === RECALL_STEPS ? 1 : step * 0.01;
    while (rank < truePositives && (rank + 1) / annotationCount < target) rank++;
    if (rank === truePositives) break;
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
  const orders = new Map<number, Uint32Array[]>();
  const ordersOf = (maxDetections: number) => {
    const known = orders.get(maxDetections) ??
      categories.map((category) => rankedDetections(category, maxDetections));
    orders.set(maxDetections, known);
    return known;
  };
  return (what, area, maxDetections, threshold) => {
    const areaIndex = AREA_RANGES[kind].findIndex(({ name }) => name === area);
    const key = `${area}/${maxDetections}`;
    let curves = cache.get(key);
    if (curves === undefined) {
      const ranked = ordersOf(maxDetections);
      curves = categories.map(({ byArea, scores }, index) =>
        precisionRecall(byArea[areaIndex], ranked[index], scores.length)
      );
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
