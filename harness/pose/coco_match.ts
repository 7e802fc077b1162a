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

/** What a detection counts as. */
export const OUTCOME = { ignored: 0, truePositive: 1, falsePositive: 2 } as const;

/** Outcome of one area range. */
export interface AreaMatches {
  /** Annotations that count, by image. */
  annotationCounts: Int32Array;
  /** An {@linkcode OUTCOME} each; [threshold][detection], flat. */
  outcomes: Uint8Array;
}

/** Matches of one category over the images with any annotation or detection, by image id. */
export interface CategoryMatches {
  categoryId: number;
  /** By image: its place among all image ids. */
  imageIndices: Int32Array;
  /** By image: the place of its first detection; one more for the end. */
  firstDetections: Int32Array;
  /**
   * By detection: descending within an image, at most the largest of {@linkcode MAX_DETECTIONS} an
   * image.
   */
  scores: Float64Array;
  /** By area range. */
  byArea: AreaMatches[];
}

/**
 * Returns the sum as numpy adds up a float64 vector (pairwise, eight accumulators): the last bits
 * decide ties.
 */
function numpySum(values: Float64Array, from: number, length: number): number {
  if (length < 8) {
    let sum = 0;
    for (let i = from; i < from + length; i++) sum += values[i];
    return sum;
  }
  if (length > 128) {
    const half = Math.floor(length / 2) - Math.floor(length / 2) % 8;
    return numpySum(values, from, half) + numpySum(values, from + half, length - half);
  }
  let r0 = values[from], r1 = values[from + 1], r2 = values[from + 2], r3 = values[from + 3];
  let r4 = values[from + 4], r5 = values[from + 5], r6 = values[from + 6], r7 = values[from + 7];
  const whole = length - length % 8;
  for (let i = from + 8; i < from + whole; i += 8) {
    r0 += values[i];
    r1 += values[i + 1];
    r2 += values[i + 2];
    r3 += values[i + 3];
    r4 += values[i + 4];
    r5 += values[i + 5];
    r6 += values[i + 6];
    r7 += values[i + 7];
  }
  let sum = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7));
  for (let i = from + whole; i < from + length; i++) sum += values[i];
  return sum;
}

/** Space for one image's similarities and terms, which grows and is used again. */
interface Scratch {
  similarity: Float64Array;
  terms: Float64Array;
  /** x, y, width, height of each detection. */
  boxes: Float64Array;
  areas: Float64Array;
}

/**
 * Writes the OKS of each detection (rows) with each annotation (columns). An object without a row
 * of joints is compared by its box alone, as one without labelled joints.
 */
function writeOks(
  scratch: Scratch,
  detections: readonly CocoResult[],
  annotations: readonly CocoAnnotation[],
  categorySigmas: readonly number[] | null,
): void {
  const { similarity } = scratch;
  for (let column = 0; column < annotations.length; column++) {
    const { keypoints: truth, boxXywhPx: [x, y, width, height], areaPx2 } = annotations[column];
    const jointCount = (truth.length > 0 ? truth : detections[0]?.keypoints ?? []).length / 3;
    const sigmas = categorySigmas?.length === jointCount ? categorySigmas : sigmasFor(jointCount);
    if (scratch.terms.length < jointCount) scratch.terms = new Float64Array(jointCount);
    const { terms } = scratch;
    let labelled = 0;
    for (let at = 2; at < truth.length; at += 3) if (truth[at] > 0) labelled++;
    const [x0, x1, y0, y1] = [x - width, x + width * 2, y - height, y + height * 2];
    for (let row = 0; row < detections.length; row++) {
      const keypoints = detections[row].keypoints ?? NO_NUMBERS;
      let count = 0;
      for (let joint = 0; joint < jointCount; joint++) {
        const at = 3 * joint;
        if (labelled > 0 && !(truth[at + 2] > 0)) continue;
        const xd = keypoints[at];
        const yd = keypoints[at + 1];
        const dx = labelled > 0 ? xd - truth[at] : Math.max(0, x0 - xd) + Math.max(0, xd - x1);
        const dy = labelled > 0 ? yd - truth[at + 1] : Math.max(0, y0 - yd) + Math.max(0, yd - y1);
        const variance = (sigmas[joint] * 2) ** 2;
        terms[count++] = Math.exp(
          -((dx * dx + dy * dy) / variance / (areaPx2 + Number.EPSILON) / 2),
        );
      }
      similarity[row * annotations.length + column] = numpySum(terms, 0, count) / count;
    }
  }
}

const NO_NUMBERS: readonly number[] = [];

/**
 * Writes the IoU of each detection's box (rows) with each annotation's (columns); a crowd's union
 * is the detection alone.
 */
function writeIou(
  { similarity, boxes }: Scratch,
  count: number,
  annotations: readonly CocoAnnotation[],
): void {
  for (let row = 0; row < count; row++) {
    const [x, y, w, h] = [
      boxes[4 * row],
      boxes[4 * row + 1],
      boxes[4 * row + 2],
      boxes[4 * row + 3],
    ];
    for (let column = 0; column < annotations.length; column++) {
      const { boxXywhPx: g, isCrowd } = annotations[column];
      const width = Math.min(w + x, g[2] + g[0]) - Math.max(x, g[0]);
      const height = Math.min(h + y, g[3] + g[1]) - Math.max(y, g[1]);
      const overlap = width <= 0 || height <= 0 ? 0 : width * height;
      const union = isCrowd ? w * h : w * h + g[2] * g[3] - overlap;
      similarity[row * annotations.length + column] = overlap === 0 ? 0 : overlap / union;
    }
  }
}

/**
 * Writes the entries' boxes and areas as pycocotools' `loadRes` derives them; the first entry of
 * the file decides whether boxes are taken (`byBox`).
 */
function writeBoxes(scratch: Scratch, detections: readonly CocoResult[], byBox: boolean): void {
  const { boxes, areas } = scratch;
  for (let row = 0; row < detections.length; row++) {
    const { bbox, keypoints = NO_NUMBERS } = detections[row];
    if (byBox && bbox?.length === 4) {
      for (let side = 0; side < 4; side++) boxes[4 * row + side] = bbox[side];
      areas[row] = bbox[2] * bbox[3];
      continue;
    }
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (let at = 0; at < keypoints.length; at += 3) {
      x0 = Math.min(x0, keypoints[at]);
      x1 = Math.max(x1, keypoints[at]);
      y0 = Math.min(y0, keypoints[at + 1]);
      y1 = Math.max(y1, keypoints[at + 1]);
    }
    boxes[4 * row] = x0;
    boxes[4 * row + 1] = y0;
    boxes[4 * row + 2] = x1 - x0;
    boxes[4 * row + 3] = y1 - y0;
    areas[row] = (x1 - x0) * (y1 - y0);
  }
}

/**
 * Matches one image's detections (sorted) with its annotations for one area range and writes their
 * outcomes from `first` on; returns how many annotations count. A similarity of NaN matches
 * nothing.
 */
function matchImage(
  { similarity, areas }: Scratch,
  count: number,
  annotations: readonly CocoAnnotation[],
  kind: EvaluationKind,
  { low, high }: AreaRange,
  outcomes: Uint8Array,
  first: number,
  stride: number,
): number {
  const width = annotations.length;
  const order: number[] = [];
  let counted = 0;
  for (let pass = 0; pass < 2; pass++) {
    for (let index = 0; index < width; index++) {
      const { isCrowd, keypointCount, areaPx2 } = annotations[index];
      const isIgnored = isCrowd || (kind === "keypoints" && keypointCount === 0) ||
        areaPx2 < low || areaPx2 > high;
      if (isIgnored === (pass === 1)) order.push(index);
    }
    if (pass === 0) counted = order.length;
  }
  const taken: boolean[] = new Array(width);
  for (let threshold = 0; threshold < IOU_THRESHOLDS.length; threshold++) {
    const least = Math.min(IOU_THRESHOLDS[threshold], 1 - 1e-10);
    for (let index = 0; index < width; index++) taken[index] = false;
    for (let detection = 0; detection < count; detection++) {
      let best = least;
      let match = -1;
      for (let place = 0; place < width; place++) {
        const index = order[place];
        if (taken[index] && !annotations[index].isCrowd) continue;
        // the others are ignored, and one that counts was found
        if (place >= counted && match >= 0 && match < counted) break;
        const value = similarity[detection * width + index];
        if (!(value >= best)) continue;
        best = value;
        match = place;
      }
      let outcome: number = OUTCOME.falsePositive;
      // pycocotools stores the annotation's id as the match, so an annotation with id 0 never
      // counts as matched
      const isMatched = match >= 0 && annotations[order[match]].id !== 0;
      if (match >= 0) {
        taken[order[match]] = true;
        if (match >= counted) outcome = OUTCOME.ignored;
        else if (isMatched) outcome = OUTCOME.truePositive;
      }
      if (!isMatched && (areas[detection] < low || areas[detection] > high)) {
        outcome = OUTCOME.ignored;
      }
      outcomes[threshold * stride + first + detection] = outcome;
    }
  }
  return counted;
}

/** Returns the values of each category by the place of their image. */
function byImage<T>(
  values: readonly T[],
  imageCount: number,
  keys: (value: T) => [categoryId: number, imageIndex: number | undefined],
): Map<number, (T[] | undefined)[]> {
  const groups = new Map<number, (T[] | undefined)[]>();
  for (const value of values) {
    const [categoryId, imageIndex] = keys(value);
    if (imageIndex === undefined) continue;
    let images = groups.get(categoryId);
    if (images === undefined) groups.set(categoryId, images = new Array(imageCount));
    const members = images[imageIndex];
    if (members === undefined) images[imageIndex] = [value];
    else members.push(value);
  }
  return groups;
}

const NONE: readonly never[] = [];

/**
 * Returns COCO's matches of the results with the annotations, for each category (ascending id) and
 * area range.
 *
 * Entries of categories that the annotations do not list are left out, as pycocotools does.
 */
export function matchResults(
  { images, categories, annotations }: CocoAnnotations,
  results: readonly CocoResult[],
  kind: EvaluationKind,
): CategoryMatches[] {
  const imageIds = images.map(({ id }) => id).sort((a, b) => a - b);
  const places = new Map(imageIds.map((id, index) => [id, index]));
  const truths = byImage(
    annotations,
    imageIds.length,
    ({ categoryId, imageId }) => [categoryId, places.get(imageId)],
  );
  const found = byImage(
    results,
    imageIds.length,
    ({ category_id, image_id }) => [category_id, places.get(image_id)],
  );
  const byBox = results.length > 0 && results[0].bbox?.length === 4;
  return categories.map(({ id, sigmas }) =>
    matchCategory(id, truths.get(id) ?? NONE, found.get(id) ?? NONE, imageIds.length, {
      ...{ kind, byBox, sigmas: sigmas?.values ?? null },
    })
  );
}

function matchCategory(
  categoryId: number,
  truths: readonly (CocoAnnotation[] | undefined)[],
  found: readonly (CocoResult[] | undefined)[],
  imageCount: number,
  { kind, byBox, sigmas }: {
    kind: EvaluationKind;
    byBox: boolean;
    sigmas: readonly number[] | null;
  },
): CategoryMatches {
  const limit = Math.max(...MAX_DETECTIONS[kind]);
  const imageIndices: number[] = [];
  const first: number[] = [0];
  const detections: CocoResult[][] = [];
  let widest = 0;
  for (let index = 0; index < imageCount; index++) {
    const own = found[index] ?? [];
    if (truths[index] === undefined && own.length === 0) continue;
    const sorted = own.sort((a, b) => b.score - a.score);
    if (sorted.length > limit) sorted.length = limit;
    imageIndices.push(index);
    detections.push(sorted);
    first.push(first[first.length - 1] + sorted.length);
    widest = Math.max(widest, sorted.length * (truths[index]?.length ?? 0));
  }
  const total = first[first.length - 1];
  const scores = new Float64Array(total);
  const byArea = AREA_RANGES[kind].map((): AreaMatches => ({
    annotationCounts: new Int32Array(imageIndices.length),
    outcomes: new Uint8Array(IOU_THRESHOLDS.length * total),
  }));
  const scratch: Scratch = {
    similarity: new Float64Array(widest),
    terms: new Float64Array(sigmas?.length ?? 0),
    boxes: new Float64Array(4 * limit),
    areas: new Float64Array(limit),
  };
  for (const [place, imageIndex] of imageIndices.entries()) {
    const truth = truths[imageIndex] ?? NONE;
    const own = detections[place];
    for (let row = 0; row < own.length; row++) scores[first[place] + row] = own[row].score;
    writeBoxes(scratch, own, byBox);
    if (kind === "keypoints") writeOks(scratch, own, truth, sigmas);
    else writeIou(scratch, own.length, truth);
    for (let area = 0; area < byArea.length; area++) {
      const { annotationCounts, outcomes } = byArea[area];
      const range = AREA_RANGES[kind][area];
      annotationCounts[place] = matchImage(
        ...[scratch, own.length, truth, kind, range, outcomes, first[place], total] as const,
      );
    }
  }
  return {
    categoryId,
    imageIndices: Int32Array.from(imageIndices),
    firstDetections: Int32Array.from(first),
    scores,
    byArea,
  };
}
