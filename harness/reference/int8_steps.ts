/**
 * A graph in float32 → the graph in the steps that int8 has at best, to be run by onnxruntime.
 *
 * ncnn quantises the input of every convolution by one scale, and its weights by a scale for each
 * output channel: 127 steps up to the largest value, 31 for the weights of 3×3 convolutions of
 * stride 1, which run by Winograd's algorithm (`quant_6bit` in ncnn2table). Here an input's largest
 * value is that of the very image, so that what comes out does not depend on how the model was
 * calibrated.
 *
 * @module
 */
import { floatsOf, floatTensor, type OnnxModel, type OnnxNode } from "../model/onnx/onnx_file.ts";
import { freshName, intsAttribute, namesIn, WEIGHTED_OPERATORS } from "../model/onnx/onnx_graph.ts";

/** Added to a float32 and taken off again, it leaves the nearest whole number. */
const ROUNDER = 1.5 * 2 ** 23;
const STEPS = 127;
const WINOGRAD_STEPS = 31;

/** Returns the graph with inputs and weights of every layer with weights in steps of int8. */
export function withInt8Steps(model: OnnxModel): OnnxModel {
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const constant = (name: string, value: number): string => {
    if (!initializers.has(name)) initializers.set(name, floatTensor(name, [1], [value]));
    return name;
  };
  const rounded = new Map<string, string>();
  const nodes: OnnxNode[] = [];
  const addSteps = (source: string): string => {
    const result = freshName(`${source}_int8`, taken);
    const op = (
      opType: string,
      inputs: string[],
      output = freshName(`${source}_${opType}`, taken),
    ) => {
      nodes.push({
        name: freshName(`${output}/node`, taken),
        ...{ opType, domain: "", inputs, outputs: [output], attributes: new Map() },
      });
      return output;
    };
    // without axes: the largest of all values
    const largest = op("ReduceMax", [op("Abs", [source])]);
    const some = op("Max", [largest, constant("int8_least", 1e-30)]);
    const step = op("Div", [some, constant("int8_steps", STEPS)]);
    const shifted = op("Add", [op("Div", [source, step]), constant("int8_rounder", ROUNDER)]);
    op("Mul", [op("Sub", [shifted, constant("int8_rounder", ROUNDER)]), step], result);
    return result;
  };
  for (const node of model.nodes) {
    const weights = model.initializers.get(node.inputs[1] ?? "");
    if (!WEIGHTED_OPERATORS.has(node.opType) || weights === undefined) {
      nodes.push(node);
      continue;
    }
    const [source, name, ...rest] = node.inputs;
    const input = rounded.get(source) ?? addSteps(source);
    rounded.set(source, input);
    const stepped = `${name}_int8_weights`;
    const values = inSteps(floatsOf(weights), channelOf(node, weights.dims), stepsOf(node));
    initializers.set(stepped, floatTensor(stepped, weights.dims, values));
    nodes.push({ ...node, inputs: [input, stepped, ...rest] });
  }
  return { ...model, nodes, initializers };
}

/** Steps of a layer's weights up to their largest value. */
function stepsOf(node: OnnxNode): number {
  const all = (name: string, value: number, absent: boolean) =>
    intsAttribute(node, name)?.every((each) => each === value) ?? absent;
  const isWinograd = node.opType === "Conv" && all("kernel_shape", 3, false) &&
    all("strides", 1, true) && all("dilations", 1, true);
  return isWinograd ? WINOGRAD_STEPS : STEPS;
}

/**
 * Returns which output channel each weight belongs to; one for all where there is no axis of it.
 */
function channelOf(node: OnnxNode, dims: readonly number[]): (index: number) => number {
  if (node.opType !== "Conv") return () => 0;
  const perChannel = dims.slice(1).reduce((product, dim) => product * dim, 1);
  return (index) => Math.floor(index / perChannel);
}

/** Returns the weights rounded to so many steps up to the largest one of their channel. */
function inSteps(
  weights: readonly number[],
  channelOf: (index: number) => number,
  steps: number,
): number[] {
  const largest: number[] = [];
  for (const [index, weight] of weights.entries()) {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(weight));
  }
  return weights.map((weight, index) => {
    const step = largest[channelOf(index)] / steps;
    return step === 0 ? 0 : Math.round(weight / step) * step;
  });
}
