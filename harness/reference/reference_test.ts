import { YOLOV8 } from "../record/head_code.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as path from "@std/path";
import { findPoseHead } from "../model/head.ts";
import { encodeOnnx, readOnnxFile } from "../model/onnx/onnx_file.ts";
import { cutModel, sizeFreeModel } from "../model/surgery.ts";
import { evaluateKeypoints } from "../pose/coco_eval.ts";
import { type CocoResult, toCocoResults } from "../pose/results.ts";
import { SHARED_PHOTOGRAPHS, sharedModel } from "../parity/testdata/real_runner.ts";
import { rawSpec } from "../head/head_blobs.ts";
import { openDataset } from "../images/dataset.ts";
import { loadImage } from "../images/load_image.ts";
import { runReference } from "./reference.ts";
import { openReferenceModel } from "./reference_model.ts";
import { needs } from "../testdata/needs.ts";

const OPTIONS = { scoreThreshold: 0.25, nmsIou: 0.7, maxDetections: 300 };
const SPEC = rawSpec({
  classCount: 1,
  keypointCount: 17,
  keypointDims: 3,
  regMax: 16,
  headCode: YOLOV8,
  strides: [8, 16, 32],
});
const SQUARE = { mode: "fixed", widthPx: 640, heightPx: 640 } as const;

/** Writes the raw head of a shared model and returns its path. */
async function rawModel(folder: string, activation: "silu" | "relu"): Promise<string> {
  const label = sharedModel(activation);
  const { model } = await readOnnxFile(label);
  const head = findPoseHead(model, label);
  const cut = sizeFreeModel(cutModel(model, head, "raw", null).model, head, label);
  const file = path.join(folder, `${activation}.onnx`);
  await Deno.writeFile(file, encodeOnnx(cut));
  return file;
}

// AP and AP50 that an independent route found: OpenCV's letterbox, decode in the graph, pycocotools
// (shared DATA.md)
for (
  const [activation, ap, ap50, count] of [["silu", 0.5044, 0.7161, 48], [
    "relu",
    0.388,
    0.6582,
    47,
  ]] as const
) {
  Deno.test({
    name:
      `runReference() reaches the AP of an independent route on the shared photographs with ${activation}`,
    ...needs("shared"),
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        await using model = await openReferenceModel(await rawModel(folder, activation), {
          threads: null,
        });
        const dataset = await openDataset(SHARED_PHOTOGRAPHS);
        assertEquals(dataset.warnings, []);
        const results: CocoResult[] = [];
        for (const image of dataset.images) {
          const reference = await runReference(
            await loadImage(image),
            SQUARE,
            model,
            SPEC,
            OPTIONS,
          );
          results.push(...toCocoResults(image.cocoImageId!, reference.detections, null));
        }
        // one detection lies at the threshold, where the resizers' last level decides
        assert(Math.abs(results.length - count) <= 1, `${results.length} detections`);
        const metrics = evaluateKeypoints(dataset.annotations!, results);
        assertAlmostEquals(metrics.AP, ap, 5e-4);
        assertAlmostEquals(metrics.AP50, ap50, 5e-4);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name:
    "measureRounding() finds small changes by fp16 weights, larger ones by bf16, and keeps them per reference",
  ...needs("shared"),
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await using model = await openReferenceModel(await rawModel(folder, "silu"), {
        threads: null,
      });
      const [first] = (await openDataset(SHARED_PHOTOGRAPHS)).images;
      const shape = { mode: "rect", widthPx: 320, heightPx: 320 } as const;
      const reference = await runReference(await loadImage(first), shape, model, SPEC, OPTIONS);
      const change = (blobs: readonly Float32Array[]) =>
        Math.max(
          ...blobs.map((blob, level) =>
            blob.reduce((a, b, at) => Math.max(a, Math.abs(b - reference.rawBlobs[level][at])), 0)
          ),
        );
      const weights = await model.measureRounding(reference, "fp32");
      assertEquals(weights.storage, null);
      assertEquals(weights.dots.longest, 2304);
      const half = await model.measureRounding(reference, "fp16-arithmetic");
      assertEquals(half.fp16Weights, weights.fp16Weights);
      const brain = await model.measureRounding(reference, "bf16-storage");
      const changes = [weights.fp16Weights, half.storage!, brain.storage!].map(change);
      assert(changes[0] > 1e-3 && changes[0] < 0.5, `${changes}`);
      assert(changes[1] < 1 && changes[2] > 3 * changes[1], `${changes}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
