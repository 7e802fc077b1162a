/**
 * The joints of annotated categories: how many, their names, bones, pairs of left and right, and
 * which annotation doesn't fit (pure).
 *
 * @module
 */
import { plainJointName } from "./sigmas.ts";

/** Indices of two joints. */
export type JointPair = readonly [number, number];

/**
 * Returns how many joints the rows of one category have: the commonest count of those with any, of
 * equally common ones the larger; null when none has joints. The order of rows decides nothing.
 */
export function commonJointCount(rows: readonly { keypoints: readonly number[] }[]): number | null {
  const counts = new Map<number, number>();
  for (const { keypoints } of rows) {
    if (keypoints.length === 0) continue;
    const count = keypoints.length / 3;
    counts.set(count, (counts.get(count) ?? 0) + 1);
  }
  const [best] = [...counts].sort(([a, n], [b, m]) => m - n || b - a);
  return best?.[0] ?? null;
}

/** An annotated object's row of joints. */
interface JointRow {
  id: number;
  categoryId: number;
  keypoints: readonly number[];
}

/** Returns the first annotation, by id, whose row has another number of joints; null without. */
export function misfit(
  annotations: readonly JointRow[],
  categoryId: number,
  jointCount: number,
): JointRow | null {
  let found: JointRow | null = null;
  for (const annotation of annotations) {
    if (annotation.categoryId !== categoryId || annotation.keypoints.length === 0) continue;
    if (annotation.keypoints.length === 3 * jointCount) continue;
    if (found === null || annotation.id < found.id) found = annotation;
  }
  return found;
}

/**
 * Returns the pairs of left and right joints by their names: those that differ in `left` and
 * `right` (or `l` and `r`) alone.
 *
 * @example
 * ```ts
 * flipPairsOf(["nose", "L_Eye", "R_Eye"]); // [[1, 2]]
 * ```
 */
export function flipPairsOf(names: readonly string[]): JointPair[] {
  const plain = names.map(plainJointName);
  return plain.flatMap((name, left): JointPair[] => {
    const mirrored = name.split("_").map((word) => word === "left" ? "right" : word).join("_");
    const right = mirrored === name ? -1 : plain.indexOf(mirrored);
    return right < 0 ? [] : [[left, right]];
  });
}

/**
 * Returns the pairs of a list in which each joint stands for the one that it becomes in a mirror
 * (ultralytics' `flip_idx`); null for a list that is none.
 */
export function flipPairsOfIndices(indices: readonly number[]): JointPair[] | null {
  const isMirror = indices.every((to, from) => indices[to] === from);
  if (!isMirror) return null;
  return indices.flatMap((to, from): JointPair[] => from < to ? [[from, to]] : []);
}

/**
 * Returns the bones with joints counted from 0. COCO counts them from 1; a list with a 0 in it
 * counts from 0 already. Bones of joints that don't exist are left out.
 */
export function bonesOf(skeleton: readonly JointPair[], jointCount: number): JointPair[] {
  const first = skeleton.some((bone) => bone.includes(0)) ? 0 : 1;
  return skeleton.map(([a, b]): JointPair => [a - first, b - first])
    .filter((bone) => bone.every((joint) => joint >= 0 && joint < jointCount));
}
