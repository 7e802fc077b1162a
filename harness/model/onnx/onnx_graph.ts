/**
 * Questions to an ONNX graph: who makes a value, who uses it, what is constant, what is alive, in
 * which order.
 *
 * @module
 */
import {
  floatTensor,
  intTensor,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "./onnx_file.ts";

/** Operators whose second input is a weight that ncnn stores in 16 bits; biases stay float32. */
export const WEIGHTED_OPERATORS = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** Returns the node that makes each value, by the value's name. */
export function producersOf(nodes: readonly OnnxNode[]): Map<string, OnnxNode> {
  const producers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const output of node.outputs) if (output !== "") producers.set(output, node);
  }
  return producers;
}

/**
 * Returns the nodes that use each value, by the value's name; a value that nobody uses has no
 * entry.
 */
export function consumersOf(nodes: readonly OnnxNode[]): Map<string, OnnxNode[]> {
  const consumers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const users = consumers.get(input);
      if (users) users.push(node);
      else consumers.set(input, [node]);
    }
  }
  return consumers;
}

/**
 * Returns the constant tensors of a model by name: initializers and the values of Constant nodes.
 */
export function constantsOf(model: OnnxModel): Map<string, OnnxTensor> {
  const constants = new Map(model.initializers);
  for (const node of model.nodes) {
    const value = node.opType === "Constant" ? constantValue(node) : null;
    if (value) constants.set(node.outputs[0], value);
  }
  return constants;
}

/**
 * Returns the tensor of a Constant node, whichever attribute it is in; null for text and sparse
 * tensors.
 */
function constantValue({ attributes, outputs: [name] }: OnnxNode): OnnxTensor | null {
  const value = attributes.get("value");
  if (value?.type === "tensor") return value.value;
  const int = attributes.get("value_int");
  if (int?.type === "int") return intTensor(name, [], [int.value]);
  const ints = attributes.get("value_ints");
  if (ints?.type === "ints") return intTensor(name, [ints.value.length], ints.value);
  const float = attributes.get("value_float");
  if (float?.type === "float") return floatTensor(name, [], [float.value]);
  const floats = attributes.get("value_floats");
  if (floats?.type === "floats") return floatTensor(name, [floats.value.length], floats.value);
  return null;
}

/**
 * Returns the names of the values that depend on what the inputs hold, and not on their sizes
 * alone.
 */
export function valuesOfInputs(model: OnnxModel): Set<string> {
  const values = new Set(model.inputs.map(({ name }) => name));
  const nodes = sortedLiveNodes(model.nodes, model.outputs.map(({ name }) => name));
  for (const { opType, inputs, outputs } of nodes) {
    if (opType === "Shape" || !inputs.some((name) => values.has(name))) continue;
    for (const output of outputs) values.add(output);
  }
  return values;
}

/** Returns the integer attribute, or `fallback` when the node doesn't have it. */
export function intAttribute(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.type === "int" ? attribute.value : fallback;
}

/** Returns the attribute's integers, or null when the node doesn't have it. */
export function intsAttribute(node: OnnxNode, name: string): number[] | null {
  const attribute = node.attributes.get(name);
  return attribute?.type === "ints" ? attribute.value : null;
}

/** Returns the text attribute, or `fallback` when the node doesn't have it. */
export function textAttribute(node: OnnxNode, name: string, fallback: string): string {
  const attribute = node.attributes.get(name);
  return attribute?.type === "string" ? attribute.value : fallback;
}

/**
 * Returns the nodes that the outputs depend on, in an order where each comes after those that it
 * uses.
 *
 * Nodes that are already in such an order keep it. Throws `RangeError` when the graph has a cycle.
 */
export function sortedLiveNodes(nodes: readonly OnnxNode[], outputs: Iterable<string>): OnnxNode[] {
  const producers = producersOf(nodes);
  const alive = new Set<OnnxNode>();
  const open = [...outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (!node || alive.has(node)) continue;
    alive.add(node);
    open.push(...node.inputs);
  }
  const waiting = nodes.filter((node) => alive.has(node));
  const sorted: OnnxNode[] = [];
  const made = new Set<string>();
  const isReady = (node: OnnxNode) =>
    node.inputs.every((input) => !producers.has(input) || made.has(input));
  while (waiting.length > 0) {
    const at = waiting.findIndex(isReady);
    if (at < 0) throw new RangeError(`The graph has a cycle at node "${waiting[0].name}"`);
    const [node] = waiting.splice(at, 1);
    sorted.push(node);
    for (const output of node.outputs) made.add(output);
  }
  return sorted;
}

/**
 * Returns the model with only the nodes and constants that its outputs depend on, in topological
 * order.
 */
export function pruned(model: OnnxModel): OnnxModel {
  const nodes = sortedLiveNodes(model.nodes, model.outputs.map((output) => output.name));
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const initializers = new Map([...model.initializers].filter(([name]) => used.has(name)));
  return { ...model, nodes, initializers };
}

/** Returns a name that is not in `taken`, close to `wanted`, and adds it to `taken`. */
export function freshName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}

/** Returns all names of nodes and values in the model. */
export function namesIn(model: OnnxModel): Set<string> {
  const names = new Set<string>(model.initializers.keys());
  for (const value of [...model.inputs, ...model.outputs]) names.add(value.name);
  for (const node of model.nodes) {
    names.add(node.name);
    for (const name of [...node.inputs, ...node.outputs]) names.add(name);
  }
  return names;
}
