import { assertEquals } from "@std/assert";
import { countMacs, countParameters } from "./cost.ts";
import { graphOfOnnx } from "../inspect/graph.ts";
import { findPoseHead } from "../head.ts";
import { floatTensor, type OnnxModel, type OnnxNode } from "./onnx_file.ts";
import { cutModel } from "../surgery.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";

/** Sizes of the tiny model's convolutions: [channels in, channels out, kernel, cells]. */
function convolutions(): [number, number, number, number][] {
  const cells = [48 * 32, 24 * 16, 12 * 8, 6 * 4, 3 * 2];
  const body = cells.map((count, i): [number, number, number, number] => [i ? 6 : 3, 6, 3, count]);
  const head = cells.slice(2).flatMap((count): [number, number, number, number][] =>
    [15, 3, 64].flatMap((out): [number, number, number, number][] => [
      [6, 6, 3, count],
      [6, out, 1, count],
    ])
  );
  return [...body, ...head];
}

Deno.test("countParameters() and countMacs() give what the convolutions' sizes say", () => {
  const model = tinyPose();
  const { model: cut } = cutModel(model, findPoseHead(model, "m.onnx"), "raw", null);
  const parameters = convolutions().reduce((sum, [a, b, k]) => sum + a * b * k * k + b, 0);
  const macs = convolutions().reduce((sum, [a, b, k, cells]) => sum + a * b * k * k * cells, 0);
  assertEquals(countParameters(cut), parameters);
  assertEquals(countMacs(cut), macs);
  assertEquals(countMacs(cut, new Map([["x0", [1, 3, 128, 192]]])), 4 * macs);
});

Deno.test("countParameters() counts the decode's convolution too when the head is decoded", () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  const raw = countParameters(cutModel(model, head, "raw", null).model);
  assertEquals(countParameters(cutModel(model, head, "decoded", null).model), raw + 16);
});

function node(opType: string, inputs: string[], output: string): OnnxNode {
  return { name: opType, opType, domain: "", inputs, outputs: [output], attributes: new Map() };
}

/** A model over [1, 3, 8, 8] with the constants `w` [4, 3, 1, 1] and `s` (a scalar). */
function modelOf(nodes: OnnxNode[]): OnnxModel {
  const model = tinyPose();
  return {
    ...model,
    nodes,
    initializers: new Map([
      ["w", floatTensor("w", [4, 3, 1, 1], new Array(12).fill(1))],
      ["s", floatTensor("s", [], [1])],
    ]),
    inputs: [{ name: "x", dataType: 1, dims: [1, 3, 8, 8] }],
    outputs: [{ name: nodes.at(-1)!.outputs[0], dataType: 1, dims: null }],
  };
}

Deno.test("weightsOf() finds a convolution's weights behind a change of their type", () => {
  const model = modelOf([
    node("QuantizeLinear", ["w", "s"], "q"),
    node("DequantizeLinear", ["q", "s"], "d"),
    node("Conv", ["x", "d"], "y"),
    node("Mul", ["y", "s"], "z"),
  ]);
  assertEquals(countParameters(model), 12);
  const { layers } = graphOfOnnx(model);
  assertEquals(layers.map((layer) => layer.parameters), [0, 0, 12, 0]);
  assertEquals(layers.map((layer) => layer.macs), [0, 0, 64 * 12, 0]);
  // reads the input and the 12 weights that the node before made, writes 4 channels
  assertEquals(layers[2].bytesMoved, 4 * (3 * 64 + 12 + 4 * 64));
});

Deno.test("graphOfOnnx() leaves the cost of operations that it doesn't cover unknown", () => {
  const { layers } = graphOfOnnx(modelOf([
    node("QLinearConv", ["x", "s", "s", "w"], "a"),
    node("LSTM", ["a", "w"], "b"),
    node("Einsum", ["b", "b"], "c"),
    node("Concat", ["c", "s"], "d"),
  ]));
  assertEquals(layers.map((layer) => layer.parameters), [null, null, 0, 0]);
  assertEquals(layers.map((layer) => layer.macs), [null, null, null, 0]);
  assertEquals(layers.map((layer) => layer.bytesMoved), [null, null, null, null]);
});
