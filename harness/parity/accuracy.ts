/**
 * Detections on record → COCO's AP of each variant with what it is computed from, or why there is
 * none (pure).
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import { type ApDifference, apDifference } from "./ap_difference.ts";
import { NEAR_ZERO_AP } from "./ap_verdict.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { evaluateBoxes, evaluateKeypoints } from "../pose/coco_eval.ts";
import { doubtsOf } from "../pose/doubts.ts";
import {
  type ClassTarget,
  type EvaluationKind,
  type GroundTruth,
  groundTruthOf,
  type JudgedModel,
} from "../pose/ground_truth.ts";
import { type JointErrors, jointErrors } from "../pose/joint_errors.ts";
import { type CocoResult, toCocoResults } from "../pose/results.ts";
import type { Detection, ParityRecord, RunImage, RunRecord } from "../record/records.ts";
import type { RunRecords } from "../record/run_records.ts";

/** COCO's AP of one variant on one device, 0 to 1. */
export interface Accuracy {
  /** Of boxes for a model without keypoints. */
  kind: EvaluationKind;
  ap: number;
  /** At OKS (of boxes: IoU) 0.50 and 0.75. */
  ap50: number;
  ap75: number;
  /** AP of the ONNX reference of the variant. */
  referenceAp: number;
  /** AP minus `referenceAp`; null where it can't be told. */
  difference: ApDifference | null;
  /**
   * AP minus that of the run's base on the same device; null for the base itself, where the base
   * has none of this kind, or finds next to nothing.
   */
  againstBase: ApDifference | null;
  /** Which standard deviations OKS has; null for boxes. */
  sigmas: string | null;
  /** Mean error and PCK of the joints; null for boxes. */
  jointErrors: JointErrors | null;
  /** What to look at before believing the AP, in sentences. */
  doubts: string[];
}

/** What accuracy is judged by. */
export interface AccuracyInput {
  /** Null for images without annotations. */
  annotations: CocoAnnotations | null;
  /** Why there are no annotations, as a clause. */
  noAnnotations?: string | null;
  /** What is known of the pictures, as sentences that matter when the AP is near 0. */
  hints?: readonly string[];
}

/** Accuracy by `device variantId`, or the reason why there is none. */
export interface Accuracies {
  accuracy: Map<string, Accuracy>;
  absent: Map<string, string>;
  warnings: Warning[];
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
 * image; `of` takes them from a record. `classes` says what its classes stand for, see
 * {@linkcode groundTruthOf}.
 */
export function resultsOfRun(
  { images }: RunRecord,
  records: readonly ParityRecord[],
  classes: readonly ClassTarget[] | null,
  of: (record: ParityRecord) => readonly Detection[],
): CocoResult[] {
  const byImage = new Map(records.map((record) => [record.imageId, record]));
  return images.flatMap((image, index) => {
    const record = byImage.get(image.id);
    return record ? toCocoResults(resultImageId(image, index), of(record), classes) : [];
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

/** Returns a function that gives each model's ground truth, made once for models that are alike. */
export function groundTruths(
  annotations: CocoAnnotations,
): (model: JudgedModel) => GroundTruth {
  const known = new Map<string, GroundTruth>();
  return ({ classCount, keypointCount, names = null, keypointNames = null }) => {
    const model = { classCount, keypointCount, names, keypointNames };
    const key = JSON.stringify(model);
    const truth = known.get(key) ?? groundTruthOf(annotations, model);
    known.set(key, truth);
    return truth;
  };
}

/**
 * Returns the accuracy by `device variantId`, or the reason why there is none, with the warnings of
 * each model.
 *
 * Throws `HarnessError` `bad-option` for a rule of `--categories` that fits no model.
 */
export function accuraciesOf(records: RunRecords, input: AccuracyInput): Accuracies {
  const accuracy = new Map<string, Accuracy>();
  const absent = new Map<string, string>();
  const { run } = records;
  const { annotations, hints = [] } = input;
  const keys = run.devices.flatMap(({ serial }) => run.variants.map(({ id }) => `${serial} ${id}`));
  if (annotations === null) {
    const reason = input.noAnnotations ?? "the images have no annotations";
    return { accuracy, absent: new Map(keys.map((key) => [key, reason])), warnings: [] };
  }
  const truthOf = groundTruths(annotations);
  const groups = detectionGroups(records);
  const bases = baseResults(run, groups, truthOf);
  for (const { serial } of run.devices) {
    for (const manifest of run.variants) {
      const key = `${serial} ${manifest.id}`;
      const group = groups.get(key) ?? [];
      const truth = truthOf(manifest);
      if (group.length < run.images.length) {
        absent.set(
          key,
          `its detections are on record for ${group.length} of ${run.images.length} images`,
        );
      } else if (truth.absent !== null) {
        absent.set(key, truth.absent);
      } else {
        const base = manifest.id === run.baseVariantId ? null : bases.get(serial) ?? null;
        const judged = judge(run, group, truth, hints, base);
        if (judged.ap < 0) absent.set(key, judged.doubts.join(" "));
        else accuracy.set(key, judged);
      }
    }
  }
  return { accuracy, absent, warnings: modelWarnings(run, truthOf) };
}

/** What the base of a run found on one device. */
interface BaseResults {
  kind: EvaluationKind;
  results: CocoResult[];
}

/** The base's detections by device, where they can be held against annotations. */
function baseResults(
  run: RunRecord,
  groups: ReadonlyMap<string, ParityRecord[]>,
  truthOf: (model: JudgedModel) => GroundTruth,
): Map<string, BaseResults> {
  const manifest = run.variants.find(({ id }) => id === run.baseVariantId);
  if (manifest === undefined) return new Map();
  const { annotations, classes, kind, absent } = truthOf(manifest);
  if (absent !== null) return new Map();
  const evaluate = kind === "boxes" ? evaluateBoxes : evaluateKeypoints;
  return new Map(run.devices.flatMap(({ serial }): [string, BaseResults][] => {
    const group = groups.get(`${serial} ${manifest.id}`) ?? [];
    if (group.length < run.images.length) return [];
    const results = resultsOfRun(run, group, classes, (record) => record.candidate);
    const isTelling = evaluate(annotations, results).AP >= NEAR_ZERO_AP;
    return isTelling ? [[serial, { kind, results }]] : [];
  }));
}

function judge(
  run: RunRecord,
  group: readonly ParityRecord[],
  { annotations, classes, kind, sigmas }: GroundTruth,
  hints: readonly string[],
  base: BaseResults | null,
): Accuracy {
  const candidate = resultsOfRun(run, group, classes, (record) => record.candidate);
  const reference = resultsOfRun(run, group, classes, (record) => record.reference);
  const evaluate = kind === "boxes" ? evaluateBoxes : evaluateKeypoints;
  const { AP, AP50, AP75 } = evaluate(annotations, candidate);
  const { AP: referenceAp } = evaluate(annotations, reference);
  // classes that no category stands for are told of once, as a warning
  const listed = new Set(annotations.categories.map(({ id }) => id));
  const counted = candidate.filter(({ category_id }) => listed.has(category_id));
  const doubts = doubtsOf({ kind, ap: AP, annotations, results: counted, hints });
  if (AP >= 0 && referenceAp >= 0 && Math.abs(AP - referenceAp) > 0.1 && referenceAp < 0.01) {
    doubts.push(
      `The reference's AP is ${referenceAp.toFixed(3)} and the variant's ${
        AP.toFixed(3)
      }: look at the reference first, it should be the better one.`,
    );
  }
  return {
    kind,
    ap: AP,
    ap50: AP50,
    ap75: AP75,
    referenceAp,
    difference: AP < 0 ? null : apDifference(annotations, candidate, reference, kind),
    againstBase: AP < 0 || base === null || base.kind !== kind
      ? null
      : apDifference(annotations, candidate, base.results, kind),
    sigmas,
    jointErrors: kind === "boxes" ? null : jointErrors(annotations, candidate),
    doubts,
  };
}

/** Warnings of what each model is judged against, those of several models once. */
function modelWarnings(
  { variants }: RunRecord,
  truthOf: (model: JudgedModel) => GroundTruth,
): Warning[] {
  const told = new Map<string, Warning>();
  for (const [model, [manifest]] of Map.groupBy(variants, ({ model }) => model)) {
    const { warnings, absent, kind } = truthOf(manifest);
    if (absent !== null) {
      told.set(`${model} absent`, {
        code: "no-accuracy",
        message: `The accuracy of ${model} is unknown: ${absent}.`,
        advice: "Mend the annotations, or pair classes by --categories, to get its AP.",
      });
    }
    if (kind === "boxes") {
      told.set(`${model} boxes`, {
        code: "ap-of-boxes",
        message:
          `${model} finds boxes without keypoints: its AP is that of boxes, not of keypoints.`,
        advice: "Compare it with the AP of boxes only, and with no AP of a pose model.",
      });
    }
    for (const warning of warnings) told.set(warning.message, warning);
  }
  return [...told.values()];
}
