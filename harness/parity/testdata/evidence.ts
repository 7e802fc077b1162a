/**
 * Evidence of made-up people, judged without a network: what a clean runner would leave.
 *
 * @module
 */
import { detect } from "../../pose/detect.ts";
import { rowLength } from "../../head/candidates.ts";
import { letterbox, letterboxGeometry } from "../../pose/letterbox.ts";
import { normal, peopleBlobs, seededRandom } from "../../pose/testdata/random.ts";
import { headBlobs, rawSpec } from "../../head/head_blobs.ts";
import type { VariantManifest } from "../../record/variant.ts";
import { headReference, type ImageEvidence, type JudgeOptions } from "../judge.ts";
import { decodeFloat, detectionsFloat, nmsFloat } from "./float_runner.ts";

/** What the evidence is made of. */
export interface EvidenceRequest {
  variant: VariantManifest;
  seed: number;
  people?: number;
  imageWidthPx?: number;
  imageHeightPx?: number;
  options?: Partial<JudgeOptions>;
  /**
   * Changes the raw blobs in place: the reference's first, and then the runner's, which started
   * from those.
   */
  adjust?: (rawBlobs: readonly Float32Array[], side: "reference" | "runner") => void;
}

const OPTIONS: JudgeOptions = {
  scoreThreshold: 0.25,
  nmsIou: 0.7,
  maxDetections: 300,
  bar: { maxPx: 10, minOks: 0.9 },
};

/**
 * Change of the made-up graph's outputs when its weights are rounded to fp16 (a standard
 * deviation), as measured on yolov8n-pose.
 */
const FP16_CHANGE = 2e-3;

/** Returns what a clean runner in float32 leaves for an image of that many made-up people. */
export function cleanEvidence(request: EvidenceRequest): ImageEvidence {
  const { variant, seed, people = 3, imageWidthPx = 320, imageHeightPx = 160 } = request;
  const options = { ...OPTIONS, ...request.options };
  const random = seededRandom(seed);
  const rgb = Uint8Array.from(
    { length: imageWidthPx * imageHeightPx * 3 },
    () => Math.floor(256 * random()),
  );
  const geometry = letterboxGeometry(imageWidthPx, imageHeightPx, variant.shape);
  const tensor = letterbox({ widthPx: imageWidthPx, heightPx: imageHeightPx, rgb }, geometry);
  const raw = rawSpec(variant);
  const rawBlobs = peopleBlobs(random, raw, geometry, people);
  request.adjust?.(rawBlobs, "reference");
  const shifted = (deviation: number) =>
    rawBlobs.map((blob) => blob.map((value) => value + deviation * normal(random)));
  const reference = { geometry, tensor, rawBlobs, ...detect(raw, rawBlobs, geometry, options) };
  const { blobs, detected } = headReference(variant, reference, options);
  // the order of float32 sums: some ten times the rounding of a weight
  const ownRaw = shifted(FP16_CHANGE * 2 ** -13 * 10);
  request.adjust?.(ownRaw, "runner");
  const own = headBlobs(raw, ownRaw, variant, geometry);
  const length = rowLength(variant.keypointCount);
  const rows = decodeFloat(variant, own, geometry, options);
  return {
    runId: "run",
    device: "host",
    manifest: variant,
    imageId: `image${seed}`,
    precisionEffective: "fp32",
    options,
    reference,
    rounded: {
      fp16Weights: shifted(FP16_CHANGE),
      perturbed: shifted(FP16_CHANGE),
      storage: null,
      dots: { longest: 2304, mean: 576 },
    },
    stages: {
      preprocess: tensor.slice(),
      blobs: own,
      decode: decodeFloat(variant, blobs, geometry, options),
      nms: nmsFloat(variant, detected.candidates.rows, length, options),
    },
    detections: detectionsFloat(rows, length, nmsFloat(variant, rows, length, options), geometry),
  };
}
