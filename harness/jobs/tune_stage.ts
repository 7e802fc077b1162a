/**
 * One stage of the tuner on a device: prepare, check, race, judge.
 *
 * @module
 */
import type { VariantOptions } from "../config.ts";
import { parseShapes } from "../config.ts";
import { HarnessError } from "../errors.ts";
import type { ImageDataset } from "../images/dataset.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import { type ApDifference, apDifference } from "../parity/ap_difference.ts";
import { detectionGroups, resultsOfRun } from "../parity/accuracy.ts";
import { summarizeParity } from "../parity/summary.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { evaluateBoxes, evaluateKeypoints } from "../pose/coco_eval.ts";
import { type GroundTruth, groundTruthOf } from "../pose/ground_truth.ts";
import { parseAnnotations } from "../pose/read_annotations.ts";
import type { CocoResult } from "../pose/results.ts";
import { readRecords } from "../record/record_log.ts";
import { type RunRecords, sortRecords } from "../record/run_records.ts";
import { choiceOf, shapeName, variantId, type VariantKey } from "../record/variant.ts";
import { openExperiment } from "../run/experiment.ts";
import { type RaceLimits, raceOnDevice, type RaceOutcome } from "../run/race.ts";
import { checkKeypoints } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { newRace } from "../stats/race.ts";
import { type Found, refusalOf, type TuneLimits } from "../tune/judge_stage.ts";
import { ownSides } from "./own_sides.ts";

/** What AP is measured against. */
export interface Yardstick {
  truth: GroundTruth;
  /** False when the truth is what the base's own reference finds, so that AP is agreement. */
  isAnnotated: boolean;
  /** Detections of the base on the device. */
  baseResults: readonly CocoResult[];
}

/** The model that is tuned, and the images that int8 is calibrated on. */
export type TunedModel = Pick<VariantOptions, "models" | "branches" | "calibrationImages">;

/** What a stage is run with. */
export interface StageRequest {
  name: string;
  settings: ExperimentSettings;
  model: TunedModel;
  dataset: ImageDataset;
  /** The first is the anchor. */
  keys: readonly VariantKey[];
  /** Of everything; in the first stage the anchor. */
  base: VariantKey;
  /**
   * What is known of the variants' accuracy without a check; null: keypoints and accuracy are
   * checked.
   */
  known: { ap: number | null; apDifference: ApDifference | null; refusal: string | null } | null;
  /** Null in the first stage, whose base gives it. */
  yardstick: Yardstick | null;
  limits: TuneLimits;
  raceLimits: Omit<RaceLimits, "aloneOnly">;
  margin: number;
  errorRate: number;
  /** Folder with the records. */
  out: string;
  /** True when the folder has records of this stage to go on with. */
  resume: boolean;
}

/** What came of a stage. */
export interface StageOutcome extends RaceOutcome {
  variants: PreparedVariant[];
  records: RunRecords;
  /** What was found of each variant besides its times, by id. */
  found: ReadonlyMap<string, Found>;
  yardstick: Yardstick;
  /** Contestants that could not be made, with the reason. */
  notMade: ReadonlyMap<string, string>;
}

/**
 * Returns the outcome of a stage on its one device. Variants that fail parity are not launched;
 * those that the limits refuse are launched alone, for their time, and do not race.
 *
 * Throws what preparing the anchor, devices and launches throw.
 */
export async function runStage(
  request: StageRequest,
  context: ExperimentContext,
): Promise<StageOutcome> {
  const { settings, keys, out } = request;
  const { variants, notMade } = await prepareKeys(keys, request, context);
  const anchorId = variantId(keys[0]);
  const baseId = variantId(request.base);
  const readLog = (file: string) => sortRecords(readRecords(file).records);
  await using experiment = await openExperiment({
    settings,
    kind: "tune",
    options: { stage: request.name },
    dataset: request.dataset,
    sides: ownSides(variants, settings, context),
    base: variants.some(({ manifest }) => manifest.id === baseId) ? baseId : anchorId,
    builds: ["release"],
    benchncnn: false,
    out,
    resume: request.resume,
  }, context);
  let outcome: (RaceOutcome & Pick<StageOutcome, "found" | "yardstick">) | null = null;
  await experiment.onEachDevice(async (session) => {
    if (request.known === null) await checkKeypoints(session);
    const records = readLog(experiment.log.path);
    const yardstick = request.yardstick ??
      yardstickOf(records, baseId, request.dataset.annotations);
    const found = foundIn(records, variants, yardstick, request);
    const failures = parityFailures(records);
    const failure = failures.get(baseId);
    if (failure !== undefined) throw failedBase(baseId, failure);
    const ids = variants.map(({ manifest }) => manifest.id)
      .filter((id) => id === anchorId || !failures.has(id));
    const aloneOnly = ids.filter((id) =>
      id !== anchorId && refusalOf(found.get(id)!, request.limits) !== null
    );
    const { errorRate, margin } = request;
    const raced = await raceOnDevice(session, newRace(ids, { errorRate, margin }), anchorId, {
      ...request.raceLimits,
      aloneOnly: new Set(aloneOnly),
    });
    for (const [id, reason] of raced.failed) {
      found.set(id, { ...found.get(id)!, refusal: reason });
    }
    outcome = { ...raced, found, yardstick };
  }, "mend the cause and run again with --resume.");
  return { ...outcome!, variants, records: readLog(experiment.log.path), notMade };
}

function failedBase(id: string, reason: string): HarnessError {
  return new HarnessError(
    "convert-failed",
    `Cannot tune: ${id}, which everything is compared with, fails parity: ${reason}. Run bench on it to see why`,
  );
}

/** Returns the variants that could be made, and why the others could not. */
async function prepareKeys(
  keys: readonly VariantKey[],
  { model, settings }: StageRequest,
  context: ExperimentContext,
): Promise<{ variants: PreparedVariant[]; notMade: Map<string, string> }> {
  const notMade = new Map<string, string>();
  const variants: PreparedVariant[] = [];
  for (const key of keys) {
    context.signal.throwIfAborted();
    const id = variantId(key);
    try {
      const { variants: made } = await prepareVariants({
        ...model,
        ...choiceOf(key),
        shapes: parseShapes("--shape", shapeName(key.shape)),
        ncnnSource: settings.ncnnSource ?? undefined,
        ...context,
      });
      const found = made.find(({ manifest }) => manifest.id === id);
      if (found) variants.push(found);
      else notMade.set(id, "the model has no such variant");
    } catch (error) {
      const isOwn = error instanceof HarnessError &&
        ["bad-option", "bad-model", "convert-failed"].includes(error.code);
      if (!isOwn || key === keys[0]) throw error;
      notMade.set(id, error.message);
    }
  }
  return { variants, notMade };
}

/** Returns why variants fail parity, by id; those that could not be judged are among them. */
function parityFailures(records: RunRecords): Map<string, string> {
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
function yardstickOf(
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

/** Returns what the records say of each contestant besides its times. */
function foundIn(
  records: RunRecords,
  variants: readonly PreparedVariant[],
  { truth, baseResults }: Yardstick,
  { known }: StageRequest,
): Map<string, Found> {
  if (known !== null) {
    return new Map(variants.map(({ manifest }) => [manifest.id, { manifest, ...known }]));
  }
  const failures = parityFailures(records);
  const groups = new Map(
    detectionGroups(records).values().map((group) => [group[0].variantId, group]),
  );
  return new Map(variants.map(({ manifest }): [string, Found] => {
    const group = groups.get(manifest.id);
    const isWhole = group !== undefined && group.length >= records.run.images.length;
    const results = isWhole
      ? resultsOfRun(records.run, group, truth.classes, ({ candidate }) => candidate)
      : null;
    return [manifest.id, {
      manifest,
      ap: results && apOf(truth, results),
      apDifference: results && apDifference(truth.annotations, results, baseResults, truth.kind),
      refusal: failures.get(manifest.id) ?? null,
    }];
  }));
}

function apOf({ annotations, kind }: GroundTruth, results: readonly CocoResult[]): number | null {
  const evaluate = kind === "boxes" ? evaluateBoxes : evaluateKeypoints;
  const { AP } = evaluate(annotations, [...results]);
  return AP < 0 ? null : AP;
}
