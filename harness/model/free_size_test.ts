import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { readOnnxFile } from "./onnx/onnx_file.ts";
import {
  DATA_TYPE,
  floatTensor,
  intTensor,
  type OnnxModel,
  type OnnxNode,
} from "./onnx/onnx_file.ts";
import { inferShapes } from "./onnx/shapes.ts";
import { findPoseHead } from "./head.ts";
import { expandHalf } from "./onnx/half.ts";
import { withSizesFor } from "./free_size.ts";
import { cutModel, resizedModel, sizeFreeModel } from "./surgery.ts";
import { largestDifference, runOnnx } from "./testdata/run_onnx.ts";
import { sharedModel } from "./testdata/shared.ts";
import { needs } from "../testdata/needs.ts";

/**
 * Attention as exporters spell it for one size: over all cells (YOLO11's), and over four areas of
 * rows with the channels last (YOLO12's). Two heads, eight channels.
 */
function attention(heightPx: number, widthPx: number): OnnxModel {
  const [height, width] = [heightPx / 8, widthPx / 8];
  const cells = height * width;
  const initializers: OnnxModel["initializers"] = new Map();
  const nodes: OnnxNode[] = [];
  const op = (
    opType: string,
    inputs: string[],
    attributes: OnnxNode["attributes"] = new Map(),
  ): string => {
    const name = `${opType}${nodes.length}`;
    nodes.push({ name, opType, domain: "", inputs, outputs: [`${name}_out`], attributes });
    return `${name}_out`;
  };
  const ints = (name: string, value: number[]) =>
    new Map([[name, { type: "ints" as const, value }]]);
  const reshape = (input: string, sizes: number[]) => {
    const name = `shape${nodes.length}`;
    initializers.set(name, intTensor(name, [sizes.length], sizes));
    return op("Reshape", [input, name]);
  };
  const transpose = (input: string, perm: number[]) => op("Transpose", [input], ints("perm", perm));
  const conv = (input: string, channels: number, from: number, stride: number) => {
    const name = `weights${nodes.length}`;
    const values = Array.from({ length: channels * from }, (_, i) => Math.sin(7 * i + channels));
    initializers.set(name, floatTensor(name, [channels, from, 1, 1], values));
    return op("Conv", [input, name], ints("strides", [stride, stride]));
  };
  const softmax = (input: string) =>
    op("Softmax", [input], new Map([["axis", { type: "int", value: 3 }]]));
  const stem = conv("image", 8, 3, 8);
  const rows = reshape(stem, [1, 2, 4, cells]);
  const shares = softmax(op("MatMul", [transpose(rows, [0, 1, 3, 2]), rows]));
  const mixed = op("MatMul", [rows, transpose(shares, [0, 1, 3, 2])]);
  const all = reshape(mixed, [1, 8, height, width]);
  const flat = transpose(reshape(all, [1, 8, cells]), [0, 2, 1]);
  const areas = reshape(flat, [4, cells / 4, 8]);
  const heads = transpose(reshape(areas, [4, cells / 4, 2, 4]), [0, 2, 1, 3]);
  const own = softmax(op("MatMul", [heads, transpose(heads, [0, 1, 3, 2])]));
  const joined = transpose(op("MatMul", [own, heads]), [0, 2, 1, 3]);
  const back = reshape(reshape(joined, [1, cells, 8]), [1, height, width, 8]);
  const output = transpose(back, [0, 3, 1, 2]);
  return {
    irVersion: 6,
    producer: "free_size_test",
    opset: 13,
    otherOpsets: new Map(),
    metadata: new Map(),
    graphName: "attention",
    nodes,
    initializers,
    inputs: [{ name: "image", dataType: DATA_TYPE.float, dims: [1, 3, heightPx, widthPx] }],
    outputs: [{ name: output, dataType: DATA_TYPE.float, dims: null }],
  };
}

Deno.test("withSizesFor() gives the graph that an export at the other size is, from square, upright and wide ones", async () => {
  for (const [height, width] of [[96, 96], [128, 64], [64, 160]]) {
    for (const [newHeight, newWidth] of [[64, 96], [160, 160], [96, 224], [128, 64]]) {
      const made = attention(newHeight, newWidth);
      const freed = withSizesFor(attention(height, width), "image", newHeight, newWidth);
      const sized = { ...freed, inputs: made.inputs };
      const [name] = made.outputs.map((output) => output.name);
      const [a, b] = [
        await runOnnx(sized, newHeight, newWidth),
        await runOnnx(made, newHeight, newWidth),
      ];
      assertEquals(a[name].dims, [1, 8, newHeight / 8, newWidth / 8]);
      assertEquals(largestDifference(a[name].data, b[name].data), 0);
    }
  }
});

Deno.test("withSizesFor() leaves a Reshape alone when it can't tell which of its numbers grows", () => {
  // four areas of four cells: both are 4
  const freed = withSizesFor(attention(32, 32), "image", 64, 64);
  const { shapes } = inferShapes(freed, new Map([["image", [1, 3, 64, 64]]]));
  assertEquals(shapes.get(freed.outputs[0].name), undefined);
});

Deno.test({
  name:
    "resizedModel() frees the attention of the real YOLO11, and --shape rect is refused with what to type instead",
  ...needs("shared"),
  fn: async () => {
    const label = "yolo11n-pose-silu.onnx";
    const model = expandHalf((await readOnnxFile(sharedModel(label))).model);
    const head = findPoseHead(model, label);
    const { model: cut } = cutModel(model, head, "raw", null);
    const sized = resizedModel(cut, head, 160, 96, label);
    assertEquals(sized.outputs.map(({ dims }) => dims), [
      [1, 12, 20, 116],
      [1, 6, 10, 116],
      [1, 3, 5, 116],
    ]);
    const { out0 } = await runOnnx(sized, 96, 160);
    assertEquals(out0.dims, [1, 12, 20, 116]);
    assertThrows(() => sizeFreeModel(cut, head, label), HarnessError, "as --shape WIDTHxHEIGHT");
  },
});
