/**
 * How many products a graph sums up per output value: what its rounding errors grow with.
 *
 * @module
 */
import type { OnnxModel } from "../model/onnx/onnx_file.ts";

/** Lengths of the dot products of a graph. */
export interface DotLengths {
  longest: number;
  /** Mean over the output channels of all convolutions. */
  mean: number;
}

/**
 * Returns the lengths of the dot products of a graph's convolutions: input channels per group times
 * the kernel's area.
 *
 * A graph without convolutions gives 1 for both.
 */
export function dotLengths(model: OnnxModel): DotLengths {
  let longest = 1;
  let total = 0;
  let channels = 0;
  for (const node of model.nodes) {
    const weight = model.initializers.get(node.inputs[1] ?? "");
    if (node.opType !== "Conv" || weight === undefined) continue;
    const [outputs, ...rest] = weight.dims;
    const length = rest.reduce((product, dim) => product * dim, 1);
    longest = Math.max(longest, length);
    total += outputs * length;
    channels += outputs;
  }
  return { longest, mean: channels === 0 ? 1 : total / channels };
}
