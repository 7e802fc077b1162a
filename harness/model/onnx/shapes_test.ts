import { assertEquals } from "@std/assert";
import { findPoseHead } from "../head.ts";
import type { OnnxModel, OnnxNode } from "./onnx_file.ts";
import { DATA_TYPE, intTensor, readOnnxFile } from "./onnx_file.ts";
import { inferShapes, sliceRanges, splitSizes } from "./shapes.ts";
import { cutModel, sizeFreeModel } from "../surgery.ts";
import { runOnnx } from "../testdata/run_onnx.ts";
import { sharedModel } from "../testdata/shared.ts";
import { tinyPose, type TinyPoseOptions } from "../testdata/tiny_pose.ts";
import { needs } from "../../testdata/needs.ts";

/** Compares every inferred shape with that of the tensor which onnxruntime computes. */
async function assertShapesAreReal(model: OnnxModel, height: number, width: number): Promise<void> {
  const input = new Map([[model.inputs[0].name, [1, 3, height, width]]]);
  const { shapes } = inferShapes(model, input);
  const values = model.nodes.filter((node) => node.opType !== "Constant")
    .flatMap((node) => node.outputs);
  const all = { ...model, outputs: values.map((name) => ({ name, dataType: 1, dims: null })) };
  const results = await runOnnx(all, height, width);
  for (const name of values) assertEquals(shapes.get(name), [...results[name].dims], name);
}

const MODELS: Partial<TinyPoseOptions>[] = [
  {},
  { style: "apart", dims: 2, activation: "spelled-hardswish" },
  { classes: 1, widthPx: 32, heightPx: 160 },
];
for (const options of MODELS) {
  Deno.test(`inferShapes() gives the shapes that onnxruntime computes when the model is ${JSON.stringify(options)}`, () => {
    const model = tinyPose(options);
    const [, , height, width] = model.inputs[0].dims as number[];
    return assertShapesAreReal(model, height, width);
  });
}

Deno.test({
  name: "inferShapes() gives the shapes that onnxruntime computes when the model is a real one",
  ...needs("shared"),
  fn: async () => {
    const { model } = await readOnnxFile(sharedModel("yolov8n-pose-silu.onnx"));
    const head = findPoseHead(model, "m.onnx");
    const { model: cut } = cutModel(model, head, "raw", null);
    await assertShapesAreReal(sizeFreeModel(cut, head, "m.onnx"), 64, 96);
  },
});

Deno.test("inferShapes() gives the shapes that onnxruntime computes when blocks from elsewhere move values about", async () => {
  const ints = (name: string, values: number[]) =>
    [name, intTensor(name, [values.length], values)] as const;
  const make = (
    opType: string,
    inputs: string[],
    outputs: string[],
    attributes: OnnxNode["attributes"] = new Map(),
  ): OnnxNode => ({ name: outputs[0], opType, domain: "", inputs, outputs, attributes });
  const two: OnnxNode["attributes"] = new Map([["blocksize", { type: "int", value: 2 }]]);
  const model: OnnxModel = {
    ...tinyPose(),
    opset: 18,
    inputs: [{ name: "x", dataType: 1, dims: [1, 3, 4, 6] }],
    initializers: new Map([
      ...[["zero", 0], ["seven", 7], ["two", 2]].map(([name, value]) =>
        [`${name}`, intTensor(`${name}`, [], [Number(value)])] as const
      ),
      ints("k", [3]),
      ints("repeats", [1, 2, 1, 1]),
      ints("axis", [1]),
    ]),
    nodes: [
      make("SpaceToDepth", ["x"], ["deep"], two),
      make("DepthToSpace", ["deep"], ["wide"], two),
      make("Tile", ["wide", "repeats"], ["tiled"]),
      make("TopK", ["tiled", "k"], ["best", "places"]),
      make(
        "GatherElements",
        ["tiled", "places"],
        ["taken"],
        new Map([["axis", { type: "int", value: 3 }]]),
      ),
      make("Range", ["zero", "seven", "two"], ["counted"]),
      make("ReduceMin", ["taken", "axis"], ["least"]),
      make(
        "ReduceL2",
        ["tiled", "axis"],
        ["norm"],
        new Map([["keepdims", { type: "int", value: 0 }]]),
      ),
    ],
  };
  const { shapes } = inferShapes(model);
  const values = ["deep", "wide", "tiled", "best", "taken", "least", "norm", "counted"];
  const outputs = values.map((name) => ({
    name,
    dataType: name === "counted" ? DATA_TYPE.int64 : DATA_TYPE.float,
    dims: null,
  }));
  const results = await runOnnx({ ...model, outputs }, 4, 6);
  for (const name of values) assertEquals(shapes.get(name), [...results[name].dims], name);
});

Deno.test("inferShapes() leaves unknown what depends on a symbolic size or an operation that it doesn't know", () => {
  const model = tinyPose();
  const first = model.nodes[0].outputs[0];
  assertEquals(inferShapes(model).shapes.get(first), [1, 6, 32, 48]);
  model.inputs[0].dims = [1, 3, "height", "width"];
  assertEquals(inferShapes(model).shapes.has(first), false);
  const odd = tinyPose();
  odd.nodes[0].opType = "Invented";
  assertEquals(inferShapes(odd).shapes.has(first), false);
});

function node(
  opType: string,
  attributes: Record<string, number | number[]>,
  inputs: string[],
): OnnxNode {
  return {
    name: opType,
    opType,
    domain: "",
    inputs,
    outputs: ["a", "b", "c"],
    attributes: new Map(
      Object.entries(attributes).map(([name, value]) => [
        name,
        Array.isArray(value) ? { type: "ints", value } : { type: "int", value },
      ]),
    ),
  };
}

Deno.test("splitSizes() takes sizes from the attribute, the input, or equal parts", () => {
  assertEquals(splitSizes(node("Split", { axis: 1, split: [2, 3] }, ["x"]), [1, 5], undefined), [
    2,
    3,
  ]);
  assertEquals(splitSizes(node("Split", { axis: 1 }, ["x", "s"]), [1, 5], [4, 1]), [4, 1]);
  assertEquals(splitSizes(node("Split", { axis: -1 }, ["x"]), [1, 7], undefined), [3, 3, 1]);
  assertEquals(splitSizes(node("Split", { axis: 1 }, ["x", "s"]), [1, 5], undefined), undefined);
});

Deno.test("sliceRanges() counts negative ends from the end and clamps those beyond", () => {
  const values: Record<number, number[]> = { 1: [1, -3], 2: [-1, 2 ** 31], 3: [0, -1], 4: [1, 2] };
  const slice = node("Slice", {}, ["x", "s", "e", "a", "t"]);
  assertEquals(sliceRanges(slice, [6, 8], (input) => values[input]), [
    { axis: 0, start: 1, end: 5, step: 1 },
    { axis: 1, start: 5, end: 8, step: 2 },
  ]);
  assertEquals(
    sliceRanges(slice, [6, 8], (input) => input === 4 ? [-1, -1] : values[input]),
    undefined,
  );
  const old = node("Slice", { starts: [2], ends: [4], axes: [1] }, ["x"]);
  assertEquals(sliceRanges(old, [6, 8], () => undefined), [{ axis: 1, start: 2, end: 4, step: 1 }]);
});

Deno.test("inferShapes() takes the part of a shape that Shape's start and end name", () => {
  const parts: [Record<string, number>, number[]][] = [
    [{}, [1, 3, 64, 96]],
    [{ start: 2 }, [64, 96]],
    [{ start: 1, end: 3 }, [3, 64]],
    [{ start: -3, end: -1 }, [3, 64]],
    [{ start: -9, end: 9 }, [1, 3, 64, 96]],
    [{ start: 3, end: 1 }, []],
  ];
  for (const [attributes, expected] of parts) {
    const model = tinyPose();
    const { integers } = inferShapes({ ...model, nodes: [node("Shape", attributes, ["x0"])] });
    assertEquals(integers.get("a"), expected, JSON.stringify(attributes));
  }
});
