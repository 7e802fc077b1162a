/**
 * COCO's matching of detections with annotations, image by image: pycocotools' `computeOks`,
 * `computeIoU` and `evaluateImg`.
 *
 * Source: pycocotools 2.0.10, `cocoeval.py` and `common/maskApi.c` (`bbIou`), followed rule for
 * rule.
 *
 * @module
 */
import type { CocoAnnotation, CocoAnnotations } from "./coco_annotations.ts";
import type { CocoResult } from "./results.ts";
import type { EvaluationKind } from "./ground_truth.ts";
import { sigmasFor } from "./oks.ts";

/** `np.linspace(0.5, 0.95, 10)`, value for value. */
export const IOU_THRESHOLDS: readonly number[] = Array.from(
  { length: 10 },
  (_, index) => index === 9 ? 0.95 : 0.5 + index * ((0.95 - 0.5) / 9),
);

/** Name and range of an area in square pixels, both ends included. */
export interface AreaRange {
  name: "all" | "small" | "medium" | "large";
  low: number;
  high: number;
}

const ALL: AreaRange = { name: "all", low: 0, high: 1e10 };
const SMALL: AreaRange = { name: "small", low: 0, high: 32 ** 2 };
const MEDIUM: AreaRange = { name: "medium", low: 32 ** 2, high: 96 ** 2 };
const LARGE: AreaRange = { name: "large", low: 96 ** 2, high: 1e10 };

/** Area ranges that COCO reports. */
export const AREA_RANGES: Readonly<Record<EvaluationKind, readonly AreaRange[]>> = {
  keypoints: [ALL, MEDIUM, LARGE],
  boxes: [ALL, SMALL, MEDIUM, LARGE],
};

/** Detections per image and category that count. */
export const MAX_DETECTIONS: Readonly<Record<EvaluationKind, readonly number[]>> = {
  keypoints: [20],
  boxes: [1, 10, 100],
};

/** A detection prepared as pycocotools' `loadRes` does. */
interface Prepared {
  score: number;
  box: readonly number[];
  area: number;
  keypoints: readonly number[];
}

/** Outcome of one image, category and area range. */
export interface ImageMatches {
  imageIndex: number;
  /** Descending, at most the largest of {@linkcode MAX_DETECTIONS}. */
  scores: Float64Array;
  /** 1 for a true positive; [threshold][detection], flat. */
  matched: Uint8Array;
  /** 1 for a detection that counts neither way; [threshold][detection], flat. */
  ignored: Uint8Array;
  /** Annotations that count. */
  annotationCount: number;
}

/**
 * Matches of one category: `byArea[areaIndex]` holds the images with any annotation or detection,
 * in order of image id.
 */
export interface CategoryMatches {
  categoryId: number;
  byArea: ImageMatches[][];
}

/**
 * Returns the sum as numpy adds up a float64 vector (pairwise, eight accumulators): the last bits
 * decide ties.
 */
function numpySum(values: Float64Array, length: number): number {
  if (length < 8) {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += values[i];
    return sum;
  }
  if (length > 128) {
    const half = Math.floor(length / 2) - Math.floor(length / 2) % 8;
    return numpySum(values, half) + numpySum(values.subarray(half), length - half);
  }
  const r = values.slice(0, 8);
  let i = 8;
  for (; i < length - length % 8; i += 8) {
    for (let lane = 0; lane < 8; lane++) r[lane] += values[i + lane];
  }
  let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  for (; i < length; i++) sum += values[i];
  return sum;
}

/**
 * OKS of each detection (rows) with each annotation (columns). An object without a row of joints is
 * compared by its box alone, as one without labelled joints.
 */
function oksMatrix(
  detections: Prepared[],
  annotations: CocoAnnotation[],
  categorySigmas: readonly number[] | null,
): Float64Array {
  const matrix = new Float64Array(detections.length * annotations.length);
  for (const [column, annotation] of annotations.entries()) {
    const truth = annotation.keypoints;
    const jointCount = truth.length > 0
      ? truth.length / 3
      : (detections[0]?.keypoints.length ?? 0) / 3;
    const sigmas = categorySigmas?.length === jointCount ? categorySigmas : sigmasFor(jointCount);
    let labelled = 0;
    for (let joint = 0; joint < truth.length / 3; joint++) {
      if (truth[3 * joint + 2] > 0) labelled++;
    }
    const [x, y, width, height] = annotation.boxXywhPx;
    const [x0, x1, y0, y1] = [x - width, x + width * 2, y - height, y + height * 2];
    const terms = new Float64Array(jointCount);
    for (const [row, { keypoints }] of detections.entries()) {
      let count = 0;
      for (let joint = 0; joint < jointCount; joint++) {
        if (labelled > 0 && !(truth[3 * joint + 2] > 0)) continue;
        const xd = keypoints[3 * joint];
        const yd = keypoints[3 * joint + 1];
        const dx = labelled > 0
          ? xd - truth[3 * joint]
          : Math.max(0, x0 - xd) + Math.max(0, xd - x1);
        const dy = labelled > 0
          ? yd - truth[3 * joint + 1]
          : Math.max(0, y0 - yd) + Math.max(0, yd - y1);
        const variance = (sigmas[joint] * 2) ** 2;
        terms[count++] = Math.exp(
          -((dx * dx + dy * dy) / variance / (annotation.areaPx2 + Number.EPSILON) / 2),
        );
      }
      matrix[row * annotations.length + column] = numpySum(terms, count) / count;
    }
  }
  return matrix;
}

/**
 * IoU of each detection's box (rows) with each annotation's (columns); a crowd's union is the
 * detection alone.
 */
function iouMatrix(detections: Prepared[], annotations: CocoAnnotation[]): Float64Array {
  const matrix = new Float64Array(detections.length * annotations.length);
  for (const [row, { box: d }] of detections.entries()) {
    const detectionArea = d[2] * d[3];
    for (const [column, { boxXywhPx: g, isCrowd }] of annotations.entries()) {
      const width = Math.min(d[2] + d[0], g[2] + g[0]) - Math.max(d[0], g[0]);
      const height = Math.min(d[3] + d[1], g[3] + g[1]) - Math.max(d[1], g[1]);
      if (width <= 0 || height <= 0) continue;
      const overlap = width * height;
      const union = isCrowd ? detectionArea : detectionArea + g[2] * g[3] - overlap;
      matrix[row * annotations.length + column] = overlap / union;
    }
  }
  return matrix;
}

/**
 * Returns the entries with box and area as pycocotools' `loadRes` derives them; the first entry
 * decides for all.
 */
function prepareDetections(results: readonly CocoResult[]): Prepared[] {
  const byBox = results.length > 0 && results[0].bbox !== undefined && results[0].bbox.length === 4;
  return results.map(({ score, bbox, keypoints = [] }) => {
    if (byBox && bbox?.length === 4) {
      return { score, box: bbox, area: bbox[2] * bbox[3], keypoints };
    }
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let at = 0; at < keypoints.length; at += 3) {
      x0 = Math.min(x0, keypoints[at]);
      x1 = Math.max(x1, keypoints[at]);
      y0 = Math.min(y0, keypoints[at + 1]);
      y1 = Math.max(y1, keypoints[at + 1]);
    }
    return { score, box: [x0, y0, x1 - x0, y1 - y0], area: (x1 - x0) * (y1 - y0), keypoints };
  });
}

/**
 * Matches one image's detections (sorted) with its annotations for one area range; a similarity of
 * NaN matches nothing.
 */
function matchImage(
  imageIndex: number,
  detections: Prepared[],
  annotations: CocoAnnotation[],
  similarity: Float64Array,
  kind: EvaluationKind,
  { low, high }: AreaRange,
): ImageMatches {
  const width = annotations.length;
  const isIgnored = annotations.map(({ isCrowd, keypointCount, areaPx2 }) =>
    isCrowd || (kind === "keypoints" && keypointCount === 0) || areaPx2 < low || areaPx2 > high
  );
  const order = [
    ...annotations.keys().filter((index) => !isIgnored[index]),
    ...annotations.keys().filter((index) => isIgnored[index]),
  ];
  const count = detections.length;
  const matched = new Uint8Array(IOU_THRESHOLDS.length * count);
  const ignored = new Uint8Array(IOU_THRESHOLDS.length * count);
  const taken = new Uint8Array(width);
  for (const [thresholdIndex, threshold] of IOU_THRESHOLDS.entries()) {
    taken.fill(0);
    for (let detection = 0; detection < count; detection++) {
      let best = Math.min(threshold, 1 - 1e-10);
      let match = -1;
      for (const index of order) {
        if (taken[index] && !annotations[index].isCrowd) continue;
        if (match >= 0 && !isIgnored[match] && isIgnored[index]) break;
        const value = similarity[detection * width + index];
        if (!(value >= best)) continue;
        best = value;
        match = index;
      }
      const at = thresholdIndex * count + detection;
      if (match >= 0) {
        taken[match] = 1;
        // pycocotools stores the annotation's id as the match, so an annotation with id 0 never
        // counts as matched
        matched[at] = annotations[match].id === 0 ? 0 : 1;
        ignored[at] = isIgnored[match] ? 1 : 0;
      }
      const { area } = detections[detection];
      if (!matched[at] && (area < low || area > high)) ignored[at] = 1;
    }
  }
  return {
    imageIndex,
    scores: Float64Array.from(detections, ({ score }) => score),
    matched,
    ignored,
    annotationCount: isIgnored.filter((value) => !value).length,
  };
}

/** Returns the values grouped by image and category: `groups.get(categoryId)?.get(imageId)`. */
function group<T>(
  values: readonly T[],
  keys: (value: T) => [categoryId: number, imageId: number],
): Map<number, Map<number, T[]>> {
  const groups = new Map<number, Map<number, T[]>>();
  for (const value of values) {
    const [categoryId, imageId] = keys(value);
    let images = groups.get(categoryId);
    if (images === undefined) groups.set(categoryId, images = new Map());
    const members = images.get(imageId);
    if (members === undefined) images.set(imageId, [value]);
    else members.push(value);
  }
  return groups;
}

/**
 * Returns COCO's matches of the results with the annotations, for each category (ascending id) and
 * area range.
 *
 * `imageIndex` is the image's place among all image ids in ascending order. Entries of categories
 * that the annotations do not list are left out, as pycocotools does.
 */
export function matchResults(
  { images, categories, annotations }: CocoAnnotations,
  results: readonly CocoResult[],
  kind: EvaluationKind,
): CategoryMatches[] {
  const imageIds = images.map(({ id }) => id).sort((a, b) => a - b);
  const truths = group(annotations, ({ categoryId, imageId }) => [categoryId, imageId]);
  const prepared = prepareDetections(results);
  const found = group(
    prepared.map((detection, index) => ({ detection, result: results[index] })),
    ({ result }) => [result.category_id, result.image_id],
  );
  const limit = Math.max(...MAX_DETECTIONS[kind]);
  return categories.map(({ id: categoryId, sigmas }) => {
    const byArea: ImageMatches[][] = AREA_RANGES[kind].map(() => []);
    for (const [imageIndex, imageId] of imageIds.entries()) {
      const truth = truths.get(categoryId)?.get(imageId) ?? [];
      const detections = (found.get(categoryId)?.get(imageId) ?? [])
        .map(({ detection }) => detection)
        .sort((a, b) => b.score - a.score)
        .slice(0, limit);
      if (truth.length === 0 && detections.length === 0) continue;
      const similarity = kind === "keypoints"
        ? oksMatrix(detections, truth, sigmas?.values ?? null)
        : iouMatrix(detections, truth);
      for (const [areaIndex, area] of AREA_RANGES[kind].entries()) {
        byArea[areaIndex].push(
          matchImage(imageIndex, detections, truth, similarity, kind, area),
        );
      }
    }
    return { categoryId, byArea };
  });
}
