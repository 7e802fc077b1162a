/**
 * The reference pipeline: image → letterbox → onnxruntime on the raw head → decode → NMS, with
 * everything in between.
 *
 * @module
 */
import type { Shape } from "../record/variant.ts";
import { detect, type Detected, type DetectOptions } from "../pose/detect.ts";
import type { HeadSpec } from "../head/head_spec.ts";
import { type Letterbox, letterbox, letterboxGeometry, type RgbImage } from "../pose/letterbox.ts";
import type { ReferenceSession } from "../model/onnx/session.ts";

/** What the reference finds in one image, and how. */
export interface Reference extends Detected {
  geometry: Letterbox;
  /** Network input [3, heightPx, widthPx]. */
  tensor: Float32Array;
  /** Raw blobs [H, W, C], one per stride. */
  rawBlobs: Float32Array[];
}

/**
 * Returns what the reference finds in an image. `raw` describes the session's outputs, see
 * `rawSpec`.
 */
export async function runReference(
  image: RgbImage,
  shape: Shape,
  session: Pick<ReferenceSession, "blobs">,
  raw: HeadSpec,
  options: DetectOptions,
): Promise<Reference> {
  const geometry = letterboxGeometry(image.widthPx, image.heightPx, shape);
  const tensor = letterbox(image, geometry);
  const rawBlobs = await session.blobs(tensor, geometry);
  return { geometry, tensor, rawBlobs, ...detect(raw, rawBlobs, geometry, options) };
}
