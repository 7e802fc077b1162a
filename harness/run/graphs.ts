/**
 * The graphs of a run's variants at each stage of their conversion, for the report.
 *
 * @module
 */
import { compareGraphs } from "../model/compare.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { drawGraphs } from "../model/svg.ts";
import { readVariantStages } from "../model/variant_stages.ts";
import type { Report } from "../report/report_json.ts";
import { shapeName } from "../variant.ts";

/** Drawings in a report, at most: each has some hundred kilobytes. */
const MAX_DRAWINGS = 4;

/** Returns the stages of each graph once: variants that differ in precision or device alone have the same one. */
export async function reportGraphs(variants: PreparedVariant[]): Promise<Report["graphs"]> {
  const seen = new Set<string>();
  const graphs: Report["graphs"] = [];
  for (const { manifest, dir } of variants) {
    const { model, activation, head, converter, shape } = manifest;
    const key = [model, activation, head, converter, shapeName(shape)].join(" ");
    if (seen.has(key)) continue;
    seen.add(key);
    const stages = await readVariantStages(manifest, dir);
    if (stages.length < 2) continue;
    const comparison = compareGraphs(stages);
    graphs.push({
      variantId: manifest.id,
      stages: comparison.stages.map(({ name, layers, fusedActivations, byType }) => ({
        name,
        layers,
        fusedActivations,
        byType,
      })),
      svg: graphs.length < MAX_DRAWINGS ? drawGraphs(stages, comparison) : null,
    });
  }
  return graphs;
}
