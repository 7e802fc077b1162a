/**
 * Layer by layer: every blob of an ncnn graph against the reference's tensors, on identical input.
 *
 * ncnn's blobs have other names than the tensors of the ONNX graph (pnnx numbers them), and fused or split layers have no partner of their own.
 * So a blob is compared with the tensor of its name where there is one, else with the one of its size that is nearest in value: a sound
 * blob has such a tensor, and the first layer whose inputs are sound and whose output is not is where the fault is.
 *
 * @module
 */
import type { EffectivePrecision } from "../variant.ts";
import type { ParamLayer } from "../model/param_file.ts";
import type { DotLengths } from "../reference/dot_lengths.ts";
import type { IntermediateTensors } from "../reference/intermediate.ts";
import { roundingFactor } from "./tolerance.ts";

/** The comparison of one blob. */
export interface LayerComparison {
  /** Place of the layer in the `.param`, from 0. */
  index: number;
  layer: string;
  type: string;
  blob: string;
  /** Nearest tensor of the reference; null when none has its size. */
  tensor: string | null;
  /** Null without a tensor or when a value is not finite. */
  maxAbs: number | null;
  rms: number | null;
  /** Tolerances of both. */
  maxAllowed: number | null;
  rmsAllowed: number | null;
  verdict: "pass" | "fail" | "not-compared";
}

/** All comparisons, and the first layer at fault. */
export interface LayersReport {
  layers: LayerComparison[];
  /** First layer beyond its tolerance whose inputs are within theirs; null when there is none. */
  firstBeyond: LayerComparison | null;
  /** How many layers were compared. */
  compared: number;
}

/** Largest absolute and root mean square difference; Infinity when a value is not finite. */
function difference(a: Float32Array, b: Float32Array): { maxAbs: number; rms: number } {
  let maxAbs = 0;
  let squares = 0;
  for (let at = 0; at < a.length; at++) {
    const each = Math.abs(a[at] - b[at]);
    if (!(each <= maxAbs)) maxAbs = Number.isNaN(each) ? Infinity : each;
    squares += each * each;
  }
  return { maxAbs, rms: Number.isNaN(squares) ? Infinity : Math.sqrt(squares / a.length) };
}

function rmsOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/**
 * Returns the comparison of every dumped blob, in the order of the layers.
 *
 * The tolerance of a tensor follows from its own measured change by rounding, see `tolerance.ts`; a tensor that rounding does not change (the input and
 * what only moves it) is held to float32's own. `dumps` need not hold every blob: those it lacks are not compared.
 */
export function compareLayers(
  layers: readonly ParamLayer[],
  dumps: ReadonlyMap<string, Float32Array>,
  tensors: IntermediateTensors,
  precision: EffectivePrecision,
  dots: DotLengths,
): LayersReport {
  const target = precision === "fp16-weights" ? tensors.fp16Weights : tensors.exact;
  const { factor, of } = roundingFactor(precision, dots);
  const changed = of === "storage" ? tensors.storage ?? tensors.perturbed : tensors.perturbed;
  const bySize = Map.groupBy(target.keys(), (name) => target.get(name)!.length);
  const sound = new Map<string, boolean>();
  const report: LayersReport = { layers: [], firstBeyond: null, compared: 0 };
  for (const [index, layer] of layers.entries()) {
    for (const blob of layer.tops) {
      const values = dumps.get(blob);
      const names = target.has(blob) && target.get(blob)!.length === values?.length
        ? [blob]
        : bySize.get(values?.length ?? -1) ?? [];
      const found = { index, layer: layer.name, type: layer.type, blob };
      if (values === undefined || names.length === 0) {
        // as sound as what it was made of
        sound.set(blob, layer.bottoms.every((bottom) => sound.get(bottom) ?? true));
        report.layers.push({
          ...found,
          tensor: null,
          maxAbs: null,
          rms: null,
          maxAllowed: null,
          rmsAllowed: null,
          verdict: "not-compared",
        });
        continue;
      }
      const nearest = names
        .map((name) => ({ name, ...difference(target.get(name)!, values) }))
        .reduce((a, b) => b.rms < a.rms ? b : a);
      const exact = tensors.exact.get(nearest.name)!;
      const change = difference(exact, changed.get(nearest.name) ?? exact);
      const ownRounding = 64 * 2 ** -24 * rmsOf(exact);
      const maxAllowed = factor * change.maxAbs + 16 * ownRounding;
      const rmsAllowed = factor * change.rms + ownRounding;
      const isSound = nearest.maxAbs <= maxAllowed && nearest.rms <= rmsAllowed;
      sound.set(blob, isSound);
      const comparison: LayerComparison = {
        ...found,
        tensor: nearest.name,
        maxAbs: Number.isFinite(nearest.maxAbs) ? nearest.maxAbs : null,
        rms: Number.isFinite(nearest.rms) ? nearest.rms : null,
        maxAllowed,
        rmsAllowed,
        verdict: isSound ? "pass" : "fail",
      };
      report.layers.push(comparison);
      report.compared++;
      if (
        !isSound && report.firstBeyond === null &&
        layer.bottoms.every((bottom) => sound.get(bottom) ?? true)
      ) report.firstBeyond = comparison;
    }
  }
  return report;
}

/** Layers before and after the first one at fault that are drawn. */
const NEIGHBOURS = 3;

/**
 * Returns the neighbourhood of the first layer at fault as a Mermaid flow chart: green within tolerance, red beyond, grey not compared;
 * an empty text when no layer is at fault.
 */
export function drawFault(layers: readonly ParamLayer[], report: LayersReport): string {
  if (report.firstBeyond === null) return "";
  const at = report.firstBeyond.index;
  const verdicts = new Map(report.layers.map(({ blob, verdict }) => [blob, verdict]));
  const shown = layers.slice(Math.max(0, at - NEIGHBOURS), at + NEIGHBOURS + 1);
  const first = Math.max(0, at - NEIGHBOURS);
  const maker = new Map(
    shown.flatMap((layer, index) => layer.tops.map((blob) => [blob, first + index] as const)),
  );
  const lines = ["flowchart TD"];
  for (const [index, layer] of shown.entries()) {
    const verdict = verdicts.get(layer.tops[0]) ?? "not-compared";
    const mark = first + index === at ? "first" : verdict;
    lines.push(
      `  l${first + index}["${layer.type} ${layer.name.replaceAll('"', "'")}"]:::${mark}`,
    );
    for (const bottom of layer.bottoms) {
      const source = maker.get(bottom);
      if (source !== undefined) lines.push(`  l${source} -->|${bottom}| l${first + index}`);
    }
  }
  return [
    ...lines,
    "  classDef pass fill:#d9f2dd,stroke:#2e7d32",
    "  classDef fail fill:#fbe3e4,stroke:#b3261e",
    "  classDef first fill:#b3261e,stroke:#7f0000,color:#fff",
    "  classDef not-compared fill:#eee,stroke:#888",
    "",
  ].join("\n");
}
