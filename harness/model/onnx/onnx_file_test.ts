import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as path from "@std/path";
import onnxProto from "onnx-proto";
import { HarnessError } from "../../errors.ts";
import {
  decodeOnnx,
  encodeOnnx,
  floatsOf,
  halfToNumber,
  intsOf,
  readOnnxFile,
} from "./onnx_file.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";

const { onnx } = onnxProto;

function messageOf(bytes: Uint8Array): string {
  const error = assertThrows(() => decodeOnnx(bytes, "m.onnx"), HarnessError);
  assertEquals(error.code, "bad-model");
  assert(error.message.startsWith("Cannot use the model m.onnx: "), error.message);
  return error.message;
}

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("decodeOnnx() gives back what encodeOnnx() wrote", () => {
  const model = tinyPose();
  assertEquals(decodeOnnx(encodeOnnx(model), "m.onnx"), model);
});

Deno.test("decodeOnnx() says what the file is when it is not ONNX", () => {
  assert(messageOf(new Uint8Array()).includes("empty (0 bytes)"));
  assert(messageOf(text("PK\x03\x04 archive/data.pkl")).includes("PyTorch checkpoint"));
  assert(messageOf(text("version https://git-lfs.github.com/spec/v1\n")).includes("git lfs pull"));
  assert(messageOf(text("7767517\n3 3\n")).includes("ncnn .param"));
  assert(messageOf(text("<!DOCTYPE html><html>")).includes("web page"));
  assert(messageOf(text("just some text, no model")).includes("not ONNX"));
  assert(messageOf(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)).includes("ONNX"));
});

Deno.test("decodeOnnx() fails with a message at whatever byte the file is cut", () => {
  const bytes = encodeOnnx(tinyPose());
  for (let i = 1; i < 60; i++) {
    const cut = bytes.subarray(0, Math.floor(bytes.length * i / 60));
    assert(/ends too early|not an ONNX|not ONNX/.test(messageOf(cut)), `cut at ${cut.length}`);
  }
});

Deno.test("decodeOnnx() names the tensor when its bytes don't fit its shape", () => {
  const model = tinyPose();
  const [name, tensor] = [...model.initializers][0];
  model.initializers.set(name, { ...tensor, data: tensor.data.slice(4) });
  const message = messageOf(encodeOnnx(model));
  assert(message.includes(`"${name}"`) && message.includes("damaged"), message);
});

Deno.test("decodeOnnx() reads elements from typed fields as from raw bytes", () => {
  const proto = onnx.ModelProto.create({
    irVersion: 6,
    opsetImport: [{ domain: "", version: 11 }],
    graph: {
      node: [{ opType: "Relu", input: ["f"], output: ["y"] }],
      initializer: [
        { name: "f", dims: [2], dataType: 1, floatData: [1.5, -2] },
        { name: "i", dims: [3], dataType: 7, int64Data: [1, -1, 5000000000] },
        { name: "j", dims: [1], dataType: 6, int32Data: [-7] },
        { name: "h", dims: [2], dataType: 10, int32Data: [0x3c00, 0xc000] },
        { name: "d", dims: [1], dataType: 11, doubleData: [0.1] },
      ],
    },
  });
  const { initializers } = decodeOnnx(onnx.ModelProto.encode(proto).finish(), "m.onnx");
  assertEquals(floatsOf(initializers.get("f")!), [1.5, -2]);
  assertEquals(intsOf(initializers.get("i")!), [1, -1, 5000000000]);
  assertEquals(intsOf(initializers.get("j")!), [-7]);
  assertEquals(floatsOf(initializers.get("h")!), [1, -2]);
  assertEquals(floatsOf(initializers.get("d")!), [0.1]);
  assertThrows(() => floatsOf(initializers.get("i")!), TypeError);
  assertThrows(() => intsOf(initializers.get("f")!), TypeError);
});

Deno.test("decodeOnnx() reads elements of eight and four bits, and passes over types that it doesn't know", () => {
  const tensors = [
    { name: "float8", dims: [3], dataType: 17, int32Data: [1, 2, 0x80] },
    { name: "int4", dims: [3], dataType: 22, int32Data: [0x21, 0x03] },
    { name: "complex64", dims: [1], dataType: 14, floatData: [1, 2] },
  ];
  const proto = onnx.ModelProto.create({
    graph: {
      node: [{ opType: "Relu", input: ["x"], output: ["y"] }],
      initializer: tensors,
    },
  });
  const bytes = Uint8Array.from(onnx.ModelProto.encode(proto).finish());
  const { initializers } = decodeOnnx(bytes, "m.onnx");
  assertEquals([...initializers.values()].map(({ data }) => [...data]), [
    [1, 2, 0x80],
    [0x21, 0x03],
    [],
  ]);
});

Deno.test("halfToNumber() gives the values of IEEE 754 binary16", () => {
  const cases: [number, number][] = [
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0xc500, -5],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
  ];
  for (const [bits, value] of cases) assertEquals(halfToNumber(bits), value);
  assert(Number.isNaN(halfToNumber(0x7e00)));
});

async function withExternalWeights(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const write = (location: string) =>
      Deno.writeFile(
        path.join(folder, "m.onnx"),
        onnx.ModelProto.encode(onnx.ModelProto.create({
          irVersion: 6,
          opsetImport: [{ domain: "", version: 11 }],
          graph: {
            node: [{ opType: "Relu", input: ["f"], output: ["y"] }],
            initializer: [{
              name: "f",
              dims: [2],
              dataType: 1,
              dataLocation: 1,
              externalData: [
                { key: "location", value: location },
                { key: "offset", value: "4" },
                { key: "length", value: "8" },
              ],
            }],
          },
        })).finish(),
      );
    await write("m.data");
    await test(folder);
    await write("../outside.data");
    await assertRejects(
      () => readOnnxFile(path.join(folder, "m.onnx")),
      HarnessError,
      "outside.data",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readOnnxFile() reads weights beside the model, and names their file when it is missing", () =>
  withExternalWeights(async (folder) => {
    const file = path.join(folder, "m.onnx");
    await assertRejects(() => readOnnxFile(file), HarnessError, '"m.data", which is not beside it');
    await Deno.writeFile(
      path.join(folder, "m.data"),
      new Uint8Array(Float32Array.of(9, 1, 2, 9).buffer),
    );
    const { model } = await readOnnxFile(file);
    assertEquals(floatsOf(model.initializers.get("f")!), [1, 2]);
  }));

Deno.test("readOnnxFile() says that there is no such file", () =>
  assertRejects(() => readOnnxFile("/nowhere/m.onnx"), HarnessError, "no such file").then(
    () => {},
  ));
