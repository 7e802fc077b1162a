import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import { parseParam } from "../model/ncnn/param_file.ts";
import { readOnnxFile } from "../model/onnx/onnx_file.ts";
import { dotLengths } from "../reference/dot_lengths.ts";
import {
  type IntermediateTensors,
  intermediateTensors,
  readLayerDumps,
} from "../reference/intermediate.ts";
import { writeReferenceFiles } from "../reference/stage_files.ts";
import { tinyModel } from "../reference/testdata/tiny_model.ts";
import { stagesCommand } from "../run/runner_command.ts";
import { DEFAULT_BARS, headReference } from "./judge.ts";
import { compareLayers, layerVerdicts } from "./layers.ts";
import { openRealRunner, runProgram } from "./testdata/real_runner.ts";
import { needs } from "../testdata/needs.ts";

/**
 * Convolution, its Split, a sigmoid: the blobs have other names than the tensors of `tinyModel`.
 */
const PARAM = `7767517
4 5
Input in0 0 1 in0
Convolution conv 1 1 in0 1 0=2 1=1 5=1 6=6
Split split 1 2 1 2 3
Sigmoid sigmoid 1 1 3 out0
`;
const LAYERS = parseParam(PARAM, "tiny.param").layers;
const DOTS = { longest: 3, mean: 3 };

async function tinyTensors(): Promise<IntermediateTensors> {
  const tensor = Float32Array.from({ length: 12 }, (_, at) => at / 12);
  const model = tinyModel([1 / 3, 0.3, -0.7, 0.1, 0.2, 0.9], [0.1, -0.2], true);
  return await intermediateTensors(model, tensor, { widthPx: 2, heightPx: 2 }, null, {
    threads: 1,
  });
}

async function cleanDumps(): Promise<Map<string, Float32Array>> {
  const { exact } = await tinyTensors();
  const copy = (name: string) => exact.get(name)!.slice();
  return new Map([["1", copy("middle")], ["2", copy("middle")], ["3", copy("middle")], [
    "out0",
    copy("out0"),
  ]]);
}

Deno.test("compareLayers() finds every blob's tensor by name or value when the run is clean", async () => {
  const report = compareLayers(LAYERS, await cleanDumps(), await tinyTensors(), "fp32", DOTS);
  assertEquals(report.firstBeyond, null);
  assertEquals(
    report.layers.map(({ blob, tensor, verdict }) => [blob, tensor, verdict]),
    [
      ["in0", null, "not-compared"],
      ["1", "middle", "pass"],
      ["2", "middle", "pass"],
      ["3", "middle", "pass"],
      ["out0", "out0", "pass"],
    ],
  );
  assertEquals(layerVerdicts(4, report), ["not-compared", "pass", "pass", "pass"]);
});

Deno.test("compareLayers() names the first layer whose inputs are sound, and layerVerdicts() marks it", async () => {
  const dumps = await cleanDumps();
  dumps.get("out0")![3] += 0.01;
  const report = compareLayers(LAYERS, dumps, await tinyTensors(), "fp32", DOTS);
  assertEquals(report.firstBeyond?.layer, "sigmoid");
  assertEquals(layerVerdicts(4, report), ["not-compared", "pass", "pass", "first"]);
  for (const blob of ["1", "2", "3"]) dumps.get(blob)![0] -= 0.01;
  const earlier = compareLayers(LAYERS, dumps, await tinyTensors(), "fp32", DOTS);
  assertEquals(earlier.firstBeyond?.layer, "conv");
  assertEquals(earlier.layers.filter(({ verdict }) => verdict === "fail").length, 4);
  assertEquals(layerVerdicts(4, earlier), ["not-compared", "first", "fail", "fail"]);
});

Deno.test("compareLayers() names the layer that overflows though the simulation overflows with it", async () => {
  const tensors = await tinyTensors();
  const dumps = await cleanDumps();
  const storage = new Map(tensors.exact).set("middle", new Float32Array(8).fill(Infinity))
    .set("out0", new Float32Array(8).fill(NaN));
  for (const [name, values] of dumps) values.fill(name === "out0" ? NaN : Infinity);
  const report = compareLayers(LAYERS, dumps, { ...tensors, storage }, "fp16-storage", DOTS);
  assertEquals(report.firstBeyond?.layer, "conv");
  assert(Number.isFinite(report.firstBeyond!.maxAllowed));
});

Deno.test("compareLayers() fails a NaN, and allows a coarser precision what rounding changes", async () => {
  const dumps = await cleanDumps();
  dumps.get("1")![0] = NaN;
  const report = compareLayers(LAYERS, dumps, await tinyTensors(), "fp32", DOTS);
  assertEquals([report.firstBeyond?.blob, report.firstBeyond?.maxAbs], ["1", null]);
  const rounded = await tinyTensors();
  const half = new Map(["1", "2", "3"].map((blob) => [blob, rounded.fp16Weights.get("middle")!]));
  half.set("out0", rounded.fp16Weights.get("out0")!);
  assert(compareLayers(LAYERS, half, rounded, "fp32", DOTS).firstBeyond !== null);
  assertEquals(compareLayers(LAYERS, half, rounded, "fp16-weights", DOTS).firstBeyond, null);
});

Deno.test("compareLayers() counts blobs whose tolerance is as large as they are", async () => {
  const clean = await tinyTensors();
  const half = new Map(
    clean.exact.entries().map(([name, tensor]) => [name, tensor.map((value) => value / 2)]),
  );
  const looseIn = async (tensors: IntermediateTensors) =>
    compareLayers(LAYERS, await cleanDumps(), tensors, "fp32", DOTS).loose;
  assertEquals(await looseIn(clean), 0);
  assertEquals(await looseIn({ ...clean, perturbed: half }), 0);
  const far = new Map(
    clean.exact.entries().map(([name, tensor]) => [name, tensor.map((value) => 1e6 + value)]),
  );
  assertEquals(await looseIn({ ...clean, perturbed: far }), 4);
});

Deno.test("compareLayers() takes a blob stored in 16 bits for the tensor that it was simulated as, not for one whose exact values happen to be nearer", () => {
  const { layers } = parseParam("7767517\n1 1\nInput x 0 1 x\n", "one.param");
  const tensors = (bitsOfA: number): IntermediateTensors => {
    const exact = new Map([["a", Float32Array.of(0, 1)], ["b", Float32Array.of(1, 2)]]);
    const storage = new Map([
      ["a", Float32Array.of(bitsOfA, 1 + bitsOfA)],
      ["b", Float32Array.of(1.01, 2.01)],
    ]);
    return { exact, fp16Weights: exact, perturbed: exact, storage };
  };
  const dumps = new Map([["x", Float32Array.of(0.6, 1.6)]]);
  const of = (bitsOfA: number) =>
    compareLayers(layers, dumps, tensors(bitsOfA), "bf16-storage", DOTS).layers[0];
  assertEquals([of(0.59).tensor, of(0.59).verdict], ["a", "pass"]);
  assertEquals([of(0.01).tensor, of(0.01).verdict], ["b", "fail"]);
});

Deno.test({
  name:
    "compareLayers() finds no fault in the real graph, and the layer that lost its bias by its name",
  ...needs("shared"),
  fn: async () => {
    await using runner = await openRealRunner(["raw"]);
    const shape = { mode: "fixed", widthPx: 160, heightPx: 160 } as const;
    const manifest = runner.variant("raw", shape);
    const { param, bin, referenceOnnx } = runner.files("raw");
    const { layers, blobs } = parseParam(await Deno.readTextFile(param), param);
    const { model } = await readOnnxFile(referenceOnnx);
    const image = runner.photographs.find(({ id }) => id === "000000000790")!;
    const options = { scoreThreshold: 0.25, nmsIou: 0.7, maxDetections: 300, bar: DEFAULT_BARS };
    const reference = await runner.reference(image, manifest, options);
    const { blobs: outputs, detected } = headReference(manifest, reference, options);
    const tensors = await intermediateTensors(model, reference.tensor, shape, null, {
      threads: null,
    });
    const compare = async (extra: string[]) => {
      const folder = await Deno.makeTempDir();
      try {
        await Deno.writeFile(path.join(folder, "x.rgb"), image.rgb);
        const imageList = path.join(folder, "images.tsv");
        await Deno.writeTextFile(
          imageList,
          `${image.id}\t${image.widthPx}\t${image.heightPx}\tx.rgb\n`,
        );
        await writeReferenceFiles(folder, image.id, reference, outputs, detected.candidates);
        const settings = {
          threads: 1,
          powersave: 0,
          coreMask: null,
          scoreThreshold: 0.25,
          nmsIou: 0.7,
          sigmoid: "exact" as const,
          maxDetections: 300,
          winograd: true,
          sgemm: true,
          packing: true,
          ...{ warmup: 0, turnWarmup: 1, turnIterations: 1 },
          iterations: 1,
        };
        const command = stagesCommand(
          manifest,
          { runner: runner.program, param, bin, imageList },
          settings,
          { reference: folder, dump: folder },
        );
        await runProgram([...command, "--dump-blob", blobs.join(","), ...extra]);
        const dumps = await readLayerDumps(folder, image.id);
        return compareLayers(layers, dumps, tensors, "fp32", dotLengths(model));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    };
    const clean = await compare([]);
    assertEquals(clean.firstBeyond, null);
    assert(clean.compared > 200, `${clean.compared} blobs compared`);
    const broken = await compare(["--inject-defect", "bias-dropped"]);
    assertEquals(broken.firstBeyond?.type, "Convolution");
    assert(broken.layers.filter(({ verdict }) => verdict === "fail").length >= 1);
    assert(layerVerdicts(layers.length, broken).includes("first"));
  },
});
