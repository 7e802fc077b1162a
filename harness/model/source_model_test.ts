import { assertEquals, assertNotEquals } from "@std/assert";
import * as path from "@std/path";
import { sha256Hex } from "../hash.ts";
import { encodeOnnx } from "./onnx/onnx_file.ts";
import { readSourceModel } from "./source_model.ts";
import { writeWithExternalWeights } from "./testdata/external_weights.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";

Deno.test("readSourceModel() has the hash of the file, and with weights beside it one that follows them too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const whole = path.join(folder, "whole.onnx");
    await Deno.writeFile(whole, encodeOnnx(tinyPose()));
    assertEquals(
      (await readSourceModel(whole)).sha256,
      await sha256Hex(await Deno.readFile(whole)),
    );

    const parted = await writeWithExternalWeights(tinyPose(), folder, "parted.onnx");
    const first = await readSourceModel(parted);
    const sizes = [parted, `${parted}.data`].map((file) => Deno.statSync(file).size);
    assertEquals(first.bytes, sizes[0] + sizes[1]);
    assertEquals((await readSourceModel(parted)).sha256, first.sha256);
    const weights = await Deno.readFile(`${parted}.data`);
    weights[0] ^= 1;
    await Deno.writeFile(`${parted}.data`, weights);
    const second = await readSourceModel(parted);
    assertNotEquals(second.sha256, first.sha256);
    assertEquals(second.bytes, first.bytes);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readSourceModel() has the names that the metadata give, and a warning where they contradict the graph", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = path.join(folder, "named.onnx");
    const metadata = new Map([
      ["names", "{0: 'cat', 1: 'dog', 2: 'horse'}"],
      ["kpt_names", "{0: ['a', 'b']}"],
    ]);
    await Deno.writeFile(file, encodeOnnx({ ...tinyPose(), metadata }));
    const { names, keypointNames, warnings } = await readSourceModel(file);
    assertEquals(names, ["cat", "dog", "horse"]);
    assertEquals(keypointNames, null);
    assertEquals(warnings.map(({ code }) => code), ["metadata-contradict"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
