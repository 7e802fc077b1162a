/**
 * Stages of a conversion → one SVG drawing with the graphs side by side, differences coloured:
 * pure.
 *
 * @module
 */
import type { LayerFate, NamedGraph, StructureComparison } from "./compare_graphs.ts";
import type { GraphLayer } from "./graph.ts";
import { BOX, type GraphLayout, layOut } from "./graph_layout.ts";

/** Fill and line of a layer's box; a pattern of the line tells them apart without colours. */
interface BoxStyle {
  fill: string;
  stroke: string;
  dash: string;
  label: string;
}

/** By what became of a layer. */
const FATE_STYLE: Record<LayerFate, BoxStyle> = {
  same: { fill: "#eef1f4", stroke: "#8a97a6", dash: "", label: "the same" },
  fused: {
    fill: "#d8efdc",
    stroke: "#1d7a36",
    dash: "",
    label: "fused in the next stage, or fused into",
  },
  removed: { fill: "#fbdcd7", stroke: "#b3321d", dash: "4 2", label: "gone in the next stage" },
  added: { fill: "#dbe7fb", stroke: "#2257b5", dash: "1 2", label: "new in this stage" },
};

/**
 * What the comparison with the reference's tensors says of a layer; `first`: beyond its tolerance
 * while its inputs are sound.
 */
export type LayerVerdict = "pass" | "fail" | "first" | "not-compared";

const VERDICT_STYLE: Record<LayerVerdict, BoxStyle> = {
  "pass": { fill: "#d8efdc", stroke: "#1d7a36", dash: "", label: "within its tolerance" },
  "first": { fill: "#b3321d", stroke: "#6b1a0c", dash: "", label: "first beyond it" },
  "fail": { fill: "#fbdcd7", stroke: "#b3321d", dash: "4 2", label: "beyond it" },
  "not-compared": { fill: "#eef1f4", stroke: "#8a97a6", dash: "1 2", label: "not compared" },
};

const MARGIN = 16;
const TITLE_HEIGHT = 34;
const COLUMN_GAP = 40;
const LEGEND_HEIGHT = 26;

/**
 * Returns the text of an SVG document: a column per stage, a box per layer with its type, details
 * in each box's tooltip.
 *
 * `graphs` and `comparison` are those of `compareGraphs`. All names are escaped. The root has the
 * class `graphs`, each box `layer` and its fate, so that a page can restyle, zoom and pan it.
 */
export function drawGraphs(graphs: readonly NamedGraph[], comparison: StructureComparison): string {
  return drawColumns(
    graphs.map((named, stage) => ({
      named,
      kinds: comparison.layers[stage].layers.map((layer) => layer.fate),
    })),
    FATE_STYLE,
  );
}

/**
 * Returns the text of an SVG document: one graph, each layer coloured by its verdict. See
 * {@linkcode drawGraphs}.
 */
export function drawVerdicts(named: NamedGraph, verdicts: readonly LayerVerdict[]): string {
  return drawColumns([{ named, kinds: verdicts }], VERDICT_STYLE);
}

/** A graph and the kind of each of its layers, which says how it is drawn. */
interface Column<K extends string> {
  named: NamedGraph;
  kinds: readonly K[];
}

function drawColumns<K extends string>(
  graphs: readonly Column<K>[],
  styles: Record<K, BoxStyle>,
): string {
  const layouts = graphs.map(({ named }) => layOut(named.graph));
  let x = MARGIN;
  const columns = graphs.map((each, stage) => {
    const layout = layouts[stage];
    const column = drawColumn(each, styles, layout, x);
    x += Math.max(layout.width, 240) + COLUMN_GAP;
    return column;
  });
  const width = x - COLUMN_GAP + MARGIN;
  const height = MARGIN + LEGEND_HEIGHT + TITLE_HEIGHT +
    Math.max(0, ...layouts.map((layout) => layout.height)) + MARGIN;
  const names = graphs.map(({ named }) => named.name).join(", ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="graphs" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
      escapeXml(`Graphs side by side: ${names}`)
    }" font-family="system-ui, sans-serif" font-size="11">`,
    drawLegend(styles),
    ...columns,
    "</svg>",
  ].join("\n");
}

function drawLegend(styles: Record<string, BoxStyle>): string {
  let x = MARGIN;
  const entries = Object.entries(styles).map(([fate, style]) => {
    const entry =
      `<g class="legend ${fate}"><rect x="${x}" y="${MARGIN}" width="22" height="12" rx="3" fill="${style.fill}" stroke="${style.stroke}"${
        dashOf(style.dash)
      }/><text x="${x + 28}" y="${MARGIN + 10}">${escapeXml(style.label)}</text></g>`;
    x += 46 + style.label.length * 6;
    return entry;
  });
  return entries.join("\n");
}

function drawColumn<K extends string>(
  { named: { name, graph }, kinds }: Column<K>,
  styles: Record<K, BoxStyle>,
  layout: GraphLayout,
  left: number,
): string {
  const top = MARGIN + LEGEND_HEIGHT + TITLE_HEIGHT;
  const fused = graph.layers.filter((layer) => layer.fusedActivation !== null).length;
  const edges = layout.edges.map(({ from, to }) => {
    const [a, b] = [layout.layers[from], layout.layers[to]];
    const [x1, y1, x2, y2] = [left + a.x, top + a.y + BOX.height, left + b.x, top + b.y];
    const middle = (y1 + y2) / 2;
    return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  });
  const boxes = layout.layers.map(({ index, x, y }) => {
    const layer = graph.layers[index];
    const style = styles[kinds[index]];
    return `<g class="layer ${kinds[index]}"><title>${escapeXml(tooltip(layer))}</title>` +
      `<rect x="${left + x - BOX.width / 2}" y="${
        top + y
      }" width="${BOX.width}" height="${BOX.height}" rx="4" fill="${style.fill}" stroke="${style.stroke}"${
        dashOf(style.dash)
      }/>` +
      `<text x="${left + x}" y="${top + y + 14}" text-anchor="middle">${
        escapeXml(shorten(labelOf(layer)))
      }</text></g>`;
  });
  return [
    `<g class="graph">`,
    `<text x="${left}" y="${top - 20}" font-size="13" font-weight="bold">${escapeXml(name)}</text>`,
    `<text x="${left}" y="${
      top - 6
    }">${graph.layers.length} layers, ${fused} fused activations</text>`,
    `<path class="edges" d="${edges.join("")}" fill="none" stroke="#aab4c0"/>`,
    ...boxes,
    "</g>",
  ].join("\n");
}

function dashOf(dash: string): string {
  return dash === "" ? "" : ` stroke-dasharray="${dash}"`;
}

function labelOf(layer: GraphLayer): string {
  return layer.fusedActivation ? `${layer.type} + ${layer.fusedActivation}` : layer.type;
}

function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}

function tooltip(layer: GraphLayer): string {
  const shapes = layer.outputShapes.map((shape) =>
    shape ? `[${shape.join(", ")}]` : "unknown shape"
  );
  const cost = [
    layer.parameters ? `${layer.parameters.toLocaleString("en")} parameters` : "",
    layer.macs ? `${(2 * layer.macs / 1e6).toFixed(1)} MFLOP` : "",
  ].filter((part) => part !== "");
  return [`${labelOf(layer)} "${layer.name}"`, shapes.join(", "), ...cost].join("\n");
}

function escapeXml(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "?")
    .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
