/**
 * Raw reference blobs → the layout of any head, so that one reference serves all heads.
 *
 * @module
 */
import type { VariantManifest } from "../record/variant.ts";
import { sigmoid } from "../head/exponential.ts";
import { decodeCell, levelPlanes } from "../head/decode.ts";
import { blobLength, decodedRowCount, type HeadSpec, type InputSize } from "../head/head_spec.ts";

/** Returns the spec of the reference graph of a variant: one `raw` output per stride. */
export function rawSpec(
  variant: Pick<
    VariantManifest,
    "classCount" | "keypointCount" | "keypointDims" | "regMax" | "headCode" | "strides"
  >,
): HeadSpec {
  return {
    classCount: variant.classCount,
    keypointCount: variant.keypointCount,
    keypointDims: variant.keypointDims,
    regMax: variant.regMax,
    headCode: variant.headCode,
    strides: variant.strides,
    outputs: variant.strides.map((stride, index) => ({ blob: `out${index}`, role: "raw", stride })),
  };
}

/**
 * Returns the reference's raw blobs in the layout of another head: NHWC as they are, nine NCHW
 * planes, or the decoded matrix computed in float64 and rounded to float32.
 */
export function headBlobs(
  raw: HeadSpec,
  rawBlobs: readonly Float32Array[],
  spec: HeadSpec,
  input: InputSize,
): Float32Array[] {
  const levels = levelPlanes(raw, rawBlobs, input);
  return spec.outputs.map(({ role, stride }, index) => {
    if (role === "decoded") return decodedMatrix(raw, rawBlobs, input);
    const level = levels.find((each) => each.stride === stride);
    if (level === undefined) {
      throw new RangeError(
        `Cannot make the reference of output "${spec.outputs[index].blob}": found strides ${
          levels.map((each) => each.stride).join(", ")
        }, expected ${stride}`,
      );
    }
    if (role === "raw") return rawBlobs[levels.indexOf(level)];
    const plane = level[role]!;
    const cells = level.columns * level.rows;
    const out = new Float32Array(blobLength(spec, index, input));
    for (let at = 0; at < out.length; at++) {
      const channel = Math.floor(at / cells);
      out[at] = plane.data[
        plane.offset + (at - channel * cells) * plane.cellStep + channel * plane.channelStep
      ];
    }
    return out;
  });
}

/**
 * Returns the matrix [4 + nc + K·D, N] that the in-graph decode gives: cx, cy, w, h, scores,
 * keypoints; letterbox pixels.
 */
function decodedMatrix(
  raw: HeadSpec,
  rawBlobs: readonly Float32Array[],
  input: InputSize,
): Float32Array {
  const levels = levelPlanes(raw, rawBlobs, input);
  const columns = levels.reduce((sum, level) => sum + level.columns * level.rows, 0);
  const { classCount, keypointCount, keypointDims: dims } = raw;
  const matrix = new Float32Array(decodedRowCount(raw) * columns);
  const row = new Float64Array(6 + 3 * keypointCount);
  for (const level of levels) {
    const { cls } = level;
    for (let cell = 0; cell < level.columns * level.rows; cell++) {
      const column = level.firstCell + cell;
      decodeCell(level, cell, raw, row);
      const values = [
        (row[0] + row[2]) / 2,
        (row[1] + row[3]) / 2,
        row[2] - row[0],
        row[3] - row[1],
      ];
      for (let index = 0; index < classCount; index++) {
        values.push(
          sigmoid(cls.data[cls.offset + cell * cls.cellStep + index * cls.channelStep]),
        );
      }
      for (let joint = 0; joint < keypointCount; joint++) {
        for (let dim = 0; dim < dims; dim++) values.push(row[6 + 3 * joint + dim]);
      }
      for (const [line, value] of values.entries()) matrix[line * columns + column] = value;
    }
  }
  return matrix;
}
