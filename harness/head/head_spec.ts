/**
 * What the outputs of a variant hold: layout, sizes, and the check that a blob has the size it must
 * have.
 *
 * @module
 */
import type { VariantManifest } from "../record/variant.ts";

/** The part of a variant's manifest that decoding needs. */
export type HeadSpec = Pick<
  VariantManifest,
  "classCount" | "keypointCount" | "keypointDims" | "regMax" | "strides" | "outputs"
>;

/** Size of the network's input in letterbox pixels. */
export interface InputSize {
  widthPx: number;
  heightPx: number;
}

/**
 * Returns the columns and rows of a level's grid; throws `RangeError` when the stride does not
 * divide the input.
 */
export function gridSize(
  input: InputSize,
  stride: number,
): { columns: number; rows: number; cells: number } {
  if (input.widthPx % stride !== 0 || input.heightPx % stride !== 0) {
    throw new RangeError(
      `Cannot lay a grid of stride ${stride} on an input of ${input.widthPx}x${input.heightPx}: expected multiples of the stride`,
    );
  }
  const columns = input.widthPx / stride;
  const rows = input.heightPx / stride;
  return { columns, rows, cells: columns * rows };
}

/** Returns the values per cell of a `raw` blob: classes, 4 · regMax box logits, keypoints. */
export function rawChannelCount(spec: HeadSpec): number {
  return spec.classCount + 4 * spec.regMax + spec.keypointCount * spec.keypointDims;
}

/**
 * Returns the strides of the levels in the order of the outputs; the model's for `decoded`, whose
 * output does not name them.
 */
export function levelStrides(spec: HeadSpec): number[] {
  const strides = spec.outputs.flatMap((output) => output.stride === null ? [] : [output.stride]);
  return strides.length > 0 ? [...new Set(strides)] : [...spec.strides];
}

/** Returns how many float32 values an output of the head has for this input. */
export function blobLength(spec: HeadSpec, outputIndex: number, input: InputSize): number {
  const { role, stride } = spec.outputs[outputIndex];
  if (role === "decoded") {
    const cells = levelStrides(spec).reduce((sum, s) => sum + gridSize(input, s).cells, 0);
    return cells * (4 + spec.classCount + spec.keypointCount * spec.keypointDims);
  }
  if (stride === null) {
    throw new RangeError(
      `Cannot decode output "${
        spec.outputs[outputIndex].blob
      }": role "${role}" needs a stride, found null`,
    );
  }
  const { cells } = gridSize(input, stride);
  switch (role) {
    case "raw":
      return cells * rawChannelCount(spec);
    case "box":
      return cells * 4 * spec.regMax;
    case "cls":
      return cells * spec.classCount;
    case "kpt":
      return cells * spec.keypointCount * spec.keypointDims;
  }
}

/**
 * Throws `RangeError` that names the first blob that is missing or has another length than the head
 * needs.
 */
export function checkBlobs(spec: HeadSpec, blobs: readonly Float32Array[], input: InputSize): void {
  if (blobs.length !== spec.outputs.length) {
    throw new RangeError(
      `Cannot decode: found ${blobs.length} blobs, expected ${spec.outputs.length} (${
        spec.outputs.map((output) => output.blob).join(", ")
      })`,
    );
  }
  for (const [index, output] of spec.outputs.entries()) {
    const expected = blobLength(spec, index, input);
    if (blobs[index].length !== expected) {
      throw new RangeError(
        `Cannot decode output "${output.blob}" (${output.role}): found ${
          blobs[index].length
        } values, expected ${expected} for an input of ${input.widthPx}x${input.heightPx}`,
      );
    }
  }
}
