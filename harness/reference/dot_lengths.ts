/**
 * How many products a graph sums up per output value: what its rounding errors grow with.
 *
 * @module
 */
import type { OnnxModel, OnnxNode } from "../model/onnx/onnx_file.ts";
import { intAttribute } from "../model/onnx/onnx_graph.ts";

/** Lengths of the dot products of a graph. */
export interface DotLengths {
  longest: number;
  /** Mean over the output channels of all layers with weights. */
  mean: number;
}

/**
 * Returns the lengths of the dot products of a graph's layers with weights: of a convolution its
 * input channels per group times the kernel's area, of a matrix product its rows.
 *
 * A graph without such layers gives 1 for both.
 */
export function dotLengths(model: OnnxModel): DotLengths {
  let longest = 1;
  let total = 0;
  let channels = 0;
  for (const node of model.nodes) {
    const weight = model.initializers.get(node.inputs[1] ?? "");
    if (weight === undefined) continue;
    const lengths = lengthsOf(node, weight.dims);
    if (lengths === null) continue;
    const { outputs, length } = lengths;
    longest = Math.max(longest, length);
    total += outputs * length;
    channels += outputs;
  }
  return { longest, mean: channels === 0 ? 1 : total / channels };
}

/** Outputs of a layer and the products that one is the sum of; null for other operators. */
function lengthsOf(
  node: OnnxNode,
  dims: readonly number[],
): { outputs: number; length: number } | null {
  const product = (list: readonly number[]) => list.reduce((all, dim) => all * dim, 1);
  const [first, second = 1, ...kernel] = dims;
  switch (node.opType) {
    case "Conv":
      return { outputs: first, length: product(dims.slice(1)) };
    case "ConvTranspose": {
      const groups = intAttribute(node, "group", 1);
      return { outputs: groups * second, length: first / groups * product(kernel) };
    }
    case "Gemm":
      return intAttribute(node, "transB", 0) === 1
        ? { outputs: first, length: second }
        : { outputs: second, length: first };
    case "MatMul":
      return dims.length < 2 ? null : { outputs: dims.at(-1)!, length: dims.at(-2)! };
    default:
      return null;
  }
}
