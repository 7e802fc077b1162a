/**
 * What a wrong row of candidates looks like: the known ways to decode wrongly, tried one after the
 * other.
 *
 * @module
 */

import { boxQuestion, type BoxSpec } from "../head/box.ts";
import { YOLOV8 } from "../record/head_code.ts";

/** Difference that counts as none here, letterbox pixels. */
const NEAR_PX = 0.02;

function near(a: number, b: number): boolean {
  return Math.abs(a - b) < NEAR_PX;
}

/**
 * Returns what the found row (see `Candidates`) looks like beside the expected one of that stride,
 * as a clause; empty when it looks like nothing known. `head` says what its boxes are made of.
 */
export function rowHint(
  expected: Float32Array,
  found: Float32Array,
  stride: number,
  head: Pick<BoxSpec, "headCode"> = { headCode: YOLOV8 },
): string {
  const joints = Array.from({ length: (expected.length - 6) / 3 }, (_, joint) => 6 + 3 * joint);
  const pixels = [0, 1, 2, 3, ...joints.flatMap((at) => [at, at + 1])];
  const sides = [0, 1, 2, 3];
  const shift = sides.map((side) => found[side] - expected[side]);
  const isBoxSame = sides.every((side) => near(found[side], expected[side]));
  if (pixels.every((at) => found[at] === Math.trunc(expected[at]))) {
    return "coordinates are cut to integers";
  }
  if (sides.every((side) => found[side] === Math.trunc(expected[side]))) {
    return "boxes are cut to integers";
  }
  if (found[4] < 0 || found[4] > 1) return "the score is outside of 0..1 (no sigmoid?)";
  if (joints.some((at) => found[at + 2] < 0 || found[at + 2] > 1)) {
    return "visibility is outside of 0..1 (no sigmoid?)";
  }
  if (!isBoxSame) {
    if (shift.every((each) => near(each, shift[0]))) {
      return `the whole box is off by ${shift[0].toFixed(2)} px, ${
        (shift[0] / stride).toFixed(2)
      } cells (where anchors start?)`;
    }
    if (
      near(shift[0], shift[1]) && near(shift[2], shift[3]) && near(shift[0], -shift[2])
    ) {
      return `every side is ${(shift[2] / stride).toFixed(2)} strides further out (${
        boxQuestion(head)
      })`;
    }
    const [x1, y1, x2, y2] = expected;
    const centreSize = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
    if (sides.every((side) => near(found[side], centreSize[side]))) {
      return "the box is centre and size instead of corners";
    }
    if (near(found[0] + found[2], x1 + x2) === false && near(found[2] - found[0], x2 - x1)) {
      if (near(found[1], y1) && near(found[3], y2)) {
        return "left and right distances are exchanged";
      }
    }
    return "";
  }
  if (joints.length === 0) return "";
  if (joints.every((at) => near(found[at], expected[at + 1] + cellOffset(expected, found, at)))) {
    return "x and y of keypoints are exchanged";
  }
  const jointShift = joints.map((
    at,
  ) => [found[at] - expected[at], found[at + 1] - expected[at + 1]]);
  const [first] = jointShift;
  if (
    first !== undefined && (!near(first[0], 0) || !near(first[1], 0)) &&
    jointShift.every(([dx, dy]) => near(dx, first[0]) && near(dy, first[1]))
  ) {
    return `all keypoints are off by ${first[0].toFixed(2)}, ${first[1].toFixed(2)} px, ${
      (first[0] / stride).toFixed(2)
    } cells (where the grid starts?)`;
  }
  const exchanged = joints.findIndex((at) =>
    at + 4 < expected.length && !near(expected[at], expected[at + 3]) &&
    [0, 1].every((each) =>
      near(found[at + each], expected[at + 3 + each]) &&
      near(found[at + 3 + each], expected[at + each])
    )
  );
  if (exchanged >= 0) return `keypoints ${exchanged} and ${exchanged + 1} are exchanged`;
  return "only keypoints differ";
}

/**
 * Where x and y are exchanged before the grid is added, the cells' difference stays: found x = y of
 * the other, moved by it.
 */
function cellOffset(expected: Float32Array, found: Float32Array, at: number): number {
  const [x, y] = [found[at] - expected[at + 1], found[at + 1] - expected[at]];
  // the same offset with the opposite sign in y
  return near(x, -y) ? x : NaN;
}
