/**
 * Intermediate tensors of the reference graph, and intermediate blobs that the runner dumped: what
 * the layer-by-layer comparison works on.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { DATA_TYPE, encodeOnnx, type OnnxModel } from "../model/onnx/onnx_file.ts";
import type { InputSize } from "../head/head_spec.ts";
import { openSession, type SessionOptions } from "../model/onnx/session.ts";
import type { StorageSimulation } from "../record/precision.ts";
import { type HalfWeights, simulatePrecision } from "./simulated_precision.ts";
import { readFloats } from "./stage_files.ts";

/** Operators whose outputs are shapes or constants, not tensors of the network. */
const NOT_TENSORS = new Set(["Constant", "Shape", "ConstantOfShape", "Gather", "Range", "Cast"]);

/**
 * Returns the graph with the output of every operator as an output of the graph, in topological
 * order; those it had come first.
 */
export function withAllOutputs(model: OnnxModel): OnnxModel {
  const known = new Set(model.outputs.map(({ name }) => name));
  const added = model.nodes
    .filter(({ opType }) => !NOT_TENSORS.has(opType))
    .flatMap(({ outputs }) => outputs)
    .filter((name) => name !== "" && !known.has(name))
    .map((name) => ({ name, dataType: DATA_TYPE.float, dims: null }));
  return { ...model, outputs: [...model.outputs, ...added] };
}

/** Tensors of the reference graph by name: exact, and with roundings to measure tolerances by. */
export interface IntermediateTensors {
  exact: Map<string, Float32Array>;
  /** With the weights rounded to fp16. */
  fp16Weights: Map<string, Float32Array>;
  /**
   * With the weights rounded as coarsely as in fp16, but to other numbers: a change that is never
   * 0.
   */
  perturbed: Map<string, Float32Array>;
  /**
   * With stored blobs rounded, all but the graph's own outputs; null when that was not asked for.
   */
  storage: Map<string, Float32Array> | null;
}

/**
 * Returns every intermediate tensor of the reference graph on one input tensor, and that one
 * itself.
 *
 * Holds all of them in memory: some 300 MB for yolov8n-pose at 640×640, a quarter of that at
 * 320×320. Throws `HarnessError` `bad-model` as `openSession` does.
 */
export async function intermediateTensors(
  model: OnnxModel,
  tensor: Float32Array,
  size: InputSize,
  storage: StorageSimulation | null,
  options: SessionOptions & { halfWeights?: HalfWeights },
): Promise<IntermediateTensors> {
  const run = async (graph: OnnxModel): Promise<Map<string, Float32Array>> => {
    await using session = await openSession(encodeOnnx(graph), options);
    const blobs = await session.blobs(tensor, size);
    return new Map([
      [model.inputs[0].name, tensor],
      ...session.outputNames.map((name, index) => [name, blobs[index]] as const),
    ]);
  };
  const all = withAllOutputs(model);
  return {
    exact: await run(all),
    fp16Weights: await run(simulatePrecision(all, "fp16-weights", options.halfWeights)),
    perturbed: await run(simulatePrecision(all, "shifted-fp16-weights")),
    storage: storage === null ? null : await run(
      simulatePrecision(all, storage, options.halfWeights, model.outputs.map(({ name }) => name)),
    ),
  };
}

/**
 * Returns the blobs that the runner dumped for an image (`--dump-blob`), by their name in the
 * `.param`.
 *
 * Reads `index.tsv` of the folder. Throws `HarnessError` `bad-device-output` when the index or a
 * file that it names is missing.
 */
export async function readLayerDumps(
  folder: string,
  imageId: string,
): Promise<Map<string, Float32Array>> {
  const index = path.join(folder, "index.tsv");
  let text: string;
  try {
    text = await Deno.readTextFile(index);
  } catch (cause) {
    throw new HarnessError(
      "bad-device-output",
      `Cannot read the dumped blobs: ${index} is not there: run the runner's stages command with --dump-blob and --dump-dir`,
      { cause },
    );
  }
  const dumps = new Map<string, Float32Array>();
  for (const line of text.split("\n")) {
    const [file, , blob] = line.split("\t");
    if (!file?.startsWith(`${imageId}.`) || blob === undefined) continue;
    const values = await readFloats(path.join(folder, file));
    if (values === null) {
      throw new HarnessError(
        "bad-device-output",
        `Cannot read the dumped blob "${blob}": ${
          path.join(folder, file)
        } is not there although ${index} names it`,
      );
    }
    dumps.set(blob, values);
  }
  return dumps;
}
