/**
 * One form for the graphs of `.onnx` and `.param` files, so that they can be counted, compared and
 * drawn alike: pure.
 *
 * @module
 */
import { elementCount, type OnnxModel } from "../onnx/onnx_file.ts";
import { constantsOf, intAttribute, producersOf } from "../onnx/onnx_graph.ts";
import { nodeMacs, valueCount, weightsOf } from "../onnx/cost.ts";
import { faultText, type LoadedFiles } from "../ncnn/loaded_files.ts";
import { fusedActivation, type ParamFile } from "../ncnn/param_file.ts";
import { ncnnMacs, ncnnParameters } from "../ncnn/cost.ts";
import { inferNcnnShapes } from "../ncnn/shapes.ts";
import { inferShapes } from "../onnx/shapes.ts";

/** One layer (ncnn) or node (ONNX). */
export interface GraphLayer {
  name: string;
  type: string;
  /** Blobs that it reads, without weights and other constants. */
  inputs: string[];
  outputs: string[];
  /** True for a convolution of groups of channels, which is a kind of layer of its own in ncnn. */
  isGrouped: boolean;
  /** Activation that is fused into it, null when there is none. */
  fusedActivation: string | null;
  /** Shape of each output, outermost first; null when it is not known. */
  outputShapes: (number[] | null)[];
  /** Weights and biases; null when they can't be told. */
  parameters: number | null;
  /** Multiply-accumulates; null when shapes are not known. */
  macs: number | null;
  /**
   * Bytes read and written at four bytes a value, weights included; null when shapes are not known.
   */
  bytesMoved: number | null;
}

/** A graph. */
export interface Graph {
  format: "onnx" | "ncnn";
  layers: GraphLayer[];
  /** Number of distinct blobs: inputs and what layers make. */
  blobs: number;
  inputs: string[];
  /** Shape of each input, outermost first; null when it is not known. */
  inputShapes: (number[] | null)[];
  outputs: string[];
  /** What a reader should know of the file, a sentence each. */
  notes: string[];
  /** What ncnn's loader makes of the file; null where that was not asked, and for ONNX. */
  ncnn: LoadedFiles | null;
}

/** Bytes of a float32 value. */
const VALUE_BYTES = 4;

/**
 * Returns the graph of an ONNX model; `inputShape` [1, 3, H, W] stands in for the symbolic sizes of
 * inputs with four axes.
 */
export function graphOfOnnx(model: OnnxModel, inputShape?: number[]): Graph {
  const constants = constantsOf(model);
  const producers = producersOf(model.nodes);
  const given = new Map(
    model.inputs.flatMap(({ name, dims }): [string, number[]][] =>
      inputShape && dims?.length === inputShape.length
        ? [[name, dims.map((dim, i) => typeof dim === "number" && dim > 0 ? dim : inputShape[i])]]
        : []
    ),
  );
  const { shapes } = inferShapes(model, given);
  const layers = model.nodes.map((node): GraphLayer => {
    const inputs = node.inputs.filter((name) => name !== "" && !constants.has(name));
    const weights = weightsOf(node, { constants, producers });
    const direct = new Set(node.inputs.map((name) => constants.get(name)));
    const outputs = node.outputs.filter((name) => name !== "");
    return {
      name: node.name || node.outputs[0],
      type: node.opType,
      inputs,
      outputs,
      isGrouped: node.opType.startsWith("Conv") && intAttribute(node, "group", 1) > 1,
      fusedActivation: null,
      outputShapes: outputs.map((name) => shapes.get(name) ?? null),
      parameters: weights && valueCount(weights),
      macs: nodeMacs(node, shapes),
      bytesMoved: movedBytes(
        [...inputs, ...outputs].map((name) => shapes.get(name)),
        // a weight that another node makes out of a constant is among the inputs
        weights && valueCount(weights.filter((tensor) => direct.has(tensor))),
      ),
    };
  });
  return {
    format: "onnx",
    layers,
    blobs: new Set([
      ...model.inputs.map((input) => input.name),
      ...layers.flatMap((layer) => layer.outputs),
    ]).size,
    inputs: model.inputs.map((input) => input.name),
    inputShapes: model.inputs.map((input) => shapes.get(input.name) ?? null),
    outputs: model.outputs.map((output) => output.name),
    notes: [],
    ncnn: null,
  };
}

/**
 * Returns the graph of an ncnn `.param`; `inputShape` [c, h, w] is for inputs that don't state
 * their size, `loaded` what ncnn's loader makes of the file.
 */
export function graphOfParam(
  file: ParamFile,
  inputShape?: number[],
  loaded: LoadedFiles | null = null,
): Graph {
  const shapes = inferNcnnShapes(file.layers, inputShape ?? null);
  const used = new Set(file.layers.flatMap((layer) => layer.bottoms));
  const inputs = file.layers.filter((layer) => layer.type === "Input")
    .flatMap((layer) => layer.tops);
  const layers = file.layers.map((layer): GraphLayer => {
    const parameters = ncnnParameters(layer);
    return {
      name: layer.name,
      type: layer.type,
      inputs: layer.bottoms,
      outputs: layer.tops,
      isGrouped: layer.type.includes("DepthWise"),
      fusedActivation: fusedActivation(layer),
      outputShapes: layer.tops.map((blob) => shapes.get(blob) ?? null),
      parameters,
      macs: ncnnMacs(layer, shapes),
      // a Split copies nothing: its tops share the memory of its bottom
      bytesMoved: layer.type === "Split" || layer.type === "Input" ? 0 : movedBytes(
        [...layer.bottoms, ...layer.tops].map((blob) => shapes.get(blob)),
        parameters,
      ),
    };
  });
  return {
    format: "ncnn",
    layers,
    blobs: file.blobs.length,
    inputs,
    inputShapes: inputs.map((blob) => shapes.get(blob) ?? null),
    outputs: file.blobs.filter((blob) => !used.has(blob)),
    notes: loaded?.faults.map(faultText) ?? [],
    ncnn: loaded,
  };
}

function movedBytes(shapes: (number[] | undefined)[], parameters: number | null): number | null {
  if (parameters === null) return null;
  let values = parameters;
  for (const shape of shapes) {
    if (shape === undefined) return null;
    values += elementCount(shape);
  }
  return values * VALUE_BYTES;
}
