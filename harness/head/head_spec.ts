/**
 * The head as a value: what the outputs of a variant hold, their layout, sizes, and the check that
 * a blob has the size it must have.
 *
 * @module
 */
import type { VariantManifest } from "../record/variant.ts";
import { boxChannelCount } from "./box.ts";
import { isVisibility, keypointChannelCount } from "./keypoint.ts";

/** The part of a variant's manifest that describes its head; all that decoding needs. */
export type HeadSpec = Pick<
  VariantManifest,
  "classCount" | "keypointCount" | "keypointDims" | "regMax" | "headCode" | "strides" | "outputs"
>;

/** What a value of an output blob is. */
export const VALUE_ROLES = ["cls", "box", "kpt", "vis"] as const;
/** See {@linkcode VALUE_ROLES}. */
export type ValueRole = typeof VALUE_ROLES[number];

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

/** Returns the values per cell of a `raw` blob: classes, box code, keypoints. */
export function rawChannelCount(spec: HeadSpec): number {
  return spec.classCount + boxChannelCount(spec) + keypointChannelCount(spec);
}

/** Returns the rows of a `decoded` blob: four of the box, classes, keypoints. */
export function decodedRowCount(spec: HeadSpec): number {
  return 4 + spec.classCount + keypointChannelCount(spec);
}

/**
 * Returns what each channel of an output with that role holds: of a `raw` output the values of a
 * cell, of a `decoded` one its rows, of the others their planes.
 */
export function channelRoles(
  spec: HeadSpec,
  role: HeadSpec["outputs"][number]["role"],
): ValueRole[] {
  const of = (count: number, each: ValueRole): ValueRole[] => new Array(count).fill(each);
  const cls = of(spec.classCount, "cls");
  const box = of(boxChannelCount(spec), "box");
  const kpt = Array.from(
    { length: keypointChannelCount(spec) },
    (_, channel): ValueRole => isVisibility(spec, channel) ? "vis" : "kpt",
  );
  switch (role) {
    case "raw":
      return [...cls, ...box, ...kpt];
    case "decoded":
      return [...of(4, "box"), ...cls, ...kpt];
    case "box":
      return box;
    case "cls":
      return cls;
    case "kpt":
      return kpt;
  }
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
    return cells * decodedRowCount(spec);
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
      return cells * boxChannelCount(spec);
    case "cls":
      return cells * spec.classCount;
    case "kpt":
      return cells * keypointChannelCount(spec);
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
