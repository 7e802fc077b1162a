/**
 * What a converter left in its `.param` that ncnn can't load, or would compute wrongly: mended from
 * the ONNX graph where that is possible, else named.
 *
 * @module
 */
import { intAttribute, intsAttribute } from "../onnx/onnx_graph.ts";
import { badModel, type OnnxModel, type OnnxNode } from "../onnx/onnx_file.ts";
import { inferShapes, normalAxis } from "../onnx/shapes.ts";
import { NCNN_LAYER_TYPES } from "../../toolchain/layer_types.ts";
import { type ParamLayer, parseParam } from "../ncnn/param_file.ts";

/**
 * ncnn's number of each reduction (parameter 0 of Reduction). Source: ncnn at a4d2ea1d,
 * `src/layer/reduction.h`.
 */
const REDUCTIONS: Readonly<Record<string, number>> = {
  ReduceSum: 0,
  ReduceSumSquare: 2,
  ReduceMean: 3,
  ReduceMax: 4,
  ReduceMin: 5,
  ReduceProd: 6,
  ReduceL1: 7,
  ReduceL2: 8,
  ReduceLogSum: 9,
  ReduceLogSumExp: 10,
};

/**
 * Returns the `.param` text with its reductions as the ONNX graph has them.
 *
 * pnnx 20261020 knows no ReduceMax, and of a mean over channels it loses the axis: both come from
 * the graph's own nodes, in their order. A kind of reduction whose nodes and layers differ in
 * number and in form is left alone, for {@linkcode requireKnownLayers} to name.
 */
export function mendReductions(param: string, graph: OnnxModel): string {
  const { layers } = parseParam(param, "the converted graph");
  const { shapes, integers } = inferShapes(graph);
  const lines = param.split("\n");
  for (const [opType, operation] of Object.entries(REDUCTIONS)) {
    const forms = graph.nodes.filter((node) => node.opType === opType)
      .map((node) => reductionForm(node, shapes.get(node.inputs[0]), integers));
    const found = layers.filter((layer) =>
      layer.type === opType || (layer.type === "Reduction" && layer.params.get(0) === operation)
    );
    const isOneForm = new Set(forms).size === 1;
    if (forms.includes(null) || !(forms.length === found.length || isOneForm)) continue;
    found.forEach((layer, i) => {
      const form = isOneForm ? forms[0] : forms[i];
      lines[layer.line - 1] = [
        "Reduction".padEnd(24),
        layer.name.padEnd(24),
        layer.bottoms.length,
        layer.tops.length,
        ...layer.bottoms,
        ...layer.tops,
        `0=${operation}`,
        form,
      ].join(" ");
    });
  }
  return lines.join("\n");
}

/** Returns the parameters of a reduction but for its kind; null when its axes can't be told. */
function reductionForm(
  node: OnnxNode,
  shape: number[] | undefined,
  integers: ReadonlyMap<string, number[]>,
): string | null {
  const axes = intsAttribute(node, "axes") ?? integers.get(node.inputs[1] ?? "");
  if (shape === undefined || axes === undefined) return null;
  // ncnn's blobs have no batch
  const places = axes.map((axis) => normalAxis(axis, shape.length) - 1);
  if (places.some((place) => place < 0)) return null;
  const keep = intAttribute(node, "keepdims", 1);
  return `1=0 -23303=${[places.length, ...places].join(",")} 4=${keep} 5=1`;
}

/**
 * Throws `HarnessError` `bad-model` that names the first layer of the converted graph that ncnn
 * doesn't have.
 */
export function requireKnownLayers(
  layers: readonly ParamLayer[],
  label: string,
  converter: string,
): void {
  const stray = layers.find(({ type }) => !NCNN_LAYER_TYPES.has(type));
  if (stray === undefined) return;
  const count = layers.filter(({ type }) => type === stray.type).length;
  throw badModel(
    label,
    `ncnn has no layer for its operation ${stray.type} (${count} in the graph, the first is "${stray.name}"): replace the operation in the model and export it again, or try --converter ${
      converter === "onnx2ncnn" ? "pnnx" : "onnx2ncnn"
    }`,
  );
}
