/**
 * What an ONNX graph costs: parameters and multiply-accumulates, counted from the graph.
 *
 * @module
 */
import { elementCount, type OnnxModel, type OnnxNode } from "./onnx_file.ts";
import { constantsOf, intAttribute } from "./onnx_graph.ts";
import { inferShapes } from "./shapes.ts";

/** Operations whose constant inputs are weights and biases. */
export const WEIGHTED = new Set([
  "Conv",
  "ConvTranspose",
  "Gemm",
  "MatMul",
  "BatchNormalization",
  "PRelu",
]);

/** Returns the number of weights and biases that the graph's operations use, each tensor counted once. */
export function countParameters(model: OnnxModel): number {
  const constants = constantsOf(model);
  const used = new Set(
    model.nodes.filter((node) => WEIGHTED.has(node.opType)).flatMap((node) => node.inputs),
  );
  let count = 0;
  for (const name of used) {
    const tensor = constants.get(name);
    if (tensor) count += elementCount(tensor.dims);
  }
  return count;
}

/**
 * Returns the multiply-accumulates of one inference at the input's shape: those of convolutions and matrix products, as
 * is usual; activations and additions are not counted.
 */
export function countMacs(model: OnnxModel, inputShapes?: ReadonlyMap<string, number[]>): number {
  const { shapes } = inferShapes(model, inputShapes);
  return model.nodes.reduce((sum, node) => sum + (nodeMacs(node, shapes) ?? 0), 0);
}

/** Returns the multiply-accumulates of one node; null when a shape is not known. */
export function nodeMacs(node: OnnxNode, shapes: ReadonlyMap<string, number[]>): number | null {
  const input = shapes.get(node.inputs[0] ?? "");
  const second = shapes.get(node.inputs[1] ?? "");
  const output = shapes.get(node.outputs[0] ?? "");
  switch (node.opType) {
    case "Conv":
      return second && output ? elementCount(output) * elementCount(second.slice(1)) : null;
    case "ConvTranspose":
      return second && input ? elementCount(input) * elementCount(second.slice(1)) : null;
    case "MatMul":
      return input && output ? elementCount(output) * input[input.length - 1] : null;
    case "Gemm":
      return input && output
        ? elementCount(output) * (intAttribute(node, "transA", 0) ? input[0] : input[1])
        : null;
    default:
      return 0;
  }
}
