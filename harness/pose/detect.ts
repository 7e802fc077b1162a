/**
 * Blobs → detections in image pixels: decode, selection, and the way back through the letterbox.
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import { type Candidates, ROW_HEAD, rowLength } from "../head/candidates.ts";
import { decode, type DecodeOptions } from "../head/decode.ts";
import type { HeadSpec } from "../head/head_spec.ts";
import { type Letterbox, toImageXPx, toImageYPx } from "./letterbox.ts";
import { select, type SelectOptions } from "../head/select.ts";

/** Options of {@linkcode detect}. */
export interface DetectOptions extends DecodeOptions, SelectOptions {}

/** Every step from blobs to detections. */
export interface Detected {
  /** Before the selection, in letterbox pixels. */
  candidates: Candidates;
  /** Indices of the candidates that the selection keeps. */
  kept: Int32Array;
  /** In image pixels, by descending score. */
  detections: Detection[];
}

/** Returns a candidate as a detection in image pixels, clipped to the image. */
export function toDetection(
  candidates: Candidates,
  index: number,
  geometry: Letterbox,
): Detection {
  const start = index * rowLength(candidates.keypointCount);
  const { rows } = candidates;
  const x = (offset: number) => toImageXPx(rows[start + offset], geometry);
  const y = (offset: number) => toImageYPx(rows[start + offset], geometry);
  return {
    score: rows[start + 4],
    classIndex: rows[start + 5],
    boxXyxyPx: [x(0), y(1), x(2), y(3)],
    keypoints: Array.from({ length: candidates.keypointCount }, (_, joint) => {
      const at = ROW_HEAD + 3 * joint;
      return [x(at), y(at + 1), rows[start + at + 2]];
    }),
  };
}

/**
 * Returns candidates, kept indices and detections of a head's blobs; throws as {@linkcode decode}
 * does.
 */
export function detect(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  geometry: Letterbox,
  options: DetectOptions,
): Detected {
  const candidates = decode(spec, blobs, geometry, options);
  const kept = select(spec, candidates, options);
  return {
    candidates,
    kept,
    detections: Array.from(kept, (index) => toDetection(candidates, index, geometry)),
  };
}
