/**
 * Runs an ONNX model in a test, and decodes raw heads in the plainest way there is.
 *
 * @module
 */
import * as ort from "onnxruntime-node";
import { encodeOnnx, type OnnxModel } from "../onnx/onnx_file.ts";
import type { PoseHead } from "../head.ts";

/** A tensor that came out of a run. */
export interface Result {
  dims: readonly number[];
  data: Float32Array;
}

/**
 * Returns the model's outputs by name for an input of smooth random values, the same for the same
 * size.
 */
export async function runOnnx(
  model: OnnxModel,
  heightPx: number,
  widthPx: number,
): Promise<Record<string, Result>> {
  const input = new Float32Array(3 * heightPx * widthPx);
  for (let i = 0, state = 1; i < input.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    input[i] = state / 2 ** 32;
  }
  const session = await ort.InferenceSession.create(encodeOnnx(model), { intraOpNumThreads: 1 });
  const outputs = await session.run({
    [model.inputs[0].name]: new ort.Tensor("float32", input, [1, 3, heightPx, widthPx]),
  });
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [
      name,
      { dims: tensor.dims, data: tensor.data as Float32Array },
    ]),
  );
}

/**
 * Returns the rows [4+nc+K·D, cells] that the decode makes of raw NHWC outputs, written from the
 * formulas alone.
 */
export function decodeRaw(levels: Result[], head: PoseHead): number[][] {
  const { classCount, keypointCount, keypointDims, regMax } = head;
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const rows: number[][] = Array.from(
    { length: 4 + classCount + keypointCount * keypointDims },
    () => [],
  );
  levels.forEach(({ dims: [, height, width, channels], data }, index) => {
    const { stride } = head.levels[index];
    for (let cell = 0; cell < height * width; cell++) {
      const [x, y] = [cell % width, Math.floor(cell / width)];
      const at = (channel: number) => data[cell * channels + channel];
      const sides = [0, 1, 2, 3].map((side) => {
        const logits = Array.from(
          { length: regMax },
          (_, i) => Math.exp(at(classCount + side * regMax + i)),
        );
        const sum = logits.reduce((a, b) => a + b);
        return logits.reduce((mean, p, i) => mean + i * p / sum, 0);
      });
      const [left, top, right, bottom] = sides;
      const values = [
        (x + 0.5 + (right - left) / 2) * stride,
        (y + 0.5 + (bottom - top) / 2) * stride,
        (left + right) * stride,
        (top + bottom) * stride,
      ];
      for (let i = 0; i < classCount; i++) values.push(sigmoid(at(i)));
      for (let k = 0; k < keypointCount; k++) {
        const first = classCount + 4 * regMax + k * keypointDims;
        values.push((2 * at(first) + x) * stride, (2 * at(first + 1) + y) * stride);
        if (keypointDims === 3) values.push(sigmoid(at(first + 2)));
      }
      values.forEach((value, row) => rows[row].push(value));
    }
  });
  return rows;
}

/**
 * Returns the largest difference of two lists, relative to the values where they are larger than 1.
 */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i]));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
