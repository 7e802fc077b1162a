import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { NCNN_VERSIONS } from "../toolchain/ncnn_versions.ts";
import { PNNX_WHEELS } from "../toolchain/pnnx_versions.ts";
import { requireUse } from "./side_kinds.ts";
import { readSideName } from "./side_names.ts";

const read = (text: string) => readSideName("--candidate", text);

Deno.test("readSideName() takes tools by version where it is known, and by path", async () => {
  await inTempFolder(async (folder) => {
    const tree = path.join(folder, "ncnn");
    await Deno.mkdir(path.join(tree, "src"), { recursive: true });
    for (const file of ["CMakeLists.txt", "src/net.cpp"]) {
      await Deno.writeTextFile(path.join(tree, file), "");
    }
    const pnnx = path.join(folder, "pnnx");
    await Deno.writeTextFile(pnnx, "a program");
    for (
      const [tool, version] of [
        ["ncnn", "20250503"],
        ["ncnn", tree],
        ["pnnx", "20261020"],
        ["pnnx", pnnx],
        ["pnnx", folder],
        ["ultralytics", "8.4.190"],
      ]
    ) {
      assertEquals(await read(`${tool}:${version}`), { kind: "tool", tool, version } as never);
    }
  });
});

Deno.test("readSideName() refuses a tool's unknown version with those that it knows, and says to give a path", async () => {
  const cases: [string, string][] = [
    ["ncnn:20990101", Object.keys(NCNN_VERSIONS)[0]],
    ["pnnx:20990101", Object.keys(PNNX_WHEELS)[0]],
    ["ultralytics:latest", "8.4.190"],
    ["ncnn:", "a version or a path"],
    ["ncnn:toString", "20250503"],
  ];
  for (const [text, known] of cases) {
    const error = await assertRejects(() => read(text), HarnessError);
    assertEquals(error.code, "bad-option");
    assertStringIncludes(error.message, `--candidate "${text}"`);
    assertStringIncludes(error.message, known);
    assert(/path|folder/.test(error.message), error.message);
  }
});

Deno.test("readSideName() takes a model's file", async () => {
  await inTempFolder(async (folder) => {
    const model = path.join(folder, "best.onnx");
    await Deno.writeTextFile(model, "");
    assertEquals(await read(model), { kind: "model", model });
    await assertRejects(
      () => read(path.join(folder, "other.onnx")),
      HarnessError,
      "no such folder",
    );
  });
});

Deno.test("versions of tools are pinned by a whole hash", () => {
  for (const { sha256 } of Object.values(NCNN_VERSIONS)) assert(/^[0-9a-f]{64}$/.test(sha256));
  const wheels = Object.values(PNNX_WHEELS).flatMap((hashes) => Object.values(hashes));
  assert(wheels.length > 20 && wheels.every((sha256) => /^[0-9a-f]{64}$/.test(sha256)));
  assertEquals(new Set(wheels).size, wheels.length);
});

Deno.test("requireUse() refuses a tool that takes no part in what is made", () => {
  const tool = (tool: "ncnn" | "pnnx" | "ultralytics") =>
    ({ kind: "tool", tool, version: "1" }) as const;
  const onnx = { models: ["m.onnx"], converters: ["onnx2ncnn"] as const };
  requireUse(tool("ncnn"), { ...onnx, converters: [...onnx.converters] });
  for (const each of ["pnnx", "ultralytics"] as const) {
    const error = assertThrows(
      () => requireUse(tool(each), { ...onnx, converters: [...onnx.converters] }),
      HarnessError,
      "nothing would differ",
    );
    assertEquals(error.code, "bad-option");
  }
  requireUse(tool("pnnx"), { ...onnx, converters: ["pnnx"] });
  requireUse(tool("ultralytics"), { models: ["m.pt"], converters: ["pnnx"] });
});
