/**
 * Layer by layer: every blob of an ncnn graph against the reference's tensors, on identical input.
 *
 * ncnn's blobs have other names than the tensors of the ONNX graph (pnnx numbers them), and fused
 * or split layers have no partner of their own. So a blob is compared with the tensor of its name
 * where there is one, else with the one of its size that is nearest in value: a sound blob has such
 * a tensor, and the first layer whose inputs are sound and whose output is not is where the fault
 * is. Where blobs are stored in 16 bits the simulated values say which one is nearest: late in the
 * graph the exact ones of another tensor can be nearer.
 *
 * @module
 */
import { EFFECTIVE, type EffectivePrecision } from "../record/precision.ts";
import type { LayerComparison } from "../record/records.ts";
import type { ParamLayer } from "../model/ncnn/param_file.ts";
import type { LayerVerdict } from "../model/inspect/svg.ts";
import type { DotLengths } from "../reference/dot_lengths.ts";
import type { IntermediateTensors } from "../reference/intermediate.ts";
import { roundingFactor } from "./tolerance.ts";

/** All comparisons, and the first layer at fault. */
export interface LayersReport {
  layers: LayerComparison[];
  /** First layer beyond its tolerance whose inputs are within theirs; null when there is none. */
  firstBeyond: LayerComparison | null;
  /** How many layers were compared. */
  compared: number;
  /**
   * How many of them may be off by as much as they are large (int8 deep in a graph): that they pass
   * tells nothing.
   */
  loose: number;
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
 * The tolerance of a tensor follows from its own measured change by rounding, see `tolerance.ts`; a
 * tensor that rounding does not change (the input and what only moves it) is held to float32's own.
 * `dumps` need not hold every blob: those it lacks are not compared.
 */
export function compareLayers(
  layers: readonly ParamLayer[],
  dumps: ReadonlyMap<string, Float32Array>,
  tensors: IntermediateTensors,
  precision: EffectivePrecision,
  dots: DotLengths,
): LayersReport {
  const target = EFFECTIVE[precision].simulation === "fp16-weights"
    ? tensors.fp16Weights
    : tensors.exact;
  const { factor, of } = roundingFactor(precision, dots);
  const changed = of === "storage" ? tensors.storage ?? tensors.perturbed : tensors.perturbed;
  const likely = of === "storage" ? tensors.storage ?? target : target;
  const bySize = Map.groupBy(target.keys(), (name) => target.get(name)!.length);
  const sound = new Map<string, boolean>();
  const report: LayersReport = { layers: [], firstBeyond: null, compared: 0, loose: 0 };
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
      const { name } = names
        .map((name) => ({ name, ...difference(likely.get(name) ?? target.get(name)!, values) }))
        .reduce((a, b) => b.rms < a.rms ? b : a);
      const nearest = { name, ...difference(target.get(name)!, values) };
      const exact = tensors.exact.get(nearest.name)!;
      const simulated = difference(exact, changed.get(nearest.name) ?? exact);
      // a simulation that overflows says nothing of how much is right
      const change = Number.isFinite(simulated.rms)
        ? simulated
        : difference(exact, tensors.perturbed.get(nearest.name) ?? exact);
      const ownRounding = 64 * 2 ** -24 * rmsOf(exact);
      const maxAllowed = factor * change.maxAbs + 16 * ownRounding;
      const rmsAllowed = factor * change.rms + ownRounding;
      const isSound = Number.isFinite(nearest.rms) && nearest.maxAbs <= maxAllowed &&
        nearest.rms <= rmsAllowed;
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
      if (rmsAllowed >= rmsOf(exact)) report.loose++;
      if (
        !isSound && report.firstBeyond === null &&
        layer.bottoms.every((bottom) => sound.get(bottom) ?? true)
      ) report.firstBeyond = comparison;
    }
  }
  return report;
}

/**
 * Returns the verdict of each layer of the graph, in its order: of its worst blob, and `first` for
 * the one at fault.
 */
export function layerVerdicts(layerCount: number, report: LayersReport): LayerVerdict[] {
  const verdicts = new Array<LayerVerdict>(layerCount).fill("not-compared");
  for (const { index, verdict } of report.layers) {
    if (verdict === "fail" || verdicts[index] === "not-compared") verdicts[index] = verdict;
  }
  if (report.firstBeyond !== null) verdicts[report.firstBeyond.index] = "first";
  return verdicts;
}
