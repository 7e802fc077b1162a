import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { floatTensor, intTensor, type OnnxModel, type OnnxNode } from "../onnx/onnx_file.ts";
import { parseParam } from "../ncnn/param_file.ts";
import { mendReductions, requireKnownLayers } from "./leftovers.ts";

const node = (
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: OnnxNode["attributes"] = new Map(),
): OnnxNode => ({ name: outputs[0], opType, domain: "", inputs, outputs, attributes });

/** Mean over channels by an attribute, and the largest by an input, as operator set 18 has it. */
function attention(axes: number[]): OnnxModel {
  return {
    irVersion: 8,
    opset: 18,
    otherOpsets: new Map(),
    producer: "test",
    graphName: "test",
    metadata: new Map(),
    inputs: [{ name: "x", dataType: 1, dims: [1, 8, 4, 4] }],
    outputs: [{ name: "y", dataType: 1, dims: null }],
    initializers: new Map([["axes", intTensor("axes", [axes.length], axes)], [
      "w",
      floatTensor("w", [1, 2, 1, 1], [1, 1]),
    ]]),
    nodes: [
      node("ReduceMean", ["x", "axes"], ["mean"]),
      node("ReduceMax", ["x", "axes"], ["max"]),
      node("Concat", ["mean", "max"], ["both"], new Map([["axis", { type: "int", value: 1 }]])),
      node("Conv", ["both", "w"], ["y"]),
    ],
  };
}

const LOST = "7767517\n5 6\nInput in0 0 1 in0\nSplit s 1 2 in0 a b\n" +
  "Reduction mean_1 1 1 a c 0=3 1=0 -23303=0 4=1 5=1\nReduceMax max_1 1 1 b d\n" +
  "Concat cat 2 1 c d out0 0=0\n";

Deno.test("mendReductions() gives a mean its lost axis, and makes a Reduction of a ReduceMax", () => {
  const { layers } = parseParam(mendReductions(LOST, attention([1])), "mended");
  const found = layers.filter(({ type }) => type === "Reduction");
  assertEquals(found.map(({ name }) => name), ["mean_1", "max_1"]);
  assertEquals(found.map(({ params }) => [params.get(0), params.get(3)]), [[3, [0]], [4, [0]]]);
  assertEquals(found.map(({ bottoms, tops }) => [...bottoms, ...tops]), [["a", "c"], ["b", "d"]]);
});

Deno.test("mendReductions() counts negative axes from the end, without the batch", () => {
  const { layers } = parseParam(mendReductions(LOST, attention([-1, -2])), "mended");
  assertEquals(layers.find(({ name }) => name === "max_1")!.params.get(3), [2, 1]);
});

Deno.test("mendReductions() leaves a graph without reductions as it is", () => {
  const plain = "7767517\n2 2\nInput in0 0 1 in0\nReLU r 1 1 in0 out0\n";
  assertEquals(mendReductions(plain, attention([1])), plain);
});

Deno.test("requireKnownLayers() names the operation that ncnn doesn't have, and how many there are", () => {
  const { layers } = parseParam(
    "7767517\n3 3\nInput in0 0 1 in0\nTensor.slice t 1 1 in0 a\nTensor.slice u 1 1 a out0\n",
    "graph",
  );
  const error = assertThrows(
    () => requireKnownLayers(layers, "best.onnx", "pnnx"),
    HarnessError,
    'no layer for its operation Tensor.slice (2 in the graph, the first is "t")',
  );
  assertEquals(error.code, "bad-model");
  requireKnownLayers(layers.slice(0, 1), "best.onnx", "pnnx");
});
