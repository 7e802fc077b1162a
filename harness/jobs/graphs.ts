/**
 * The graphs of a run's variants at each stage of their conversion, and what their layers cost, for
 * the report.
 *
 * @module
 */
import * as path from "@std/path";
import { compareGraphs } from "../model/inspect/compare_graphs.ts";
import { readGraph } from "../model/inspect/inspect.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { drawGraphs } from "../model/inspect/svg.ts";
import { readVariantStages } from "../model/inspect/variant_stages.ts";
import type { LayerTimesRecord } from "../record/records.ts";
import type { Report } from "../report/report_json.ts";
import { shapeName } from "../record/variant.ts";
import { EFFECTIVE } from "../record/precision.ts";

/** Drawings in a report, at most: each has some hundred kilobytes. */
const MAX_DRAWINGS = 4;

/**
 * Returns the stages of each graph once: variants that differ in device alone have the same one, or
 * in precision unless one is int8.
 */
export async function reportGraphs(variants: PreparedVariant[]): Promise<Report["graphs"]> {
  const seen = new Set<string>();
  const graphs: Report["graphs"] = [];
  for (const { manifest, dir } of variants) {
    const { model, activation, head, converter, shape, precision } = manifest;
    const kind = precision === "int8" ? "int8" : "float";
    const key = [model, activation, head, converter, shapeName(shape), kind].join(" ");
    if (seen.has(key)) continue;
    seen.add(key);
    const stages = await readVariantStages(manifest, dir);
    if (stages.length < 2) continue;
    const comparison = compareGraphs(stages);
    graphs.push({
      variantId: manifest.id,
      stages: comparison.stages.map((stage, i) => ({
        name: stage.name,
        layers: stage.layers,
        fusedActivations: stage.fusedActivations,
        byType: stage.byType,
        parameters: stage.parameters,
        flops: stage.flops,
        bytesMoved: stage.bytesMoved,
        leftOut: stage.leftOut,
        fileBytes: stage.fileBytes,
        layerCosts: comparison.layers[i].layers.map(({ outputShapes: _, ...layer }) => layer),
      })),
      steps: comparison.steps.map(({ from, to, removed, added, fused }) => (
        { from, to, removed, added, fused }
      )),
      svg: graphs.length < MAX_DRAWINGS ? drawGraphs(stages, comparison) : null,
    });
  }
  return graphs;
}

/** Returns the measured layers beside the operations and the bytes that the graph asks of each. */
export async function reportLayerTimes(
  records: readonly LayerTimesRecord[],
  variants: readonly PreparedVariant[],
): Promise<Report["layerTimes"]> {
  const rows: Report["layerTimes"] = [];
  for (const record of records) {
    const { manifest, dir } = variants.find(({ manifest }) => manifest.id === record.variantId)!;
    const inputShape = [3, record.inputHeightPx, record.inputWidthPx];
    const { layers } = await readGraph(path.join(dir, manifest.param.file), inputShape);
    const byName = new Map(layers.map((layer) => [layer.name, layer]));
    const valueBytes = EFFECTIVE[record.precisionEffective].valueBytes;
    for (const { name, type, medianNs } of record.layers) {
      const { macs, bytesMoved } = byName.get(name) ?? { macs: null, bytesMoved: null };
      rows.push({
        device: record.device,
        variantId: record.variantId,
        layer: name,
        type,
        timeNs: medianNs,
        macs,
        // the graph counts four bytes a value
        bytes: bytesMoved === null || valueBytes === null ? null : bytesMoved / 4 * valueBytes,
      });
    }
  }
  return rows;
}
