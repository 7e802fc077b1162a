/**
 * Annotations in COCO's terms: images, categories with their joints, and annotated objects (pure).
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import type { CategoryRule } from "./category_rules.ts";
import { bonesOf, commonJointCount, flipPairsOf, type JointPair } from "./joints.ts";
import { type AskedSigmas, resolveSigmas, type Sigmas } from "./sigmas.ts";

/** An image of the file. */
export interface CocoImage {
  /** The file's own id where that is a number, else the place among the ids in their order. */
  id: number;
  /** As the file has it. */
  ownId: number | string;
  /** Empty when the file does not state one. */
  fileName: string;
  /** Size that the file states; null when it does not. */
  widthPx: number | null;
  heightPx: number | null;
}

/** A category of the file. */
export interface CocoCategory {
  id: number;
  /** Null when the file does not state one. */
  name: string | null;
  supercategory: string | null;
  /** Joints of its objects; null when none of them has joints. */
  jointCount: number | null;
  /** Names of the joints, as many as there are; null when they aren't known. */
  jointNames: readonly string[] | null;
  /** Bones, by joint. */
  skeleton: readonly JointPair[];
  /** Pairs of left and right joints. */
  flipPairs: readonly JointPair[];
  /** Standard deviations that the data set gives; null when it gives none. */
  ownSigmas: { values: readonly number[]; place: string } | null;
  /** Those that OKS has; null for a category without joints. */
  sigmas: Sigmas | null;
}

/** One annotated object. */
export interface CocoAnnotation {
  id: number;
  imageId: number;
  categoryId: number;
  /** x, y, width, height in image pixels. */
  boxXywhPx: readonly [number, number, number, number];
  /** Area of the segment in square pixels; that of the box where the file states none. */
  areaPx2: number;
  isCrowd: boolean;
  /**
   * x, y, v per keypoint (v: 0 not labelled, 1 hidden, 2 visible); empty for an object without
   * keypoints.
   */
  keypoints: readonly number[];
  /** Labelled keypoints as the file states them. */
  keypointCount: number;
}

/** What an annotation file holds. */
export interface CocoAnnotations {
  images: CocoImage[];
  /** By ascending id. */
  categories: CocoCategory[];
  /** In the order of the file. */
  annotations: CocoAnnotation[];
  /** What was read in another way than it stands there. */
  warnings: Warning[];
  /** Which classes stand for which categories, where a user says so. */
  categoryRules?: readonly CategoryRule[];
}

/** What a data set says of its categories beyond ids and names, before it is judged. */
export type CategoryFacts = Omit<CocoCategory, "jointCount" | "flipPairs" | "sigmas"> & {
  flipPairs: readonly JointPair[] | null;
};

/**
 * Returns the annotations with what follows from the rows: counts of joints, bones, pairs and
 * sigmas of each category, by ascending id.
 */
export function completed(
  images: CocoImage[],
  categories: readonly CategoryFacts[],
  annotations: CocoAnnotation[],
  warnings: readonly Warning[],
): CocoAnnotations {
  const rows = Map.groupBy(annotations, ({ categoryId }) => categoryId);
  const told = [...warnings];
  return {
    images,
    categories: categories.toSorted((a, b) => a.id - b.id).map((facts): CocoCategory => {
      const found = commonJointCount(rows.get(facts.id) ?? []);
      const jointCount = found ?? facts.jointNames?.length ?? null;
      const named = facts.jointNames?.length === jointCount ? facts.jointNames : null;
      if (facts.jointNames !== null && named === null) {
        told.push({
          code: "joint-names-misfit",
          message:
            `Category ${facts.id} names ${facts.jointNames.length} joints, its objects have ${jointCount}: the names are not used.`,
          advice: "Name as many joints under categories[].keypoints as the objects have.",
        });
      }
      return withCategorySigmas({
        ...facts,
        jointCount,
        jointNames: named,
        skeleton: bonesOf(facts.skeleton, jointCount ?? 0),
        flipPairs: facts.flipPairs ?? (named === null ? [] : flipPairsOf(named)),
        sigmas: null,
      }, null);
    }),
    annotations,
    warnings: told,
  };
}

function withCategorySigmas(category: CocoCategory, asked: AskedSigmas | null): CocoCategory {
  const { id, name, jointCount: count, jointNames: names, ownSigmas } = category;
  if (count === null) return category;
  const own = ownSigmas?.values.length === count ? ownSigmas : null;
  const sigmas = resolveSigmas({
    category: name === null ? `category ${id}` : `category ${id} "${name}"`,
    count,
    names,
    own,
  }, asked);
  return { ...category, sigmas };
}

/**
 * Returns the annotations with these standard deviations instead of those that follow from the data
 * set; throws `bad-option` when they are for another number of joints.
 */
export function withSigmas(annotations: CocoAnnotations, asked: AskedSigmas): CocoAnnotations {
  return {
    ...annotations,
    categories: annotations.categories.map((category) => withCategorySigmas(category, asked)),
  };
}
