/**
 * ONNX → ncnn by pnnx, in one step.
 *
 * @module
 */
import * as path from "@std/path";
import { parseParam } from "../ncnn/param_file.ts";
import { convertFailed, runTool } from "./tool.ts";

/** What a converter left in its folder. */
export interface Converted {
  /** File names in the folder. */
  param: string;
  bin: string;
  /** Logs in the order of the steps, as they were printed. */
  logs: { file: string; text: string }[];
  /** Blob of the image. */
  inputBlob: string;
  /** Blobs of the outputs, in the order of the ONNX graph's outputs. */
  outputBlobs: string[];
}

/** What pnnx is asked for. */
export interface PnnxRequest {
  /** The pnnx program. */
  program: string;
  /** Folder to work in, with the ONNX file in it. */
  folder: string;
  onnx: string;
  widthPx: number;
  heightPx: number;
  /** Number of the graph's outputs. */
  outputCount: number;
  /** True stores weights as fp16, half the size. */
  fp16Weights: boolean;
  signal?: AbortSignal;
}

/**
 * Converts the ONNX file in the folder and returns the names of the results.
 *
 * pnnx names the blobs itself: `in0`, and `out0`, `out1`, … in the order of the graph's outputs.
 * Throws `HarnessError` `convert-failed` when pnnx fails or its graph doesn't have these blobs.
 */
export async function convertByPnnx(request: PnnxRequest): Promise<Converted> {
  const { program, folder, onnx, outputCount } = request;
  const log = await runTool({
    name: "pnnx",
    command: program,
    args: [
      onnx,
      `inputshape=[1,3,${request.heightPx},${request.widthPx}]`,
      `fp16=${request.fp16Weights ? 1 : 0}`,
    ],
    cwd: folder,
    signal: request.signal,
  });
  const stem = onnx.replace(/\.onnx$/, "");
  const param = `${stem}.ncnn.param`;
  const bin = `${stem}.ncnn.bin`;
  const inputBlob = "in0";
  const outputBlobs = Array.from({ length: outputCount }, (_, i) => `out${i}`);
  await requireBlobs("pnnx", folder, param, bin, inputBlob, outputBlobs, log);
  return { param, bin, logs: [{ file: "pnnx.log", text: log }], inputBlob, outputBlobs };
}

/**
 * Throws `convert-failed` unless the param has the input and exactly the outputs, and the weights
 * are there.
 */
export async function requireBlobs(
  tool: string,
  folder: string,
  param: string,
  bin: string,
  inputBlob: string,
  outputBlobs: string[],
  log: string,
): Promise<void> {
  let text: string;
  let binBytes: number;
  try {
    text = await Deno.readTextFile(path.join(folder, param));
    binBytes = (await Deno.stat(path.join(folder, bin))).size;
  } catch (cause) {
    throw convertFailed(
      tool,
      `it left no ${param} or no ${bin} (${(cause as Error).message})`,
      log,
    );
  }
  const { layers, blobs } = parseParam(text, param);
  const inputs = layers.filter((layer) => layer.type === "Input").flatMap((layer) => layer.tops);
  const used = new Set(layers.flatMap((layer) => layer.bottoms));
  const ends = blobs.filter((blob) => !used.has(blob)).sort();
  const expected = [...outputBlobs].sort();
  if (inputs.join() !== inputBlob || ends.join() !== expected.join()) {
    throw convertFailed(
      tool,
      `its graph goes from ${inputs.join(", ")} to ${
        ends.join(", ")
      }, expected from ${inputBlob} to ${expected.join(", ")}`,
      log,
    );
  }
  if (binBytes === 0) throw convertFailed(tool, `it wrote no weights into ${bin}`, log);
}
