import { assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { expandHalf } from "./half.ts";
import { findPoseHead } from "../head.ts";
import { DATA_TYPE, floatsOf, floatTensor, type OnnxModel, type OnnxTensor } from "./onnx_file.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";
import { largestDifference, runOnnx } from "../testdata/run_onnx.ts";

/** Returns the tensor as float16; the values must be exact in it. */
function asHalf(tensor: OnnxTensor): OnnxTensor {
  const halves = new Uint16Array(new Float16Array(floatsOf(tensor)).buffer);
  return {
    ...tensor,
    dataType: DATA_TYPE.float16,
    data: new Uint8Array(halves.buffer),
  };
}

/** Returns the model with float16 weights, and the one with the same weights as float32. */
function halved(withCasts: boolean): { half: OnnxModel; full: OnnxModel } {
  const half = tinyPose();
  const full = tinyPose();
  for (const node of half.nodes.filter((node) => node.opType === "Conv")) {
    node.inputs.slice(1).forEach((name, i) => {
      const tensor = asHalf(half.initializers.get(name)!);
      half.initializers.set(name, tensor);
      full.initializers.set(name, floatTensor(name, tensor.dims, floatsOf(tensor)));
      if (!withCasts) return;
      half.nodes.unshift({
        name: `cast ${name}`,
        opType: "Cast",
        domain: "",
        inputs: [name],
        outputs: [`${name} wide`],
        attributes: new Map([["to", { type: "int", value: DATA_TYPE.float }]]),
      });
      node.inputs[i + 1] = `${name} wide`;
    });
  }
  return { half, full };
}

for (const withCasts of [true, false]) {
  Deno.test(`expandHalf() gives the float32 model when weights are float16 ${withCasts ? "behind casts" : "as they are"}`, async () => {
    const { half, full } = halved(withCasts);
    const expanded = expandHalf(half);
    assertEquals(expanded.nodes, full.nodes);
    assertEquals(expanded.initializers, full.initializers);
    findPoseHead(expanded, "m.onnx");
    const [a, b] = [await runOnnx(expanded, 64, 96), await runOnnx(full, 64, 96)];
    const output = full.outputs[0].name;
    assertEquals(largestDifference(a[output].data, b[output].data), 0);
  });
}

Deno.test("expandHalf() turns a float16 input and output and their casts into float32", async () => {
  const model = tinyPose();
  const output = model.outputs[0].name;
  const cast = (from: string, to: string, type: number) => ({
    name: `cast ${from}`,
    opType: "Cast",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes: new Map([["to", { type: "int" as const, value: type }]]),
  });
  model.nodes.find((node) => node.inputs[0] === "x0")!.inputs[0] = "wide";
  model.nodes.unshift(cast("x0", "wide", DATA_TYPE.float));
  model.nodes.push(cast(output, "narrow", DATA_TYPE.float16));
  model.inputs[0].dataType = DATA_TYPE.float16;
  model.outputs = [{ ...model.outputs[0], name: "narrow", dataType: DATA_TYPE.float16 }];
  const expanded = expandHalf(model);
  assertEquals(expanded.inputs[0].dataType, DATA_TYPE.float);
  assertEquals(expanded.outputs[0].dataType, DATA_TYPE.float);
  const [a, b] = [await runOnnx(expanded, 64, 96), await runOnnx(tinyPose(), 64, 96)];
  assertLess(largestDifference(a.narrow.data, b[output].data), 1e-6);
});

Deno.test("expandHalf() returns the same model when nothing is float16", () => {
  const model = tinyPose();
  assertStrictEquals(expandHalf(model), model);
});

Deno.test("expandHalf() widens bfloat16 weights to the float32 values that they stand for", () => {
  const model = tinyPose();
  const name = model.nodes.find((node) => node.opType === "Conv")!.inputs[1];
  const { dims } = model.initializers.get(name)!;
  const values = Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => (i - 40) / 64);
  // the upper two of the four bytes, in little-endian order
  const data = floatTensor(name, dims, values).data.filter((_, i) => i % 4 >= 2);
  model.initializers.set(name, { name, dims, dataType: DATA_TYPE.bfloat16, data });
  assertEquals(expandHalf(model).initializers.get(name), floatTensor(name, dims, values));
});
