import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import * as path from "@std/path";
import type { BuiltRunner } from "../toolchain/runner.ts";
import type { VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { sha256Hex } from "../hash.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import { NO_SETTINGS } from "../record/run_settings.ts";
import type { VariantManifest } from "../record/variant.ts";
import type { Side } from "../run/experiment.ts";
import { choiceOfId, readPreparedFolder } from "./own_sides.ts";
import { pairSides } from "./sides.ts";
import { readSideName } from "./side_names.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

const ID = "m.relu-speedonly.raw.fp16.rect640.pnnx-optimized";
const OPTIONS: VariantOptions = {
  models: ["m.onnx"],
  activations: null,
  heads: ["raw"],
  precisions: ["fp32", "fp16"],
  shapes: [{ mode: "own" }],
  converters: ["pnnx"],
};

function side(id: string, change: Partial<VariantManifest> = {}): Side {
  return {
    name: id,
    variant: { manifest: testManifest({ id, ...change }), dir: "/nowhere" },
    build: () => Promise.resolve({} as BuiltRunner),
  };
}

Deno.test("readSideName() tells commits, prepared folders, runs, variants and the newest run apart", async () => {
  await inTempFolder(async (folder) => {
    const [variant, run, other] = ["variant", "run", "other"].map((name) =>
      path.join(folder, name)
    );
    for (const dir of [variant, run, other]) await Deno.mkdir(dir);
    await Deno.writeTextFile(path.join(variant, "manifest.json"), "{}");
    await Deno.writeTextFile(path.join(run, "records.jsonl"), "");
    const read = (text: string) => readSideName("--baseline", text);
    assertEquals(await read("git:main"), { kind: "git", ref: "main" });
    assertEquals(await read("latest"), { kind: "latest" });
    assertEquals(await read(variant), { kind: "folder", dir: variant });
    assertEquals(await read(run), { kind: "run", dir: run });
    assertEquals(await read(ID), { kind: "variant", id: ID });
    for (const text of [other, "git:", "git:--upload-pack=x", "no-such-folder", "a.b.c"]) {
      const error = await assertRejects(() => read(text), HarnessError);
      assertEquals(error.code, "bad-option");
      assertStringIncludes(error.message, "--baseline");
    }
  });
});

Deno.test("choiceOfId() asks for exactly the variant of the id", () => {
  assertEquals(choiceOfId(ID, OPTIONS), {
    models: ["m.onnx"],
    activations: ["relu"],
    heads: ["raw"],
    branches: ["o2m"],
    precisions: ["fp16"],
    shapes: [{ mode: "rect", longSidePx: 640 }],
    converters: ["pnnx-optimized"],
    settings: [NO_SETTINGS],
  });
  for (const text of ["m", "m.silu.raw.fp8.64x64.pnnx", "m.silu.raw.fp32.64.pnnx", `${ID}.x`]) {
    assertEquals(choiceOfId(text, OPTIONS), null, text);
  }
});

Deno.test("pairSides() pairs by id, gives the same variant two ids, and takes one of each whatever its id", () => {
  const ids = (pairs: ReturnType<typeof pairSides>) =>
    pairs.map(({ baseline, candidate }) => [
      baseline.variant.manifest.id,
      candidate.variant.manifest.id,
    ]);
  assertEquals(ids(pairSides([side("a"), side("b")], [side("b"), side("a")])), [
    ["b.baseline", "b"],
    ["a.baseline", "a"],
  ]);
  assertEquals(ids(pairSides([side("a")], [side("b")])), [["a", "b"]]);
  assertEquals(
    ids(pairSides(
      [side("m.silu", { model: "m" }), side("b", { model: "b" })],
      [side("b", { model: "b" }), side("m.relu", { model: "m" })],
    )),
    [["b.baseline", "b"], ["m.silu", "m.relu"]],
  );
  const others = [side("a", { model: "a" }), side("b", { model: "b" })];
  const error = assertThrows(
    () => pairSides(others, [side("a", { model: "a" }), side("c", { model: "c" })]),
    HarnessError,
    '"c"',
  );
  assertEquals(error.code, "bad-option");
});

Deno.test("readPreparedFolder() refuses a file that is not the one of the manifest, and a missing one", async () => {
  await inTempFolder(async (folder) => {
    const file = async (name: string) => {
      const bytes = new TextEncoder().encode(name);
      await Deno.writeFile(path.join(folder, name), bytes);
      return { file: name, bytes: bytes.length, sha256: await sha256Hex(bytes) };
    };
    const manifest = testManifest({
      param: { ...await file("m.param"), layers: 1, blobs: 1, fusedActivations: 0 },
      bin: await file("m.bin"),
      referenceOnnx: await file("m.onnx"),
    });
    await Deno.writeTextFile(path.join(folder, "manifest.json"), JSON.stringify(manifest));
    assertEquals(await readPreparedFolder(folder), { manifest, dir: folder, modelFile: folder });
    await Deno.writeTextFile(path.join(folder, "m.bin"), "other weights");
    const changed = await assertRejects(() => readPreparedFolder(folder), HarnessError, "m.bin");
    assertEquals(changed.code, "hash-mismatch");
    await Deno.remove(path.join(folder, "m.bin"));
    await assertRejects(() => readPreparedFolder(folder), HarnessError, "no such file");
    await Deno.writeTextFile(path.join(folder, "manifest.json"), "{}");
    const unread = await assertRejects(() => readPreparedFolder(folder), HarnessError);
    assertEquals(unread.code, "bad-record");
  });
});
