/**
 * ncnn files of the user, and the model that they should be → what their blobs hold, proved on
 * pictures.
 *
 * @module
 */
import * as path from "@std/path";
import { parse as parseYaml } from "@std/yaml";
import type { GivenOptions } from "../../config.ts";
import { HarnessError, type Warning } from "../../errors.ts";
import { rawSpec } from "../../head/head_blobs.ts";
import { type HeadSpec, type InputSize, outputText } from "../../head/head_spec.ts";
import { sha256Hex } from "../../hash.ts";
import type { Activation, OutputBlob } from "../../record/variant.ts";
import { faultText, loadNcnnFiles, parsedParam } from "../ncnn/loaded_files.ts";
import { type NcnnFiles, openNcnnFiles } from "../ncnn/ncnn_files.ts";
import { fusedActivation, numberParam, type ParamFile } from "../ncnn/param_file.ts";
import { openSession } from "../onnx/session.ts";
import { encodeOnnx } from "../onnx/onnx_file.ts";
import { proofTensors } from "../prove_decode.ts";
import type { ProvedModel } from "../source_model.ts";
import { cutModel, resizedModel } from "../surgery.ts";
import { findLayout, type FoundLayout, type LayoutRun } from "./layout.ts";
import type { SizedBlob } from "./run_blobs.ts";

/** ncnn files, read, with what their graph says of itself. */
export interface GivenFiles {
  /** As the user named them. */
  named: string;
  files: NcnnFiles & { bin: Uint8Array };
  param: ParamFile;
  /** Of graph and weights. */
  sha256: string;
  inputBlob: string;
  /** Blobs that no layer reads, or those that the user names. */
  outputBlobs: string[];
  /** Size that the graph or its metadata state; null where they don't. */
  size: InputSize | null;
  /** What ultralytics' `metadata.yaml` says, by key. */
  metadata: ReadonlyMap<string, unknown>;
  weights: "fp32" | "fp16" | "int8";
  warnings: Warning[];
}

/** Runs the graph on a tensor of that size; see `run_blobs.ts`. */
export type BlobRunner = (
  given: GivenFiles,
  tensor: Float32Array,
  size: InputSize,
) => Promise<Map<string, SizedBlob>>;

/**
 * Returns the files, read.
 *
 * Throws `HarnessError`: `bad-param` for files that can't be read, that ncnn refuses, or whose
 * weights are missing; `bad-option` for an input or output that has to be named.
 */
export async function readGivenFiles(named: string, options: GivenOptions): Promise<GivenFiles> {
  const files = await openNcnnFiles(named);
  const loaded = loadNcnnFiles(files);
  const { bin } = files;
  if (bin === null) {
    throw new HarnessError(
      "bad-param",
      `Cannot run ${files.label}: there is no .bin of its name beside it: put it there`,
    );
  }
  if (!loaded.isLoaded) {
    const end = loaded.faults.find(({ effect }) => effect === "refused" || effect === "crash");
    throw new HarnessError("bad-param", `Cannot run ${files.label}: ${faultText(end!)}`);
  }
  const param = parsedParam(files);
  const inputs = param.layers.filter(({ type }) => type === "Input");
  const inputBlob = options.input ?? (inputs.length === 1 ? inputs[0].tops[0] : undefined);
  if (inputBlob === undefined || !param.blobs.includes(inputBlob)) {
    throw new HarnessError(
      "bad-option",
      options.input !== null
        ? `Cannot use --input ${options.input}: ${files.label} has no such blob; its inputs are ${
          inputs.flatMap(({ tops }) => tops).join(", ") || "none"
        }`
        : `Cannot choose the input of ${files.label} among ${
          inputs.flatMap(({ tops }) => tops).join(", ") || "none"
        }: name the image's by --input`,
    );
  }
  const used = new Set(param.layers.flatMap(({ bottoms }) => bottoms));
  const leaves = param.blobs.filter((blob) => !used.has(blob) && blob !== inputBlob);
  const wanted = options.outputs?.map(({ blob }) => blob) ?? options.outputNames ?? leaves;
  const missing = wanted.find((blob) => !param.blobs.includes(blob));
  if (missing !== undefined) {
    throw new HarnessError(
      "bad-option",
      `Cannot use the output ${missing}: ${files.label} has no such blob; nobody reads ${
        leaves.join(", ")
      }`,
    );
  }
  const metadata = readMetadata(files.metadata);
  return {
    named,
    files: { ...files, bin },
    param,
    sha256: await sha256Hex(`${await sha256Hex(files.param)} ${await sha256Hex(bin)}`),
    inputBlob,
    outputBlobs: wanted,
    size: statedSize(inputs.find(({ tops }) => tops[0] === inputBlob), metadata),
    metadata,
    weights: weightsOf(param, bin),
    warnings: loaded.faults.length === 0 ? [] : [{
      code: "ncnn-reads-otherwise",
      message: `ncnn takes ${files.label} in another way than it is written: ${
        loaded.faults.slice(0, 3).map(faultText).join("; ")
      }`,
      advice: "Look at the file by `deno task inspect`, and mend what is not meant so.",
    }],
  };
}

function readMetadata(text: string | null): ReadonlyMap<string, unknown> {
  if (text === null) return new Map();
  try {
    const value = parseYaml(text.slice(0, 1 << 16));
    return new Map(Object.entries(value !== null && typeof value === "object" ? value : {}));
  } catch {
    return new Map();
  }
}

function statedSize(
  input: ParamFile["layers"][number] | undefined,
  metadata: ReadonlyMap<string, unknown>,
): InputSize | null {
  const [widthPx, heightPx] = [0, 1].map((id) => input ? numberParam(input, id, 0) : 0);
  if (widthPx > 0 && heightPx > 0) return { widthPx, heightPx };
  const imgsz = metadata.get("imgsz");
  const sides = Array.isArray(imgsz) ? imgsz : typeof imgsz === "number" ? [imgsz, imgsz] : [];
  const isSize = sides.length === 2 && sides.every((side) => Number.isInteger(side) && side > 0);
  return isSize ? { heightPx: sides[0], widthPx: sides[1] } : null;
}

/** Returns how most weights are stored: the tag of the first tells it. */
function weightsOf({ layers }: ParamFile, bin: Uint8Array): GivenFiles["weights"] {
  const isInt8 = layers.some((layer) =>
    ["Convolution", "ConvolutionDepthWise", "InnerProduct"].includes(layer.type) &&
    numberParam(layer, 8, 0) !== 0
  );
  if (isInt8) return "int8";
  const tag = bin.length < 4 ? 0 : new DataView(bin.buffer, bin.byteOffset).getUint32(0, true);
  return tag === 0x01306b47 ? "fp16" : "fp32";
}

/** Layers that are an activation of their own. */
const ACTIVATION_LAYERS: Partial<Record<string, Activation>> = {
  Swish: "silu",
  HardSwish: "hardswish",
  ReLU: "relu",
  PReLU: "prelu",
  ELU: "elu",
  SELU: "selu",
  CELU: "celu",
  GELU: "gelu",
  Mish: "mish",
};
/** Activations that ncnn fuses, by the names of `fusedActivation`. */
const FUSED: Partial<Record<string, Activation>> = {
  relu: "relu",
  leakyrelu: "leakyrelu",
  mish: "mish",
  hardswish: "hardswish",
};

/** Returns the activation that the graph has most of. */
export function activationOf({ layers }: ParamFile): Activation {
  const counts = new Map<Activation, number>();
  for (const layer of layers) {
    const isLeaky = layer.type === "ReLU" && numberParam(layer, 0, 0) !== 0;
    const own = isLeaky ? "leakyrelu" : ACTIVATION_LAYERS[layer.type];
    const kind = own ?? FUSED[fusedActivation(layer) ?? ""];
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? "none";
}

/** Agreement of files that are what their reference is, with weights in 16 bits too. */
const EQUAL = 0.999;

/** A tensor as other programs feed it. */
interface Feeding {
  what: string;
  of(tensor: Float32Array): Float32Array;
}

const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** How networks are fed, other than with RGB in 0 to 1. */
const FEEDINGS: Feeding[] = [
  { what: "BGR in 0 to 1", of: (tensor) => exchanged(tensor) },
  { what: "RGB in 0 to 255", of: (tensor) => tensor.map((value) => 255 * value) },
  { what: "BGR in 0 to 255", of: (tensor) => exchanged(tensor).map((value) => 255 * value) },
  { what: "RGB in -1 to 1", of: (tensor) => tensor.map((value) => 2 * value - 1) },
  {
    what: "RGB less ImageNet's mean over its deviation",
    of: (tensor) =>
      tensor.map((value, i) => {
        const channel = Math.floor(3 * i / tensor.length);
        return (value - MEAN[channel]) / DEVIATION[channel];
      }),
  },
];

function exchanged(tensor: Float32Array): Float32Array {
  const plane = tensor.length / 3;
  const bgr = new Float32Array(tensor.length);
  for (let channel = 0; channel < 3; channel++) {
    bgr.set(tensor.subarray((2 - channel) * plane, (3 - channel) * plane), channel * plane);
  }
  return bgr;
}

/**
 * Returns what the blobs hold, as the reference's values show on two pictures; as the options say
 * where they do.
 *
 * Throws `HarnessError` `bad-model` when no layout agrees: it says how the network would have to be
 * fed if that is it, and what to name otherwise.
 */
export async function proveLayout(
  given: GivenFiles,
  source: ProvedModel,
  size: InputSize,
  options: GivenOptions,
  run: BlobRunner,
): Promise<{ outputs: OutputBlob[]; agreement: number | null }> {
  if (options.outputs !== null) return { outputs: options.outputs, agreement: null };
  const raw = rawSpec(specOf(source));
  const cut = cutModel(source.model, source.head, "raw", null).model;
  const sized = resizedModel(cut, source.head, size.widthPx, size.heightPx, source.path);
  await using session = await openSession(encodeOnnx(sized), { threads: null });
  const tensors = await proofTensors(size);
  const rawBlobs = await inTurn(tensors, (tensor) => session.blobs(tensor, size));
  const find = async (fed: readonly Float32Array[]): Promise<FoundLayout> => {
    const runs = await inTurn(fed, async (tensor, i): Promise<LayoutRun> => ({
      input: size,
      rawBlobs: rawBlobs[i],
      blobs: new Map(
        (await run(given, tensor, size)).entries().map(([blob, { values }]) => [blob, values]),
      ),
    }));
    return findLayout(raw, runs);
  };
  const found = await find(tensors);
  if ("outputs" in found && found.agreement >= EQUAL) return found;
  for (const { what, of } of FEEDINGS) {
    const other = await find(tensors.map(of));
    if (!("outputs" in other) || other.agreement < EQUAL) continue;
    throw new HarnessError(
      "bad-model",
      `Cannot run ${given.named}: its outputs are those of ${source.path} when it is fed ${what}, and Posemark feeds RGB in 0 to 1: convert the model again without a change of its input, or put the normalisation into the graph`,
    );
  }
  // near, and no way of feeding it explains the rest: parity says what differs
  if ("outputs" in found) return found;
  const guesses = found.guesses.slice(0, 4).map(({ blob, parts, agreement }) =>
    `${outputText({ blob, role: "parts", stride: null, parts })} (agrees to ${
      Math.max(0, agreement).toFixed(2)
    } of 1)`
  );
  const others = given.outputBlobs.filter((blob) =>
    !found.guesses.some((guess) => guess.blob === blob)
  );
  throw new HarnessError(
    "bad-model",
    `Cannot tell what the outputs of ${given.named} hold by the values of ${source.path}: ${
      [
        ...(guesses.length > 0 ? [`nearest are ${guesses.join(", ")}`] : []),
        ...(others.length > 0 ? [`no head of its sizes fits ${others.join(", ")}`] : []),
      ].join("; ")
    }. Is it the same training? If so, say what they hold by --head-layout, for instance ${
      guesses.length > 0 ? guesses[0].split(" (")[0] : "out0:boxes+scores+joints:8+16+32"
    }, and the output blobs by --output`,
  );
}

/** Returns the head's counts as manifests have them. */
export function specOf({ head }: Pick<ProvedModel, "head">): Omit<HeadSpec, "outputs"> {
  const { classCount, keypointCount, keypointDims, regMax, headCode, levels } = head;
  const strides = levels.map(({ stride }) => stride);
  return { classCount, keypointCount, keypointDims, regMax, headCode, strides };
}

async function inTurn<T, R>(
  items: readonly T[],
  work: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const [i, item] of items.entries()) results.push(await work(item, i));
  return results;
}

/**
 * Returns the reference that lies beside the files by their name: an `.onnx`, else a `.pt`; null
 * when there is none.
 */
export async function referenceBeside({ files, named }: GivenFiles): Promise<string | null> {
  const folders = [...new Set([path.dirname(path.resolve(named)), path.resolve(files.folder)])];
  for (const ending of [".onnx", ".pt"]) {
    for (const folder of folders) {
      const file = path.join(folder, files.stem + ending);
      if (await Deno.stat(file).then(({ isFile }) => isFile, () => false)) return file;
    }
  }
  return null;
}
