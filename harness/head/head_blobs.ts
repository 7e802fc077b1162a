/**
 * Raw reference blobs → the layout of any head, so that one reference serves all heads.
 *
 * @module
 */
import { OUTPUT_VALUES, type OutputParts, type VariantManifest } from "../record/variant.ts";
import { sigmoid } from "./exponential.ts";
import { decodeCell, type LevelPlanes, levelPlanes, type Plane } from "./decode.ts";
import {
  blobLength,
  type HeadSpec,
  type InputSize,
  levelStrides,
  partsOf,
  placementOf,
  valueChannelCount,
} from "./head_spec.ts";

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
 * Returns the reference's raw blobs in the layout of another head; what that head decodes in the
 * graph is computed in float64 and rounded to float32.
 */
export function headBlobs(
  raw: HeadSpec,
  rawBlobs: readonly Float32Array[],
  spec: HeadSpec,
  input: InputSize,
): Float32Array[] {
  const levels = levelPlanes(raw, rawBlobs, input);
  for (const output of spec.outputs) {
    const strange = partsOf(spec, output).strides.find((stride) =>
      levels.every((level) => level.stride !== stride)
    );
    if (strange === undefined) continue;
    throw new RangeError(
      `Cannot make the reference of output "${output.blob}": found strides ${
        levels.map((each) => each.stride).join(", ")
      }, expected ${strange}`,
    );
  }
  const blobs = spec.outputs.map((_, index) => new Float32Array(blobLength(spec, index, input)));
  for (const value of OUTPUT_VALUES) {
    for (const stride of levelStrides(spec)) {
      const placed = placementOf(spec, value, stride, input);
      const channels = valueChannelCount(spec, value);
      if (placed === null || channels === 0) continue;
      const level = levels.find((each) => each.stride === stride)!;
      const { boxForm, isShare } = partsOf(spec, spec.outputs[placed.outputIndex]);
      const read = valueReader(value, { raw, level, input, boxForm, isShare });
      const { offset, cellStep, channelStep } = placed;
      const out = blobs[placed.outputIndex];
      for (let cell = 0; cell < level.columns * level.rows; cell++) {
        const values = read(cell);
        for (let channel = 0; channel < channels; channel++) {
          out[offset + cell * cellStep + channel * channelStep] = values(channel);
        }
      }
    }
  }
  return blobs;
}

/** Where a level's values come from, and how decoded ones are written. */
export interface ValueSource {
  raw: HeadSpec;
  level: LevelPlanes;
  input: InputSize;
  boxForm: OutputParts["boxForm"];
  isShare: boolean;
}

/** Values of a cell, by their channel. */
export type CellReader = (cell: number) => (channel: number) => number;

/** Returns the values of that kind of a level's cells. */
export function valueReader(
  value: OutputParts["values"][number],
  source: ValueSource,
): CellReader {
  return VALUES[value](source);
}

/** How each kind of value follows from the raw blobs; decoded ones in float64. */
const VALUES: Record<OutputParts["values"][number], (source: ValueSource) => CellReader> = {
  box: ({ level }) => ofPlane(level.box),
  cls: ({ level }) => ofPlane(level.cls),
  kpt: ({ level }) => ofPlane(level.kpt!),
  boxes: ({ raw, level, input, boxForm, isShare }) => {
    const row = new Float64Array(6 + 3 * raw.keypointCount);
    const sides = isShare ? [input.widthPx, input.heightPx] : [1, 1];
    return (cell) => {
      decodeCell(level, cell, raw, row);
      const [x1, y1, x2, y2] = row;
      const values = boxForm === "xyxy"
        ? [x1, y1, x2, y2]
        : [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
      return (channel) => values[channel] / sides[channel % 2];
    };
  },
  scores: ({ level }) => {
    const read = ofPlane(level.cls);
    return (cell) => (channel) => sigmoid(read(cell)(channel));
  },
  joints: ({ raw, level, input, isShare }) => {
    const row = new Float64Array(6 + 3 * raw.keypointCount);
    const sides = isShare ? [input.widthPx, input.heightPx, 1] : [1, 1, 1];
    const dims = raw.keypointDims;
    return (cell) => {
      decodeCell(level, cell, raw, row);
      return (channel) =>
        row[6 + 3 * Math.floor(channel / dims) + channel % dims] / sides[channel % dims];
    };
  },
};

function ofPlane({ data, offset, cellStep, channelStep }: Plane): CellReader {
  return (cell) => (channel) => data[offset + cell * cellStep + channel * channelStep];
}
