import { assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { plainExport } from "./exported.ts";
import { findPoseHead } from "./head.ts";
import { DATA_TYPE, floatTensor, intTensor, type OnnxModel } from "./onnx/onnx_file.ts";
import { largestDifference, runOnnx } from "./testdata/run_onnx.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";

const node = (opType: string, inputs: string[], outputs: string[], attributes = {}) => ({
  name: outputs[0],
  opType,
  domain: "",
  inputs,
  outputs,
  attributes: new Map(
    Object.entries(attributes).map(([name, value]) => [
      name,
      Array.isArray(value)
        ? { type: "ints" as const, value: value as number[] }
        : { type: "int" as const, value: value as number },
    ]),
  ),
});

async function assertSameValues(plain: OnnxModel, exported: OnnxModel): Promise<void> {
  const [name] = plain.outputs.map((output) => output.name);
  const outputs = [{ name, dataType: DATA_TYPE.float, dims: null }];
  const expected = await runOnnx({ ...exported, outputs }, 64, 96);
  const found = await runOnnx(plain, 64, 96);
  assertEquals([...found[name].dims], [...expected[name].dims]);
  assertLess(largestDifference(found[name].data, expected[name].data), 1e-6);
}

Deno.test("plainExport() leaves an export that is plain already as it is", () => {
  const model = tinyPose();
  assertEquals(plainExport(model, "m.onnx"), {
    model,
    selection: { by: "none", nmsIou: null, count: null },
    selecting: null,
    warnings: [],
  });
});

Deno.test("plainExport() takes the size of a free input from the metadata, and says so", async () => {
  const fixed = tinyPose();
  const free = {
    ...fixed,
    inputs: [{ ...fixed.inputs[0], dims: ["batch", 3, "height", "width"] }],
    metadata: new Map([["imgsz", "[64, 96]"]]),
  };
  const { model, warnings } = plainExport(free, "m.onnx");
  assertEquals(model.inputs[0].dims, [1, 3, 64, 96]);
  assertEquals(warnings.map(({ code }) => code), ["free-size"]);
  assertEquals(findPoseHead(model, "m.onnx").levels.length, 3);
  await assertSameValues(model, fixed);
  free.metadata = new Map();
  assertEquals(plainExport(free, "m.onnx").model.inputs[0].dims, [1, 3, 640, 640]);
});

Deno.test("plainExport() cuts a batch to one image, also in the shapes that nodes ask for", async () => {
  const single = tinyPose();
  const batch = tinyPose();
  batch.inputs[0].dims = [4, 3, 64, 96];
  for (const { opType, inputs: [, target] } of batch.nodes) {
    const tensor = opType === "Reshape" ? batch.initializers.get(target) : undefined;
    if (tensor === undefined) continue;
    const values = [...new BigInt64Array(tensor.data.slice().buffer)].map(Number);
    batch.initializers.set(target, intTensor(target, tensor.dims, [4, ...values.slice(1)]));
  }
  const { model } = plainExport(batch, "m.onnx");
  await assertSameValues(model, single);
});

Deno.test("plainExport() cuts NMS off behind the values of the cells, and reads its threshold", async () => {
  const plain = tinyPose();
  const [{ name }] = plain.outputs;
  const joined = plain.nodes.find(({ outputs }) => outputs[0] === name)!;
  const scores = joined.inputs[1];
  const nms: OnnxModel = {
    ...plain,
    outputs: [{ name: "kept", dataType: DATA_TYPE.int64, dims: null }],
    initializers: new Map([
      ...plain.initializers,
      ["most", intTensor("most", [1], [300])],
      ["iou", floatTensor("iou", [1], [0.5])],
    ]),
    nodes: [
      ...plain.nodes,
      node("Transpose", [joined.inputs[0]], ["boxes"], { perm: [0, 2, 1] }),
      node("NonMaxSuppression", ["boxes", scores, "most", "iou"], ["kept"]),
      node("Transpose", [name], ["rows"], { perm: [0, 2, 1] }),
    ],
  };
  nms.nodes.push(node("Gather", ["rows", "kept"], ["chosen"], { axis: 1 }));
  nms.outputs = [{ name: "chosen", dataType: DATA_TYPE.float, dims: null }];
  const { model, selection, warnings } = plainExport(nms, "m.onnx");
  assertEquals(selection, { by: "nms", nmsIou: 0.5, count: null });
  assertEquals(warnings.map(({ code }) => code), ["nms-cut-off"]);
  assertEquals(model.outputs.map((output) => output.name), [name]);
  await assertSameValues(model, plain);
});

Deno.test("plainExport() cuts the best k off behind the values of the cells", () => {
  const plain = tinyPose();
  const [{ name }] = plain.outputs;
  const best: OnnxModel = {
    ...plain,
    outputs: [{ name: "taken", dataType: DATA_TYPE.float, dims: null }],
    initializers: new Map([...plain.initializers, ["k", intTensor("k", [1], [7])]]),
    nodes: [
      ...plain.nodes,
      node("Transpose", [name], ["rows"], { perm: [0, 2, 1] }),
      node("ReduceMax", ["rows"], ["best"], { axes: [2], keepdims: 0 }),
      node("TopK", ["best", "k"], ["values", "places"]),
      node("Gather", ["rows", "places"], ["taken"], { axis: 1 }),
    ],
  };
  const { model, selection } = plainExport(best, "m.onnx");
  assertEquals(selection, { by: "top-k", nmsIou: null, count: 7 });
  assertEquals(model.outputs.map((output) => output.name), [name]);
});

Deno.test("plainExport() takes the bytes of an image as shares of 255, and refuses other ways of scaling", async () => {
  const plain = tinyPose();
  const [{ name }] = plain.inputs;
  const bytes = (divisor: number): OnnxModel => ({
    ...plain,
    inputs: [{ ...plain.inputs[0], name: "bytes", dataType: DATA_TYPE.uint8 }],
    initializers: new Map([...plain.initializers, ["full", floatTensor("full", [], [divisor])]]),
    nodes: [
      node("Cast", ["bytes"], ["floats"], { to: DATA_TYPE.float }),
      node("Div", ["floats", "full"], [name]),
      ...plain.nodes,
    ],
  });
  const { model } = plainExport(bytes(255), "m.onnx");
  assertEquals(model.inputs[0].dataType, DATA_TYPE.float);
  const output = plain.outputs[0].name;
  const found = await runOnnx(model, 64, 96);
  assertEquals(found[output].data, (await runOnnx(plain, 64, 96))[output].data);
  assertThrows(() => plainExport(bytes(128), "m.onnx"), HarnessError, "divide them by 255");
});

Deno.test("plainExport() refuses grey images, channels that come last and quantised files by name", () => {
  const refused = (change: (model: OnnxModel) => void) => {
    const model = tinyPose();
    change(model);
    const error = assertThrows(() => plainExport(model, "m.onnx"), HarnessError);
    assertEquals(error.code, "bad-model");
    return error.message;
  };
  const grey = refused((model) => model.inputs[0].dims = [1, 1, 64, 96]);
  assertEquals(grey.includes("grey image"), true, grey);
  const last = refused((model) => model.inputs[0].dims = [1, 64, 96, 3]);
  assertEquals(last.includes("channels last"), true, last);
  const quantised = refused((model) => model.nodes[3].opType = "QuantizeLinear");
  assertEquals(quantised.includes("--precision int8"), true, quantised);
});

Deno.test("plainExport() keeps the decoded output alone, in whatever place among others, and says so", () => {
  const model = tinyPose({ style: "apart" });
  const { kpt, cls } = findPoseHead(model, "m.onnx").levels[0];
  const flat = model.nodes.find(({ inputs }) => inputs[0] === kpt)!.outputs[0];
  const [decoded] = model.outputs;
  const extra = [flat, cls].map((name) => ({ name, dataType: DATA_TYPE.float, dims: null }));
  const { model: plain, warnings } = plainExport(
    { ...model, outputs: [extra[0], decoded, extra[1]] },
    "m.onnx",
  );
  assertEquals(plain.outputs.map(({ name }) => name), [decoded.name]);
  assertEquals(plain.nodes.length, model.nodes.length);
  assertEquals(warnings.map(({ code }) => code), ["extra-outputs"]);
  assertStringIncludes(warnings[0].message, `"${flat}", "${cls}" are left out`);
});
