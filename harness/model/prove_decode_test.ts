import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { YOLO26, YOLOV8 } from "../record/head_code.ts";
import type { FittedDecode } from "./fit_decode.ts";
import { findPoseHead } from "./head.ts";
import {
  DATA_TYPE,
  floatsOf,
  floatTensor,
  intTensor,
  type OnnxModel,
  type OnnxNode,
} from "./onnx/onnx_file.ts";
import { proveDecode } from "./prove_decode.ts";
import { withKeypointChannels } from "./surgery.ts";
import { runOnnx } from "./testdata/run_onnx.ts";
import { tinyPose, type TinyPoseOptions } from "./testdata/tiny_pose.ts";

const OPTIONS: Partial<TinyPoseOptions> = { classes: 2, keypoints: 3, style: "apart" };
const ROWS = 4 + 2 + 9;

async function prove(model: OnnxModel, structure = model): Promise<FittedDecode> {
  const head = findPoseHead(structure, "m.onnx");
  return await proveDecode(model, { ...head, outputName: model.outputs[0].name }, "m.onnx");
}

async function reasonAgainst(model: OnnxModel, structure = model): Promise<string> {
  const error = await assertRejects(() => prove(model, structure), HarnessError);
  assertEquals(error.code, "bad-model");
  return error.message;
}

const node = (
  opType: string,
  inputs: string[],
  output: string,
  attributes: OnnxNode["attributes"] = new Map(),
): OnnxNode => ({ name: output, opType, domain: "", inputs, outputs: [output], attributes });

/**
 * The model with rows of its own output mixed anew: row i is the sum of `weights[i][j]` · row j.
 */
function mixed(model: OnnxModel, weights: number[][]): OnnxModel {
  const size = weights.length;
  return {
    ...model,
    outputs: [{ name: "mixed", dataType: DATA_TYPE.float, dims: null }],
    initializers: new Map(model.initializers).set(
      "mixer",
      floatTensor("mixer", [size, size], weights.flat()),
    ),
    nodes: [...model.nodes, node("MatMul", ["mixer", model.outputs[0].name], "mixed")],
  };
}

const identity = () =>
  Array.from({ length: ROWS }, (_, i) => Array.from({ length: ROWS }, (_, j) => Number(i === j)));

/** The model with rows of its own output in another order: row i is what row `from[i]` was. */
function reordered(model: OnnxModel, from: number[]): OnnxModel {
  return mixed(model, from.map((row) => identity()[row]));
}

Deno.test("proveDecode() reproduces heads of both box codes, with and without keypoints", async () => {
  for (const code of [YOLOV8, YOLO26]) {
    for (const pose of [true, false]) {
      const proof = await prove(tinyPose({ ...OPTIONS, code, pose, keypoints: pose ? 3 : 0 }));
      assertEquals(proof.headCode, code);
      assertEquals([proof.boxForm, proof.isNormalised, proof.notes], ["xywh", false, []]);
      assertLess(Math.max(proof.maxBoxPx, proof.maxKeypointPx ?? 0, proof.maxScore), 1e-3);
      assertEquals(proof.maxKeypointPx === null, !pose);
      assertEquals(proof.cellCount, 2 * (12 * 8 + 6 * 4 + 3 * 2));
    }
  }
});

Deno.test("proveDecode() measures the keypoint rule and the origin of the boxes that the graph has", async () => {
  const rules = [[1, 0.5], [2, 0.5], [2, -0.5], [1.5, 0.25]];
  for (const [scale, origin] of rules) {
    const code = { ...YOLOV8, keypoint: { ...YOLOV8.keypoint, scale, origin } };
    const proof = await prove(tinyPose({ ...OPTIONS, code }));
    assertEquals([proof.headCode.keypoint.scale, proof.headCode.keypoint.origin], [scale, origin]);
    assertStringIncludes(proof.notes.join(), `(${scale}·k + cell + ${origin})·stride`);
  }
  // no half cell: every anchor lies at its cell's corner
  const corner = tinyPose({ ...OPTIONS, code: YOLO26 });
  for (const [name, tensor] of corner.initializers) {
    if (tensor.dims.length !== 3 || tensor.dims[1] !== 2) continue;
    const moved = floatsOf(tensor).map((anchor) => anchor - 0.5);
    corner.initializers.set(name, floatTensor(name, tensor.dims, moved));
  }
  const proof = await prove(corner);
  assertEquals([proof.headCode.box.origin, proof.headCode.keypoint.origin], [0, 0]);
  assertStringIncludes(proof.notes.join(), "its boxes start at 0 of a cell");
});

Deno.test("proveDecode() recognises corners, shares of the input, and other orders of the rows", async () => {
  const plain = tinyPose(OPTIONS);
  const corners = identity();
  for (const axis of [0, 1]) {
    corners[axis][axis + 2] = -0.5;
    corners[axis + 2][axis] = 1;
    corners[axis + 2][axis + 2] = 0.5;
  }
  const ofCorners = await prove(mixed(plain, corners), plain);
  assertEquals([ofCorners.boxForm, ofCorners.headCode], ["xyxy", YOLOV8]);
  const shares = identity();
  const sides = [96, 64];
  for (const row of [0, 1, 2, 3]) shares[row][row] = 1 / sides[row % 2];
  for (let joint = 0; joint < 3; joint++) {
    for (const axis of [0, 1]) shares[6 + 3 * joint + axis][6 + 3 * joint + axis] = 1 / sides[axis];
  }
  const ofShares = await prove(mixed(plain, shares), plain);
  assertEquals([ofShares.isNormalised, ofShares.headCode], [true, YOLOV8]);
  // confidence, x, y of each joint; all x, then all y, then all confidences
  for (const rows of [[8, 6, 7, 11, 9, 10, 14, 12, 13], [6, 9, 12, 7, 10, 13, 8, 11, 14]]) {
    const proof = await prove(reordered(plain, [0, 1, 2, 3, 4, 5, ...rows]), plain);
    assertEquals([proof.isUsualOrder, proof.keypointChannels], [
      false,
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    ]);
  }
});

Deno.test("proveDecode() finds the channels of a convolution that has x, y and confidence in another order", async () => {
  const usual = tinyPose(OPTIONS);
  const head = findPoseHead(usual, "m.onnx");
  const backwards = [2, 0, 1, 5, 3, 4, 8, 6, 7];
  // the convolution gives confidence, x, y; the graph's decode puts them back in order
  const shuffled = withKeypointChannels(usual, head, backwards);
  const order = intTensor("order", [9], [1, 2, 0, 4, 5, 3, 7, 8, 6]);
  const kpts = new Set(head.levels.map(({ kpt }) => kpt));
  const model: OnnxModel = {
    ...shuffled,
    initializers: new Map(shuffled.initializers).set("order", order),
    nodes: shuffled.nodes.flatMap((each) => {
      const from = each.inputs.find((name) => kpts.has(name));
      if (from === undefined) return [each];
      const sorted = `${from}_sorted`;
      return [
        node("Gather", [from, "order"], sorted, new Map([["axis", { type: "int", value: 1 }]])),
        { ...each, inputs: each.inputs.map((name) => name === from ? sorted : name) },
      ];
    }),
  };
  const proof = await prove(model);
  assertEquals(proof.keypointChannels, [1, 2, 0, 4, 5, 3, 7, 8, 6]);
  assertStringIncludes(proof.notes.join(), "its convolution has x, y and confidence");
  const kpt = [...kpts][0]!;
  const first = async (each: OnnxModel) => {
    const outputs = [{ name: kpt, dataType: DATA_TYPE.float, dims: null }];
    return (await runOnnx({ ...each, outputs }, 64, 96))[kpt].data;
  };
  const again = withKeypointChannels(model, head, proof.keypointChannels);
  assertEquals(await first(again), await first(usual));
});

Deno.test("proveDecode() names what no description of a head gives", async () => {
  const plain = tinyPose(OPTIONS);
  const bare = {
    ...plain,
    nodes: plain.nodes.map((each) =>
      each.opType === "Sigmoid" && plain.nodes.at(-1)!.inputs[1] === each.outputs[0]
        ? { ...each, opType: "Identity" }
        : each
    ),
  };
  assertStringIncludes(await reasonAgainst(bare, plain), "class 0 lack their sigmoid");

  const exchanged = tinyPose(OPTIONS);
  for (const [name, tensor] of exchanged.initializers) {
    if (tensor.dims.length !== 2 || tensor.dims[0] !== 1 || tensor.dims[1] < 100) continue;
    const other = new Map([[8, 16], [16, 8], [32, 32]]);
    const values = floatsOf(tensor).map((stride) => other.get(stride)!);
    exchanged.initializers.set(name, floatTensor(name, tensor.dims, values));
  }
  const strides = await reasonAgainst(exchanged);
  assertStringIncludes(strides, "level of stride 8 is decoded with stride 16");

  const wrongChannel = identity();
  wrongChannel[8] = identity()[11];
  const confidence = await reasonAgainst(mixed(plain, wrongChannel), plain);
  assertStringIncludes(confidence, "confidence in row");
  assertStringIncludes(confidence, "which holds another value");

  const half = identity();
  half[7][7] = 0.5;
  half[7][6] = 0.5;
  const blended = await reasonAgainst(mixed(plain, half), plain);
  assertStringIncludes(blended, "its y of joint 0 is up to");

  const swapped = identity();
  [swapped[4], swapped[0]] = [swapped[0], swapped[4]];
  assertStringIncludes(await reasonAgainst(mixed(plain, swapped), plain), "its boxes are up to");
});

Deno.test("proveDecode() says when a model's own output is not finite", async () => {
  const plain = tinyPose(OPTIONS);
  const broken = identity();
  broken[3][3] = Infinity;
  assertStringIncludes(await reasonAgainst(mixed(plain, broken), plain), "not finite");
});
