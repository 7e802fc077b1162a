/**
 * The proof of a head: the model is run whole on a few pictures, and its own boxes, scores and
 * keypoints must follow from the values of the convolutions at which the head is cut.
 *
 * @module
 */
import * as path from "@std/path";
import { levelPlanes } from "../head/decode.ts";
import type { HeadSpec, InputSize } from "../head/head_spec.ts";
import { openDataset } from "../images/dataset.ts";
import { loadImage } from "../images/load_image.ts";
import { letterbox, letterboxGeometry } from "../pose/letterbox.ts";
import type { OutputBlob } from "../record/variant.ts";
import { type DecodedRun, fitDecode, type FittedDecode } from "./fit_decode.ts";
import type { PoseHead } from "./head.ts";
import { badModel, DATA_TYPE, encodeOnnx, type OnnxModel } from "./onnx/onnx_file.ts";
import { pruned } from "./onnx/onnx_graph.ts";
import { openSession } from "./onnx/session.ts";

/** Folder of the pictures that the proof runs on. */
const PICTURES = path.resolve(import.meta.dirname!, "../../fixtures");
/** Pictures that the proof runs on: several people, and a tall picture. */
const PICTURE_STEMS = ["001_vga_three", "016_phone"];

/**
 * Returns what the model's own decode says of its head, measured on two pictures.
 *
 * Throws `HarnessError` `bad-model` that names the quantity that no description of a head gives,
 * and when onnxruntime can't run the model.
 */
export async function proveDecode(
  model: OnnxModel,
  head: PoseHead,
  label: string,
): Promise<FittedDecode> {
  const fitted = fitDecode(await runWhole(model, head));
  if (!("reason" in fitted)) return fitted;
  throw badModel(
    label,
    `${fitted.reason}. Posemark decodes the head outside of the graph, and its keypoints would be wrong: export the model again with the exporter's own decode, or report this model's head`,
  );
}

/** Returns the model's own output and the blobs before its decode, for each picture. */
async function runWhole(model: OnnxModel, head: PoseHead): Promise<DecodedRun[]> {
  const { inputWidthPx: widthPx, inputHeightPx: heightPx, outputName } = head;
  const outputs = head.levels.flatMap(({ stride, box, cls, kpt }): OutputBlob[] => [
    { blob: box, role: "box", stride },
    { blob: cls, role: "cls", stride },
    ...(kpt === null ? [] : [{ blob: kpt, role: "kpt" as const, stride }]),
  ]);
  const spec: HeadSpec = { ...head, strides: head.levels.map(({ stride }) => stride), outputs };
  const names = [outputName, ...outputs.map(({ blob }) => blob)];
  const whole = pruned({
    ...model,
    outputs: names.map((name) => ({ name, dataType: DATA_TYPE.float, dims: null })),
  });
  const input = { widthPx, heightPx };
  return (await blobsOnPictures(whole, head)).map(([rows, ...blobs]) => ({
    spec,
    levels: levelPlanes(spec, blobs, input),
    input,
    rows,
  }));
}

/** Returns the model's outputs for each of the pictures that proofs run on, at the head's input. */
export async function blobsOnPictures(
  model: OnnxModel,
  { inputWidthPx: widthPx, inputHeightPx: heightPx }: PoseHead,
): Promise<Float32Array[][]> {
  await using session = await openSession(encodeOnnx(model), { threads: null });
  const input = { widthPx, heightPx };
  const runs: Float32Array[][] = [];
  for (const tensor of await proofTensors(input)) runs.push(await session.blobs(tensor, input));
  return runs;
}

/** Returns the network's input [3, heightPx, widthPx] for each picture that proofs run on. */
export async function proofTensors(size: InputSize): Promise<Float32Array[]> {
  const { images } = await openDataset(PICTURES);
  const chosen = images.filter(({ file }) => PICTURE_STEMS.includes(path.parse(file).name));
  return await Promise.all(chosen.map(async (image) => {
    const pixels = await loadImage(image);
    const shape = { mode: "fixed", ...size } as const;
    return letterbox(pixels, letterboxGeometry(pixels.widthPx, pixels.heightPx, shape));
  }));
}
