import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { trainedActivation } from "./activation.ts";
import { expandHalf } from "./onnx/half.ts";
import { findPoseHead } from "./head.ts";
import {
  decodeOnnx,
  encodeOnnx,
  floatTensor,
  type OnnxModel,
  readOnnxFile,
} from "./onnx/onnx_file.ts";
import { checkRectangular, cutModel, resizedModel, sizeFreeModel } from "./surgery.ts";
import { decodeRaw, largestDifference, runOnnx } from "./testdata/run_onnx.ts";
import { sharedModel } from "./testdata/shared.ts";
import { tinyPose, type TinyPoseOptions } from "./testdata/tiny_pose.ts";
import { needs } from "../testdata/needs.ts";

/**
 * Largest relative difference between decoding in the graph (float32) and in float64, where logits
 * are wild.
 */
const TOLERANCE = 1e-4;

async function assertHeadsAgree(model: OnnxModel): Promise<void> {
  const head = findPoseHead(model, "m.onnx");
  const { inputHeightPx: height, inputWidthPx: width } = head;
  const decoded = await runOnnx(cutModel(model, head, "decoded", null).model, height, width);
  const rawCut = cutModel(model, head, "raw", null);
  const raw = await runOnnx(rawCut.model, height, width);
  const rows = decodeRaw(rawCut.outputs.map((output) => raw[output.blob]), head);
  const expected = decoded[head.outputName];
  assertEquals(expected.dims, [1, rows.length, rows[0].length]);
  assertLess(largestDifference(rows.flat(), expected.data), TOLERANCE);

  const nchwCut = cutModel(model, head, "raw-nchw", null);
  const nchw = await runOnnx(nchwCut.model, height, width);
  assertEquals(
    nchwCut.outputs.map((output) => output.role),
    Array(head.levels.length).fill(["box", "cls", "kpt"]).flat(),
  );
  head.levels.forEach((level, index) => {
    const [box, cls, kpt] = nchwCut.outputs.slice(3 * index, 3 * index + 3);
    assertEquals([box.stride, cls.stride, kpt.stride], Array(3).fill(level.stride));
    const joined = raw[rawCut.outputs[index].blob];
    const cells = level.widthCells * level.heightCells;
    const channels = [cls, box, kpt].map((output) => nchw[output.blob]).flatMap(({ dims, data }) =>
      Array.from({ length: dims[1] }, (_, c) => data.subarray(c * cells, (c + 1) * cells))
    );
    assertEquals(joined.dims, [1, level.heightCells, level.widthCells, channels.length]);
    const transposed = Array.from(
      { length: cells },
      (_, cell) => channels.map((plane) => plane[cell]),
    );
    assertLess(largestDifference(transposed.flat(), joined.data), 1e-6);
  });
}

const TINY: Partial<TinyPoseOptions>[] = [
  {},
  { style: "apart", dims: 2 },
  { activation: "relu", classes: 1, keypoints: 17 },
  { activation: "spelled-hardswish", style: "apart" },
];
for (const options of TINY) {
  Deno.test(`cutModel() gives heads that decode to the same when the model is ${JSON.stringify(options)}`, () =>
    assertHeadsAgree(tinyPose(options)));
}

for (const name of ["yolov8n-pose-silu.onnx", "yolov8n-pose-relu.onnx"]) {
  Deno.test({
    name: `cutModel() gives heads that decode to the same when the model is the real ${name}`,
    ...needs("shared"),
    fn: async () => {
      const { model } = await readOnnxFile(sharedModel(name));
      await assertHeadsAgree(expandHalf(model));
    },
  });
}

Deno.test("cutModel() leaves no dead node and no unused weight", () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  const { model: cut } = cutModel(model, head, "raw", null);
  const used = new Set(cut.nodes.flatMap((node) => node.inputs));
  assertEquals([...cut.initializers.keys()].filter((name) => !used.has(name)), []);
  const types = new Set(cut.nodes.map((node) => node.opType));
  assertEquals([...types].sort(), ["Concat", "Conv", "Mul", "Sigmoid", "Transpose"]);
  const made = new Set(["x0", ...cut.initializers.keys()]);
  for (const node of cut.nodes) {
    for (const input of node.inputs) assert(made.has(input), `${input} is used before it is made`);
    for (const output of node.outputs) made.add(output);
  }
  assertEquals(cut.outputs.map((output) => output.dims), [
    [1, 8, 12, 3 + 64 + 15],
    [1, 4, 6, 3 + 64 + 15],
    [1, 2, 3, 3 + 64 + 15],
  ]);
});

Deno.test("cutModel() does not change the model that it was given", () => {
  const model = tinyPose();
  const before = encodeOnnx(model);
  const head = findPoseHead(model, "m.onnx");
  for (const kind of ["decoded", "raw", "raw-nchw"] as const) cutModel(model, head, kind, "relu");
  assertEquals(encodeOnnx(model), before);
});

Deno.test("cutModel() swaps every SiLU for the activation asked for", async () => {
  for (const activation of ["silu", "fused-swish"] as const) {
    const model = tinyPose({ activation });
    const head = findPoseHead(model, "m.onnx");
    for (const to of ["relu", "hardswish"] as const) {
      const { model: swapped } = cutModel(model, head, "raw", to);
      assertEquals(trainedActivation(swapped), to);
      const trained = tinyPose({ activation: to });
      const like = cutModel(trained, findPoseHead(trained, "m.onnx"), "raw", null).model;
      assertEquals(swapped.nodes.map((node) => node.opType), like.nodes.map((node) => node.opType));
      const [a, b] = [await runOnnx(swapped, 64, 96), await runOnnx(like, 64, 96)];
      for (const name of ["out0", "out1", "out2"]) {
        assertLess(largestDifference(a[name].data, b[name].data), 1e-5);
      }
    }
  }
});

Deno.test("cutModel() leaves the sigmoids of the decode alone when it swaps", () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  const { model: swapped } = cutModel(model, head, "decoded", "relu");
  const count = (opType: string) => swapped.nodes.filter((node) => node.opType === opType).length;
  assertEquals([count("Sigmoid"), count("Relu")], [2, 14]);
});

Deno.test("resizedModel() gives the same network at another size", async () => {
  const small = tinyPose();
  const large = tinyPose({ widthPx: 160, heightPx: 128 });
  const head = findPoseHead(small, "m.onnx");
  const { model: cut } = cutModel(small, head, "raw", null);
  const resized = resizedModel(cut, head, 160, 128, "m.onnx");
  const expected = cutModel(large, findPoseHead(large, "m.onnx"), "raw", null).model;
  assertEquals(resized.outputs, expected.outputs);
  const [a, b] = [await runOnnx(resized, 128, 160), await runOnnx(expected, 128, 160)];
  for (const name of ["out0", "out1", "out2"]) assertEquals(a[name], b[name]);
});

Deno.test("sizeFreeModel() runs at every size in multiples of 32", async () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  const { model: cut } = cutModel(model, head, "raw", null);
  const free = sizeFreeModel(cut, head, "m.onnx");
  assertEquals(free.inputs[0].dims, [1, 3, "height", "width"]);
  assertEquals(free.outputs[1].dims, [1, "height1", "width1", 82]);
  for (const [height, width] of [[64, 96], [32, 32], [160, 64]]) {
    const outputs = await runOnnx(free, height, width);
    assertEquals(outputs.out2.dims, [1, height / 32, width / 32, 82]);
  }
});

Deno.test("resizedModel() names the nearest size when the size is not a multiple of the stride", () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  const { model: cut } = cutModel(model, head, "raw", null);
  const error = assertThrows(() => resizedModel(cut, head, 100, 64, "m.onnx"), HarnessError);
  assertEquals(error.code, "bad-option");
  assert(error.message.includes("96x64"), error.message);
});

Deno.test("checkRectangular() refuses a head whose largest stride does not divide 32, with a size that works", () => {
  const head = findPoseHead(tinyPose(), "m.onnx");
  checkRectangular(head);
  const [level] = head.levels;
  const coarse = { ...head, levels: [...head.levels, { ...level, stride: 64 }] };
  const error = assertThrows(() => checkRectangular(coarse), HarnessError, "multiples of 64");
  assertEquals(error.code, "bad-option");
});

Deno.test("resizedModel() names the node when the graph holds its size", () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  // a learned map of the exported size after the first convolution
  const first = model.nodes[0].outputs[0];
  model.initializers.set("baked", floatTensor("baked", [1, 6, 32, 48], Array(6 * 32 * 48).fill(1)));
  for (const node of model.nodes) {
    node.inputs = node.inputs.map((name) => name === first ? "fixed" : name);
  }
  model.nodes.splice(1, 0, {
    name: "the-map",
    opType: "Add",
    domain: "",
    inputs: [first, "baked"],
    outputs: ["fixed"],
    attributes: new Map(),
  });
  const { model: cut } = cutModel(model, head, "raw", null);
  assertEquals(resizedModel(cut, head, 96, 64, "m.onnx"), cut);
  for (
    const act of [
      () => resizedModel(cut, head, 64, 64, "m.onnx"),
      () => sizeFreeModel(cut, head, "m.onnx"),
    ]
  ) {
    const error = assertThrows(act, HarnessError);
    assertEquals(error.code, "bad-model");
    assert(error.message.includes("the-map") && error.message.includes("96x64"), error.message);
  }
});

Deno.test("cutModel() turns a Resize to a size into one by a scale", async () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  // up and down again behind the first convolution: the same values
  const first = model.nodes[0].outputs[0];
  for (const node of model.nodes) {
    node.inputs = node.inputs.map((name) => name === first ? "down" : name);
  }
  const sizes = (name: string, values: bigint[]) =>
    model.initializers.set(name, {
      name,
      dims: [4],
      dataType: 7,
      data: new Uint8Array(new BigInt64Array(values).buffer),
    });
  sizes("large", [1n, 6n, 64n, 96n]);
  sizes("small", [1n, 6n, 32n, 48n]);
  model.initializers.set("none", { name: "none", dims: [0], dataType: 1, data: new Uint8Array() });
  const resize = (input: string, output: string, size: string) => ({
    name: output,
    opType: "Resize",
    domain: "",
    inputs: [input, "none", "none", size],
    outputs: [output],
    attributes: new Map([
      ["mode", { type: "string" as const, value: "nearest" }],
      ["coordinate_transformation_mode", { type: "string" as const, value: "asymmetric" }],
      ["nearest_mode", { type: "string" as const, value: "floor" }],
    ]),
  });
  model.nodes.splice(1, 0, resize(first, "up", "large"), resize("up", "down", "small"));
  const { model: cut } = cutModel(model, head, "raw", null);
  const plain = cutModel(tinyPose(), head, "raw", null).model;
  const [a, b] = [await runOnnx(cut, 64, 96), await runOnnx(plain, 64, 96)];
  assertLess(largestDifference(a.out0.data, b.out0.data), 1e-6);
  const bigger = await runOnnx(resizedModel(cut, head, 192, 96, "m.onnx"), 96, 192);
  assertEquals(bigger.out0.dims, [1, 12, 24, 82]);
});

Deno.test("a cut model survives being written and read again", () => {
  const model = tinyPose();
  const { model: cut } = cutModel(model, findPoseHead(model, "m.onnx"), "raw", "hardswish");
  assertEquals(decodeOnnx(encodeOnnx(cut), "again"), cut);
});

Deno.test("cutModel() takes out nodes that only pass a value on", async () => {
  const model = tinyPose();
  const plain = cutModel(model, findPoseHead(model, "m.onnx"), "raw", null).model;
  const weight = model.nodes[0].inputs[1];
  const first = model.nodes[0].outputs[0];
  for (const node of model.nodes) {
    node.inputs = node.inputs.map((name) =>
      name === first ? "passed twice" : name === weight ? "passed weight" : name
    );
  }
  const identity = (from: string, to: string) => ({
    name: to,
    opType: "Identity",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes: new Map(),
  });
  model.nodes.unshift(identity(weight, "passed weight"));
  model.nodes.splice(2, 0, identity(first, "passed"), identity("passed", "passed twice"));
  await runOnnx(model, 64, 96);
  const { model: cut } = cutModel(model, findPoseHead(model, "m.onnx"), "raw", null);
  assertEquals(cut, plain);
});
