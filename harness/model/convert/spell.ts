/**
 * ONNX graph → the same graph in the words that the converters know.
 *
 * pnnx passes on what it doesn't know as a layer that ncnn doesn't have, or loses a parameter, and
 * exits 0 either way. What can be written in another way with the same result is, before the
 * conversion.
 *
 * @module
 */
import { floatTensor, type OnnxModel, type OnnxNode, type OnnxTensor } from "../onnx/onnx_file.ts";
import { constantsOf, freshName, namesIn, pruned } from "../onnx/onnx_graph.ts";
import { inferShapes, sliceRanges } from "../onnx/shapes.ts";

/** Returns the model in the words that both converters know. */
export function spelledGraph(model: OnnxModel): OnnxModel {
  return withConstantsByRank(inOperatorSet11(withoutStridedSlices(model)));
}

/**
 * Returns the model with every slice of a step above 1 (the Focus of YOLOv5, `x[..., ::2, ::2]`)
 * written as a depthwise convolution of the same step, whose kernel is one 1 among zeros: ncnn's
 * Crop has no steps.
 *
 * A slice that is not of the last two axes of a [N,C,H,W], or doesn't go to the end of its axis,
 * stays as it is.
 */
export function withoutStridedSlices(model: OnnxModel): OnnxModel {
  const { shapes, integers } = inferShapes(model);
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const nodes = model.nodes.map((node): OnnxNode => {
    const shape = node.opType === "Slice" ? shapes.get(node.inputs[0]) : undefined;
    if (shape?.length !== 4) return node;
    const ranges = sliceRanges(node, shape, (i) => integers.get(node.inputs[i] ?? ""));
    const isStep = ranges?.some(({ step }) => step > 1) &&
      ranges.every(({ axis, end }) => axis >= 2 && end === shape[axis]);
    if (!ranges || !isStep) return node;
    const [starts, steps] = [[0, 0], [1, 1]];
    for (const { axis, start, step } of ranges) {
      starts[axis - 2] = start;
      steps[axis - 2] = step;
    }
    const kernel = starts.map((start) => start + 1);
    const size = kernel[0] * kernel[1];
    const weight = freshName(`${node.outputs[0]}_pick`, taken);
    const picks = new Float32Array(shape[1] * size);
    for (let channel = 0; channel < shape[1]; channel++) picks[(channel + 1) * size - 1] = 1;
    initializers.set(weight, floatTensor(weight, [shape[1], 1, ...kernel], picks));
    return {
      ...node,
      opType: "Conv",
      inputs: [node.inputs[0], weight],
      attributes: new Map([
        ["group", { type: "int", value: shape[1] }],
        ["kernel_shape", { type: "ints", value: kernel }],
        ["strides", { type: "ints", value: steps }],
        ["pads", { type: "ints", value: [0, 0, 0, 0] }],
        ["dilations", { type: "ints", value: [1, 1] }],
      ]),
    };
  });
  return { ...model, nodes, initializers };
}

/** Operations whose form changed between operator sets 10 and 11, apart from Resize. */
const CHANGED_IN_11 = new Set(["Clip", "Pad"]);

/**
 * Returns the model of operator set 10 in the words of 11: pnnx knows the Resize of 11, and that of
 * 10 not. Its rule of sampling, which 10 leaves unsaid, is asymmetric and rounds down.
 *
 * Any other model, and one with operations that 11 writes in another way, is returned as it is.
 */
export function inOperatorSet11(model: OnnxModel): OnnxModel {
  const isOld = model.opset === 10 && model.nodes.some(({ opType }) => opType === "Resize");
  if (!isOld || model.nodes.some(({ opType }) => CHANGED_IN_11.has(opType))) return model;
  const region = freshName("no_region", namesIn(model));
  return {
    ...model,
    opset: 11,
    initializers: new Map(model.initializers).set(region, floatTensor(region, [0], [])),
    nodes: model.nodes.map((node) =>
      node.opType !== "Resize" ? node : {
        ...node,
        inputs: [node.inputs[0], region, node.inputs[1]],
        attributes: new Map([
          ...node.attributes,
          ["coordinate_transformation_mode", { type: "string", value: "asymmetric" }],
          ["nearest_mode", { type: "string", value: "floor" }],
        ]),
      }
    ),
  };
}

/** Operations of two operands that are brought to one shape. */
const BROADCASTING = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"]);

/**
 * Returns the model in which a constant that meets values of several ranks has a form for each,
 * with leading ones up to the value's rank.
 *
 * pnnx makes one blob of equal constants, without its batch, in the form that one of its uses needs
 * (the anchors of YOLO26's boxes [1,4,N] and keypoints [1,K,2,N]): the others are broadcast along
 * other axes.
 */
export function withConstantsByRank(model: OnnxModel): OnnxModel {
  const { shapes } = inferShapes(model);
  const constants = constantsOf(model);
  const uses: { node: OnnxNode; at: number; rank: number; tensor: OnnxTensor; key: string }[] = [];
  for (const node of model.nodes) {
    if (!BROADCASTING.has(node.opType)) continue;
    for (const at of [0, 1]) {
      const tensor = constants.get(node.inputs[at]);
      const rank = shapes.get(node.inputs[1 - at])?.length;
      const sides = tensor?.dims.filter((dim) => dim !== 1) ?? [];
      // of a row pnnx knows the axis
      if (!tensor || rank === undefined || sides.length < 2) continue;
      const key = `${tensor.dataType} ${sides} ${tensor.data}`;
      uses.push({ node, at, rank, tensor, key });
    }
  }
  const mixed = [...Map.groupBy(uses, ({ key }) => key).values()].filter((same) =>
    new Set(same.map(({ rank }) => rank)).size > 1
  );
  if (mixed.length === 0) return model;
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const inputs = new Map(model.nodes.map((node) => [node, [...node.inputs]]));
  for (const { node, at, rank, tensor } of mixed.flat()) {
    const name = freshName(`${tensor.name}_rank${rank}`, taken);
    const dims = [...Array(Math.max(0, rank - tensor.dims.length)).fill(1), ...tensor.dims];
    initializers.set(name, { ...tensor, name, dims });
    inputs.get(node)![at] = name;
  }
  const nodes = model.nodes.map((node) => ({ ...node, inputs: inputs.get(node)! }));
  return pruned({ ...model, initializers, nodes });
}
