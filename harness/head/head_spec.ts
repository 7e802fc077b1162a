/**
 * The head as a value: what the outputs of a variant hold, their layout, sizes, and the check that
 * a blob has the size it must have.
 *
 * @module
 */
import {
  OUTPUT_VALUES,
  type OutputBlob,
  type OutputParts,
  type VariantManifest,
} from "../record/variant.ts";
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

/** Returns how many channels these values take. */
export function valueChannelCount(spec: HeadSpec, value: OutputParts["values"][number]): number {
  switch (value) {
    case "box":
      return boxChannelCount(spec);
    case "boxes":
      return 4;
    case "cls":
    case "scores":
      return spec.classCount;
    case "kpt":
    case "joints":
      return keypointChannelCount(spec);
  }
}

/**
 * Returns what an output holds and in which layout. Throws `RangeError` for a level without a
 * stride.
 */
export function partsOf(
  spec: Pick<HeadSpec, "strides" | "outputs">,
  { blob, role, stride, parts }: OutputBlob,
): OutputParts {
  const plain = { boxForm: "xywh", isShare: false } as const;
  if (role === "decoded") {
    const values: OutputParts["values"] = ["boxes", "scores", "joints"];
    return { ...plain, values, isChannelsLast: false, strides: levelStrides(spec) };
  }
  if (role === "parts" && parts !== undefined) return parts;
  if (stride === null || role === "parts") {
    throw new RangeError(
      `Cannot decode output "${blob}": role "${role}" needs ${
        role === "parts" ? "its parts" : "a stride"
      }, found none`,
    );
  }
  return role === "raw"
    ? { ...plain, values: ["cls", "box", "kpt"], isChannelsLast: true, strides: [stride] }
    : { ...plain, values: [role], isChannelsLast: false, strides: [stride] };
}

/**
 * Returns an output as options, messages and the runner write it: `out0:raw:8`, or
 * `out0:box+cls/last:8+16+32` for a layout of its own (channels last, or `/first`).
 */
export function outputText({ blob, role, stride, parts }: OutputBlob): string {
  if (parts === undefined) return `${blob}:${role}:${stride ?? 0}`;
  const words = [
    parts.values.join("+"),
    parts.isChannelsLast ? "last" : "first",
    ...(parts.boxForm === "xyxy" ? ["xyxy"] : []),
    ...(parts.isShare ? ["share"] : []),
  ];
  return `${blob}:${words.join("/")}:${parts.strides.join("+")}`;
}

/**
 * Returns the outputs of such a text, separated by commas; null for one that is none.
 *
 * @example
 * ```ts
 * parseOutputs("out0:box+cls/last:8+16+32")?.[0].parts?.strides; // [8, 16, 32]
 * ```
 */
export function parseOutputs(text: string): OutputBlob[] | null {
  const outputs = text.split(",").map((each): OutputBlob | null => {
    const [, blob, what, strideText] = /^(.+):([^:]+):([\d+]+)$/.exec(each.trim()) ?? [];
    const strides = strideText?.split("+").map(Number) ?? [];
    const [valueText, ...words] = what?.split("/") ?? [];
    const [stride] = strides;
    if (blob === undefined || strides.some((each) => !Number.isInteger(each) || each > 4096)) {
      return null;
    }
    if (what === "decoded") return { blob, role: "decoded", stride: null };
    if (strides.length === 0 || strides.some((each) => each < 1)) return null;
    const role = (["raw", "box", "cls", "kpt"] as const).find((name) => name === what);
    if (role !== undefined && strides.length === 1) return { blob, role, stride };
    const values = valueText.split("+").map((name) => OUTPUT_VALUES.find((each) => each === name));
    const isKnown = words.every((word) => ["first", "last", "xyxy", "share"].includes(word));
    if (!isKnown || !values.every((value) => value !== undefined)) return null;
    const parts: OutputParts = {
      values,
      isChannelsLast: words.includes("last"),
      strides,
      boxForm: words.includes("xyxy") ? "xyxy" : "xywh",
      isShare: words.includes("share"),
    };
    return { blob, role: "parts", stride: null, parts };
  });
  return outputs.every((output) => output !== null) ? outputs : null;
}

/** True when the graph computes pixels: boxes and joints come out decoded. */
export function isDecoded(spec: HeadSpec): boolean {
  return spec.outputs.some((output) => partsOf(spec, output).values.includes("boxes"));
}

/** True when the graph puts its classes through their sigmoid. */
export function hasScores(spec: Pick<HeadSpec, "strides" | "outputs">): boolean {
  return spec.outputs.some((output) => partsOf(spec, output).values.includes("scores"));
}

/** Returns what each channel of an output holds. */
export function channelRoles(spec: HeadSpec, output: OutputBlob): ValueRole[] {
  return partsOf(spec, output).values.flatMap((value) =>
    Array.from(
      { length: valueChannelCount(spec, value) },
      (_, channel): ValueRole =>
        value === "box" || value === "boxes"
          ? "box"
          : value === "cls" || value === "scores"
          ? "cls"
          : isVisibility(spec, channel)
          ? "vis"
          : "kpt",
    )
  );
}

/**
 * Returns the strides of the levels in the order of the outputs; the model's for `decoded`, whose
 * output does not name them.
 */
export function levelStrides(spec: Pick<HeadSpec, "strides" | "outputs">): number[] {
  const strides = spec.outputs.flatMap(({ stride, parts }) => stride ?? parts?.strides ?? []);
  return strides.length > 0 ? [...new Set(strides)] : [...spec.strides];
}

/** Where values lie: of cell i and channel c at `offset + i·cellStep + c·channelStep`. */
export interface Placement {
  outputIndex: number;
  offset: number;
  cellStep: number;
  channelStep: number;
}

/**
 * Returns where the values of a level lie; null when no output has them. Throws as {@linkcode
 * gridSize} does.
 */
export function placementOf(
  spec: HeadSpec,
  value: OutputParts["values"][number],
  stride: number,
  input: InputSize,
): Placement | null {
  for (const [outputIndex, output] of spec.outputs.entries()) {
    const { values, strides, isChannelsLast } = partsOf(spec, output);
    if (!values.includes(value) || !strides.includes(stride)) continue;
    const channels = values.map((each) => valueChannelCount(spec, each));
    const cells = strides.map((each) => gridSize(input, each).cells);
    const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
    const cellStep = isChannelsLast ? sum(channels) : 1;
    const channelStep = isChannelsLast ? 1 : sum(cells);
    const offset = sum(channels.slice(0, values.indexOf(value))) * channelStep +
      sum(cells.slice(0, strides.indexOf(stride))) * cellStep;
    return { outputIndex, offset, cellStep, channelStep };
  }
  return null;
}

/** Returns how many float32 values an output of the head has for this input. */
export function blobLength(spec: HeadSpec, outputIndex: number, input: InputSize): number {
  const { values, strides } = partsOf(spec, spec.outputs[outputIndex]);
  const channels = values.reduce((sum, value) => sum + valueChannelCount(spec, value), 0);
  return channels * strides.reduce((sum, each) => sum + gridSize(input, each).cells, 0);
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
