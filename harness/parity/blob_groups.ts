/**
 * The values of a head's blobs by what they mean: class, box, keypoint, visibility, per level.
 *
 * @module
 */
import { gridSize, type HeadSpec, type InputSize, levelStrides } from "../head/head_spec.ts";

/** What a value of an output blob is. */
export type ValueRole = "cls" | "box" | "kpt" | "vis";

const ROLES: readonly ValueRole[] = ["cls", "box", "kpt", "vis"];

/** Values of one meaning and one level. */
export interface GroupKey {
  role: ValueRole;
  /** Stride of the level in letterbox pixels. */
  stride: number;
}

/** Difference of two sets of blobs within a group. */
export interface GroupDifference extends GroupKey {
  maxAbs: number;
  rms: number;
  /** Values that are NaN or infinite in the second set but not in the first. */
  notFinite: number;
}

/** Returns the group's index in a list level by level: cls, box, kpt, vis. */
function slotOf(level: number, role: ValueRole): number {
  return level * ROLES.length + ROLES.indexOf(role);
}

/** Returns for one output the slot of each of its values. */
function slotReader(
  spec: HeadSpec,
  outputIndex: number,
  input: InputSize,
): (at: number) => number {
  const strides = levelStrides(spec);
  const { role, stride } = spec.outputs[outputIndex];
  const { classCount, keypointDims: dims, regMax } = spec;
  const keypointRole = (channel: number): ValueRole => channel % dims === 2 ? "vis" : "kpt";
  const level = stride === null ? -1 : strides.indexOf(stride);
  if (role === "raw") {
    const slots: number[] = [];
    for (let c = 0; c < classCount; c++) slots.push(slotOf(level, "cls"));
    for (let c = 0; c < 4 * regMax; c++) slots.push(slotOf(level, "box"));
    for (let c = 0; c < spec.keypointCount * dims; c++) slots.push(slotOf(level, keypointRole(c)));
    return (at) => slots[at % slots.length];
  }
  if (role === "decoded") {
    const levelOfColumn: number[] = [];
    for (const [index, each] of strides.entries()) {
      for (let cell = gridSize(input, each).cells; cell > 0; cell--) levelOfColumn.push(index);
    }
    const columns = levelOfColumn.length;
    return (at) => {
      const line = Math.floor(at / columns);
      const kind = line < 4
        ? "box"
        : line < 4 + classCount
        ? "cls"
        : keypointRole(line - 4 - classCount);
      return slotOf(levelOfColumn[at - line * columns], kind);
    };
  }
  const { cells } = gridSize(input, stride!);
  if (role !== "kpt") return () => slotOf(level, role);
  return (at) => slotOf(level, keypointRole(Math.floor(at / cells)));
}

/**
 * Returns the difference of two sets of blobs of one head, per level and meaning.
 *
 * Groups without values (visibility of two-valued keypoints) are left out. Blobs must have the same
 * lengths.
 */
export function groupDifferences(
  spec: HeadSpec,
  expected: readonly Float32Array[],
  found: readonly Float32Array[],
  input: InputSize,
): GroupDifference[] {
  const strides = levelStrides(spec);
  const slots = strides.length * ROLES.length;
  const largest = new Float64Array(slots);
  const squares = new Float64Array(slots);
  const counts = new Float64Array(slots);
  const notFinite = new Float64Array(slots);
  for (const [index, blob] of expected.entries()) {
    const slotAt = slotReader(spec, index, input);
    const other = found[index];
    for (let at = 0; at < blob.length; at++) {
      const slot = slotAt(at);
      counts[slot]++;
      const difference = Math.abs(blob[at] - other[at]);
      if (!Number.isFinite(difference)) {
        notFinite[slot]++;
        continue;
      }
      if (difference > largest[slot]) largest[slot] = difference;
      squares[slot] += difference * difference;
    }
  }
  return strides.flatMap((stride, level) =>
    ROLES.flatMap((role) => {
      const slot = slotOf(level, role);
      if (counts[slot] === 0) return [];
      return [{
        role,
        stride,
        maxAbs: largest[slot],
        rms: Math.sqrt(squares[slot] / counts[slot]),
        notFinite: notFinite[slot],
      }];
    })
  );
}
