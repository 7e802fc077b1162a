/**
 * Detections on record → COCO's keypoint AP of each variant, and what stands in the way of one
 * (pure).
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import { type ApDifference, apDifference } from "./ap_difference.ts";
import { annotatedKeypointCount, type CocoAnnotations } from "../pose/coco_annotations.ts";
import { evaluateBoxes, evaluateKeypoints } from "../pose/coco_eval.ts";
import {
  categoriesOfClasses,
  type CocoResult,
  resultKind,
  toCocoResults,
} from "../pose/results.ts";
import type { Detection, ParityRecord, RunImage, RunRecord } from "../record/records.ts";
import type { RunRecords } from "../record/run_records.ts";
import type { VariantManifest } from "../record/variant.ts";

/**
 * COCO's AP of one variant on one device, 0 to 1: of keypoints, or of boxes where it finds none.
 */
export interface Accuracy {
  ap: number;
  /** At OKS 0.50 and 0.75. */
  ap50: number;
  ap75: number;
  /** AP of the ONNX reference of the variant. */
  referenceAp: number;
  /** AP minus `referenceAp`; null where it can't be told. */
  difference: ApDifference | null;
}

/**
 * The id under which an image's detections stand in result files: COCO's, else the place in the
 * run, from 1.
 */
function resultImageId(image: RunImage, index: number): number {
  return image.cocoImageId ?? index + 1;
}

/**
 * Returns the detections of one variant on one device as entries of COCO's result format, image by
 * image; `of` takes them from a record.
 *
 * Categories are those of the annotations, see {@linkcode categoriesOfClasses}.
 */
export function resultsOfRun(
  { images, variants }: RunRecord,
  records: readonly ParityRecord[],
  annotations: CocoAnnotations | null,
  of: (record: ParityRecord) => readonly Detection[],
): CocoResult[] {
  const byImage = new Map(records.map((record) => [record.imageId, record]));
  const manifest = variants.find(({ id }) => id === records[0]?.variantId);
  const categories = categoriesOfClasses(annotations, manifest?.classCount ?? 1);
  return images.flatMap((image, index) => {
    const record = byImage.get(image.id);
    return record ? toCocoResults(resultImageId(image, index), of(record), categories) : [];
  });
}

/**
 * Returns the records by variant and device, in the order of the records; of an image that was
 * recorded twice the last one counts.
 */
export function detectionGroups(records: RunRecords): Map<string, ParityRecord[]> {
  const groups = Map.groupBy(
    records.parity,
    ({ device, variantId }) => `${device} ${variantId}`,
  );
  return new Map(
    groups.entries().map(([key, group]) => [
      key,
      [...new Map(group.map((record) => [record.imageId, record])).values()],
    ]),
  );
}

/**
 * True when the annotations have as many keypoints as the variant finds, or none at all; a variant
 * without keypoints has its AP of boxes.
 */
export function hasAnnotatedKeypoints(
  { keypointCount }: Pick<VariantManifest, "keypointCount">,
  annotations: CocoAnnotations,
): boolean {
  return keypointCount === 0 ||
    keypointCount === (annotatedKeypointCount(annotations) ?? keypointCount);
}

/**
 * Returns the accuracy by `device variantId`, with a warning for each model that the annotations do
 * not fit.
 *
 * Empty without annotations. A variant has none when an image is missing, nothing is annotated, or
 * its number of keypoints is not the annotations'.
 */
export function accuraciesOf(
  records: RunRecords,
  annotations: CocoAnnotations | null,
): { accuracy: Map<string, Accuracy>; warnings: Warning[] } {
  const accuracy = new Map<string, Accuracy>();
  if (annotations === null) return { accuracy, warnings: [] };
  const { run } = records;
  for (const [key, group] of detectionGroups(records)) {
    if (group.length < run.images.length) continue;
    const manifest = run.variants.find(({ id }) => id === group[0].variantId);
    if (manifest !== undefined && !hasAnnotatedKeypoints(manifest, annotations)) continue;
    const candidate = resultsOfRun(run, group, annotations, (record) => record.candidate);
    const reference = resultsOfRun(run, group, annotations, (record) => record.reference);
    const evaluate = resultKind([...candidate, ...reference]) === "boxes"
      ? evaluateBoxes
      : evaluateKeypoints;
    const { AP, AP50, AP75 } = evaluate(annotations, candidate);
    if (AP < 0) continue; // nothing is annotated: COCO's figures are -1
    accuracy.set(key, {
      ap: AP,
      ap50: AP50,
      ap75: AP75,
      referenceAp: evaluate(annotations, reference).AP,
      difference: apDifference(annotations, candidate, reference),
    });
  }
  return { accuracy, warnings: misfits(run, annotations) };
}

/**
 * Warnings of models with another number of keypoints, or more classes, than the annotations have.
 */
function misfits({ variants }: RunRecord, annotations: CocoAnnotations): Warning[] {
  const annotated = annotatedKeypointCount(annotations);
  const categories = annotations.categoryIds.length;
  return Map.groupBy(variants, ({ model }) => model).values().flatMap(([manifest]): Warning[] => {
    const { model, keypointCount, classCount } = manifest;
    if (!hasAnnotatedKeypoints(manifest, annotations)) {
      return [{
        code: "keypoints-not-annotated",
        message:
          `${model} finds ${keypointCount} keypoints, the images are annotated with ${annotated}: its accuracy is unknown.`,
        advice:
          `Give --images a folder whose person_keypoints.json has ${keypointCount} keypoints per object to get its AP.`,
      }];
    }
    const ofBoxes: Warning[] = keypointCount > 0 ? [] : [{
      code: "ap-of-boxes",
      message: `${model} finds boxes without keypoints: its AP is that of boxes, not of keypoints.`,
      advice: "Compare it with the AP of boxes only, and with no AP of a pose model.",
    }];
    if (classCount <= categories) return ofBoxes;
    return [...ofBoxes, {
      code: "classes-not-annotated",
      message:
        `${model} has ${classCount} classes, the annotations have ${categories} categories: class k was taken for the k-th category, and the classes beyond count for nothing in the AP.`,
      advice:
        "List every class of the model in categories[] of person_keypoints.json, by ascending id in the order of the classes.",
    }];
  }).toArray();
}
