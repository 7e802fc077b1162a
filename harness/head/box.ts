/**
 * Box codes: from a cell's values to the distances of the box's sides, in strides, and how
 * strongly a distance follows its values.
 *
 * A new code is a name in `record/head_code.ts`, a row of the table here, and a value of `BoxCode`
 * in `runner-cpp/head.h` that `head.cpp` names and computes.
 *
 * @module
 */
import type { HeadCode } from "../record/head_code.ts";

/** Values of one cell: value i is `data[start + i * step]`. */
export interface CellValues {
  data: ArrayLike<number>;
  start: number;
  step: number;
}

/** What is to be known of a box code. */
interface BoxCode {
  /** Values per side of a head whose manifest says so many bins. */
  valuesPerSide(regMax: number): number;
  /** Distance of a side in strides, from its values. */
  distance(values: CellValues, count: number, exp: (x: number) => number): number;
  /** Largest change of a distance, in strides, when each of its values moves by a little 1. */
  slope(values: CellValues, count: number): number;
  /** What a reader asks where every side is off by the same. */
  question: string;
}

function valueAt({ data, start, step }: CellValues, index: number): number {
  return data[start + index * step];
}

/** The softmax's weights and their sum. */
function softmax(
  values: CellValues,
  count: number,
  exp: (x: number) => number,
): { weights: number[]; total: number } {
  let largest = -Infinity;
  for (let bin = 0; bin < count; bin++) largest = Math.max(largest, valueAt(values, bin));
  const weights: number[] = [];
  let total = 0;
  for (let bin = 0; bin < count; bin++) {
    weights.push(exp(valueAt(values, bin) - largest));
    total += weights[bin];
  }
  return { weights, total };
}

const BOX_CODES: Record<HeadCode["box"]["code"], BoxCode> = {
  dfl: {
    valuesPerSide: (regMax) => regMax,
    distance(values, count, exp) {
      const { weights, total } = softmax(values, count, exp);
      return weights.reduce((sum, weight, bin) => sum + bin * weight, 0) / total;
    },
    // ∂/∂x_i = w_i (i - mean): the mean absolute deviation of the bins, twice for what is not
    // linear
    slope(values, count) {
      const { weights, total } = softmax(values, count, Math.exp);
      const mean = weights.reduce((sum, weight, bin) => sum + bin * weight, 0) / total;
      return 2 * weights.reduce((sum, weight, bin) => sum + Math.abs(bin - mean) * weight, 0) /
        total;
    },
    question: "where DFL bins start?",
  },
  ltrb: {
    valuesPerSide: () => 1,
    distance: (values) => valueAt(values, 0),
    slope: () => 1,
    question: "where distances start?",
  },
};

/** The part of a head's description that its boxes follow from. */
export interface BoxSpec {
  regMax: number;
  headCode: Pick<HeadCode, "box">;
}

/** Returns how many values of a cell code its box. */
export function boxChannelCount({ regMax, headCode }: BoxSpec): number {
  return 4 * BOX_CODES[headCode.box.code].valuesPerSide(regMax);
}

function sideValues(spec: BoxSpec, values: CellValues, side: number): [CellValues, number] {
  const count = boxChannelCount(spec) / 4;
  return [{ ...values, start: values.start + side * count * values.step }, count];
}

/**
 * Returns the corners x1, y1, x2, y2 in letterbox pixels of the box that a cell's values code.
 * `column` and `row` are the cell's place in its grid.
 */
export function decodeBox(
  spec: BoxSpec,
  values: CellValues,
  { column, row, stride }: { column: number; row: number; stride: number },
  exp: (x: number) => number,
): [number, number, number, number] {
  const { code, origin } = spec.headCode.box;
  const distance = (side: number) =>
    BOX_CODES[code].distance(...sideValues(spec, values, side), exp);
  return [
    (column + origin - distance(0)) * stride,
    (row + origin - distance(1)) * stride,
    (column + origin + distance(2)) * stride,
    (row + origin + distance(3)) * stride,
  ];
}

/**
 * Returns by how many letterbox pixels a side of a cell's box moves at most per unit of its values.
 */
export function boxSlopePx(spec: BoxSpec, values: CellValues, stride: number): number {
  const { slope } = BOX_CODES[spec.headCode.box.code];
  return stride *
    Math.max(...[0, 1, 2, 3].map((side) => slope(...sideValues(spec, values, side))));
}

/** Returns what a reader asks where every side of a box is off by the same. */
export function boxQuestion({ headCode }: Pick<BoxSpec, "headCode">): string {
  return BOX_CODES[headCode.box.code].question;
}
