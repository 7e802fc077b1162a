/**
 * The values of a head's blobs by what they mean: class, box, keypoint, visibility, per level.
 *
 * @module
 */
import {
  channelRoles,
  gridSize,
  type HeadSpec,
  type InputSize,
  levelStrides,
  partsOf,
  VALUE_ROLES as ROLES,
  type ValueRole,
} from "../head/head_spec.ts";

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
  const levels = levelStrides(spec);
  const output = spec.outputs[outputIndex];
  const { strides, isChannelsLast } = partsOf(spec, output);
  const roles = channelRoles(spec, output);
  const levelOfCell: number[] = [];
  for (const each of strides) {
    const level = levels.indexOf(each);
    for (let cell = gridSize(input, each).cells; cell > 0; cell--) levelOfCell.push(level);
  }
  const [channels, cells] = [roles.length, levelOfCell.length];
  return isChannelsLast
    ? (at) => slotOf(levelOfCell[Math.floor(at / channels)], roles[at % channels])
    : (at) => slotOf(levelOfCell[at % cells], roles[Math.floor(at / cells)]);
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
