/**
 * What makes an AP hard to believe: sentences that say what to look at (pure).
 *
 * @module
 */
import type { CocoAnnotations } from "./coco_annotations.ts";
import { type EvaluationKind, nothingToJudge } from "./ground_truth.ts";
import type { CocoResult } from "./results.ts";

/** An AP below this is as good as none. */
const NEAR_ZERO = 0.01;
/** Objects from which areas that are all equal are no accident. */
const MANY = 20;
/** Detections from which an AP near 0 is no accident. */
const FEWEST = 5;

/** An AP with what it was computed from. */
export interface ComputedAp {
  kind: EvaluationKind;
  /** 0 to 1; -1 when nothing could be judged. */
  ap: number;
  annotations: CocoAnnotations;
  results: readonly CocoResult[];
  /** What is known of the pictures, as sentences that matter when the AP is near 0. */
  hints?: readonly string[];
}

/**
 * Returns what a reader should look at before believing the AP: at most a few sentences, the likely
 * cause first; empty when nothing is odd.
 */
export function doubtsOf(computed: ComputedAp): string[] {
  const { kind, ap, annotations, results, hints = [] } = computed;
  const doubts = [...areaDoubts(annotations, kind, ap), ...idDoubts(annotations, results)];
  if (ap < 0) {
    const reason = nothingToJudge(annotations, kind) ?? "no object is in the range of sizes";
    return [`There is no AP of ${kind}: ${reason}.`, ...doubts];
  }
  if (ap >= NEAR_ZERO) return doubts;
  if (results.length === 0) {
    return ["AP is 0 since there is not one detection.", ...doubts];
  }
  if (doubts.length > 0) return [...doubts, ...hints];
  if (results.length < FEWEST && hints.length === 0) return doubts;
  const places = placeDoubts(annotations, results, kind);
  const counted = annotations.annotations.filter(({ isCrowd }) => !isCrowd);
  const joints = counted.reduce((sum, { keypointCount }) => sum + keypointCount, 0);
  return [
    `AP of ${kind} is ${
      ap.toFixed(3)
    }: ${results.length} detections and ${counted.length} annotated objects${
      kind === "keypoints" ? ` with ${joints} labelled joints` : ""
    } hardly meet.`,
    ...(places.length + hints.length > 0 ? [...places, ...hints] : [
      "Look at a picture with both drawn over it: another size of the pictures, another rotation, another order of joints, or a model that was trained on other objects.",
    ]),
  ];
}

/** Sentences on areas that OKS can't be right with, and on ids that pycocotools stumbles over. */
function areaDoubts(
  { annotations }: CocoAnnotations,
  kind: EvaluationKind,
  ap: number,
): string[] {
  const counted = annotations.filter(({ isCrowd }) => !isCrowd);
  const doubts: string[] = [];
  if (kind === "keypoints" && counted.length > 0) {
    const noArea = counted.filter(({ areaPx2 }) => areaPx2 <= 0).length;
    const tooSmall = counted.filter(({ areaPx2, boxXywhPx: [, , width, height] }) =>
      areaPx2 > 0 && areaPx2 < 0.01 * width * height
    ).length;
    if (noArea > 0) {
      doubts.push(
        `${noArea} of ${counted.length} annotated objects have area 0: OKS divides by the area, so that nothing but equal joints matches them. Leave "area" out, and that of the box is taken.`,
      );
    } else if (tooSmall > counted.length / 2) {
      doubts.push(
        `${tooSmall} of ${counted.length} annotated objects have an area below 1% of their box: OKS divides by the area. Leave "area" out, and that of the box is taken.`,
      );
    } else if (
      counted.length >= MANY && new Set(counted.map(({ areaPx2 }) =>
          areaPx2
        )).size === 1
    ) {
      doubts.push(
        `All ${counted.length} annotated objects have the same area, ${
          counted[0].areaPx2
        }: was it made up? OKS and the ranges of sizes depend on it.`,
      );
    }
  }
  if (ap >= 0 && annotations.some(({ id, isCrowd }) => id === 0 && !isCrowd)) {
    doubts.push(
      "An annotation has id 0: pycocotools never counts it as found, and neither does this AP. Let ids begin with 1.",
    );
  }
  return doubts;
}

/** Sentences on categories and images that results and annotations don't share. */
function idDoubts(
  { categories, images }: CocoAnnotations,
  results: readonly CocoResult[],
): string[] {
  if (results.length === 0) return [];
  const doubts: string[] = [];
  const listed = new Set(categories.map(({ id }) => id));
  const strange = results.filter(({ category_id }) => !listed.has(category_id));
  if (strange.length === results.length) {
    const found = [...new Set(strange.map(({ category_id }) => category_id))].sort((a, b) => a - b);
    doubts.push(
      `${strange.length} of ${results.length} results have category ${
        few(found)
      }, the annotations have ${few([...listed])}: map them by --categories, for instance ${
        found[0]
      }=${[...listed][0] ?? 1}.`,
    );
  } else if (strange.length > 0) {
    doubts.push(
      `${strange.length} of ${results.length} results have a category that the annotations don't have (${
        few([...new Set(strange.map(({ category_id }) => category_id))])
      }): they count for nothing.`,
    );
  }
  const withResults = new Set(results.map(({ image_id }) => image_id)).size;
  if (images.length >= 10 && withResults < 0.1 * images.length) {
    doubts.push(
      `Only ${withResults} of ${images.length} annotated images have a result: the objects of the others count as missed.`,
    );
  }
  return doubts;
}

function few(ids: readonly number[]): string {
  return ids.slice(0, 4).join(", ") + (ids.length > 4 ? ", …" : "");
}

/** Sentences on where the detections lie beside the annotated objects. */
function placeDoubts(
  { annotations, images }: CocoAnnotations,
  results: readonly CocoResult[],
  kind: EvaluationKind,
): string[] {
  const doubts: string[] = [];
  const sizes = new Map(images.map(({ id, widthPx, heightPx }) => [id, { widthPx, heightPx }]));
  let beyond = 0;
  let known = 0;
  for (const { image_id, keypoints = [], bbox } of results) {
    const { widthPx = null, heightPx = null } = sizes.get(image_id) ?? {};
    if (widthPx === null || heightPx === null) continue;
    known++;
    const x = bbox?.length === 4 ? bbox[0] + bbox[2] / 2 : keypoints[0] ?? 0;
    const y = bbox?.length === 4 ? bbox[1] + bbox[3] / 2 : keypoints[1] ?? 0;
    if (x > widthPx * 1.02 || y > heightPx * 1.02 || x < -0.02 * widthPx || y < -0.02 * heightPx) {
      beyond++;
    }
  }
  if (known > 0 && beyond > 0.2 * known) {
    doubts.push(
      `${beyond} of ${known} detections have their centre outside of their picture: are they pixels of another size of it?`,
    );
  }
  const scale = medianSide(results.flatMap(({ bbox }) => bbox?.length === 4 ? [bbox] : [])) /
    medianSide(annotations.map(({ boxXywhPx }) => boxXywhPx));
  if (scale > 4 || scale < 0.25) {
    doubts.push(
      `The boxes of the detections are ${
        scale > 1 ? `${scale.toFixed(1)} times` : `a ${(1 / scale).toFixed(1)}th of`
      } the size of the annotated ones: are their units the same?`,
    );
  }
  if (kind === "keypoints" && results.every(({ keypoints = [] }) => keypoints.every((v) => !v))) {
    doubts.push("All keypoints of the results are 0.");
  }
  return doubts;
}

function medianSide(boxes: readonly (readonly number[])[]): number {
  const sides = boxes.map(([, , width, height]) => Math.sqrt(Math.max(0, width * height)))
    .sort((a, b) => a - b);
  return sides[sides.length >> 1] ?? NaN;
}
