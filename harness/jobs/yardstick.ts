/**
 * What the accuracy of a run's variants is measured against: annotations, or what the base's own
 * reference finds (pure).
 *
 * @module
 */
import { detectionGroups, resultsOfRun } from "../parity/accuracy.ts";
import { summarizeParity } from "../parity/summary.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { evaluateBoxes, evaluateKeypoints } from "../pose/coco_eval.ts";
import { type GroundTruth, groundTruthOf } from "../pose/ground_truth.ts";
import { parseAnnotations } from "../pose/read_annotations.ts";
import type { CocoResult } from "../pose/results.ts";
import type { RunRecords } from "../record/run_records.ts";

/** What AP is measured against. */
export interface Yardstick {
  truth: GroundTruth;
  /** False when the truth is what the base's own reference finds, so that AP is agreement. */
  isAnnotated: boolean;
  /** Detections of the base on the device. */
  baseResults: readonly CocoResult[];
}

/** Returns why variants fail parity, by id; those that could not be judged are among them. */
export function parityFailures(records: RunRecords): Map<string, string> {
  const failures = new Map<string, string>();
  for (const group of detectionGroups(records).values()) {
    const { variantId: id } = group[0];
    const manifest = records.run.variants.find((one) => one.id === id)!;
    const summary = summarizeParity(group, {
      speedOnly: manifest.speedOnly,
      expectedImages: records.run.images.length,
    });
    if (summary.verdict === "fail") failures.set(id, summary.reason);
  }
  return failures;
}

/**
 * Returns what accuracy is measured against: the annotations, or without any the detections of the
 * base's own reference, so that AP is agreement with it.
 */
export function yardstickOf(
  records: RunRecords,
  baseId: string,
  annotations: CocoAnnotations | null,
): Yardstick {
  const group = detectionGroups(records).values().find(([{ variantId: id }]) => id === baseId) ??
    [];
  const manifest = records.run.variants.find(({ id }) => id === baseId)!;
  const annotated = annotations && groundTruthOf(annotations, manifest);
  const isAnnotated = annotated !== null && annotated.absent === null;
  const truth = isAnnotated ? annotated : groundTruthOf(
    annotationsOf(records, resultsOfRun(records.run, group, null, ({ reference }) => reference)),
    manifest,
  );
  const baseResults = resultsOfRun(records.run, group, truth.classes, (one) => one.candidate);
  return { truth, isAnnotated, baseResults };
}

/** Detections written as annotations, in COCO's format. */
function annotationsOf({ run }: RunRecords, results: readonly CocoResult[]): CocoAnnotations {
  const ids = run.images.map(({ cocoImageId }, index) => cocoImageId ?? index + 1);
  const categories = [...new Set([1, ...results.map(({ category_id }) => category_id)])];
  const count = (results[0]?.keypoints?.length ?? 0) / 3;
  const file = {
    images: run.images.map(({ file, widthPx, heightPx }, index) => ({
      id: ids[index],
      file_name: file,
      width: widthPx,
      height: heightPx,
    })),
    categories: categories.map((id) => ({ id, name: `class ${id}` })),
    annotations: results.map(({ image_id, category_id, bbox, keypoints }, index) => ({
      id: index + 1,
      image_id,
      category_id,
      bbox,
      area: bbox === undefined ? 1 : bbox[2] * bbox[3],
      iscrowd: 0,
      keypoints: keypoints?.map((value, at) => at % 3 === 2 ? 2 : value),
      num_keypoints: count,
    })),
  };
  return parseAnnotations(JSON.stringify(file), "the detections of the base");
}

/** Returns AP on the device of one variant's results; null when nothing counts. */
export function apOf(
  { annotations, kind }: GroundTruth,
  results: readonly CocoResult[],
): number | null {
  const evaluate = kind === "boxes" ? evaluateBoxes : evaluateKeypoints;
  const { AP } = evaluate(annotations, [...results]);
  return AP < 0 ? null : AP;
}
