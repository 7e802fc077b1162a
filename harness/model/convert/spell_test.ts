import { assertEquals } from "@std/assert";
import { floatTensor, intTensor, type OnnxModel } from "../onnx/onnx_file.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { runOnnx } from "../testdata/run_onnx.ts";
import { YOLO26, YOLOV8 } from "../../record/head_code.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";
import { inOperatorSet11, withConstantsByRank, withoutStridedSlices } from "./spell.ts";

const EMPTY: OnnxModel = {
  irVersion: 8,
  opset: 13,
  otherOpsets: new Map(),
  producer: "test",
  metadata: new Map(),
  graphName: "test",
  nodes: [],
  initializers: new Map(),
  inputs: [],
  outputs: [],
};

/** `x[..., start::step, :]` and then `x[..., start::step]` of a [1,3,5,6]. */
function sliced(start: number, step: number, end = 2 ** 31 - 1): OnnxModel {
  const ints = (name: string, value: number) => [name, intTensor(name, [1], [value])] as const;
  const slice = (axis: string, input: string, output: string) => ({
    name: output,
    opType: "Slice",
    domain: "",
    inputs: [input, "start", "end", axis, "step"],
    outputs: [output],
    attributes: new Map(),
  });
  return {
    ...EMPTY,
    inputs: [{ name: "x", dataType: 1, dims: [1, 3, 5, 6] }],
    outputs: [{ name: "y", dataType: 1, dims: null }],
    initializers: new Map([
      ints("start", start),
      ints("end", end),
      ints("step", step),
      ints("rows", 2),
      ints("columns", 3),
    ]),
    nodes: [slice("rows", "x", "half"), slice("columns", "half", "y")],
  };
}

for (const [start, step] of [[0, 2], [1, 2], [2, 3]]) {
  Deno.test(`withoutStridedSlices() keeps every value when the slice is ${start}::${step}`, async () => {
    const model = sliced(start, step);
    const spelled = withoutStridedSlices(model);
    assertEquals(spelled.nodes.map(({ opType }) => opType), ["Conv", "Conv"]);
    assertEquals(inferShapes(spelled).shapes.get("y"), inferShapes(model).shapes.get("y"));
    assertEquals(await runOnnx(spelled, 5, 6), await runOnnx(model, 5, 6));
  });
}

Deno.test("withoutStridedSlices() leaves a slice that ends early, and one of step 1", () => {
  for (const model of [sliced(0, 2, 4), sliced(1, 1)]) {
    assertEquals(withoutStridedSlices(model).nodes, model.nodes);
  }
});

/** A Resize of operator set 10 that doubles rows and columns of a [1,3,2,2]. */
function resized(opset: number): OnnxModel {
  return {
    ...sliced(0, 2),
    opset,
    inputs: [{ name: "x", dataType: 1, dims: [1, 3, 2, 2] }],
    initializers: new Map([["scales", floatTensor("scales", [4], [1, 1, 2, 2])]]),
    nodes: [{
      name: "up",
      opType: "Resize",
      domain: "",
      inputs: ["x", "scales"],
      outputs: ["y"],
      attributes: new Map([["mode", { type: "string", value: "nearest" }]]),
    }],
  };
}

Deno.test("inOperatorSet11() gives the same picture as the Resize of operator set 10", async () => {
  const model = resized(10);
  const newer = inOperatorSet11(model);
  assertEquals([newer.opset, newer.nodes[0].inputs.length], [11, 3]);
  assertEquals(await runOnnx(newer, 2, 2), await runOnnx(model, 2, 2));
});

Deno.test("inOperatorSet11() leaves other operator sets and graphs that 11 writes in another way", () => {
  const newer = resized(12);
  assertEquals(inOperatorSet11(newer), newer);
  const padded = resized(10);
  padded.nodes.push({ ...padded.nodes[0], opType: "Pad", name: "pad", outputs: ["z"] });
  assertEquals(inOperatorSet11(padded), padded);
});

Deno.test("withConstantsByRank() gives the anchors of boxes and of keypoints a form each where they are equal, and nothing else", async () => {
  const model = tinyPose({ code: YOLO26 });
  const apart = withConstantsByRank(model);
  const added = [...apart.initializers].filter(([name]) => !model.initializers.has(name));
  assertEquals(added.map(([, { dims }]) => dims).sort(), [
    [1, 1, 2, 126],
    [1, 2, 126],
    [1, 2, 126],
  ]);
  assertEquals(await runOnnx(apart, 64, 96), await runOnnx(model, 64, 96));
  const other = tinyPose({ code: YOLOV8 });
  assertEquals(withConstantsByRank(other), other);
});
