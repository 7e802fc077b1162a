/**
 * ONNX → ncnn by the older chain: onnx2ncnn, then ncnnoptimize, which fuses activations into
 * convolutions.
 *
 * @module
 */
import * as path from "@std/path";
import { type Converted, requireBlobs } from "./pnnx.ts";
import type { OnnxModel, OnnxNode } from "../onnx/onnx_file.ts";
import { constantsOf, pruned } from "../onnx/onnx_graph.ts";
import { fusedActivation, type ParamLayer, parseParam } from "../ncnn/param_file.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { convertFailed, runTool } from "./tool.ts";

/**
 * Returns the model spelled as onnx2ncnn reads it: a Split has its sizes as an attribute, and a
 * Constant its value as a tensor.
 *
 * onnx2ncnn reads operator sets up to 12, and takes what later ones say otherwise for a blob, or
 * for nothing, without saying a word. The result is not valid ONNX for operator sets from 13 on: it
 * is for onnx2ncnn alone.
 */
export function spellForOnnx2ncnn(model: OnnxModel): OnnxModel {
  const { integers } = inferShapes(model);
  const constants = constantsOf(model);
  const nodes = model.nodes.map((node): OnnxNode => {
    const value = node.opType === "Constant" ? constants.get(node.outputs[0]) : undefined;
    if (value) return { ...node, attributes: new Map([["value", { type: "tensor", value }]]) };
    const sizes = node.opType === "Split" ? integers.get(node.inputs[1] ?? "") : undefined;
    if (!sizes) return node;
    const attributes = new Map(node.attributes).set("split", { type: "ints", value: sizes });
    return { ...node, inputs: node.inputs.slice(0, 1), attributes };
  });
  return pruned({ ...model, nodes });
}

/** What the chain is asked for. */
export interface Onnx2ncnnRequest {
  /** Program of the pinned ncnn. */
  onnx2ncnn: string;
  /** Folder to work in, with the ONNX file in it. */
  folder: string;
  onnx: string;
  inputName: string;
  /** Names of the graph's outputs in order: onnx2ncnn keeps names. */
  outputNames: string[];
  signal?: AbortSignal;
}

/**
 * Converts the ONNX file in the folder and returns the names of the results.
 *
 * Throws `HarnessError` `convert-failed` when a tool fails, when onnx2ncnn skips an operation that
 * it doesn't know (it exits 0 then) or writes it wrongly (a constant as an input, a product of two
 * activations), and when blobs are missing.
 */
export async function convertByOnnx2ncnn(request: Onnx2ncnnRequest): Promise<Converted> {
  const { folder, onnx, signal } = request;
  const stem = onnx.replace(/\.onnx$/, "");
  const param = `${stem}.onnx2ncnn.param`;
  const bin = `${stem}.onnx2ncnn.bin`;
  const log = await runTool({
    name: "onnx2ncnn",
    command: request.onnx2ncnn,
    args: [onnx, param, bin],
    cwd: folder,
    signal,
  });
  const complaint = /^.*(not supported|Unsupported|unknown|unsupported).*$/m.exec(log);
  if (complaint) throw convertFailed("onnx2ncnn", `it says "${complaint[0].trim()}"`, log);
  await requireBlobs("onnx2ncnn", folder, param, bin, request.inputName, request.outputNames, log);
  const { layers } = parseParam(await Deno.readTextFile(path.join(folder, param)), param);
  requireNoStrayConstants(layers, log);
  requireNoProducts(layers, log);
  return {
    param,
    bin,
    logs: [{ file: "onnx2ncnn.log", text: log }],
    inputBlob: request.inputName,
    outputBlobs: request.outputNames,
  };
}

/**
 * Runs ncnnoptimize over a converted graph and returns the names of the results.
 *
 * The graph before stays in the folder. Throws `HarnessError` `convert-failed` when it fails, when
 * blobs are missing, and when the fusions in its log differ from those in the graph.
 */
export async function optimizeNcnn(
  converted: Converted,
  request: { ncnnoptimize: string; folder: string; fp16Weights: boolean; signal?: AbortSignal },
): Promise<Converted> {
  const { folder } = request;
  const param = "optimized.param";
  const bin = "optimized.bin";
  const log = await runTool({
    name: "ncnnoptimize",
    command: request.ncnnoptimize,
    args: [converted.param, converted.bin, param, bin, request.fp16Weights ? "1" : "0"],
    cwd: folder,
    signal: request.signal,
  });
  const { inputBlob, outputBlobs } = converted;
  await requireBlobs("ncnnoptimize", folder, param, bin, inputBlob, outputBlobs, log);
  const before = await countFused(path.join(folder, converted.param));
  const after = await countFused(path.join(folder, param));
  const logged = fusedPairs(log).length;
  if (after - before !== logged) {
    throw convertFailed(
      "ncnnoptimize",
      `its log has ${logged} fused activations, its graph has ${after - before} more than before`,
      log,
    );
  }
  return {
    ...converted,
    param,
    bin,
    logs: [...converted.logs, { file: "ncnnoptimize.log", text: log }],
  };
}

/**
 * Returns the pairs "layer activation" that ncnnoptimize says it fused, in the order of its log.
 *
 * @example
 * ```ts
 * fusedPairs("fuse_convolution_activation conv1 relu1\n"); // ["conv1 relu1"]
 * ```
 */
export function fusedPairs(log: string): string[] {
  const pattern =
    /^fuse_(?:convolution|convolutiondepthwise|deconvolution|deconvolutiondepthwise|innerproduct)_activation (.+)$/gm;
  return [...log.matchAll(pattern)].map((match) => match[1].trim());
}

/**
 * Throws when a constant goes where ncnn has a parameter: onnx2ncnn didn't understand the
 * operation, and its graph is wrong.
 */
function requireNoStrayConstants(layers: readonly ParamLayer[], log: string): void {
  const constants = new Set(
    layers.filter((layer) => layer.type === "MemoryData").flatMap((layer) => layer.tops),
  );
  for (const layer of layers) {
    const isConstant = layer.bottoms.some((blob) => constants.has(blob));
    if (isConstant && layer.type === "Split") layer.tops.forEach((blob) => constants.add(blob));
    else if (isConstant && !["BinaryOp", "MatMul", "Gemm", "Concat"].includes(layer.type)) {
      throw convertFailed(
        "onnx2ncnn",
        `it made a constant into an input of the ${layer.type} "${layer.name}", which has none`,
        log,
      );
    }
  }
}

/**
 * Throws for a product of two blobs, as attention has it: onnx2ncnn makes a Gemm of it, which
 * multiplies matrices, not stacks of them as MatMul does, and its numbers are wrong without a word.
 */
function requireNoProducts(layers: readonly ParamLayer[], log: string): void {
  const product = layers.find((layer) => layer.type === "Gemm" && layer.bottoms.length > 1);
  if (!product) return;
  throw convertFailed(
    "onnx2ncnn",
    `it made a Gemm of the product "${product.name}" of two blobs (attention, as in YOLO11), which is not computed head by head`,
    log,
  );
}

async function countFused(param: string): Promise<number> {
  const { layers } = parseParam(await Deno.readTextFile(param), param);
  return layers.filter((layer) => fusedActivation(layer) !== null).length;
}
