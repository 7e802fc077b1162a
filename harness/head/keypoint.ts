/**
 * The keypoint rule: from a cell's values to joints, and how strongly a joint follows them.
 *
 * @module
 */
import type { HeadCode } from "../record/head_code.ts";
import type { CellValues } from "./box.ts";

/** The part of a head's description that its keypoints follow from. */
export interface KeypointSpec {
  keypointCount: number;
  keypointDims: 2 | 3;
  headCode: Pick<HeadCode, "keypoint">;
}

/** Returns how many values of a cell hold its keypoints. */
export function keypointChannelCount({ keypointCount, keypointDims }: KeypointSpec): number {
  return keypointCount * keypointDims;
}

/** Returns true for the values of a cell that hold a visibility, counted within its keypoints. */
export function isVisibility({ keypointDims }: KeypointSpec, channel: number): boolean {
  return channel % keypointDims === 2;
}

/**
 * Writes x, y in letterbox pixels and the visibility of a cell's keypoints to `triples`, from
 * `first` on. Keypoints of two values have the visibility 1.
 */
export function decodeKeypoints(
  { keypointCount, keypointDims, headCode: { keypoint } }: KeypointSpec,
  { data, start, step }: CellValues,
  { column, row, stride }: { column: number; row: number; stride: number },
  sigmoid: (x: number) => number,
  triples: Float32Array | Float64Array,
  first: number,
): void {
  const { scale, origin, visibility } = keypoint;
  for (let joint = 0; joint < keypointCount; joint++) {
    const at = start + joint * keypointDims * step;
    const to = first + 3 * joint;
    triples[to] = (scale * data[at] + column + origin) * stride;
    triples[to + 1] = (scale * data[at + step] + row + origin) * stride;
    const seen = keypointDims === 3 ? data[at + 2 * step] : null;
    triples[to + 2] = seen === null ? 1 : visibility === "sigmoid" ? sigmoid(seen) : seen;
  }
}

/** Returns by how many letterbox pixels a coordinate of a joint moves per unit of its value. */
export function keypointSlopePx({ headCode }: KeypointSpec, stride: number): number {
  return Math.abs(headCode.keypoint.scale) * stride;
}
