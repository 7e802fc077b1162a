import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { SILENT } from "../../progress.ts";
import { sha256Hex } from "../../hash.ts";
import { resolveModel, SHIPPED_MODELS_FOLDER, shippedNames } from "./resolve_model.ts";
import { inTempFolder } from "../../testdata/temp_folder.ts";
import { checkpointOf, fakePython } from "./testdata/checkpoints.ts";

const CHECKPOINT = checkpointOf();

Deno.test("resolveModel() gives an ONNX path back as an absolute one", async () => {
  const resolved = await resolveModel("a/b.onnx", { progress: SILENT });
  assertEquals(resolved, path.resolve("a/b.onnx"));
});

Deno.test("resolveModel() finds a shipped model by its name", () =>
  inTempFolder(async (folder) => {
    const sha256 = "0".repeat(64);
    const manifest = { schemaVersion: 1, name: "tiny", file: "tiny-v2.onnx", sha256 };
    await Deno.writeTextFile(path.join(folder, "tiny.json"), JSON.stringify(manifest));
    const context = { progress: SILENT, shippedFolder: folder };
    assertEquals(await resolveModel("tiny", context), path.join(folder, "tiny-v2.onnx"));
    const error = await assertRejects(() => resolveModel("tinny", context), HarnessError);
    assertEquals(error.code, "bad-option");
    assertStringIncludes(error.message, "tiny, yolov8n-pose");
  }));

Deno.test("resolveModel() finds every model that the project ships", async () => {
  for (const name of await shippedNames(SHIPPED_MODELS_FOLDER)) {
    const file = await resolveModel(name, { progress: SILENT });
    assertEquals((await Deno.stat(file)).isFile, true);
  }
});

Deno.test("resolveModel() exports a checkpoint once and keeps the result by its content", () =>
  inTempFolder(async (folder) => {
    const log = path.join(folder, "calls");
    const python = await fakePython(folder, `echo x >> "${log}"; cp "$3" "$5"`);
    const file = path.join(folder, "best.pt");
    await Deno.writeFile(file, CHECKPOINT);
    const context = { progress: SILENT, root: path.join(folder, "cache"), python };
    const first = await resolveModel(file, context);
    assertEquals(path.basename(first), "best.onnx");
    assertEquals(await Deno.readFile(first), CHECKPOINT);
    assertEquals(await resolveModel(file, context), first);
    assertEquals(await Deno.readTextFile(log), "x\n");
    assertEquals([...Deno.readDirSync(path.dirname(first))].map((entry) => entry.name), [
      "best.onnx",
    ]);
    await Deno.writeFile(file, checkpointOf({ version: "8.3.6" }));
    assertEquals(await resolveModel(file, context) === first, false);
  }));

Deno.test("resolveModel() says what is wrong with a checkpoint that can't be exported", () =>
  inTempFolder(async (folder) => {
    const file = path.join(folder, "best.pt");
    const context = { progress: SILENT, root: path.join(folder, "cache") };
    await assertRejects(() => resolveModel(file, context), HarnessError, "no such file");
    await Deno.writeTextFile(file, "<html>");
    await assertRejects(
      () => resolveModel(file, context),
      HarnessError,
      "not a PyTorch checkpoint",
    );
    await Deno.writeFile(file, CHECKPOINT);
    const python = await fakePython(folder, "echo 'AssertionError' >&2; exit 1");
    const error = await assertRejects(
      () => resolveModel(file, { ...context, python }),
      HarnessError,
    );
    assertEquals(error.code, "bad-model");
    assertEquals(error.stderrTail, ["AssertionError"]);
  }));

Deno.test("resolveModel() asks for the hash of a published checkpoint that is not pinned", async () => {
  const ask = await assertRejects(
    () => resolveModel("yolov8m-pose", { progress: SILENT }),
    HarnessError,
  );
  assertEquals(ask.code, "bad-option");
  assertStringIncludes(ask.message, "yolov8m-pose@sha256:HEX");
  assertStringIncludes(ask.message, "releases/tag/v8.3.0");
  for (const name of ["yolo11s-pose", "yolo26n-pose", "yolo26s-pose", "yolo26m-pose"]) {
    const other = await assertRejects(() => resolveModel(name, { progress: SILENT }), HarnessError);
    assertStringIncludes(
      other.message,
      `releases/tag/${name.startsWith("yolo26") ? "v8.4.0" : "v8.3.0"}`,
    );
  }
  const bad = await assertRejects(
    () => resolveModel("yolov8m-pose@sha256:12", { progress: SILENT }),
    HarnessError,
  );
  assertStringIncludes(bad.message, "64 hexadecimal digits");
});

async function withMirror(
  answer: () => Response,
  test: () => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  Deno.env.set("POSEMARK_MODEL_BASE_URL", `http://127.0.0.1:${server.addr.port}/release`);
  try {
    await test();
  } finally {
    Deno.env.delete("POSEMARK_MODEL_BASE_URL");
    await server.shutdown();
  }
}

Deno.test("resolveModel() downloads and exports a published checkpoint, once", () =>
  inTempFolder(async (folder) => {
    let served = 0;
    await withMirror(() => {
      served++;
      return new Response(CHECKPOINT);
    }, async () => {
      const python = await fakePython(folder, 'cp "$3" "$5"');
      const context = { progress: SILENT, root: path.join(folder, "cache"), python };
      const name = `yolov8s-pose@sha256:${await sha256Hex(CHECKPOINT)}`;
      const file = await resolveModel(name, context);
      assertEquals(path.basename(file), "yolov8s-pose.onnx");
      assertEquals(await resolveModel(name, context), file);
      assertEquals(served, 1);
    });
  }));

Deno.test("resolveModel() refuses a published checkpoint with another hash than the pinned one", () =>
  inTempFolder((folder) =>
    withMirror(() => new Response(CHECKPOINT), async () => {
      const error = await assertRejects(
        () => resolveModel("yolov8n-pose", { progress: SILENT, root: folder }),
        HarnessError,
      );
      assertEquals(error.code, "hash-mismatch");
    })
  ));

Deno.test("resolveModel() names the two ways to get the file when the network is in the way", () =>
  inTempFolder((folder) =>
    withMirror(() => new Response(null, { status: 404 }), async () => {
      const error = await assertRejects(
        () => resolveModel("yolo11n-pose", { progress: SILENT, root: folder }),
        HarnessError,
      );
      assertEquals([error.code, error.exitCode], ["download-failed", 3]);
      assertStringIncludes(error.message, `put the file there yourself (${folder}`);
      assertStringIncludes(error.message, "yolo export model=yolo11n-pose.pt format=onnx");
    })
  ));
