/**
 * What an ONNX graph costs: parameters and multiply-accumulates, counted from the graph.
 *
 * @module
 */
import { elementCount, type OnnxModel, type OnnxNode, type OnnxTensor } from "./onnx_file.ts";
import { constantsOf, intAttribute, producersOf } from "./onnx_graph.ts";
import { BROADCAST, ELEMENTWISE, inferShapes } from "./shapes.ts";

/** Operations whose constant inputs are weights and biases. */
const WEIGHTED = new Set(
  ("Conv ConvTranspose Gemm MatMul BatchNormalization InstanceNormalization LayerNormalization GroupNormalization PRelu")
    .split(" "),
);

/**
 * Operations without multiply-accumulates, and without weights where they are not among {@linkcode
 * WEIGHTED}.
 */
const LIGHT = new Set([
  ...ELEMENTWISE,
  ...BROADCAST,
  ...("ArgMax ArgMin AveragePool Concat Constant ConstantOfShape CumSum DepthToSpace Expand Flatten Gather " +
    "GatherElements GatherND GlobalAveragePool GlobalMaxPool GreaterOrEqual GroupNormalization IsInf IsNaN " +
    "LessOrEqual MaxPool Mod NonMaxSuppression NonZero Not OneHot Pad Range ReduceL1 ReduceL2 ReduceMax ReduceMean " +
    "ReduceMin ReduceProd ReduceSum Reshape Resize ScatterElements ScatterND Shape Size Slice SpaceToDepth Split " +
    "Squeeze Tile TopK Transpose Trilu Unsqueeze Upsample Xor")
    .split(" "),
]);

/** Operations behind which a weight is still that weight, in another type. */
const SAME_VALUE = new Set("Cast DequantizeLinear Identity QuantizeLinear".split(" "));

/** What {@linkcode weightsOf} needs to know of the graph. */
export interface WeightSources {
  constants: ReadonlyMap<string, OnnxTensor>;
  producers: ReadonlyMap<string, OnnxNode>;
}

/**
 * Returns the constant tensors that are the node's weights and biases, also those that reach it
 * through a change of type; null when it has constants and is of a type that is not covered.
 */
export function weightsOf(node: OnnxNode, sources: WeightSources): OnnxTensor[] | null {
  const isWeighted = WEIGHTED.has(node.opType);
  if (!isWeighted && LIGHT.has(node.opType)) return [];
  const weights = node.inputs.flatMap((name) => weightBehind(name, sources) ?? []);
  return isWeighted || weights.length === 0 ? weights : null;
}

function weightBehind(name: string, sources: WeightSources): OnnxTensor | undefined {
  const constant = sources.constants.get(name);
  const maker = sources.producers.get(name);
  if (constant || !maker || !SAME_VALUE.has(maker.opType)) return constant;
  return weightBehind(maker.inputs[0] ?? "", sources);
}

/** Returns how many values the tensors hold. */
export function valueCount(tensors: readonly OnnxTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + elementCount(tensor.dims), 0);
}

/**
 * Returns the number of weights and biases that the graph's operations use, each tensor counted
 * once.
 */
export function countParameters(model: OnnxModel): number {
  const sources = { constants: constantsOf(model), producers: producersOf(model.nodes) };
  const used = new Set(model.nodes.flatMap((node) => weightsOf(node, sources) ?? []));
  return valueCount([...used]);
}

/**
 * Returns the multiply-accumulates of one inference at the input's shape: those of convolutions and
 * matrix products, as is usual; activations and additions are not counted.
 */
export function countMacs(model: OnnxModel, inputShapes?: ReadonlyMap<string, number[]>): number {
  const { shapes } = inferShapes(model, inputShapes);
  return model.nodes.reduce((sum, node) => sum + (nodeMacs(node, shapes) ?? 0), 0);
}

/**
 * Returns the multiply-accumulates of one node; null when a shape is not known, and for a type that
 * is not covered.
 */
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
      return LIGHT.has(node.opType) ? 0 : null;
  }
}
