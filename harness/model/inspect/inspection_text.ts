/**
 * Inspections and comparisons as text for a terminal: pure.
 *
 * @module
 */
import type { StructureComparison } from "./compare_graphs.ts";
import type { Graph } from "./graph.ts";
import type { Inspection } from "./inspection.ts";

/** Returns the counts of one graph, a line each. */
export function formatInspection(inspection: Inspection): string {
  const { layers, blobs, fusedActivations, inputs, outputs, byType, notes, ncnn } = inspection;
  const rows = Object.entries(byType);
  const width = Math.max(0, ...rows.map(([type]) => type.length));
  return [
    `layers             ${layers}`,
    `blobs              ${blobs}`,
    `fused activations  ${fusedActivations}`,
    `inputs             ${inputs.join(", ")}`,
    `outputs            ${outputs.join(", ")}`,
    "",
    ...rows.map(([type, count]) => `${type.padEnd(width)}  ${String(count).padStart(5)}`),
    ...ncnnLines(ncnn, notes),
  ].join("\n");
}

/** Returns what ncnn's loader makes of a file, a line each; nothing for ONNX. */
function ncnnLines(ncnn: Inspection["ncnn"], notes: readonly string[]): string[] {
  if (ncnn === null) return [];
  const verdict = ncnn.isLoaded
    ? notes.length === 0
      ? "ncnn loads it as it is written"
      : "ncnn loads it, but not as it is written:"
    : "ncnn doesn't load it:";
  return ["", verdict, ...notes.map((note) => `  ${note}`)];
}

/** Returns the notes of several graphs, a line each with the graph's name. */
export function formatNotes(
  graphs: readonly { name: string; graph: Pick<Graph, "notes"> }[],
): string {
  return graphs.flatMap(({ name, graph }) => graph.notes.map((note) => `\n${name}: ${note}`)).join(
    "",
  );
}

/** Returns the stages side by side, and what each step removed, added and fused. */
export function formatComparison(comparison: StructureComparison): string {
  const { stages, byType, steps } = comparison;
  const mega = (value: number | null, unit: string, leftOut = 0) =>
    value === null ? "unknown" : `${leftOut > 0 ? "≥ " : ""}${(value / 1e6).toFixed(2)} ${unit}`;
  const table = [
    ["", ...stages.map((stage) => stage.name)],
    ["format", ...stages.map((stage) => stage.format)],
    ["layers", ...stages.map((stage) => String(stage.layers))],
    ["blobs", ...stages.map((stage) => String(stage.blobs))],
    ["fused activations", ...stages.map((stage) => String(stage.fusedActivations))],
    [
      "parameters",
      ...stages.map(({ parameters, leftOut }) => mega(parameters, "M", leftOut.parameters)),
    ],
    ["operations", ...stages.map(({ flops, leftOut }) => mega(flops, "MFLOP", leftOut.flops))],
    [
      "bytes moved (as fp32)",
      ...stages.map(({ bytesMoved, leftOut }) => mega(bytesMoved, "MB", leftOut.bytesMoved)),
    ],
    ["size on disk", ...stages.map((stage) => mega(stage.fileBytes, "MB"))],
    ["of unknown cost", ...stages.map((stage) => String(stage.unknownLayers))],
    ["", ...stages.map(() => "")],
    ...byType.map(({ type, counts }) => [type, ...counts.map(String)]),
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ")
      .trimEnd()
  );
  for (const step of steps) {
    lines.push("", `${step.from} → ${step.to}`);
    lines.push(`  removed  ${countsText(step.removed)}`);
    lines.push(`  added    ${countsText(step.added)}`);
    lines.push(
      `  fused    ${step.fused.length === 0 ? "nothing" : `${step.fused.length} activations`}`,
    );
    for (const { layer, activation } of step.fused) lines.push(`    ${layer} ${activation}`);
  }
  return lines.join("\n");
}

function countsText(counts: Record<string, number>): string {
  const parts = Object.entries(counts).sort(([, a], [, b]) => b - a)
    .map(([type, count]) => `${count} ${type}`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
