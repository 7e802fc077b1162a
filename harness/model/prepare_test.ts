import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { type Progress, SILENT } from "../progress.ts";
import {
  type Branch,
  filesOf,
  type VariantManifest,
  VariantManifestSchema,
} from "../record/variant.ts";
import type { VariantOptions } from "../config.ts";
import { fusedPairs } from "./convert/onnx2ncnn.ts";
import { pinnedTools } from "./convert/tools.ts";
import { sha256Hex } from "../hash.ts";
import { readGraph } from "./inspect/inspect.ts";
import { decodeOnnx, encodeOnnx } from "./onnx/onnx_file.ts";
import {
  type ExportSize,
  type PrepareContext,
  type PreparedVariant,
  prepareWith,
} from "./prepare.ts";
import { readVariantStages } from "./inspect/variant_stages.ts";
import { writeWithExternalWeights } from "./testdata/external_weights.ts";
import { sharedModel } from "./testdata/shared.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";
import { needs } from "../testdata/needs.ts";

const OPTIONS: Omit<VariantOptions, "models"> = {
  activations: null,
  heads: ["raw"],
  precisions: ["fp32"],
  shapes: [{ mode: "own" }],
  converters: ["pnnx"],
  calibrationImages: path.resolve(import.meta.dirname!, "../../fixtures"),
};

const tools = pinnedTools({ progress: SILENT });

/** A folder with a cache of its own, and the titles of all work that was announced. */
interface Bench {
  folder: string;
  steps: string[];
  prepare(
    options: Partial<VariantOptions>,
    outDir?: string,
    resolveModel?: PrepareContext["resolveModel"],
  ): Promise<PreparedVariant[]>;
}

async function withBench(test: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const steps: string[] = [];
  const progress: Progress = {
    step(title) {
      steps.push(title);
      return { update() {}, done() {} };
    },
  };
  const context = {
    cacheRoot: path.join(folder, "cache"),
    tools,
    resolveModel: (model: string) => Promise.resolve(model),
    progress,
  };
  try {
    await Deno.writeFile(path.join(folder, "tiny.onnx"), encodeOnnx(tinyPose()));
    await test({
      folder,
      steps,
      prepare: async (options, outDir, resolveModel = context.resolveModel) => {
        const asked = { models: [path.join(folder, "tiny.onnx")], ...OPTIONS, ...options };
        const prepared = await prepareWith(asked, {
          ...context,
          resolveModel,
          outDir: outDir ?? null,
        });
        return prepared.variants;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("prepareWith() takes a checkpoint's export at each size that is asked for, under one name", () =>
  withBench(async ({ folder, prepare }) => {
    const exported = async (_: string, __: Branch, size: ExportSize) => {
      const [heightPx, widthPx] = size ?? [64, 96];
      const file = path.join(folder, `${widthPx}x${heightPx}`, "best.onnx");
      await Deno.mkdir(path.dirname(file), { recursive: true });
      await Deno.writeFile(file, encodeOnnx(tinyPose({ widthPx, heightPx })));
      return file;
    };
    const fixed = (widthPx: number, heightPx: number) =>
      ({ mode: "fixed", widthPx, heightPx }) as const;
    const shapes = [fixed(64, 64), fixed(128, 96), { mode: "own" } as const];
    const prepared = await prepare(
      { models: ["best.pt"], shapes, heads: ["decoded"] },
      undefined,
      exported,
    );
    const sizes = prepared.map(({ manifest: { id, source } }) => [
      id.split(".").at(-2),
      `${source.inputWidthPx}x${source.inputHeightPx}`,
      id.split(".")[0],
    ]);
    assertEquals(sizes, [
      ["64x64", "64x64", "best"],
      ["128x96", "128x96", "best"],
      ["96x64", "96x64", "best"],
    ]);
  }));

Deno.test("prepareWith() leaves manifest, graph, weights, reference and log that agree with each other", () =>
  withBench(async ({ folder, prepare }) => {
    const out = path.join(folder, "out");
    const prepared = await prepare({
      activations: ["silu", "relu", "hardswish"],
      heads: ["raw", "raw-nchw", "decoded"],
    }, out);
    assertEquals(prepared.length, 9);
    for (const { manifest, dir } of prepared) {
      assertEquals(dir, path.join(out, manifest.id));
      const onDisk: VariantManifest = VariantManifestSchema.parse(
        JSON.parse(await Deno.readTextFile(path.join(dir, "manifest.json"))),
      );
      assertEquals(onDisk, manifest);
      for (const ref of filesOf(manifest)) {
        const bytes = await Deno.readFile(path.join(dir, ref.file));
        assertEquals([bytes.length, await sha256Hex(bytes)], [ref.bytes, ref.sha256]);
      }
      const graph = await readGraph(path.join(dir, "model.param"));
      assertEquals(graph.layers.length, manifest.param.layers);
      assertEquals(graph.inputs, [manifest.inputBlob]);
      assertEquals([...graph.outputs].sort(), manifest.outputs.map((one) => one.blob).sort());
      assertEquals(manifest.param.fusedActivations, manifest.activation === "silu" ? 0 : 14);
      assertEquals(manifest.logs, ["pnnx.log"]);
      assertStringIncludes(await Deno.readTextFile(path.join(dir, "pnnx.log")), "pass_ncnn");
      const reference = decodeOnnx(await Deno.readFile(path.join(dir, "reference.onnx")), "r");
      assertEquals(reference.outputs.length, 3);
      assertEquals(reference.inputs[0].dims, [1, 3, "height", "width"]);
      assertEquals(manifest.swapped, manifest.activation !== "silu");
      assertEquals(manifest.speedOnly, manifest.activation === "relu");
      assertEquals([manifest.classCount, manifest.keypointCount, manifest.keypointDims], [3, 5, 3]);
    }
    const roles = prepared.map(({ manifest }) => manifest.outputs.map((one) => one.role));
    assertEquals(roles.slice(0, 3), [
      ["raw", "raw", "raw"],
      ["box", "cls", "kpt", "box", "cls", "kpt", "box", "cls", "kpt"],
      ["decoded"],
    ]);
    assertEquals([...Deno.readDirSync(out)].length, 9);
  }));

Deno.test("prepareWith() makes each graph once, shares it between precisions, and notices damage", () =>
  withBench(async ({ steps, prepare }) => {
    const options = { precisions: ["fp32", "bf16", "fp16", "fp16-storage"] as const };
    const first = await prepare({ precisions: [...options.precisions] });
    assertEquals(steps.length, 2);
    assertEquals(new Set(first.map((one) => one.dir)).size, 2);
    const [fp32, bf16, fp16, fp16Storage] = first.map((one) => one.manifest.bin);
    assertEquals([bf16, fp16Storage], [fp32, fp16]);
    assert(fp16.bytes < 0.6 * fp32.bytes, `${fp16.bytes} of ${fp32.bytes}`);
    const again = await prepare({ precisions: [...options.precisions] });
    assertEquals(steps.length, 2);
    assertEquals(again, first);
    await Deno.writeTextFile(path.join(first[0].dir, "model.bin"), "damaged");
    assertEquals(await prepare({}), [first[0]]);
    assertEquals(steps.length, 3);
  }));

Deno.test("prepareWith() prepares other sizes and rectangles of raw heads", () =>
  withBench(async ({ prepare }) => {
    const [rect, small] = await prepare({
      shapes: [{ mode: "rect", longSidePx: 160 }, { mode: "fixed", widthPx: 64, heightPx: 32 }],
    });
    assertEquals(rect.manifest.id, "tiny.silu.raw.fp32.rect160.pnnx");
    assertEquals(rect.manifest.shape, { mode: "rect", widthPx: 160, heightPx: 160 });
    assertEquals(small.manifest.shape, { mode: "fixed", widthPx: 64, heightPx: 32 });
    assertEquals(rect.manifest.macs, small.manifest.macs * (160 * 160) / (64 * 32));
    assertEquals(rect.manifest.bin.sha256, small.manifest.bin.sha256);
  }));

Deno.test("prepareWith() tells two files of one name apart by their hash", () =>
  withBench(async ({ folder, prepare }) => {
    await Deno.mkdir(path.join(folder, "b"));
    const other = encodeOnnx(tinyPose({ seed: 2 }));
    await Deno.writeFile(path.join(folder, "b", "tiny.onnx"), other);
    const models = ["tiny.onnx", "b/tiny.onnx", "./tiny.onnx"].map((name) =>
      path.join(folder, name)
    );
    const prepared = await prepare({ models });
    assertEquals(prepared.length, 2);
    assertEquals(prepared[1].manifest.model, `tiny-${(await sha256Hex(other)).slice(0, 8)}`);
    assert(prepared[0].manifest.bin.sha256 !== prepared[1].manifest.bin.sha256);
  }));

Deno.test("prepareWith() tells models apart that differ in the weights beside them only, whether in time or in place", () =>
  withBench(async ({ folder, prepare }) => {
    const write = (seed: number, place: string) =>
      writeWithExternalWeights(tinyPose({ seed }), path.join(folder, place), "tiny.onnx");
    const models = [await write(1, "a")];
    const file = await Deno.readFile(models[0]);
    const [before] = await prepare({ models });
    assertEquals((await prepare({ models }))[0].manifest, before.manifest);
    models[0] = await write(2, "a");
    assertEquals(await Deno.readFile(models[0]), file, "only the weights beside it differ");
    const [after] = await prepare({ models });
    assertNotEquals(after.manifest.bin.sha256, before.manifest.bin.sha256);

    models.push(await write(3, "b"));
    const both = await prepare({ models });
    assertEquals(new Set(both.map(({ manifest }) => manifest.id)).size, 2);
    assertNotEquals(both[0].manifest.bin.sha256, both[1].manifest.bin.sha256);
  }));

Deno.test("prepareWith() keeps nothing of a conversion that failed", () =>
  withBench(async ({ folder, prepare }) => {
    await Deno.writeFile(path.join(folder, "cut.onnx"), encodeOnnx(tinyPose()).subarray(0, 5000));
    const error = await assertRejects(
      () => prepare({ models: [path.join(folder, "cut.onnx")] }),
      HarnessError,
    );
    assertEquals(error.code, "bad-model");
    await assertRejects(
      () => prepare({ shapes: [{ mode: "fixed", widthPx: 100, heightPx: 64 }] }),
      HarnessError,
      "multiples of 32",
    );
    const kept = path.join(folder, "cache", "conversion");
    const entries = await Deno.stat(kept).then(() => [...Deno.readDirSync(kept)], () => []);
    assertEquals(entries.filter((entry) => entry.isDirectory), []);
  }));

Deno.test("prepareWith() ends the conversions beside one that failed, and tells the first failure", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const model = path.join(folder, "tiny.onnx");
    await Deno.writeFile(model, encodeOnnx(tinyPose()));
    const ended: string[] = [];
    let asked = 0;
    const failing = {
      ...tools,
      pnnx: async () => {
        if (asked++ === 0) throw new HarnessError("convert-failed", "the first one fails");
        return await tools.pnnx();
      },
    };
    const progress: Progress = {
      step: (title) => ({ update() {}, done: () => void ended.push(title) }),
    };
    const asking = prepareWith({
      ...OPTIONS,
      models: [model],
      heads: ["raw", "raw-nchw", "decoded"],
    }, {
      cacheRoot: path.join(folder, "cache"),
      tools: failing,
      resolveModel: (name: string) => Promise.resolve(name),
      progress,
      outDir: null,
    });
    const error = await assertRejects(() => asking, HarnessError, "the first one fails");
    assertEquals(error.code, "convert-failed");
    // nothing goes on after that, and nothing was finished
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(ended, []);
    const left = [...Deno.readDirSync(path.join(folder, "cache", "conversion"))];
    assertEquals(left.filter((entry) => entry.isDirectory), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prepareWith() quantises every convolution to int8 when asked to", () =>
  withBench(async ({ prepare }) => {
    const [float, int8] = await prepare({ precisions: ["fp32", "int8"] });
    assert(int8.manifest.bin.bytes < 0.5 * float.manifest.bin.bytes);
    assertEquals(int8.manifest.logs, ["pnnx.log", "ncnn2table.log", "ncnn2int8.log"]);
    assertEquals(int8.manifest.tools.calibration, "aciq");
    const table = await Deno.readTextFile(path.join(int8.dir, "int8.table"));
    const scaled = table.split("\n").filter((line) => /_param_0 /.test(line)).length;
    const stages = await readVariantStages(int8.manifest, int8.dir);
    assertEquals(stages.map((stage) => stage.name), ["ONNX", "ncnn float", "ncnn int8"]);
    const { graph } = stages[2];
    assertEquals(scaled, graph.layers.filter((layer) => layer.type === "Convolution").length);
  }));

/**
 * Names of the convolution and activation pairs of YOLOv8n-pose, from its architecture: 63 of them.
 */
function yoloPairs(activation: string): Set<string> {
  const blocks: string[] = [];
  for (const i of [0, 1, 3, 5, 7, 16, 19]) blocks.push(`/model.${i}`);
  const repeats: [number, number][] = [[2, 1], [4, 2], [6, 2], [8, 1], [12, 1], [15, 1], [18, 1], [
    21,
    1,
  ]];
  for (const [i, count] of repeats) {
    blocks.push(`/model.${i}/cv1`, `/model.${i}/cv2`);
    for (let m = 0; m < count; m++) {
      blocks.push(`/model.${i}/m.${m}/cv1`, `/model.${i}/m.${m}/cv2`);
    }
  }
  blocks.push("/model.9/cv1", "/model.9/cv2");
  for (const branch of ["cv2", "cv3", "cv4"]) {
    for (const level of [0, 1, 2]) {
      for (const layer of [0, 1]) {
        blocks.push(`/model.22/${branch}.${level}/${branch}.${level}.${layer}`);
      }
    }
  }
  return new Set(blocks.map((block) => `${block}/conv/Conv ${block}/act/${activation}`));
}

Deno.test({
  name:
    "prepareWith() fuses the 63 pairs of yolov8n-pose by onnx2ncnn and ncnnoptimize, none with SiLU",
  ...needs("shared"),
  fn: () =>
    withBench(async ({ prepare }) => {
      const models = [sharedModel("yolov8n-pose-relu.onnx"), sharedModel("yolov8n-pose-silu.onnx")];
      const prepared = await prepare({
        models,
        activations: ["relu", "silu", "hardswish"],
        precisions: ["fp32", "fp16"],
        converters: ["onnx2ncnn"],
      });
      const stages = await readVariantStages(prepared[0].manifest, prepared[0].dir);
      assertEquals(stages.map((stage) => [stage.name, stage.graph.layers.length]), [
        ["ONNX", 175],
        ["ncnn", 194],
        ["ncnn optimised", 131],
      ]);
      const facts = await Promise.all(prepared.map(async ({ manifest, dir }) => ({
        activation: manifest.activation,
        fp16: manifest.precision === "fp16",
        pairs: fusedPairs(await Deno.readTextFile(path.join(dir, "ncnnoptimize.log"))),
        before: (await readGraph(path.join(dir, "converted.param"))).layers.length,
        after: manifest.param.layers,
        fused: manifest.param.fusedActivations,
        megabytes: Math.round(manifest.bin.bytes / 1e4) / 100,
      })));
      assertEquals(facts.length, 6);
      assertEquals(yoloPairs("Relu").size, 63);
      for (const { activation, fp16, pairs, before, after, fused, megabytes } of facts) {
        const names = activation === "relu" ? "Relu" : "Mul";
        const expected = activation === "silu" ? new Set<string>() : yoloPairs(names);
        assertEquals(pairs.length, expected.size);
        assertEquals(new Set(pairs), expected);
        assertEquals([before, after, fused], [194, 194 - expected.size, expected.size]);
        assertEquals(megabytes, fp16 ? 6.59 : 13.16);
      }
    }),
});

Deno.test({
  name: "prepareWith() gives the layers of yolov8n-pose that pnnx is known to give",
  ...needs("shared"),
  fn: () =>
    withBench(async ({ prepare }) => {
      const models = [sharedModel("yolov8n-pose-silu.onnx"), sharedModel("yolov8n-pose-relu.onnx")];
      const prepared = await prepare({ models, converters: ["pnnx-plain", "pnnx"] });
      assertEquals(
        prepared.map(({ manifest }) => [
          manifest.param.layers,
          manifest.param.fusedActivations,
          manifest.parameterCount,
          Math.round(manifest.macs / 1e6),
        ]),
        [[206, 0, 3289948, 4588], [194, 0, 3289948, 4588], [131, 63, 3289948, 4588], [
          131,
          63,
          3289948,
          4588,
        ]],
      );
    }),
});

Deno.test({
  name: "prepareWith() lists the passes over pnnx's graph, and pnnx-plain has none",
  ...needs("shared"),
  fn: () =>
    withBench(async ({ prepare }) => {
      const prepared = await prepare({
        models: [sharedModel("yolov8n-pose-silu.onnx")],
        activations: ["silu", "hardswish"],
        converters: ["pnnx", "pnnx-plain", "pnnx-optimized"],
      });
      const facts = await Promise.all(prepared.map(async ({ manifest, dir }) => [
        `${manifest.activation} ${manifest.converter}`,
        manifest.passes.map(({ name, count }) => `${name} ${count}`).join(),
        (await readVariantStages(manifest, dir)).map(({ name, graph }) =>
          `${name} ${graph.layers.length}`
        ).slice(1).join(),
        manifest.param.fusedActivations,
      ]));
      assertEquals(facts, [
        ["silu pnnx", "join-gate 6", "ncnn 206,ncnn optimised 194", 0],
        ["silu pnnx-plain", "", "ncnn 206", 0],
        ["silu pnnx-optimized", "join-gate 6", "ncnn 206,ncnn optimised 194", 0],
        ["hardswish pnnx", "fuse-activation 63", "ncnn 194,ncnn optimised 131", 63],
        ["hardswish pnnx-plain", "", "ncnn 194", 0],
        ["hardswish pnnx-optimized", "fuse-activation 63", "ncnn 194,ncnn optimised 131", 63],
      ]);
    }),
});
