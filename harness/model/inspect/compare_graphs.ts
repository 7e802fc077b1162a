/**
 * Graphs of one network at the stages of its conversion → what each step removed, added and fused:
 * pure.
 *
 * @module
 */
import type { Graph, GraphLayer } from "./graph.ts";
import { inspectGraph } from "./inspection.ts";
import { matchLayers } from "./match_layers.ts";

/** A graph with its name and what is known of its files. */
export interface NamedGraph {
  name: string;
  graph: Graph;
  /** Size on disk with the weights; null when it is not known. */
  fileBytes: number | null;
}

/** What became of a layer between two stages. */
export type LayerFate = "same" | "fused" | "removed" | "added";

/**
 * One stage in numbers. Sums leave out layers whose share can't be told: with such layers they are
 * lower bounds, and null when nothing is known.
 */
export interface StageSummary {
  name: string;
  format: Graph["format"];
  layers: number;
  blobs: number;
  fusedActivations: number;
  byType: Record<string, number>;
  parameters: number | null;
  /** Two floating-point operations a multiply-accumulate. */
  flops: number | null;
  /** At four bytes a value, whatever the stage stores. */
  bytesMoved: number | null;
  /** Layers whose parameters, operations or bytes are not known. */
  unknownLayers: number;
  /** Layers that each sum leaves out. */
  leftOut: { parameters: number; flops: number; bytesMoved: number };
  fileBytes: number | null;
}

/** What one step did. */
export interface StepDifference {
  from: string;
  to: string;
  /** Layers that are gone, by type; those that were fused are not among them. */
  removed: Record<string, number>;
  added: Record<string, number>;
  /** Activations that became part of the layer before them. */
  fused: { layer: string; activation: string; kind: string }[];
  /** Fate of each layer by its place in the graph: of those before, and of those after. */
  fatesBefore: LayerFate[];
  fatesAfter: LayerFate[];
}

/** A comparison of two or more stages. */
export interface StructureComparison {
  stages: StageSummary[];
  /** All types that occur, most frequent first, with the count at each stage. */
  byType: { type: string; counts: number[] }[];
  /** One fewer than stages: each stage against the one before. */
  steps: StepDifference[];
  /** Per stage and layer: what it does and what it costs. */
  layers: { stage: string; layers: LayerCost[] }[];
}

/** One row of the table of layers. */
export interface LayerCost {
  name: string;
  type: string;
  fusedActivation: string | null;
  /** What the next step does to it, else what the last one made of it. */
  fate: LayerFate;
  parameters: number | null;
  flops: number | null;
  bytesMoved: number | null;
  outputShapes: (number[] | null)[];
}

/**
 * Returns the comparison of the graphs, each with the one before; throws `RangeError` for fewer
 * than two.
 */
export function compareGraphs(graphs: readonly NamedGraph[]): StructureComparison {
  if (graphs.length < 2) throw new RangeError("Expected at least two graphs to compare");
  const stages = graphs.map(summarize);
  const types = [...new Set(stages.flatMap((stage) => Object.keys(stage.byType)))];
  const byType = types.map((type) => ({
    type,
    counts: stages.map((stage) => stage.byType[type] ?? 0),
  })).sort((a, b) => Math.max(...b.counts) - Math.max(...a.counts) || (a.type < b.type ? -1 : 1));
  const steps = graphs.slice(1).map((after, i) => stepDifference(graphs[i], after));
  return {
    stages,
    byType,
    steps,
    layers: graphs.map(({ name, graph }, stage) => ({
      stage: name,
      layers: graph.layers.map((layer, i) => ({
        name: layer.name,
        type: layer.type,
        fusedActivation: layer.fusedActivation,
        fate: fateOf(steps[stage - 1]?.fatesAfter[i], steps[stage]?.fatesBefore[i]),
        parameters: layer.parameters,
        flops: layer.macs === null ? null : 2 * layer.macs,
        bytesMoved: layer.bytesMoved,
        outputShapes: layer.outputShapes,
      })),
    })),
  };
}

function fateOf(made: LayerFate = "same", next: LayerFate = "same"): LayerFate {
  return next === "same" ? made : next;
}

function summarize({ name, graph, fileBytes }: NamedGraph): StageSummary {
  const { layers, blobs, byType, fusedActivations } = inspectGraph(graph);
  const parameters = sumKnown(graph.layers.map((layer) => layer.parameters));
  const macs = sumKnown(graph.layers.map((layer) => layer.macs));
  const bytesMoved = sumKnown(graph.layers.map((layer) => layer.bytesMoved));
  return {
    name,
    format: graph.format,
    layers,
    blobs,
    fusedActivations,
    byType,
    parameters: parameters.sum,
    flops: macs.sum && 2 * macs.sum,
    bytesMoved: bytesMoved.sum,
    unknownLayers:
      graph.layers.filter((layer) =>
        layer.parameters === null || layer.macs === null || layer.bytesMoved === null
      ).length,
    leftOut: {
      parameters: parameters.leftOut,
      flops: macs.leftOut,
      bytesMoved: bytesMoved.leftOut,
    },
    fileBytes,
  };
}

/**
 * Returns the sum of the values that are known, and how many are not; a sum of 0 that leaves any
 * out says nothing: null.
 */
function sumKnown(values: readonly (number | null)[]): { sum: number | null; leftOut: number } {
  const known = values.filter((value) => value !== null);
  const leftOut = values.length - known.length;
  const sum = known.reduce((a, b) => a + b, 0);
  return { sum: sum === 0 && leftOut > 0 ? null : sum, leftOut };
}

/** Returns what the step from one graph to the next did. */
export function stepDifference(before: NamedGraph, after: NamedGraph): StepDifference {
  const pairs = matchLayers(before.graph, after.graph);
  const partner = new Map(pairs);
  const matchedAfter = new Set(partner.values());
  const fatesBefore: LayerFate[] = before.graph.layers.map((_, i) =>
    partner.has(i) ? "same" : "removed"
  );
  const fatesAfter: LayerFate[] = after.graph.layers.map((_, j) =>
    matchedAfter.has(j) ? "same" : "added"
  );
  const fused: StepDifference["fused"] = [];
  const makers = new Map(
    before.graph.layers.flatMap((layer, i) => layer.outputs.map((blob) => [blob, i] as const)),
  );
  before.graph.layers.forEach((layer, i) => {
    if (fatesBefore[i] !== "removed") return;
    const source = makers.get(layer.inputs[0] ?? "");
    const target = source === undefined ? undefined : partner.get(source);
    if (source === undefined || target === undefined) return;
    const kind = after.graph.layers[target].fusedActivation;
    const wasFused = before.graph.layers[source].fusedActivation !== null;
    if (kind === null || wasFused || !isActivation(layer)) return;
    fatesBefore[i] = "fused";
    fatesAfter[target] = "fused";
    fused.push({ layer: before.graph.layers[source].name, activation: layer.name, kind });
  });
  return {
    from: before.name,
    to: after.name,
    removed: countTypes(before.graph.layers.filter((_, i) => fatesBefore[i] === "removed")),
    added: countTypes(after.graph.layers.filter((_, j) => fatesAfter[j] === "added")),
    fused,
    fatesBefore,
    fatesAfter,
  };
}

function countTypes(layers: readonly GraphLayer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of layers) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

const ACTIVATION_TYPES = new Set(
  "Relu ReLU LeakyRelu Clip Sigmoid Mish HardSwish Swish Silu HardSigmoid PReLU PRelu TanH Tanh"
    .split(" "),
);

function isActivation(layer: GraphLayer): boolean {
  return ACTIVATION_TYPES.has(layer.type);
}
