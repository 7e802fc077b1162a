/**
 * Models with float16 or bfloat16 weights → the same models in float32, which is what the
 * converters and the reference take.
 *
 * @module
 */
import {
  DATA_TYPE,
  floatsOf,
  floatTensor,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "./onnx_file.ts";
import { constantsOf, intAttribute } from "./onnx_graph.ts";

const HALF_TYPES: ReadonlySet<number> = new Set([DATA_TYPE.float16, DATA_TYPE.bfloat16]);

/**
 * Returns the model with every float16 or bfloat16 constant, input and output turned into float32.
 *
 * Casts between these types and float32 lose their meaning by that and are taken out. Every such
 * value is exact in float32, so weights are not changed. A model without is returned as it is.
 */
export function expandHalf(model: OnnxModel): OnnxModel {
  const halves = new Set(
    [...constantsOf(model).values()].filter(isHalf).map((tensor) => tensor.name),
  );
  for (const node of model.nodes) {
    const value = node.attributes.get("value");
    if (value?.type === "tensor" && isHalf(value.value)) halves.add(node.outputs[0]);
  }
  const hasHalfCast = model.nodes.some((node) =>
    node.opType === "Cast" && HALF_TYPES.has(intAttribute(node, "to", 0))
  );
  if (
    halves.size === 0 && !hasHalfCast && !model.inputs.some(isHalf) &&
    !model.outputs.some(isHalf)
  ) return model;

  const initializers = new Map(
    [...model.initializers].map(([name, tensor]) => [name, asFloat(tensor)] as const),
  );
  const nodes = model.nodes.map((node) => widenConstants(node));
  const renamed = new Map<string, string>();
  const outputs = new Set(model.outputs.map((output) => output.name));
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const kept = nodes.filter((node) => {
    if (node.opType !== "Cast") return true;
    const to = intAttribute(node, "to", 0);
    if (to !== DATA_TYPE.float && !HALF_TYPES.has(to)) return true;
    const isFloat = halves.has(node.inputs[0]) || isFloatValue(node.inputs[0], model, producers);
    if (!isFloat || outputs.has(node.outputs[0])) {
      node.attributes = new Map(node.attributes).set("to", { type: "int", value: DATA_TYPE.float });
      return true;
    }
    renamed.set(node.outputs[0], node.inputs[0]);
    return false;
  });
  const resolve = (name: string): string => {
    const source = renamed.get(name);
    return source === undefined ? name : resolve(source);
  };
  for (const node of kept) node.inputs = node.inputs.map(resolve);
  const widen = <T extends { dataType: number }>(value: T): T =>
    isHalf(value) ? { ...value, dataType: DATA_TYPE.float } : value;
  return {
    ...model,
    initializers,
    nodes: kept,
    inputs: model.inputs.map(widen),
    outputs: model.outputs.map(widen),
  };
}

/**
 * Operations whose result is a float in any YOLO graph, so that a Cast of it is one between float
 * types.
 */
const FLOAT_OPERATIONS = new Set(
  "Conv ConvTranspose Relu Sigmoid HardSigmoid HardSwish Swish Softmax MaxPool BatchNormalization MatMul Gemm"
    .split(" "),
);

function isFloatValue(
  name: string,
  model: OnnxModel,
  producers: ReadonlyMap<string, OnnxNode>,
): boolean {
  if (model.inputs.some((input) => input.name === name)) return true;
  const node = producers.get(name);
  if (!node) return false;
  if (FLOAT_OPERATIONS.has(node.opType)) return true;
  const passesType = [
    "Mul",
    "Add",
    "Sub",
    "Div",
    "Concat",
    "Split",
    "Slice",
    "Reshape",
    "Transpose",
    "Resize",
  ];
  return passesType.includes(node.opType) && isFloatValue(node.inputs[0], model, producers);
}

function isHalf({ dataType }: { dataType: number }): boolean {
  return HALF_TYPES.has(dataType);
}

function asFloat(tensor: OnnxTensor): OnnxTensor {
  return isHalf(tensor) ? floatTensor(tensor.name, tensor.dims, floatsOf(tensor)) : tensor;
}

function widenConstants(node: OnnxNode): OnnxNode {
  const attributes = new Map(node.attributes);
  for (const [name, attribute] of attributes) {
    if (attribute.type === "tensor") {
      attributes.set(name, { type: "tensor", value: asFloat(attribute.value) });
    }
  }
  return { ...node, attributes };
}
