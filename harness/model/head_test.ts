import { YOLO26 } from "../record/head_code.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { findPoseHead } from "./head.ts";
import type { OnnxModel } from "./onnx/onnx_file.ts";
import { inferShapes } from "./onnx/shapes.ts";
import { tinyPose, type TinyPoseOptions } from "./testdata/tiny_pose.ts";

function badModelMessage(model: OnnxModel): string {
  const error = assertThrows(() => findPoseHead(model, "m.onnx"), HarnessError);
  assertEquals(error.code, "bad-model");
  return error.message;
}

function assertMentions(message: string, ...words: (string | RegExp)[]): void {
  for (const word of words) {
    assertEquals(
      word instanceof RegExp ? word.test(message) : message.includes(word),
      true,
      message,
    );
  }
}

const SHAPES: Partial<TinyPoseOptions>[] = [
  {},
  { style: "apart" },
  { dims: 2 },
  { dims: 2, style: "apart", activation: "relu" },
  { classes: 64, style: "joined" },
  { classes: 15, keypoints: 5 },
  { classes: 80, keypoints: 32, dims: 2 },
  { classes: 1, keypoints: 17, widthPx: 160, heightPx: 32 },
];

for (const options of SHAPES) {
  Deno.test(`findPoseHead() finds the head without names when the model is ${JSON.stringify(options)}`, () => {
    const model = tinyPose(options);
    const head = findPoseHead(model, "m.onnx");
    const { classes, keypoints, dims, widthPx, heightPx } = { ...tinyDefaults, ...options };
    assertEquals(head.classCount, classes);
    assertEquals(head.keypointCount, keypoints);
    assertEquals(head.keypointDims, dims);
    assertEquals(head.regMax, 16);
    assertEquals(head.levels.map((level) => level.stride), [8, 16, 32]);
    assertEquals(
      head.levels.map((level) => [level.widthCells, level.heightCells]),
      [8, 16, 32].map((stride) => [widthPx / stride, heightPx / stride]),
    );
    const channels = (value: string) => {
      const conv = model.nodes.find((node) => node.outputs[0] === value)!;
      return [conv.opType, model.initializers.get(conv.inputs[1])!.dims[0]];
    };
    for (const level of head.levels) {
      assertEquals(channels(level.box), ["Conv", 64]);
      assertEquals(channels(level.cls), ["Conv", classes]);
      assertEquals(channels(level.kpt!), ["Conv", keypoints * dims]);
    }
  });
}

for (const style of ["joined", "apart"] as const) {
  Deno.test(`findPoseHead() finds the same head when axes count from the end and the style is ${style}`, () => {
    const model = tinyPose({ style });
    const { shapes } = inferShapes(model);
    const expected = findPoseHead(model, "m.onnx");
    for (const node of model.nodes) {
      const axis = node.attributes.get("axis");
      const rank = shapes.get(node.inputs[0])!.length;
      if (axis?.type === "int" && axis.value >= 0) {
        node.attributes.set("axis", { type: "int", value: axis.value - rank });
      }
    }
    assertEquals(findPoseHead(model, "m.onnx"), expected);
  });
}

const tinyDefaults = { classes: 3, keypoints: 5, dims: 3, widthPx: 96, heightPx: 64 };

Deno.test("findPoseHead() takes a detection model for a head without keypoints", () => {
  for (const style of ["joined", "apart"] as const) {
    const head = findPoseHead(tinyPose({ pose: false, style }), "m.onnx");
    assertEquals([head.classCount, head.keypointCount], [3, 0]);
    assertEquals(head.levels.map(({ stride, kpt }) => [stride, kpt]), [
      [8, null],
      [16, null],
      [32, null],
    ]);
  }
});

Deno.test("findPoseHead() finds four distances where there is no distribution over bins", () => {
  for (const style of ["joined", "apart"] as const) {
    const head = findPoseHead(tinyPose({ code: YOLO26, style }), "m.onnx");
    assertEquals([head.regMax, head.headCode], [1, YOLO26]);
  }
});

Deno.test("findPoseHead() names the dynamic shape when the input has one", () => {
  const model = tinyPose();
  model.inputs[0].dims = ["batch", 3, "height", "width"];
  assertMentions(badModelMessage(model), "[batch, 3, height, width]", "dynamic=False");
});

Deno.test("findPoseHead() names the shape when the batch is not 1", () => {
  const model = tinyPose();
  model.inputs[0].dims = [4, 3, 64, 96];
  assertMentions(badModelMessage(model), "[4, 3, 64, 96]", "batch=1");
});

Deno.test("findPoseHead() tells segmentation by rows that are as a convolution gives them", () => {
  const model = tinyPose({ style: "apart" });
  const { kpt } = findPoseHead(model, "m.onnx").levels[0];
  const flat = model.nodes.find(({ inputs }) => inputs[0] === kpt)!;
  const coefficients = model.nodes.find(({ opType, inputs }) =>
    opType === "Concat" && inputs.includes(flat.outputs[0])
  )!;
  model.nodes.at(-1)!.inputs[2] = coefficients.outputs[0];
  assertMentions(badModelMessage(model), "it is a segmentation model, and Posemark measures pose");
});

Deno.test("findPoseHead() tells a classification and a cut model apart by their outputs", () => {
  const classification = tinyPose();
  classification.outputs = [{ name: "classes", dataType: 1, dims: [1, 1000] }];
  assertMentions(badModelMessage(classification), "classification model");
  const cut = tinyPose();
  cut.outputs = ["a", "b", "c"].map((name) => ({ name, dataType: 1, dims: [1, 80, 80, 116] }));
  assertMentions(badModelMessage(cut), "already cut");
  const none = tinyPose();
  none.outputs = [];
  assertMentions(badModelMessage(none), "wrong outputs");
});

Deno.test("findPoseHead() refuses a graph without DFL weights 0, 1, 2, …", () => {
  const model = tinyPose();
  const dfl = model.nodes.find((node) =>
    node.opType === "Conv" && model.initializers.get(node.inputs[1])!.dims.join() === "1,16,1,1"
  )!;
  const tensor = model.initializers.get(dfl.inputs[1])!;
  new DataView(tensor.data.buffer).setFloat32(4 * 3, 3.5, true);
  assertMentions(badModelMessage(model), "DFL");
});

Deno.test("findPoseHead() refuses a level without keypoints", () => {
  const model = tinyPose({ style: "apart" });
  const head = findPoseHead(model, "m.onnx");
  const concat = model.nodes.find((node) =>
    node.opType === "Concat" && node.inputs.length === 3 &&
    node.inputs.includes(
      model.nodes.find((other) => other.inputs[0] === head.levels[0].kpt)!.outputs[0],
    )
  )!;
  concat.inputs = concat.inputs.slice(1);
  assertMentions(
    badModelMessage(model),
    /expected box, class and keypoint|two box convolutions|can't be told|layout/,
  );
});
