/*
 * Reproduces the accuracy on the model card from the committed files: renders the held-out
 * pictures, runs the shipped models on them in onnxruntime with the harness's own letterbox, decode
 * and NMS, and evaluates as COCO does. Writes the annotations and detections as well, for another
 * evaluation to read.
 */
import { YOLOV8 } from "../../harness/record/head_code.ts";
import { parseArgs } from "node:util";
import * as path from "@std/path";
import { keypointFileOf } from "../../fixtures/coco.ts";
import { rendered } from "../../fixtures/render/render.ts";
import { parseAnnotations } from "../../harness/pose/read_annotations.ts";
import { evaluateKeypoints, type KeypointMetrics } from "../../harness/pose/coco_eval.ts";
import { detect } from "../../harness/pose/detect.ts";
import type { HeadSpec } from "../../harness/head/head_spec.ts";
import { letterbox, letterboxGeometry } from "../../harness/pose/letterbox.ts";
import { type CocoResult, toCocoResults } from "../../harness/pose/results.ts";
import { openSession } from "../../harness/model/onnx/session.ts";
import { FIRST_SEED, requestOf } from "./distribution.ts";
import type { ModelManifest } from "./manifest.ts";

/** How many held-out pictures the card speaks of. */
export const HELD_OUT_COUNT = 500;

/** The distribution of the pictures that the card speaks of: the one that training ends on. */
export const CARD_DISTRIBUTION = "plain";

/** Thresholds of an evaluation by ultralytics (`val`: conf 0.001, iou 0.7, max_det 300). */
const EVALUATION_OPTIONS = { scoreThreshold: 0.001, nmsIou: 0.7, maxDetections: 300 };

/**
 * The head of the shipped models: one class, 17 keypoints, decoded in the graph to [1, 56,
 * anchors].
 */
export const DECODED_HEAD: HeadSpec = {
  classCount: 1,
  keypointCount: 17,
  keypointDims: 3,
  strides: [8, 16, 32],
  regMax: 16,
  headCode: YOLOV8,
  outputs: [{ blob: "output0", role: "decoded", stride: null }],
};

const MODELS_FOLDER = path.dirname(import.meta.dirname!);

/** Returns the file name of a held-out picture. */
function nameOf(index: number): string {
  return `${FIRST_SEED.heldOut + index}.png`;
}

/** Returns the annotations of the first `count` held-out pictures as the text of a COCO file. */
export function heldOutAnnotations(count: number): string {
  const pictures = Array.from({ length: count }, (_, i) => {
    const { widthPx, heightPx, people } = rendered(
      requestOf(CARD_DISTRIBUTION, FIRST_SEED.heldOut + i),
    );
    return { file: nameOf(i), widthPx, heightPx, people };
  });
  return JSON.stringify(keypointFileOf("Held-out pictures of Posemark's models", pictures)) + "\n";
}

/** Returns a model's detections on the first `count` held-out pictures, in COCO's result format. */
export async function heldOutDetections(
  modelFile: string,
  inputShape: { widthPx: number; heightPx: number },
  count: number,
): Promise<CocoResult[]> {
  await using session = await openSession(modelFile, { threads: 1 });
  const results: CocoResult[] = [];
  for (let i = 0; i < count; i++) {
    const picture = rendered(requestOf(CARD_DISTRIBUTION, FIRST_SEED.heldOut + i));
    const geometry = letterboxGeometry(picture.widthPx, picture.heightPx, {
      mode: "fixed",
      ...inputShape,
    });
    const blobs = await session.blobs(letterbox(picture, geometry), inputShape);
    const { detections } = detect(DECODED_HEAD, blobs, geometry, EVALUATION_OPTIONS);
    results.push(...toCocoResults(i + 1, detections, null));
  }
  return results;
}

/** Returns a line of the card's table. */
export function tableLine(name: string, metrics: KeypointMetrics): string {
  const cells = [metrics.AP, metrics.AP50, metrics.AP75, metrics.AR].map((value) =>
    value.toFixed(4)
  );
  return `| ${[name, ...cells].join(" | ")} |`;
}

if (import.meta.main) {
  const { values: options } = parseArgs({
    args: Deno.args,
    options: {
      out: { type: "string" },
      count: { type: "string", default: String(HELD_OUT_COUNT) },
      models: { type: "string", default: MODELS_FOLDER },
    },
  });
  const count = Number(options.count);
  const annotationText = heldOutAnnotations(count);
  const annotations = parseAnnotations(annotationText, "held-out annotations");
  if (options.out !== undefined) {
    await Deno.mkdir(options.out, { recursive: true });
    await Deno.writeTextFile(path.join(options.out, "person_keypoints.json"), annotationText);
  }
  console.log(`| model | AP | AP50 | AP75 | AR |\n|---|---|---|---|---|`);
  for (const activation of ["silu", "relu"]) {
    const name = `posemark-n-${activation}`;
    const manifest: ModelManifest = JSON.parse(
      await Deno.readTextFile(path.join(options.models, `${name}.json`)),
    );
    const modelFile = path.join(options.models, manifest.file);
    const results = await heldOutDetections(modelFile, manifest.inputShape, count);
    if (options.out !== undefined) {
      const file = path.join(options.out, `${name}.detections.json`);
      await Deno.writeTextFile(file, JSON.stringify(results) + "\n");
    }
    console.log(tableLine(name, evaluateKeypoints(annotations, results)));
  }
}
