/**
 * Activations in an ONNX graph: which one the model was trained with, and SiLU turned into another.
 *
 * @module
 */
import type { Activation } from "../record/variant.ts";
import { type OnnxAttribute, type OnnxModel, type OnnxNode } from "./onnx/onnx_file.ts";
import { constantsOf, consumersOf, freshName, namesIn, producersOf } from "./onnx/onnx_graph.ts";
import { floatsOf } from "./onnx/onnx_file.ts";

/** One activation in a graph: the nodes that make it up, the last of which gives the result. */
interface Site {
  kind: Activation;
  input: string;
  nodes: OnnxNode[];
}

/**
 * Returns the activation that the model has most of; `none` when it has none that is known. Others
 * may stand beside it.
 */
export function trainedActivation(model: OnnxModel): Activation {
  const counts = new Map<Activation, number>();
  for (const { kind } of activationSites(model)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? "none";
}

/**
 * Returns the model with each of its activations written as the converters recognise them.
 *
 * `to` other than null turns every SiLU into that activation and leaves others alone; throws
 * `TypeError` when the model has no SiLU, and another activation than that. SiLU is written as
 * Sigmoid and Mul one after the other, HardSwish as HardSigmoid(1/6, 0.5) and Mul, because operator
 * sets before 14 have no HardSwish, and both onnx2ncnn and pnnx know these pairs only next to each
 * other.
 */
export function withActivation(model: OnnxModel, to: Activation | null): OnnxModel {
  const taken = namesIn(model);
  const replaced = new Map<OnnxNode, OnnxNode[]>();
  const dropped = new Set<OnnxNode>();
  const consumers = consumersOf(model.nodes);
  const sites = activationSites(model).filter(({ kind }) => kind in SPELLINGS);
  if (to !== null && !sites.some(({ kind }) => kind === "silu" || kind === to)) {
    throw new TypeError(
      `Cannot turn ${trainedActivation(model)} into ${to}: only silu can be swapped`,
    );
  }
  for (const site of sites) {
    const last = site.nodes[site.nodes.length - 1];
    for (const node of site.nodes.slice(0, -1)) {
      const users = consumers.get(node.outputs[0]) ?? [];
      if (users.every((user) => site.nodes.includes(user))) dropped.add(node);
    }
    replaced.set(
      last,
      activationNodes(site.kind === "silu" ? to ?? "silu" : site.kind, site, taken),
    );
  }
  return {
    ...model,
    nodes: model.nodes.flatMap((node) => dropped.has(node) ? [] : replaced.get(node) ?? [node]),
  };
}

function activationNodes(kind: Activation, site: Site, taken: Set<string>): OnnxNode[] {
  const last = site.nodes[site.nodes.length - 1];
  const output = last.outputs[0];
  const stem = last.name.replace(/\/[^/]*$/, "");
  const named = (suffix: string) =>
    /\/[^/]+$/.test(last.name) ? `${stem}/${suffix}` : `${last.name || output}_${suffix}`;
  const make = (
    opType: string,
    inputs: string[],
    output: string,
    attributes: [string, OnnxAttribute][] = [],
  ): OnnxNode => {
    const reused = site.nodes.find((node) => node.opType === opType);
    return {
      name: reused?.name || freshName(named(opType), taken),
      opType,
      domain: "",
      inputs,
      outputs: [output],
      attributes: new Map(attributes),
    };
  };
  if (kind === "relu") return [make("Relu", [site.input], output)];
  const gate = freshName(`${output}_gate`, taken);
  const first = kind === "silu"
    ? make("Sigmoid", [site.input], gate)
    : make("HardSigmoid", [site.input], gate, [
      ["alpha", { type: "float", value: Math.fround(1 / 6) }],
      ["beta", { type: "float", value: 0.5 }],
    ]);
  return [first, make("Mul", [site.input, gate], output)];
}

/** The activations that are written anew: those that converters know in one spelling only. */
const SPELLINGS = { silu: true, relu: true, hardswish: true };

/** Activations that are one operation. */
const OPERATIONS: Readonly<Record<string, Activation>> = {
  Relu: "relu",
  HardSwish: "hardswish",
  Swish: "silu",
  Silu: "silu",
  LeakyRelu: "leakyrelu",
  PRelu: "prelu",
  Elu: "elu",
  Selu: "selu",
  Celu: "celu",
  Gelu: "gelu",
  Mish: "mish",
};

/** Returns every activation of the graph in the order of its last node. */
function activationSites(model: OnnxModel): Site[] {
  const producers = producersOf(model.nodes);
  const constants = constantsOf(model);
  const isScalar = (name: string, value: number) => {
    const tensor = constants.get(name);
    if (!tensor || tensor.data.length !== 4) return false;
    return Math.abs(floatsOf(tensor)[0] - value) < 1e-6;
  };
  return model.nodes.flatMap((node): Site[] => {
    const simple = OPERATIONS[node.opType];
    if (simple !== undefined) return [{ kind: simple, input: node.inputs[0], nodes: [node] }];
    switch (node.opType) {
      case "Erf":
        return [{ kind: "gelu", input: node.inputs[0], nodes: [node] }];
      case "Tanh": {
        const isMish = producers.get(node.inputs[0])?.opType === "Softplus";
        return [{ kind: isMish ? "mish" : "tanh", input: node.inputs[0], nodes: [node] }];
      }
      case "Clip":
        return isSix(node, isScalar) && producers.get(node.inputs[0])?.opType !== "Add"
          ? [{ kind: "relu6", input: node.inputs[0], nodes: [node] }]
          : [];
      case "Mul":
        return gatedSite(node, producers);
      case "Div": {
        const product = producers.get(node.inputs[0]);
        return product && isScalar(node.inputs[1], 6)
          ? spelledHardSwish(node, product, producers, isScalar)
          : [];
      }
      default:
        return [];
    }
  });
}

/** Returns true for a Clip from 0 to 6. */
function isSix(node: OnnxNode, isScalar: (name: string, value: number) => boolean): boolean {
  const [low, high] = [node.attributes.get("min"), node.attributes.get("max")];
  if (low?.type === "float" && high?.type === "float") return low.value === 0 && high.value === 6;
  return isScalar(node.inputs[1] ?? "", 0) && isScalar(node.inputs[2] ?? "", 6);
}

/** Returns the site when the product is x · Sigmoid(x) or x · HardSigmoid(x). */
function gatedSite(product: OnnxNode, producers: ReadonlyMap<string, OnnxNode>): Site[] {
  for (const [x, gateName] of [product.inputs, [...product.inputs].reverse()]) {
    const gate = producers.get(gateName);
    if (gate?.inputs[0] !== x) continue;
    if (gate.opType === "Sigmoid") return [{ kind: "silu", input: x, nodes: [gate, product] }];
    const slope = gate.attributes.get("alpha");
    const isSixth = slope?.type === "float" && Math.abs(slope.value - 1 / 6) < 1e-6;
    if (gate.opType === "HardSigmoid" && isSixth) {
      return [{ kind: "hardswish", input: x, nodes: [gate, product] }];
    }
  }
  return [];
}

/**
 * Returns the site when the quotient is x · Clip(x + 3, 0, 6) / 6, as PyTorch writes HardSwish
 * before operator set 14.
 */
function spelledHardSwish(
  quotient: OnnxNode,
  product: OnnxNode,
  producers: ReadonlyMap<string, OnnxNode>,
  isScalar: (name: string, value: number) => boolean,
): Site[] {
  if (product.opType !== "Mul") return [];
  for (const [x, clipName] of [product.inputs, [...product.inputs].reverse()]) {
    const clip = producers.get(clipName);
    const sum = clip?.opType === "Clip" ? producers.get(clip.inputs[0]) : undefined;
    if (clip && sum?.opType === "Add" && sum.inputs[0] === x && isScalar(sum.inputs[1], 3)) {
      return [{ kind: "hardswish", input: x, nodes: [sum, clip, product, quotient] }];
    }
  }
  return [];
}
