/**
 * A graph in float32 → the graph in steps of int8 as ncnn2table's `aciq` would choose them for the
 * very image, to be run by onnxruntime.
 *
 * ncnn quantises the input of every convolution by one scale, and its weights by a scale for each
 * output channel: 127 steps up to a threshold, 31 for the weights of 3×3 convolutions of stride 1,
 * which run by Winograd's algorithm (`quant_6bit`). `aciq` takes the values for a normal
 * distribution and guesses its width by the largest of N values: the larger N, the more it clips.
 * Scales of the model are not looked at, so that what comes out does not depend on how it was
 * calibrated. Measured on the shipped models (drawn images): of what this simulation changes,
 * int8 changes 0.4 to 1.1 times as much (root mean square).
 *
 * @module
 */
import {
  elementCount,
  floatsOf,
  floatTensor,
  type OnnxModel,
  type OnnxNode,
} from "../model/onnx/onnx_file.ts";
import { inferShapes } from "../model/onnx/shapes.ts";
import { freshName, intsAttribute, namesIn, WEIGHTED_OPERATORS } from "../model/onnx/onnx_graph.ts";

/** Added to a float32 and taken off again, it leaves the nearest whole number. */
const ROUNDER = 1.5 * 2 ** 23;
/** Bits of a value, and of a weight that Winograd's algorithm transforms. */
type Bits = 6 | 8;
/** Images in a calibration set, by order of magnitude. */
const CALIBRATION_IMAGES = 256;
/** Values of an input whose size is not known, by order of magnitude. */
const USUAL_VALUES = 1e5;

/**
 * Returns the share of the largest of `count` values up to which the steps reach: of
 * `compute_aciq_gaussian_clip` in ncnn2table.
 */
function clipShare(count: number, bits: Bits): number {
  const alpha = { 6: 3.28691474, 8: 3.92403714 }[bits];
  const width = 0.35 * (1 + Math.sqrt(Math.PI * Math.log(4)));
  return alpha * width / Math.sqrt(2 * Math.log(Math.max(2, count)));
}

/** Returns how many steps there are up to the threshold. */
function stepsOf(bits: Bits): number {
  return 2 ** (bits - 1) - 1;
}

/** Returns the graph with inputs and weights of every layer with weights in steps of int8. */
export function withInt8Steps(model: OnnxModel): OnnxModel {
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const constant = (name: string, value: number): string => {
    if (!initializers.has(name)) initializers.set(name, floatTensor(name, [1], [value]));
    return name;
  };
  const { shapes } = inferShapes(model);
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
    const shape = shapes.get(source);
    const count = CALIBRATION_IMAGES * (shape === undefined ? USUAL_VALUES : elementCount(shape));
    const perStep = stepsOf(8) / clipShare(count, 8);
    const step = op("Div", [some, constant(`int8_steps_${perStep}`, perStep)]);
    const shifted = op("Add", [op("Div", [source, step]), constant("int8_rounder", ROUNDER)]);
    const steps = op("Sub", [shifted, constant("int8_rounder", ROUNDER)]);
    const clipped = op("Max", [
      op("Min", [steps, constant("int8_most", stepsOf(8))]),
      constant("int8_negative", -stepsOf(8)),
    ]);
    op("Mul", [clipped, step], result);
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
    const values = inSteps(floatsOf(weights), channelOf(node, weights.dims), bitsOf(node));
    initializers.set(stepped, floatTensor(stepped, weights.dims, values));
    nodes.push({ ...node, inputs: [input, stepped, ...rest] });
  }
  return { ...model, nodes, initializers };
}

/** Bits of a layer's weights. */
function bitsOf(node: OnnxNode): Bits {
  const all = (name: string, value: number, absent: boolean) =>
    intsAttribute(node, name)?.every((each) => each === value) ?? absent;
  const isWinograd = node.opType === "Conv" && all("kernel_shape", 3, false) &&
    all("strides", 1, true) && all("dilations", 1, true);
  return isWinograd ? 6 : 8;
}

/**
 * Returns which output channel each weight belongs to; one for all where there is no axis of it.
 */
function channelOf(node: OnnxNode, dims: readonly number[]): (index: number) => number {
  if (node.opType !== "Conv") return () => 0;
  const perChannel = dims.slice(1).reduce((product, dim) => product * dim, 1);
  return (index) => Math.floor(index / perChannel);
}

/** Returns the weights in steps up to the threshold of their channel. */
function inSteps(
  weights: readonly number[],
  channelOf: (index: number) => number,
  bits: Bits,
): number[] {
  const largest: number[] = [];
  const counts: number[] = [];
  for (const [index, weight] of weights.entries()) {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(weight));
    counts[channel] = (counts[channel] ?? 0) + 1;
  }
  const most = stepsOf(bits);
  return weights.map((weight, index) => {
    const channel = channelOf(index);
    const step = largest[channel] * clipShare(counts[channel], bits) / most;
    return step === 0 ? 0 : Math.max(-most, Math.min(most, Math.round(weight / step))) * step;
  });
}
