/**
 * Two graphs → which layers of the one are which of the other: pure.
 *
 * @module
 */
import type { Graph } from "./graph.ts";

/**
 * ONNX operations by the ncnn layer that they turn into; those that are not listed keep their name.
 */
const ONNX_TYPES: Record<string, string> = {
  BatchNorm: "BatchNormalization",
  BinaryOp: "Add Sub Mul Div Pow Max Min",
  Convolution: "Conv",
  Crop: "Slice",
  Deconvolution: "ConvTranspose",
  ExpandDims: "Unsqueeze",
  InnerProduct: "Gemm",
  InstanceNorm: "InstanceNormalization",
  Interp: "Resize Upsample",
  LayerNorm: "LayerNormalization",
  MemoryData: "Constant",
  Padding: "Pad",
  Permute: "Transpose",
  PixelShuffle: "DepthToSpace",
  Pooling: "MaxPool AveragePool GlobalAveragePool GlobalMaxPool",
  PReLU: "PRelu",
  Reduction: "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2",
  ReLU: "Relu LeakyRelu",
  Slice: "Split",
  TanH: "Tanh",
  UnaryOp: "Exp Log Sqrt Neg Floor Ceil Round Reciprocal Sin Cos",
};
const NCNN_TYPES = new Map(
  Object.entries(ONNX_TYPES).flatMap(([type, operations]) =>
    operations.split(" ").map((operation) => [operation, type] as const)
  ),
);

/**
 * Returns pairs of places of layers that are the same in both graphs, in ascending order.
 *
 * Layers of one kind go by their names where the graphs share names (ncnnoptimize and onnx2ncnn
 * keep them), else by the longest common sequence of kinds of layers (pnnx gives all layers new
 * names, and numbers them anew in each graph).
 */
export function matchLayers(before: Graph, after: Graph): [number, number][] {
  const [kindsBefore, kindsAfter] = [kindsOf(before), kindsOf(after)];
  const names = new Map(after.layers.map((layer, j) => [layer.name, j] as const));
  const byName = before.layers.flatMap((layer, i): [number, number][] => {
    const j = names.get(layer.name);
    return j === undefined || kindsBefore[i] !== kindsAfter[j] ? [] : [[i, j]];
  });
  const shared = byName.length / Math.min(before.layers.length, after.layers.length);
  return shared >= 0.5 ? byName : longestCommon(kindsBefore, kindsAfter);
}

/**
 * Returns for each layer what kind it is, in ncnn's words: a product with a sigmoid is a Swish, and
 * so on.
 */
function kindsOf(graph: Graph): string[] {
  const makers = new Map(
    graph.layers.flatMap((layer) => layer.outputs.map((blob) => [blob, layer] as const)),
  );
  return graph.layers.map((layer) => {
    if (graph.format === "ncnn") {
      // ncnn's own Split is a copy for several readers, which no ONNX graph has
      return layer.type === "Split" ? "copy" : layer.type;
    }
    if (layer.type === "Mul") {
      const gates = layer.inputs.map((blob) => makers.get(blob));
      const isGate = (type: string) =>
        gates.some((gate) => gate?.type === type && layer.inputs.includes(gate.inputs[0]));
      if (isGate("Sigmoid")) return "Swish";
      if (isGate("HardSigmoid")) return "HardSwish";
    }
    if (layer.type === "Split" && layer.outputs.length === 1) return "Noop";
    const type = NCNN_TYPES.get(layer.type) ?? layer.type;
    return layer.isGrouped ? `${type}DepthWise` : type;
  });
}

function longestCommon(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j]
        ? lengths[(i + 1) * width + j + 1] + 1
        : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i++;
    else j++;
  }
  return pairs;
}
