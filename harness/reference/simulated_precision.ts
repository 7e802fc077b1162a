/**
 * A graph in float32 → graphs whose values are rounded as another precision rounds them, to be run
 * by onnxruntime.
 *
 * What the roundings do to the outputs is measured on the very image, instead of guessed.
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
} from "../model/onnx/onnx_file.ts";
import { withInt8Steps } from "./int8_steps.ts";
import type { Simulation } from "../record/precision.ts";
import { freshName, namesIn, WEIGHTED_OPERATORS } from "../model/onnx/onnx_graph.ts";

/** Roundings that can be simulated. */
export type SimulatedPrecision = Simulation | "shifted-fp16-weights";

const floatBits = new Float32Array(1);
const intBits = new Uint32Array(floatBits.buffer);

/**
 * Returns the value rounded to the nearest IEEE 754 binary16 number, ties to even; beyond 65504 it
 * is infinite.
 */
export function roundToHalf(value: number): number {
  const half = roundToHalfSteps(value);
  return Math.abs(half) > 65504 ? Math.sign(value) * Infinity : half;
}

/** Returns the value rounded as coarsely as in fp16, whatever its size. */
function roundToHalfSteps(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
  const unit = 2 ** (exponent - 10);
  const scaled = value / unit;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return rounded * unit;
}

/**
 * How a converter rounds weights to fp16: `pnnx`, or `ieee` (to nearest, ties to even: ncnnoptimize
 * on a CPU with F16C).
 */
export type HalfWeights = "pnnx" | "ieee";

/**
 * Returns the value as pnnx stores a weight in fp16: ties away from zero, and 0 for what is below
 * the normal numbers (2^-14).
 *
 * Measured on pnnx 20261020: of 3.28 million weights of a ReLU model, 4,366 below 2^-14 became 0
 * and 207 ties went away from zero.
 */
export function roundToPnnxHalf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < 2 ** -14) return 0;
  const unit = 2 ** (Math.floor(Math.log2(magnitude)) - 10);
  const half = Math.floor(magnitude / unit + 0.5) * unit;
  return Math.sign(value) * (half > 65504 ? Infinity : half);
}

/**
 * Returns the value rounded to a multiple of √½ of an fp16 number: off every fp16 number but 0, and
 * as close as fp16 is. Beyond 65504 it goes on with the same share: float32 does not end there.
 */
function roundToShiftedHalf(value: number): number {
  return roundToHalfSteps(value * Math.SQRT2) / Math.SQRT2;
}

/**
 * Returns the value with the low 16 bits of its float32 cut off, as ncnn stores bf16
 * (`float32_to_bfloat16` in `src/mat.h`).
 */
export function truncateToBfloat16(value: number): number {
  floatBits[0] = value;
  intBits[0] &= 0xffff0000;
  return floatBits[0];
}

/** Operators that only move values: rounding after them changes nothing. */
const MOVES = new Set(["Concat", "Transpose", "Reshape", "Slice", "Split", "MaxPool", "Identity"]);

/**
 * Returns the graph that computes what a variant of that precision computes, up to the order of its
 * sums.
 *
 * `fp16-weights`: the weights of convolutions are rounded to fp16, all else is float32.
 * `fp16-storage`, `bf16-storage`: in addition every value that is stored between two operators is
 * rounded, and stands under its own name, but for the inputs and those in `results` (the outputs of
 * the graph when left out). `int8-steps`: see {@linkcode withInt8Steps}. `shifted-fp16-weights`:
 * the weights are rounded as coarsely as in fp16, but to other numbers, so that weights which are
 * fp16 numbers already change too. Throws `TypeError` when the graph has weights that are not
 * floats.
 */
export function simulatePrecision(
  model: OnnxModel,
  precision: SimulatedPrecision,
  halfWeights: HalfWeights = "pnnx",
  results: readonly string[] = model.outputs.map(({ name }) => name),
): OnnxModel {
  if (precision === "int8-steps") return withInt8Steps(model);
  const toHalf = halfWeights === "pnnx" ? roundToPnnxHalf : roundToHalf;
  const round = precision === "bf16-storage"
    ? truncateToBfloat16
    : precision === "shifted-fp16-weights"
    ? roundToShiftedHalf
    : toHalf;
  const initializers = new Map(model.initializers);
  for (const node of model.nodes) {
    const tensor = initializers.get(node.inputs[1] ?? "");
    if (WEIGHTED_OPERATORS.has(node.opType) && tensor !== undefined) {
      initializers.set(tensor.name, roundedTensor(tensor, round));
    }
  }
  if (precision === "fp16-weights" || precision === "shifted-fp16-weights") {
    return { ...model, initializers };
  }
  const taken = namesIn(model);
  const unrounded = new Set(["", ...results]);
  const renamed = new Map<string, string>();
  const nodes: OnnxNode[] = [];
  const addRounding = (source: string, target: string) =>
    nodes.push(...roundingNodes(source, target, precision, taken, initializers));
  for (const { name } of model.inputs) {
    const target = freshName(`${name}_rounded`, taken);
    renamed.set(name, target);
    addRounding(name, target);
  }
  for (const node of model.nodes) {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
    const isMove = MOVES.has(node.opType) || node.opType === "Constant";
    const rounded = isMove ? [] : node.outputs.filter((name) => !unrounded.has(name));
    const exact = new Map(rounded.map((name) => [name, freshName(`${name}_exact`, taken)]));
    nodes.push({ ...node, inputs, outputs: node.outputs.map((name) => exact.get(name) ?? name) });
    for (const [name, source] of exact) addRounding(source, name);
  }
  return { ...model, nodes, initializers };
}

function roundedTensor(tensor: OnnxTensor, round: (value: number) => number): OnnxTensor {
  return floatTensor(tensor.name, tensor.dims, floatsOf(tensor).map(round));
}

/**
 * Nodes that round a value: casts to float16 and back, or a cut to the 8 significant bits of bf16.
 */
function roundingNodes(
  source: string,
  target: string,
  precision: SimulatedPrecision,
  taken: Set<string>,
  initializers: Map<string, OnnxTensor>,
): OnnxNode[] {
  const node = (opType: string, inputs: string[], output: string, to?: number): OnnxNode => ({
    name: freshName(`${target}/${opType}`, taken),
    opType,
    domain: "",
    inputs,
    outputs: [output],
    attributes: to === undefined ? new Map() : new Map([["to", { type: "int", value: to }]]),
  });
  if (precision === "fp16-storage") {
    const half = freshName(`${target}_half`, taken);
    return [
      node("Cast", [source], half, DATA_TYPE.float16),
      node("Cast", [half], target, DATA_TYPE.float),
    ];
  }
  return truncatingNodes(source, target, node, taken, initializers);
}

/**
 * Nodes that cut a value to the 8 significant bits of bf16, towards zero: Veltkamp's splitting
 * rounds to nearest, and where that went away from zero the neighbour towards zero is the rounding
 * of (1 - 2^-8) times the result.
 */
function truncatingNodes(
  source: string,
  target: string,
  node: (opType: string, inputs: string[], output: string) => OnnxNode,
  taken: Set<string>,
  initializers: Map<string, OnnxTensor>,
): OnnxNode[] {
  const constant = (name: string, value: number): string => {
    if (!initializers.has(name)) initializers.set(name, floatTensor(name, [1], [value]));
    return name;
  };
  const fresh = (part: string) => freshName(`${target}_${part}`, taken);
  const toNearest = (from: string, to: string): OnnxNode[] => {
    const [scaled, low] = [fresh("scaled"), fresh("low")];
    return [
      node("Mul", [from, constant("veltkamp_65537", 65537)], scaled),
      node("Sub", [scaled, from], low),
      node("Sub", [scaled, low], to),
    ];
  };
  const [nearest, size, ownSize, isAway, smaller, neighbour] = [
    "nearest",
    "size",
    "own_size",
    "is_away",
    "smaller",
    "neighbour",
  ].map(fresh);
  return [
    ...toNearest(source, nearest),
    node("Abs", [nearest], size),
    node("Abs", [source], ownSize),
    node("Greater", [size, ownSize], isAway),
    node("Mul", [nearest, constant("one_less_2_to_minus_8", 1 - 2 ** -8)], smaller),
    ...toNearest(smaller, neighbour),
    node("Where", [isAway, neighbour, nearest], target),
  ];
}
