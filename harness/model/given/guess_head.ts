/**
 * ncnn files without a reference → the head that their sizes and metadata suggest. Nothing proves
 * it: such files are measured for their speed alone.
 *
 * @module
 */
import type { GivenOptions } from "../../config.ts";
import { HarnessError } from "../../errors.ts";
import {
  type HeadSpec,
  type InputSize,
  outputText,
  valueChannelCount,
} from "../../head/head_spec.ts";
import { YOLO26, YOLOV8 } from "../../record/head_code.ts";
import type { OutputBlob } from "../../record/variant.ts";
import { proofTensors } from "../prove_decode.ts";
import type { BlobRunner, GivenFiles } from "./given_model.ts";
import { layoutsOf, NEEDS } from "./layout.ts";
import type { SizedBlob } from "./run_blobs.ts";

/** A head that sizes suggest. */
export interface GuessedHead {
  spec: HeadSpec;
  size: InputSize;
}

/** Levels of the usual heads. */
const STRIDES = [8, 16, 32];
/** Input of files that state none. */
const USUAL_SIZE: InputSize = { widthPx: 640, heightPx: 640 };

/**
 * Returns the head of the first counts and layouts that fit the sizes of the outputs.
 *
 * Throws `HarnessError` `bad-model` when none does.
 */
export async function guessHead(
  given: GivenFiles,
  stated: InputSize | null,
  options: GivenOptions,
  run: BlobRunner,
): Promise<GuessedHead> {
  const first = stated ?? USUAL_SIZE;
  const found = await fitAt(given, first, options, run);
  if ("spec" in found) return found;
  // a decode in the graph tells its cells, whatever size it is fed
  const sides = stated === null ? found.sidesPx : [];
  for (const side of sides) {
    const other = await fitAt(given, { widthPx: side, heightPx: side }, options, run);
    if ("spec" in other) return other;
  }
  throw new HarnessError(
    "bad-model",
    `Cannot tell what the outputs of ${given.named} hold: ${found.text} at ${first.widthPx}x${first.heightPx}: name the model that it was converted from by --reference, or its input's size by --shape WIDTHxHEIGHT`,
  );
}

/** Returns the head at that size; else the sizes in words, and sides of squares with such cells. */
async function fitAt(
  given: GivenFiles,
  size: InputSize,
  options: GivenOptions,
  run: BlobRunner,
): Promise<GuessedHead | { text: string; sidesPx: number[] }> {
  const [tensor] = await proofTensors(size);
  const blobs = await run(given, tensor, size);
  const cells = STRIDES.reduce(
    (sum, stride) => sum + (size.widthPx / stride) * (size.heightPx / stride),
    0,
  );
  const values = [...blobs.values()].reduce((sum, blob) => sum + blob.values.length, 0) / cells;
  for (const counts of countsOf(values, given.metadata)) {
    const spec: HeadSpec = { ...counts, strides: STRIDES, outputs: [] };
    const outputs = options.outputs ?? outputsOf(spec, blobs, size);
    if (outputs !== null) return { spec: { ...spec, outputs }, size };
  }
  const cellsPerPx = STRIDES.reduce((sum, stride) => sum + 1 / stride ** 2, 0);
  const counts = new Set([...blobs.values()].flatMap(({ dims }) => dims));
  return {
    text: [...blobs].map(([blob, { dims }]) => `${blob} is [${dims.join(", ")}]`).join(", "),
    sidesPx: [...counts].map((count) => Math.sqrt(count / cellsPerPx))
      .filter((side) => Number.isInteger(side / 32) && side > 0),
  };
}

/** Returns the counts that give so many values a cell, the likeliest first. */
function countsOf(
  values: number,
  metadata: ReadonlyMap<string, unknown>,
): Omit<HeadSpec, "strides" | "outputs">[] {
  const names = metadata.get("names");
  const shape = metadata.get("kpt_shape");
  const [count, dims] = Array.isArray(shape) ? shape.map(Number) : [];
  const known = names !== null && typeof names === "object" ? [Object.keys(names).length] : [1];
  const isNew = metadata.get("head") === "Pose26";
  const heads = [
    { regMax: 16, headCode: YOLOV8, perBox: [4, 64] },
    { regMax: 1, headCode: YOLO26, perBox: [4] },
  ];
  return (isNew ? heads.reverse() : heads).flatMap(({ perBox, ...head }) =>
    known.flatMap((classCount) =>
      perBox.flatMap((box) => {
        const left = values - box - classCount;
        const joints: [number, 2 | 3][] = count > 0
          ? [[count, dims === 2 ? 2 : 3]]
          : [[left / 3, 3], [left / 2, 2]];
        return joints.filter(([count, dims]) =>
          Number.isInteger(count) && count >= 0 && count * dims === left
        ).map(([keypointCount, keypointDims]) => ({
          ...head,
          classCount,
          keypointCount,
          keypointDims,
        }));
      })
    )
  );
}

/** Returns outputs that together hold the head, by their sizes alone; null when none do. */
function outputsOf(
  spec: HeadSpec,
  blobs: ReadonlyMap<string, SizedBlob>,
  size: InputSize,
): OutputBlob[] | null {
  const needs = new Set(
    spec.strides.flatMap((stride) =>
      (spec.keypointCount > 0 ? ["box", "cls", "kpt"] : ["box", "cls"]).map((kind) =>
        `${kind} ${stride}`
      )
    ),
  );
  const outputs: OutputBlob[] = [];
  const seen = new Set<string>();
  for (const [blob, { values, dims }] of blobs) {
    const parts = layoutsOf(spec, values.length, size).find(
      ({ values, strides, isChannelsLast }) => {
        const channels = values.reduce((sum, value) => sum + valueChannelCount(spec, value), 0);
        return (dims.at(-1) === channels) === isChannelsLast &&
          values.every((value) =>
            strides.every((stride) => needs.has(`${NEEDS[value]} ${stride}`))
          );
      },
    );
    if (parts === undefined) return null;
    for (const value of parts.values) {
      for (const stride of parts.strides) needs.delete(`${NEEDS[value]} ${stride}`);
    }
    const output: OutputBlob = { blob, role: "parts", stride: null, parts };
    if (seen.has(outputText(output))) return null;
    seen.add(outputText(output));
    outputs.push(output);
  }
  return needs.size === 0 ? outputs : null;
}
