/**
 * A graph → places of its layers on a drawing, top-down: pure.
 *
 * @module
 */
import type { Graph } from "./graph.ts";

/** Where a layer is drawn; the unit is a CSS pixel at zoom 1. */
export interface PlacedLayer {
  /** Place of the layer in the graph. */
  index: number;
  /** Centre of the box. */
  x: number;
  /** Top of the box. */
  y: number;
}

/** A connection from the bottom of one box to the top of another. */
export interface PlacedEdge {
  from: number;
  to: number;
}

/** A drawing's geometry. */
export interface GraphLayout {
  width: number;
  height: number;
  layers: PlacedLayer[];
  edges: PlacedEdge[];
}

/** Size of a layer's box and the room around it. */
export const BOX = { width: 148, height: 20, gapX: 14, gapY: 12 } as const;

/**
 * Returns the layout: each layer one row below the lowest of those that it reads, and in a row
 * under what it reads.
 *
 * A graph without layers has the size 0.
 */
export function layOut(graph: Graph): GraphLayout {
  const makers = new Map(
    graph.layers.flatMap((layer, i) => layer.outputs.map((blob) => [blob, i] as const)),
  );
  const edges: PlacedEdge[] = [];
  const rows: number[] = [];
  const byRow: number[][] = [];
  graph.layers.forEach((layer, to) => {
    const sources = new Set(
      layer.inputs.flatMap((blob) => {
        const from = makers.get(blob);
        return from === undefined || from >= to ? [] : [from];
      }),
    );
    for (const from of sources) edges.push({ from, to });
    const row = Math.max(-1, ...[...sources].map((from) => rows[from])) + 1;
    rows.push(row);
    (byRow[row] ??= []).push(to);
  });
  const sourcesOf = new Map<number, number[]>();
  for (const { from, to } of edges) sourcesOf.set(to, [...(sourcesOf.get(to) ?? []), from]);
  const step = BOX.width + BOX.gapX;
  const widest = Math.max(0, ...byRow.map((row) => row.length));
  const width = widest * step;
  const xs: number[] = [];
  for (const row of byRow) {
    const wished = row.map((index) => {
      const above = (sourcesOf.get(index) ?? []).map((from) => xs[from]);
      const x = above.length > 0 ? above.reduce((a, b) => a + b) / above.length : width / 2;
      return { index, x };
    }).sort((a, b) => a.x - b.x || a.index - b.index);
    // in the order of the wishes, not closer than a step, and moved back as a whole when it runs
    // out of the drawing
    let least = step / 2;
    wished.forEach((place, i) => {
      const most = width - step / 2 - (wished.length - 1 - i) * step;
      place.x = Math.min(Math.max(place.x, least), most);
      least = place.x + step;
      xs[place.index] = place.x;
    });
  }
  return {
    width,
    height: byRow.length * (BOX.height + BOX.gapY),
    layers: graph.layers.map((_, index) => ({
      index,
      x: Math.round(xs[index]),
      y: rows[index] * (BOX.height + BOX.gapY),
    })),
    edges,
  };
}
