/**
 * One graph of a model, converted: the files that variants of different run-time precision share.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import {
  type Activation,
  type AppliedPass,
  CONVERTED,
  type Converter,
  filesOf,
  type Head,
  type Shape,
  shapeName,
} from "../../record/variant.ts";
import type { WeightStorage } from "../../record/precision.ts";
import { cached, type CacheRequest, contentKey } from "../../toolchain/cache.ts";
import { HarnessError } from "../../errors.ts";
import type { Progress } from "../../progress.ts";
import { mendReductions, requireKnownLayers } from "./leftovers.ts";
import { applyPasses, PASSES_VERSION } from "./passes.ts";
import { convertByPnnx, type Converted } from "./pnnx.ts";
import { spelledGraph } from "./spell.ts";
import { convertByOnnx2ncnn, optimizeNcnn, spellForOnnx2ncnn } from "./onnx2ncnn.ts";
import type { CalibrationSet } from "./int8_images.ts";
import { countMacs, countParameters } from "../onnx/cost.ts";
import { sha256Hex } from "../../hash.ts";
import { encodeOnnx, type OnnxModel } from "../onnx/onnx_file.ts";
import { layerSetOf } from "../ncnn/layer_set.ts";
import { fusedActivation, parseParam, writeParam } from "../ncnn/param_file.ts";
import { CALIBRATION_METHOD, quantizeInt8, TABLE_FILE } from "./quantize.ts";
import type { SourceModel } from "../source_model.ts";
import {
  checkRectangular,
  type CutModel,
  cutModel,
  resizedModel,
  sizeFreeModel,
  SURGERY_VERSION,
} from "../surgery.ts";
import type { ConverterTools } from "./tools.ts";

/** What a conversion is made from, apart from the tools. */
export interface ConversionKey {
  source: SourceModel;
  /** Null keeps the trained activation. */
  activation: Activation | null;
  head: Head;
  shape: Shape;
  converter: Converter;
  weights: WeightStorage;
  /** What int8 is calibrated on; null for other storages. */
  calibration: CalibrationSet | null;
}

/** Schema of `conversion.json` in a conversion's folder. */
const ConversionSchema = z.strictObject({
  ...CONVERTED,
  /**
   * Other files that belong to it: the ONNX graph that was converted, the graph before
   * ncnnoptimize.
   */
  extras: z.array(z.string()),
});
/** What a conversion's folder holds. */
export type Conversion = z.infer<typeof ConversionSchema>;

/** What each route does after its converter. */
const ROUTES: Record<Converter, { hasPasses: boolean; isOptimized: boolean }> = {
  "pnnx": { hasPasses: true, isOptimized: false },
  "pnnx-plain": { hasPasses: false, isOptimized: false },
  "pnnx-optimized": { hasPasses: true, isOptimized: true },
  "onnx2ncnn": { hasPasses: false, isOptimized: true },
};

/** Seconds that a conversion takes on two cores at 640×640, for the progress. */
const CONVERSION_SECONDS = { fp32: 6, fp16: 6, int8: 40 };

/**
 * Returns the conversion and its folder in the cache; makes it when it is not there or damaged.
 *
 * `title` says in the progress what is being made. Throws `HarnessError` as the surgery, the
 * converters and the cache do.
 */
export async function keptConversion(
  key: ConversionKey,
  title: string,
  tools: ConverterTools,
  context: { progress: Progress; signal?: AbortSignal; root?: string },
): Promise<{ conversion: Conversion; folder: string }> {
  const request: CacheRequest = {
    kind: "conversion",
    key: await contentKey({
      source: key.source.sha256,
      activation: key.activation ?? "trained",
      head: key.head,
      shape: shapeName(key.shape),
      converter: key.converter,
      weights: key.weights,
      calibration: key.calibration?.id ?? "none",
      tools: JSON.stringify(await toolVersions(key, tools)),
    }),
    root: context.root,
    signal: context.signal,
    make: async (folder) => {
      const step = context.progress.step(title, CONVERSION_SECONDS[key.weights]);
      await convert(key, folder, tools, context.signal);
      step.done();
    },
  };
  for (const isLastTry of [false, true]) {
    const { folder } = await cached(request);
    const conversion = await readConversion(folder);
    if (conversion) return { conversion, folder };
    if (!isLastTry) await Deno.remove(folder, { recursive: true });
  }
  throw new HarnessError(
    "convert-failed",
    `Cannot read back the conversion for "${title}": its files don't match their hashes: check the disk of the cache folder and run again`,
  );
}

async function toolVersions(
  { converter, weights }: ConversionKey,
  tools: ConverterTools,
): Promise<Record<string, string>> {
  const versions: Record<string, string> = { surgery: `${SURGERY_VERSION}` };
  if (weights === "int8") versions.calibration = CALIBRATION_METHOD;
  const { hasPasses, isOptimized } = ROUTES[converter];
  if (converter !== "onnx2ncnn") versions.pnnx = await tools.pnnxVersion();
  if (hasPasses) versions.passes = `${PASSES_VERSION}`;
  if (isOptimized || weights === "int8") versions.ncnn = await tools.ncnnVersion();
  return versions;
}

async function convert(
  key: ConversionKey,
  folder: string,
  tools: ConverterTools,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { source, shape } = key;
  const cut = cutModel(source.model, source.head, key.head, key.activation);
  const graph = spelledGraph(sizedGraph(cut, key));
  const onnx = "model.onnx";
  await Deno.writeFile(path.join(folder, "graph.onnx"), encodeOnnx(graph));
  const spelled = key.converter === "onnx2ncnn" ? spellForOnnx2ncnn(graph) : graph;
  await Deno.writeFile(path.join(folder, onnx), encodeOnnx(spelled));
  const { float, passes } = await runConverter({ key, cut, graph, folder, onnx, tools, signal });
  const layerSet = await layerSetOf(path.join(folder, float.param));
  const converted = key.calibration === null ? float : await quantizeInt8(float, {
    ncnn2table: await tools.ncnn("ncnn2table", layerSet),
    ncnn2int8: await tools.ncnn("ncnn2int8", layerSet),
    folder,
    calibration: key.calibration,
    shape,
    threads: navigator.hardwareConcurrency,
    signal,
  });
  const extras = await keepStages(key, float, folder);
  await Deno.rename(path.join(folder, converted.param), path.join(folder, "model.param"));
  await Deno.rename(path.join(folder, converted.bin), path.join(folder, "model.bin"));
  const kept = new Set(["model.param", "model.bin", "graph.onnx", ...extras]);
  for (const entry of Deno.readDirSync(folder)) {
    if (!kept.has(entry.name)) await Deno.remove(path.join(folder, entry.name));
  }
  for (const log of converted.logs) await Deno.writeTextFile(path.join(folder, log.file), log.text);
  await Deno.writeFile(
    path.join(folder, "reference.onnx"),
    encodeOnnx(referenceGraph(key)),
  );
  const { layers, blobs } = parseParam(
    await Deno.readTextFile(path.join(folder, "model.param")),
    "model.param",
  );
  const conversion: Conversion = {
    param: {
      ...await fileRef(folder, "model.param"),
      layers: layers.length,
      blobs: blobs.length,
      fusedActivations: layers.filter((layer) => fusedActivation(layer) !== null).length,
    },
    bin: await fileRef(folder, "model.bin"),
    referenceOnnx: await fileRef(folder, "reference.onnx"),
    inputBlob: converted.inputBlob,
    outputs: cut.outputs.map((output, i) => ({ ...output, blob: converted.outputBlobs[i] })),
    parameterCount: countParameters(graph),
    macs: countMacs(
      graph,
      new Map([[source.head.inputName, [1, 3, shape.heightPx, shape.widthPx]]]),
    ),
    tools: await toolVersions(key, tools),
    logs: converted.logs.map((log) => log.file),
    passes,
    extras: ["graph.onnx", ...extras],
  };
  await Deno.writeTextFile(
    path.join(folder, "conversion.json"),
    `${JSON.stringify(conversion, null, 2)}\n`,
  );
}

/**
 * Keeps the graphs before the passes and ncnnoptimize, and before ncnn2int8 under lasting names,
 * and the table; returns the names.
 */
async function keepStages(key: ConversionKey, float: Converted, folder: string): Promise<string[]> {
  const extras: string[] = [];
  const keep = async (from: string, to: string) => {
    await Deno.rename(path.join(folder, from), path.join(folder, to));
    extras.push(to);
  };
  const first = key.converter === "onnx2ncnn" ? "model.onnx2ncnn.param" : "model.ncnn.param";
  if (float.param !== first) await keep(first, "converted.param");
  if (key.calibration !== null) {
    await keep(float.param, "float.param");
    extras.push(TABLE_FILE);
  }
  return extras;
}

/**
 * Returns the graph at the variant's shape; for `rect` at its full square, after a check that other
 * sizes run too.
 */
function sizedGraph(cut: CutModel, { source, head, shape }: ConversionKey): OnnxModel {
  if (head === "decoded") return cut.model;
  if (shape.mode === "rect") {
    checkRectangular(source.head);
    sizeFreeModel(cut.model, source.head, source.path);
  }
  return resizedModel(cut.model, source.head, shape.widthPx, shape.heightPx, source.path);
}

/**
 * Returns the raw head's graph of the same activation, for every size where the graph allows that.
 */
function referenceGraph({ source, activation, shape }: ConversionKey): OnnxModel {
  const { model } = cutModel(source.model, source.head, "raw", activation);
  try {
    return sizeFreeModel(model, source.head, source.path);
  } catch (error) {
    if (!(error instanceof HarnessError) || error.code !== "bad-model") throw error;
    return resizedModel(model, source.head, shape.widthPx, shape.heightPx, source.path);
  }
}

interface ConverterRun {
  key: ConversionKey;
  cut: CutModel;
  /** The graph that is converted, at its size. */
  graph: OnnxModel;
  folder: string;
  /** Its file in the folder. */
  onnx: string;
  tools: ConverterTools;
  signal: AbortSignal | undefined;
}

/** Returns the graph in float of the whole route, and the passes that changed it. */
async function runConverter(
  run: ConverterRun,
): Promise<{ float: Converted; passes: AppliedPass[] }> {
  const { key, cut, folder, onnx, tools, signal } = run;
  const { shape, converter } = key;
  const { hasPasses, isOptimized } = ROUTES[converter];
  const fp16Weights = key.weights === "fp16";
  const converted = converter === "onnx2ncnn"
    ? await convertByOnnx2ncnn({
      onnx2ncnn: await tools.ncnn("onnx2ncnn", "core"),
      folder,
      onnx,
      inputName: key.source.head.inputName,
      outputNames: cut.outputs.map((output) => output.blob),
      signal,
    })
    : await convertByPnnx({
      program: await tools.pnnx(),
      folder,
      onnx,
      widthPx: shape.widthPx,
      heightPx: shape.heightPx,
      outputCount: cut.outputs.length,
      fp16Weights: fp16Weights && !isOptimized,
      signal,
    });
  await mendConverted(path.join(folder, converted.param), run);
  const passed = hasPasses
    ? await passOver(converted, folder, key.weights !== "fp32")
    : { float: converted, passes: [] };
  if (!isOptimized) return passed;
  const layers = await layerSetOf(path.join(folder, passed.float.param));
  const ncnnoptimize = await tools.ncnn("ncnnoptimize", layers);
  const request = { ncnnoptimize, folder, fp16Weights, signal };
  return { ...passed, float: await optimizeNcnn(passed.float, request) };
}

/**
 * Returns the graph after the passes, beside the one before; the same one if they found nothing.
 */
async function passOver(
  converted: Converted,
  folder: string,
  isHalf: boolean,
): Promise<{ float: Converted; passes: AppliedPass[] }> {
  const text = await Deno.readTextFile(path.join(folder, converted.param));
  const { layers, passes } = applyPasses(parseParam(text, converted.param).layers, isHalf);
  if (passes.length === 0) return { float: converted, passes };
  const param = "passed.param";
  await Deno.writeTextFile(path.join(folder, param), writeParam(layers));
  return { float: { ...converted, param }, passes };
}

/** Mends the converted graph in place; throws `bad-model` when ncnn can't load it all the same. */
async function mendConverted(file: string, { key, graph }: ConverterRun): Promise<void> {
  const mended = mendReductions(await Deno.readTextFile(file), graph);
  requireKnownLayers(parseParam(mended, file).layers, key.source.path, key.converter);
  await Deno.writeTextFile(file, mended);
}

async function fileRef(folder: string, file: string) {
  const bytes = await Deno.readFile(path.join(folder, file));
  return { file, bytes: bytes.length, sha256: await sha256Hex(bytes) };
}

/** Returns what the folder holds, or null when it is not there or a file doesn't match its hash. */
async function readConversion(folder: string): Promise<Conversion | null> {
  try {
    const text = await Deno.readTextFile(path.join(folder, "conversion.json"));
    const conversion = ConversionSchema.parse(JSON.parse(text));
    for (const ref of filesOf(conversion)) {
      if ((await fileRef(folder, ref.file)).sha256 !== ref.sha256) return null;
    }
    return conversion;
  } catch (error) {
    const isDamage = error instanceof Deno.errors.NotFound || error instanceof SyntaxError ||
      error instanceof z.ZodError;
    if (isDamage) return null;
    throw error;
  }
}
