/**
 * `deno task evaluate`: annotations and a results file → COCO's numbers, with what to know of them.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { readSigmas } from "../images/sigma_file.ts";
import { readJsonFile } from "../json_file.ts";
import { parseCategoryRules } from "../pose/category_rules.ts";
import { mergedCategories } from "../pose/class_pairing.ts";
import { type CocoAnnotations, withSigmas } from "../pose/coco_annotations.ts";
import {
  type BoxMetrics,
  evaluateBoxes,
  evaluateKeypoints,
  type KeypointMetrics,
} from "../pose/coco_eval.ts";
import { AREA_RANGES } from "../pose/coco_match.ts";
import { doubtsOf } from "../pose/doubts.ts";
import { type EvaluationKind, nothingToJudge, sigmasLabel } from "../pose/ground_truth.ts";
import { type JointErrors, jointErrors } from "../pose/joint_errors.ts";
import { misfit } from "../pose/joints.ts";
import { readAnnotations } from "../pose/read_annotations.ts";
import { readResults } from "../pose/read_results.ts";
import { type CocoResult, resultKind } from "../pose/results.ts";

/** What is evaluated. */
export interface EvaluateOptions {
  /** COCO's JSON, a `data.yaml`, or a data set's folder. */
  annotations: string;
  detections: string;
  /** A published set or a file; null: what follows from the joints. */
  sigmas?: string | null;
  /** Which categories of the results are which of the annotations, for instance `0=1`. */
  categories?: string | null;
}

/** COCO's numbers; -1 where there is nothing to evaluate. */
export interface Evaluation {
  keypoints: KeypointMetrics;
  boxes: BoxMetrics;
  /** Which standard deviations OKS has; null when no object has joints. */
  sigmas: string | null;
  /** Errors of the joints; null where results or annotations have none. */
  jointErrors: JointErrors | null;
  /** What was read in another way than it stands there, in sentences. */
  notes: string[];
  /** Why numbers are 0 or -1, and what to look at before believing the others, in sentences. */
  doubts: string[];
}

/** Returns the annotations of a file or folder, with sigmas and rules as asked for. */
async function openAnnotations(
  { annotations: named, sigmas = null, categories = null }: EvaluateOptions,
): Promise<CocoAnnotations> {
  const isFolder = (await Deno.stat(named).catch(() => null))?.isDirectory ?? false;
  let annotations: CocoAnnotations | null;
  if (isFolder || /\.ya?ml$/i.test(named)) {
    // it brings the decoder of pictures, for which a file needs no permission
    const { openDataset } = await import("../images/dataset.ts");
    const dataset = await openDataset(named);
    annotations = dataset.annotations;
    if (annotations === null) {
      throw new HarnessError(
        "bad-annotations",
        `Cannot evaluate with the annotations ${named}: ${dataset.noAnnotations}: name the file by --annotations`,
      );
    }
  } else {
    const role = { code: "bad-annotations", what: "annotations" } as const;
    annotations = readAnnotations(await readJsonFile(named, role), named);
  }
  if (sigmas !== null) annotations = withSigmas(annotations, await readSigmas(sigmas));
  if (categories === null) return annotations;
  return mergedCategories({ ...annotations, categoryRules: parseCategoryRules(categories) });
}

/**
 * Returns COCO's keypoint and box numbers of a results file.
 *
 * Throws `HarnessError` `bad-annotations` or `bad-detections` that names the file and what is wrong
 * in it, `bad-option` for sigmas or categories that don't fit.
 */
export async function evaluateFiles(options: EvaluateOptions): Promise<Evaluation> {
  const annotations = await openAnnotations(options);
  requireRows(annotations, options.annotations);
  const { detections: file } = options;
  const json = await readJsonFile(file, { code: "bad-detections", what: "detections" });
  const { results, notes, byFileName } = readResults(json, file, annotations);
  try {
    const keypoints = evaluateKeypoints(annotations, results);
    const boxes = evaluateBoxes(annotations, results);
    const isOfBoxes = resultKind(results) === "boxes";
    const main = isOfBoxes || nothingToJudge(annotations, "keypoints") !== null
      ? { kind: "boxes" as const, ap: boxes.AP }
      : { kind: "keypoints" as const, ap: keypoints.AP };
    const hints = byFileName === null ? [] : fileNameHint(annotations, byFileName, main.kind);
    return {
      keypoints,
      boxes,
      sigmas: sigmasLabel(annotations.categories),
      jointErrors: main.kind === "boxes" ? null : jointErrors(annotations, results),
      notes: [...annotations.warnings.map(({ message }) => message), ...notes],
      doubts: [
        ...sigmaNotes(annotations),
        ...absences(annotations, isOfBoxes),
        ...doubtsOf({ ...main, annotations, results, hints }),
        ...subsetDoubts(annotations, results, main.kind),
      ],
    };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new HarnessError(
      "bad-detections",
      `Cannot evaluate the detections ${file}: ${cause.message}`,
      { cause },
    );
  }
}

/** Throws `bad-annotations` that names the annotation whose row has another number of joints. */
function requireRows({ categories, annotations }: CocoAnnotations, file: string): void {
  for (const { id, jointCount } of categories) {
    const odd = jointCount === null ? null : misfit(annotations, id, jointCount);
    if (odd === null) continue;
    throw new HarnessError(
      "bad-annotations",
      `Cannot evaluate with the annotations ${file}: annotation ${odd.id} has ${
        odd.keypoints.length / 3
      } joints, the other objects of category ${id} have ${jointCount}: mend that row`,
    );
  }
}

function sigmaNotes({ categories }: CocoAnnotations): string[] {
  const warnings = new Set(categories.flatMap(({ sigmas }) => sigmas?.warning ?? []));
  return [...warnings].map((warning) => `OKS ${warning}`);
}

/** Why numbers can't be told: no keypoints, or no objects of a size. */
function absences(annotations: CocoAnnotations, isOfBoxes: boolean): string[] {
  const said: string[] = [];
  const noJoints = nothingToJudge(annotations, "keypoints");
  if (isOfBoxes) said.push("The results have boxes alone: there are no numbers of keypoints.");
  else if (noJoints !== null) said.push(`There are no numbers of keypoints: ${noJoints}.`);
  if (nothingToJudge(annotations, "boxes") !== null) return said;
  const areas = annotations.annotations.filter(({ isCrowd }) => !isCrowd)
    .map(({ areaPx2 }) => areaPx2);
  const empty = AREA_RANGES.boxes.slice(1).filter(({ low, high }) =>
    !areas.some((area) => area >= low && area <= high)
  );
  if (empty.length > 0) {
    said.push(
      `No annotated object that counts is ${
        empty.map(({ name }) => name).join(" or ")
      } by its area (small: up to 32², medium: up to 96² square pixels): those numbers can't be told.`,
    );
  }
  return said;
}

/** The AP over the images that have results, where that isn't nearly all of them. */
function subsetDoubts(
  annotations: CocoAnnotations,
  results: readonly CocoResult[],
  kind: EvaluationKind,
): string[] {
  const annotated = new Set(annotations.annotations.map(({ imageId }) => imageId));
  const withResults = new Set(results.map(({ image_id }) => image_id));
  const both = [...annotated].filter((id) => withResults.has(id)).length;
  if (results.length === 0 || both >= 0.8 * annotated.size) return [];
  const subset: CocoAnnotations = {
    ...annotations,
    images: annotations.images.filter(({ id }) => withResults.has(id)),
    annotations: annotations.annotations.filter(({ imageId }) => withResults.has(imageId)),
  };
  const { AP } = kind === "boxes"
    ? evaluateBoxes(subset, results)
    : evaluateKeypoints(subset, results);
  return [
    `${both} of ${annotated.size} images with objects have a result: all objects of the others count as missed. Over the images with results alone AP is ${
      AP < 0 ? "unknown" : AP.toFixed(3)
    }.`,
  ];
}

function fileNameHint(
  annotations: CocoAnnotations,
  byFileName: readonly CocoResult[],
  kind: EvaluationKind,
): string[] {
  const { AP } = kind === "boxes"
    ? evaluateBoxes(annotations, byFileName)
    : evaluateKeypoints(annotations, byFileName);
  return AP < 0.01 ? [] : [
    `The image ids of the results are numbers of files too, and matched through file_name AP is ${
      AP.toFixed(3)
    }: write the annotations' ids.`,
  ];
}

/** Returns the numbers as a table for the terminal, one line per kind, and what to know of them. */
export function formatEvaluation(evaluation: Evaluation): string {
  const { keypoints, boxes, sigmas, jointErrors, notes, doubts } = evaluation;
  const lines = Object.entries({ keypoints, boxes }).map(([kind, metrics]) =>
    `${kind.padEnd(9)}  ` +
    Object.entries<number>({ ...metrics })
      .map(([name, value]) => `${name} ${value < 0 ? "-" : value.toFixed(3)}`).join("  ")
  );
  if (sigmas !== null) lines.push(`OKS sigmas: ${sigmas}`);
  if (jointErrors !== null && jointErrors.pck !== null) {
    lines.push(...jointLines(jointErrors));
  }
  return [...lines, ...notes, ...doubts].join("\n");
}

function jointLines({ joints, pck, meanPx }: JointErrors): string[] {
  const px = (value: number | null) => value === null ? "-" : value.toFixed(1);
  return [
    `joints     PCK@0.1 ${pck!.toFixed(3)}  mean error ${px(meanPx)} px`,
    ...joints.filter((joint) => joint.pck !== null).map((joint) =>
      `  ${joint.name.padEnd(16)} PCK@0.1 ${joint.pck!.toFixed(3)}  mean error ${
        px(joint.meanPx)
      } px  (${joint.found} of ${joint.labelled} found)`
    ),
  ];
}
