/**
 * A second implementation of decode, NMS and the way back, in float32 as a phone computes it: a
 * clean runner for tests.
 *
 * @module
 */
import type { Detection } from "../../record/records.ts";
import type { VariantManifest } from "../../record/variant.ts";
import type { Letterbox } from "../../pose/letterbox.ts";

const f = Math.fround;

/** Options of the runner. */
export interface FloatRunnerOptions {
  scoreThreshold: number;
  nmsIou: number;
  maxDetections: number;
}

function sigmoid(x: number): number {
  return f(1 / f(1 + f(Math.exp(f(-x)))));
}

/** Returns rows of candidates decoded from blobs of any head, in float32. */
export function decodeFloat(
  variant: VariantManifest,
  blobs: readonly Float32Array[],
  input: Pick<Letterbox, "widthPx" | "heightPx">,
  { scoreThreshold }: FloatRunnerOptions,
): Float32Array {
  const { classCount: nc, keypointCount: joints, keypointDims: dims, regMax } = variant;
  const { box: { code, origin }, keypoint: rule, select } = variant.headCode;
  const bins = code === "dfl" ? regMax : 1;
  const classesAbove = (best: number, passes: (c: number) => boolean) =>
    select === "nms" ? [best] : Array.from({ length: nc }, (_, c) => c).filter(passes);
  const rows: number[] = [];
  if (variant.head === "decoded") {
    const [matrix] = blobs;
    const columns = matrix.length / (4 + nc + joints * dims);
    for (let cell = 0; cell < columns; cell++) {
      const at = (line: number) => matrix[line * columns + cell];
      let best = 0;
      for (let c = 1; c < nc; c++) if (at(4 + c) > at(4 + best)) best = c;
      if (!(at(4 + best) > f(scoreThreshold))) continue;
      const [halfWidth, halfHeight] = [f(at(2) * 0.5), f(at(3) * 0.5)];
      for (const c of classesAbove(best, (c) => at(4 + c) > f(scoreThreshold))) {
        rows.push(f(at(0) - halfWidth), f(at(1) - halfHeight), f(at(0) + halfWidth));
        rows.push(f(at(1) + halfHeight), at(4 + c), c);
        for (let j = 0; j < joints; j++) {
          const k = 4 + nc + j * dims;
          rows.push(at(k), at(k + 1), dims === 3 ? at(k + 2) : 1);
        }
      }
    }
    return Float32Array.from(rows);
  }
  const threshold = f(Math.log(scoreThreshold / (1 - scoreThreshold)));
  for (const stride of variant.strides) {
    const columns = input.widthPx / stride;
    const cells = columns * input.heightPx / stride;
    const find = (role: string) =>
      blobs[
        variant.outputs.findIndex((output) => output.role === role && output.stride === stride)
      ];
    const channels = nc + 4 * bins + joints * dims;
    const read = variant.head === "raw"
      ? (channel: number, cell: number) => find("raw")[cell * channels + channel]
      : (channel: number, cell: number) =>
        channel < nc
          ? find("cls")[channel * cells + cell]
          : channel < nc + 4 * bins
          ? find("box")[(channel - nc) * cells + cell]
          : find("kpt")[(channel - nc - 4 * bins) * cells + cell];
    for (let cell = 0; cell < cells; cell++) {
      let best = 0;
      for (let c = 1; c < nc; c++) if (read(c, cell) > read(best, cell)) best = c;
      if (!(read(best, cell) > threshold)) continue;
      const [x, y] = [cell % columns, Math.floor(cell / columns)];
      const distances = [0, 1, 2, 3].map((side) => {
        if (code === "ltrb") return read(nc + side, cell);
        let top = -Infinity;
        for (let bin = 0; bin < bins; bin++) {
          top = Math.max(top, read(nc + side * bins + bin, cell));
        }
        let total = 0;
        let weighted = 0;
        for (let bin = 0; bin < bins; bin++) {
          const weight = f(Math.exp(f(read(nc + side * bins + bin, cell) - top)));
          total = f(total + weight);
          weighted = f(weighted + f(bin * weight));
        }
        return f(weighted / total);
      });
      const corner = (at: number, distance: number) => f(f(f(at + origin) + distance) * stride);
      const joint = (value: number, at: number) =>
        f(f(f(f(rule.scale * value) + at) + rule.origin) * stride);
      for (const c of classesAbove(best, (c) => read(c, cell) > threshold)) {
        rows.push(corner(x, -distances[0]), corner(y, -distances[1]));
        rows.push(corner(x, distances[2]), corner(y, distances[3]));
        rows.push(sigmoid(read(c, cell)), c);
        for (let j = 0; j < joints; j++) {
          const k = nc + 4 * bins + j * dims;
          rows.push(joint(read(k, cell), x), joint(read(k + 1, cell), y));
          rows.push(dims === 3 ? sigmoid(read(k + 2, cell)) : 1);
        }
      }
    }
  }
  return Float32Array.from(rows);
}

/** Returns the indices of the rows that stay, by descending score, in float32. */
export function nmsFloat(
  variant: Pick<VariantManifest, "headCode">,
  rows: Float32Array,
  rowLength: number,
  { nmsIou, maxDetections }: FloatRunnerOptions,
): Int32Array {
  const count = rows.length / rowLength;
  const value = (row: number, at: number) => rows[row * rowLength + at];
  const order = Array.from({ length: count }, (_, row) => row)
    .sort((a, b) => value(b, 4) - value(a, 4) || a - b);
  const area = (row: number) =>
    f(f(value(row, 2) - value(row, 0)) * f(value(row, 3) - value(row, 1)));
  const kept: number[] = [];
  for (const row of order) {
    if (kept.length === maxDetections) break;
    const goes = variant.headCode.select === "nms" && kept.some((winner) => {
      if (value(winner, 5) !== value(row, 5)) return false;
      const width = f(
        Math.min(value(winner, 2), value(row, 2)) - Math.max(value(winner, 0), value(row, 0)),
      );
      const height = f(
        Math.min(value(winner, 3), value(row, 3)) - Math.max(value(winner, 1), value(row, 1)),
      );
      if (width <= 0 || height <= 0) return false;
      const overlap = f(width * height);
      return f(overlap / f(f(area(winner) + area(row)) - overlap)) > f(nmsIou);
    });
    if (!goes) kept.push(row);
  }
  return Int32Array.from(kept);
}

/** Returns the kept rows as detections in image pixels, in float32. */
export function detectionsFloat(
  rows: Float32Array,
  rowLength: number,
  kept: Int32Array,
  geometry: Letterbox,
): Detection[] {
  const scale = f(geometry.scale);
  const back = (value: number, offset: number, size: number) =>
    Math.min(Math.max(f(f(value - offset) / scale), 0), size);
  const x = (value: number) => back(value, geometry.leftPx, geometry.imageWidthPx);
  const y = (value: number) => back(value, geometry.topPx, geometry.imageHeightPx);
  return Array.from(kept, (row) => {
    const at = (index: number) => rows[row * rowLength + index];
    return {
      score: at(4),
      classIndex: at(5),
      boxXyxyPx: [x(at(0)), y(at(1)), x(at(2)), y(at(3))],
      keypoints: Array.from({ length: (rowLength - 6) / 3 }, (_, joint) => [
        x(at(6 + 3 * joint)),
        y(at(7 + 3 * joint)),
        at(8 + 3 * joint),
      ]),
    };
  });
}
