/**
 * Difference of two variants' keypoint AP on the same images, with a paired bootstrap interval:
 * "fp16 costs 0.1 AP ± 0.2".
 *
 * @module
 */
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { type CategoryMatches, IOU_THRESHOLDS, matchResults, OUTCOME } from "../pose/coco_match.ts";
import { rankedDetections } from "../pose/coco_eval.ts";
import type { EvaluationKind } from "../pose/ground_truth.ts";
import type { CocoResult } from "../pose/results.ts";
import { seededRng } from "../stats/rng.ts";

/** Difference of AP, candidate minus reference. */
export interface ApDifference {
  value: number;
  /** 95 % interval; null when there are too few images for one. */
  low: number | null;
  high: number | null;
}

/** Options of {@linkcode apDifference}. */
export interface BootstrapOptions {
  resamples?: number;
  seed?: number;
}

/** Fewer annotated images than this say nothing about their spread. */
const MIN_IMAGES = 5;

/** Detections of all images of one category by descending score, as flat arrays. */
interface Sorted {
  /** By image with any annotation or detection: its place among all, annotations that count. */
  imageIndices: Int32Array;
  annotationCounts: Int32Array;
  /** Place of each detection's image among all. */
  owner: Uint32Array;
  /** [threshold][detection], an `OUTCOME` each. */
  outcome: Uint8Array[];
}

function sortDetections(matches: CategoryMatches): Sorted {
  const { imageIndices, firstDetections, scores, byArea: [{ annotationCounts, outcomes }] } =
    matches;
  const order = rankedDetections(matches, Infinity);
  const owners = new Uint32Array(scores.length);
  for (const [place, imageIndex] of imageIndices.entries()) {
    owners.fill(imageIndex, firstDetections[place], firstDetections[place + 1]);
  }
  return {
    imageIndices,
    annotationCounts,
    owner: order.map((place) => owners[place]),
    outcome: IOU_THRESHOLDS.map((_, threshold) =>
      Uint8Array.from(order, (place) => outcomes[threshold * scores.length + place])
    ),
  };
}

/**
 * AP of one category when image i counts `weights[imageIndex]` times; null when no annotation
 * counts.
 *
 * An image that counts twice has its detections twice: as blocks, which changes no precision at the
 * ends of the blocks that the envelope looks at.
 */
function weightedAp(sorted: Sorted, weights: Uint32Array): number | null {
  let annotations = 0;
  for (const [place, imageIndex] of sorted.imageIndices.entries()) {
    annotations += sorted.annotationCounts[place] * weights[imageIndex];
  }
  if (annotations === 0) return null;
  const count = sorted.owner.length;
  const recalls = new Float64Array(count);
  const precisions = new Float64Array(count);
  let total = 0;
  for (const outcome of sorted.outcome) {
    let positives = 0;
    let negatives = 0;
    for (let rank = 0; rank < count; rank++) {
      const weight = weights[sorted.owner[rank]];
      if (outcome[rank] === OUTCOME.truePositive) positives += weight;
      else if (outcome[rank] === OUTCOME.falsePositive) negatives += weight;
      recalls[rank] = positives / annotations;
      precisions[rank] = positives / (positives + negatives + Number.EPSILON);
    }
    for (let rank = count - 1; rank > 0; rank--) {
      if (precisions[rank] > precisions[rank - 1]) precisions[rank - 1] = precisions[rank];
    }
    let sum = 0;
    for (let step = 0, rank = 0; step <= 100; step++) {
      const target = step === 100 ? 1 : step * 0.01;
      while (rank < count && recalls[rank] < target) rank++;
      if (rank === count) break;
      sum += precisions[rank];
    }
    total += sum / 101;
  }
  return total / sorted.outcome.length;
}

/**
 * Returns the AP of several results on the same images, for the images as they are first, then for
 * each draw of images with replacement, the same draw for all; null when no annotation counts. With
 * fewer than five annotated images there are no draws.
 *
 * Matches are made once per image; a draw only weights them. The generator is seeded, so the same
 * input gives the same draws. Source: Efron and Tibshirani, "An Introduction to the Bootstrap",
 * 1993, chapter 13.
 */
export function apDraws(
  annotations: CocoAnnotations,
  results: readonly (readonly CocoResult[])[],
  kind: EvaluationKind,
  { resamples = 1000, seed = 20171117 }: BootstrapOptions = {},
): number[][] | null {
  const sides = results.map((side) => matchResults(annotations, side, kind).map(sortDetections));
  const imageCount = annotations.images.length;
  const ap = (side: readonly Sorted[], weights: Uint32Array): number | null => {
    const values = side.map((each) => weightedAp(each, weights)).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
  };
  const all = (weights: Uint32Array): number[] | null => {
    const values = sides.map((side) => ap(side, weights)).filter((value) => value !== null);
    return values.length < sides.length ? null : values;
  };
  const sample = all(new Uint32Array(imageCount).fill(1));
  if (sample === null) return null;
  const annotated = new Set(
    sides[0].flatMap(({ imageIndices, annotationCounts }) =>
      Array.from(imageIndices).filter((_, place) => annotationCounts[place] > 0)
    ),
  ).size;
  if (annotated < MIN_IMAGES) return [sample];
  const random = seededRng(seed);
  const draws = [sample];
  for (let resample = 0; resample < resamples; resample++) {
    const weights = new Uint32Array(imageCount);
    for (let draw = 0; draw < imageCount; draw++) weights[random.integer(imageCount)]++;
    const each = all(weights);
    if (each !== null) draws.push(each);
  }
  return draws;
}

/**
 * Returns the difference of AP (candidate minus reference; of keypoints or of boxes) and its 95 %
 * percentile interval over images drawn with replacement, see {@linkcode apDraws}; null when no
 * annotation counts.
 */
export function apDifference(
  annotations: CocoAnnotations,
  candidate: readonly CocoResult[],
  reference: readonly CocoResult[],
  kind: EvaluationKind,
  options?: BootstrapOptions,
): ApDifference | null {
  const draws = apDraws(annotations, [candidate, reference], kind, options);
  if (draws === null) return null;
  const [value, ...drawn] = draws.map(([a, b]) => a - b);
  if (drawn.length === 0) return { value, low: null, high: null };
  drawn.sort((a, b) => a - b);
  const at = (share: number) => drawn[Math.min(drawn.length - 1, Math.floor(share * drawn.length))];
  return { value, low: at(0.025), high: at(0.975) };
}
