import { assertEquals } from "@std/assert";
import * as path from "@std/path";
import { newCandidates, rowAt } from "../head/candidates.ts";
import { readFloats, readRunnerStages, writeReferenceFiles } from "./stage_files.ts";

Deno.test("writeReferenceFiles() writes little-endian float32 under the names of the stages command", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const candidates = newCandidates(
      [{ level: 0, stride: 8, cell: 0, score: 0.5, classIndex: 0 }],
      1,
    );
    rowAt(candidates, 0).set([1, 2, 3, 4, 0.5, 0, 7, 8, 0.25]);
    const tensor = Float32Array.of(1, -2.5);
    await writeReferenceFiles(folder, "a", { tensor }, [Float32Array.of(3)], candidates);
    assertEquals(
      await Deno.readFile(path.join(folder, "a.input.f32")),
      new Uint8Array([0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]),
    );
    assertEquals(await readFloats(path.join(folder, "a.out0.f32")), Float32Array.of(3));
    assertEquals(await readFloats(path.join(folder, "a.candidates.f32")), candidates.rows);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readRunnerStages() gives null for what the runner did not leave", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(path.join(folder, "a.nms.i32"), new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]));
    await Deno.writeFile(path.join(folder, "a.out1.f32"), new Uint8Array([0, 0, 0x80, 0x3f]));
    assertEquals(await readRunnerStages(folder, "a", 2), {
      preprocess: null,
      blobs: [null, Float32Array.of(1)],
      decode: null,
      nms: Int32Array.of(2, 0),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
