/**
 * What a model's detections are judged against: its classes paired with the annotated categories,
 * its joints with theirs, or why there can be no accuracy (pure).
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import type { VariantManifest } from "../record/variant.ts";
import { pairClasses } from "./class_pairing.ts";
import type { CocoAnnotations, CocoCategory } from "./coco_annotations.ts";
import { misfit } from "./joints.ts";
import { plainJointName, sameJoints } from "./sigmas.ts";

/** What is compared: keypoints by OKS, or boxes by IoU. */
export type EvaluationKind = "keypoints" | "boxes";

/** What of a model's manifest decides what it is judged against. */
export type JudgedModel =
  & Pick<VariantManifest, "classCount" | "keypointCount">
  & Partial<Pick<VariantManifest, "names" | "keypointNames">>;

/** What the detections of one class stand for. */
export interface ClassTarget {
  categoryId: number;
  /** The model's joints in the order of the category's; null: as they are. */
  joints: readonly number[] | null;
}

/** What a model is judged against. */
export interface GroundTruth {
  kind: EvaluationKind;
  /** Of the categories that a class stands for. */
  annotations: CocoAnnotations;
  /**
   * By class. A class that no category stands for has an id that the annotations don't list, so
   * that its detections count for nothing.
   */
  classes: readonly ClassTarget[];
  /** Which sigmas OKS has, for the reader of an AP; null for boxes. */
  sigmas: string | null;
  /** Why there is no accuracy, as a clause; null when there is one. */
  absent: string | null;
  warnings: Warning[];
}

/** How a message names a category. */
export function categoryLabel({ id, name }: Pick<CocoCategory, "id" | "name">): string {
  return name === null ? String(id) : `${id} "${name}"`;
}

/**
 * Returns what the model is judged against. Categories that no class stands for are left out of the
 * AP, and told.
 *
 * Throws `HarnessError` `bad-option` for a rule that names a class or category that isn't there.
 */
export function groundTruthOf(annotations: CocoAnnotations, model: JudgedModel): GroundTruth {
  const { keypointCount } = model;
  const kind = keypointCount === 0 ? "boxes" : "keypoints";
  const paired = pairClasses(annotations, model, annotations.categoryRules ?? null);
  const judged = onlyCategories(annotations, paired.categoryOf);
  const used = judged.categories;
  const beyond = 1 + Math.max(0, ...annotations.categories.map(({ id }) => id));
  const classes = paired.classes.map((categoryId, index): ClassTarget => ({
    categoryId: categoryId ?? beyond + index,
    joints: null,
  }));
  const truth: GroundTruth = {
    kind,
    annotations: judged,
    classes,
    sigmas: kind === "boxes" ? null : sigmasLabel(used),
    absent: paired.absent ?? nothingToJudge(judged, kind),
    warnings: paired.warnings,
  };
  if (kind === "boxes" || truth.absent !== null) return truth;
  const joints = pairJoints(judged, model);
  if (joints.absent !== null) return { ...truth, absent: joints.absent };
  return {
    ...truth,
    classes: classes.map(({ categoryId }) => ({
      categoryId,
      joints: joints.of.get(categoryId) ?? null,
    })),
    warnings: [
      ...truth.warnings,
      ...joints.warnings,
      ...sigmaWarnings(used),
    ],
  };
}

/** What a reader must know of the sigmas, those of several categories at once. */
function sigmaWarnings(categories: readonly CocoCategory[]): Warning[] {
  const said = Map.groupBy(categories, ({ sigmas }) => sigmas?.warning ?? null);
  return [...said].flatMap(([warning, of]): Warning[] => {
    if (warning === null) return [];
    const labels = of.slice(0, 4).map(categoryLabel).join(", ") + (of.length > 4 ? ", …" : "");
    return [{
      code: "sigmas-chosen",
      message: `OKS of ${of.length === 1 ? "category" : `${of.length} categories,`} ${labels}${
        of.length === 1 ? "" : ","
      } ${warning}`,
      advice: "Name others by --sigmas: coco, crowdpose, ap10k, … or a file with one a joint.",
    }];
  });
}

/** Returns the sigmas of the categories in words: once where all have the same. */
export function sigmasLabel(categories: readonly CocoCategory[]): string | null {
  const sources = categories.flatMap((category) =>
    category.sigmas === null ? [] : [{ category, source: category.sigmas.source }]
  );
  const distinct = new Set(sources.map(({ source }) => source));
  if (distinct.size === 0) return null;
  if (distinct.size === 1) return [...distinct][0];
  return sources.map(({ category, source }) => `${categoryLabel(category)}: ${source}`).join("; ");
}

/** Returns the annotations of the categories that stand in the map, under its ids. */
function onlyCategories(
  annotations: CocoAnnotations,
  categoryOf: ReadonlyMap<number, number>,
): CocoAnnotations {
  const kept = new Set(categoryOf.values());
  const isSame = [...categoryOf].every(([from, to]) => from === to) &&
    annotations.categories.every(({ id }) => kept.has(id));
  if (isSame) return annotations;
  return {
    ...annotations,
    categories: annotations.categories.filter(({ id }) => kept.has(id)),
    annotations: annotations.annotations.flatMap((annotation) => {
      const categoryId = categoryOf.get(annotation.categoryId);
      return categoryId === undefined ? [] : [{ ...annotation, categoryId }];
    }),
  };
}

/** Returns why nothing can be judged, as a clause; null when something can. */
export function nothingToJudge(
  { annotations }: Pick<CocoAnnotations, "annotations">,
  kind: EvaluationKind,
): string | null {
  if (annotations.length === 0) return "no object is annotated";
  const counted = annotations.filter(({ isCrowd }) => !isCrowd);
  if (counted.length === 0) {
    return `all ${annotations.length} annotated objects are crowds (iscrowd 1), which count for nothing`;
  }
  if (kind === "keypoints" && counted.every(({ keypointCount }) => keypointCount === 0)) {
    return `none of the ${counted.length} annotated objects has a labelled joint (num_keypoints is 0)`;
  }
  return null;
}

/** Which of the model's joints stand for those of each category. */
function pairJoints(
  { categories, annotations }: CocoAnnotations,
  { keypointCount, keypointNames = null }: JudgedModel,
): { of: Map<number, readonly number[]>; absent: string | null; warnings: Warning[] } {
  const of = new Map<number, readonly number[]>();
  const warnings: Warning[] = [];
  const absent = (reason: string) => ({ of, absent: reason, warnings });
  const modelNames = keypointNames ??
    categories.find(({ jointCount, jointNames }) =>
      jointCount === keypointCount && jointNames !== null
    )?.jointNames ?? null;
  for (const category of categories) {
    const { id, jointCount, jointNames } = category;
    if (jointCount === null) continue;
    const label = categoryLabel(category);
    const odd = misfit(annotations, id, jointCount);
    if (odd !== null) {
      return absent(
        `annotation ${odd.id} has ${
          odd.keypoints.length / 3
        } joints, the other objects of category ${label} have ${jointCount}`,
      );
    }
    const places = jointNames === null || modelNames === null
      ? null
      : placesOf(jointNames, modelNames);
    if (jointCount === keypointCount) {
      const isMoved = places?.some((place, joint) => place !== joint) ?? false;
      // names of the file itself, not those that the data set lends it
      if (places === null || !isMoved || keypointNames === null) continue;
      of.set(id, places);
      warnings.push({
        code: "joints-reordered",
        message:
          `The model's joints stand in another order than those of category ${label}: they are paired by name.`,
        advice: "Look at a picture of the report: the names of one of the two may be wrong.",
      });
      continue;
    }
    if (places === null || jointCount > keypointCount) {
      const first = annotations.find((each) => each.categoryId === id && each.keypoints.length > 0);
      return absent(
        `the objects of category ${label} have ${jointCount} joints (annotation ${
          first?.id ?? "?"
        } for one), the model finds ${keypointCount}`,
      );
    }
    of.set(id, places);
    warnings.push({
      code: "joints-fewer",
      message:
        `Category ${label} has ${jointCount} of the model's ${keypointCount} joints: its objects are judged by these, paired by name (${
          jointNames!.join(", ")
        }).`,
      advice: "Annotate all joints if they matter for this category.",
    });
  }
  return { of, absent: null, warnings };
}

/** Returns the place of each name in the model's list; null when one is missing or not unique. */
function placesOf(names: readonly string[], modelNames: readonly string[]): number[] | null {
  if (sameJoints(names, modelNames)) return names.map((_, joint) => joint);
  const plain = modelNames.map(plainJointName);
  const places = names.map((name) => plain.indexOf(plainJointName(name)));
  const isUnique = new Set(plain).size === plain.length &&
    new Set(places).size === places.length;
  return isUnique && !places.includes(-1) ? places : null;
}
