import { assertEquals, assertRejects } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { encodeOnnx } from "./onnx_file.ts";
import { openSession } from "./session.ts";
import { tinyModel } from "../../reference/testdata/tiny_model.ts";

Deno.test("openSession() runs a graph at any size when its size is symbolic", async () => {
  const model = encodeOnnx(tinyModel([1, 2, 3, 0, 0, 1], [0.5, 0]));
  await using session = await openSession(model, { threads: 1 });
  assertEquals(session.outputNames, ["out0"]);
  const tensor = Float32Array.of(1, 2, 10, 20, 100, 200);
  const [blob] = await session.blobs(tensor, { widthPx: 2, heightPx: 1 });
  assertEquals([...blob], [1 + 20 + 300 + 0.5, 2 + 40 + 600 + 0.5, 100, 200]);
  const [tall] = await session.blobs(tensor, { widthPx: 1, heightPx: 2 });
  assertEquals(tall.length, 4);
});

Deno.test("openSession() fails as bad-model when the bytes are no model, and a tensor of the wrong size is refused", async () => {
  const error = await assertRejects(
    () => openSession(new Uint8Array([1, 2, 3]), { threads: 1 }),
    HarnessError,
    "into onnxruntime",
  );
  assertEquals(error.code, "bad-model");
  await using session = await openSession(encodeOnnx(tinyModel([1, 2, 3, 0, 0, 1], [0, 0])), {
    threads: 1,
  });
  await assertRejects(
    () => session.blobs(new Float32Array(5), { widthPx: 2, heightPx: 1 }),
    RangeError,
    "5 values, expected 6",
  );
});
