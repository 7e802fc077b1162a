/**
 * A graph → its counts: pure.
 *
 * @module
 */
import type { LoadedFiles } from "../ncnn/loaded_files.ts";
import type { Graph } from "./graph.ts";

/** Counts of a graph. */
export interface Inspection {
  /** Number of layers; of nodes in an ONNX file. */
  layers: number;
  /** Number of distinct blobs. */
  blobs: number;
  /** Layers by type, most frequent first. */
  byType: Record<string, number>;
  /** Layers with an activation fused into them. */
  fusedActivations: number;
  /** Names of the input blobs. */
  inputs: string[];
  /** Names of the blobs that no layer reads. */
  outputs: string[];
  /** What a reader should know of the file, a sentence each. */
  notes: string[];
  /** What ncnn's loader makes of the file; null for ONNX. */
  ncnn: LoadedFiles | null;
}

/** Returns the counts of the graph. */
export function inspectGraph(graph: Graph): Inspection {
  const counts = new Map<string, number>();
  for (const { type } of graph.layers) counts.set(type, (counts.get(type) ?? 0) + 1);
  return {
    layers: graph.layers.length,
    blobs: graph.blobs,
    byType: Object.fromEntries(
      [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
    ),
    fusedActivations: graph.layers.filter((layer) => layer.fusedActivation !== null).length,
    inputs: graph.inputs,
    outputs: graph.outputs,
    notes: graph.notes,
    ncnn: graph.ncnn,
  };
}
