/**
 * How far each joint is from where it is annotated: mean error, and the share of correct keypoints
 * (pure).
 *
 * @module
 */
import type { CocoAnnotation, CocoAnnotations } from "./coco_annotations.ts";
import type { CocoResult } from "./results.ts";
import { HUMAN_JOINTS } from "./sigmas.ts";

/** A joint is correct within this share of the longer side of the object's box. */
export const PCK_SHARE = 0.1;
/** Boxes that overlap less are of two objects. */
const MIN_IOU = 0.5;

/** What is known of one joint over all objects. */
export interface JointError {
  name: string;
  /** Objects with the joint labelled; crowds don't count. */
  labelled: number;
  /** Those of them that were found. */
  found: number;
  /** Mean distance in found objects, image pixels; null when none was found. */
  meanPx: number | null;
  /** Share of the labelled joints that are correct, 0 to 1; null when none is labelled. */
  pck: number | null;
}

/** Errors of all joints. */
export interface JointErrors {
  joints: JointError[];
  /** Over all labelled joints; null when there is none. */
  pck: number | null;
  /** Over all joints of found objects, image pixels; null when nothing was found. */
  meanPx: number | null;
}

/**
 * Returns the errors of the joints by their place in the rows.
 *
 * An object is found by the detection of its category whose box overlaps its own most (IoU of at
 * least 0.5), each detection at most once, by descending score: its joints may lie anywhere. A
 * joint is correct within a tenth of the longer side of the object's box; those of objects that
 * were not found are wrong. Source of the measure: Yang and Ramanan, "Articulated Human Detection
 * with Flexible Mixtures of Parts", 2013, section 6 (PCK).
 */
export function jointErrors(
  { categories, annotations }: CocoAnnotations,
  results: readonly CocoResult[],
): JointErrors {
  const count = Math.max(0, ...categories.map(({ jointCount }) => jointCount ?? 0));
  const names = categories.find(({ jointCount }) => jointCount === count)?.jointNames ?? null;
  const labelled = new Float64Array(count);
  const found = new Float64Array(count);
  const distance = new Float64Array(count);
  const correct = new Float64Array(count);
  const key = (imageId: number, categoryId: number) => `${imageId} ${categoryId}`;
  const truths = Map.groupBy(
    annotations.filter(({ isCrowd, keypointCount }) => !isCrowd && keypointCount > 0),
    ({ imageId, categoryId }) => key(imageId, categoryId),
  );
  const detections = Map.groupBy(
    results,
    ({ image_id, category_id }) => key(image_id, category_id),
  );
  for (const [place, objects] of truths) {
    const partners = partnersOf(objects, detections.get(place) ?? []);
    for (const [index, { keypoints, boxXywhPx: [, , width, height] }] of objects.entries()) {
      const partner = partners[index]?.keypoints;
      for (let joint = 0; joint < keypoints.length / 3; joint++) {
        if (!(keypoints[3 * joint + 2] > 0)) continue;
        labelled[joint]++;
        if (partner === undefined) continue;
        const px = Math.hypot(
          partner[3 * joint] - keypoints[3 * joint],
          partner[3 * joint + 1] - keypoints[3 * joint + 1],
        );
        found[joint]++;
        distance[joint] += px;
        if (px <= PCK_SHARE * Math.max(width, height)) correct[joint]++;
      }
    }
  }
  const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
  const share = (part: number, whole: number) => whole === 0 ? null : part / whole;
  return {
    joints: Array.from(labelled, (of, joint) => ({
      name: names?.[joint] ?? jointNameOf(joint, count),
      labelled: of,
      found: found[joint],
      meanPx: share(distance[joint], found[joint]),
      pck: share(correct[joint], of),
    })),
    pck: share(sum(correct), sum(labelled)),
    meanPx: share(sum(distance), sum(found)),
  };
}

/** COCO's name of one of 17 joints, else its place. */
function jointNameOf(joint: number, count: number): string {
  return count === HUMAN_JOINTS.length
    ? HUMAN_JOINTS[joint].replaceAll("_", " ")
    : `keypoint ${joint}`;
}

/** Returns the detection that found each object; undefined for one that was not found. */
function partnersOf(
  objects: readonly CocoAnnotation[],
  detections: readonly CocoResult[],
): (CocoResult | undefined)[] {
  const partners: (CocoResult | undefined)[] = objects.map(() => undefined);
  for (const detection of detections.toSorted((a, b) => b.score - a.score)) {
    let best = MIN_IOU;
    let match = -1;
    for (const [index, { boxXywhPx }] of objects.entries()) {
      if (partners[index] !== undefined) continue;
      const iou = boxIou(detection.bbox ?? [], boxXywhPx);
      if (!(iou >= best)) continue;
      best = iou;
      match = index;
    }
    if (match >= 0) partners[match] = detection;
  }
  return partners;
}

function boxIou(a: readonly number[], b: readonly number[]): number {
  if (a.length !== 4) return 0;
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const overlap = width * height;
  return overlap / (a[2] * a[3] + b[2] * b[3] - overlap);
}
