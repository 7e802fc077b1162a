/**
 * Verdicts of the real runner on the shipped models: what a precision spoils fails parity, and what
 * it can be passes.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as path from "@std/path";
import sharp from "sharp";
import { openDataset } from "../images/dataset.ts";
import { loadImage } from "../images/load_image.ts";
import { encodeOnnx, floatsOf, floatTensor, readOnnxFile } from "../model/onnx/onnx_file.ts";
import { expandHalf } from "../model/onnx/half.ts";
import { consumersOf } from "../model/onnx/onnx_graph.ts";
import { prepareVariants } from "../model/prepare.ts";
import { SILENT } from "../progress.ts";
import type { Precision } from "../record/precision.ts";
import type { ParityRecord } from "../record/records.ts";
import { DEFAULT_BARS } from "./judge.ts";
import { type ParitySummary, summarizeParity } from "./summary.ts";
import { openRunnerOf, type Photograph } from "./testdata/real_runner.ts";

const ROOT = path.resolve(import.meta.dirname!, "../..");
const FIXTURES = path.join(ROOT, "fixtures");

async function drawnImages(count: number): Promise<Photograph[]> {
  const { images } = await openDataset(FIXTURES);
  return await Promise.all(
    images.slice(0, count).map(async (image) => ({ id: image.id, ...await loadImage(image) })),
  );
}

async function judged(
  model: string,
  precision: Precision,
  calibrationImages?: string,
): Promise<{ records: ParityRecord[]; summary: ParitySummary }> {
  const { variants } = await prepareVariants({
    models: [model],
    activations: null,
    heads: ["raw"],
    precisions: [precision],
    shapes: [{ mode: "own" }],
    converters: ["pnnx"],
    progress: SILENT,
    ...(calibrationImages === undefined ? {} : { calibrationImages }),
  });
  const images = await drawnImages(3);
  await using runner = await openRunnerOf(variants, images);
  const records = await runner.judge({
    head: "raw",
    shape: variants[0].manifest.shape,
    images,
    options: { scoreThreshold: 0.25, nmsIou: 0.7, maxDetections: 300, bar: DEFAULT_BARS },
  });
  return {
    records,
    summary: summarizeParity(records, { speedOnly: false, expectedImages: images.length }),
  };
}

/**
 * Writes the shipped ReLU model with the weights of its first convolution times 10⁶ and those of
 * the next one by 10⁶: the same in float32.
 */
async function writeOverflowing(file: string): Promise<void> {
  const shipped = await readOnnxFile(path.join(ROOT, "models", "posemark-n-relu.onnx"));
  const model = expandHalf(shipped.model);
  const consumers = consumersOf(model.nodes);
  const [first] = model.nodes.filter(({ opType }) => opType === "Conv");
  const [activation] = consumers.get(first.outputs[0])!;
  const [second] = consumers.get(activation.outputs[0])!;
  assertEquals([activation.opType, second.opType], ["Relu", "Conv"]);
  const initializers = new Map(model.initializers);
  const scale = (name: string, factor: number) => {
    const tensor = initializers.get(name)!;
    const values = floatsOf(tensor).map((value) => value * factor);
    initializers.set(name, floatTensor(name, tensor.dims, values));
  };
  for (const name of first.inputs.slice(1)) scale(name, 1e6);
  scale(second.inputs[1], 1e-6);
  await Deno.writeFile(file, encodeOnnx({ ...model, initializers }));
}

Deno.test("a model whose weights go beyond fp16 passes in fp32, and fails at the network in fp16 for values that are not finite", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const model = path.join(folder, "overflow.onnx");
    await writeOverflowing(model);
    const whole = await judged(model, "fp32");
    assertEquals(whole.summary.verdict, "pass", whole.summary.reason);
    const half = await judged(model, "fp16");
    assertEquals([half.summary.verdict, half.summary.firstFailedStage], ["fail", "network"]);
    assertMatch(half.summary.reason, /values are not finite \(NaN or infinity: beyond 65504/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the shipped models pass in int8, and one that was calibrated on black images fails", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["posemark-n-silu", "posemark-n-relu"]) {
      const { summary } = await judged(path.join(ROOT, "models", `${name}.onnx`), "int8");
      assertEquals(summary.verdict, "pass", summary.reason);
      assert(summary.matched > 0);
    }
    const black = { width: 160, height: 160, channels: 3, background: "black" } as const;
    await sharp({ create: black }).png().toFile(path.join(folder, "black.png"));
    const model = path.join(ROOT, "models", "posemark-n-silu.onnx");
    const { summary } = await judged(model, "int8", folder);
    assertEquals([summary.verdict, summary.firstFailedStage], ["fail", "network"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
