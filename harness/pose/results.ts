/**
 * COCO's result format: detections ↔ the entries of a results file.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { Detection } from "../record/records.ts";
import { withoutByteOrderMark } from "../text/byte_order_mark.ts";
import type { ClassTarget } from "./ground_truth.ts";

/** One entry of a results file in COCO's keypoint result format (keys are COCO's). */
export interface CocoResult {
  image_id: number;
  category_id: number;
  score: number;
  /** x, y, width, height in image pixels. */
  bbox?: number[];
  /** x, y, confidence per keypoint. */
  keypoints?: number[];
}

/** COCO's category "person". */
const PERSON_CATEGORY_ID = 1;

/**
 * Returns an image's detections as entries of COCO's keypoint result format, in the order of the
 * detections.
 *
 * `classes` says what each class stands for, see `groundTruthOf()`; null without annotations: class
 * 0 is category 1 (COCO's person), class 1 category 2, and so on. The third value of each keypoint
 * is its confidence; COCO's evaluation does not use it.
 */
export function toCocoResults(
  imageId: number,
  detections: readonly Detection[],
  classes: readonly ClassTarget[] | null,
): CocoResult[] {
  return detections.map(({ score, classIndex, boxXyxyPx: [x1, y1, x2, y2], keypoints }) => {
    const target = classes?.[classIndex] ?? null;
    const joints = target?.joints?.map((joint) => keypoints[joint]) ?? keypoints;
    return {
      image_id: imageId,
      category_id: classes === null ? PERSON_CATEGORY_ID + classIndex : target?.categoryId ?? -1,
      bbox: [x1, y1, x2 - x1, y2 - y1],
      // an entry of a detection has a box alone
      ...(keypoints.length > 0 ? { keypoints: joints.flat() } : {}),
      score,
    };
  });
}

/** Returns what the AP of these entries is about: boxes where none has keypoints. */
export function resultKind(results: readonly CocoResult[]): "keypoints" | "boxes" {
  return results.length > 0 && results.every(({ keypoints }) => keypoints === undefined)
    ? "boxes"
    : "keypoints";
}

function fail(file: string, found: string): never {
  throw new HarnessError(
    "bad-detections",
    `Cannot read the detections ${file}: ${found}; expected COCO's result format, a list of {image_id, category_id, score, keypoints and/or bbox}`,
  );
}

/** True for a list of finite numbers. */
function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => typeof v === "number" && Number.isFinite(v));
}

/**
 * Returns the entries of a results file's text.
 *
 * Throws `HarnessError` `bad-detections` that names the file, the entry and the key: not JSON, not
 * a list, a value that is missing or not a finite number, an image that is not among `imageIds`.
 */
export function parseCocoResults(
  text: string,
  file: string,
  imageIds: ReadonlySet<number>,
): CocoResult[] {
  let json: unknown;
  try {
    json = JSON.parse(withoutByteOrderMark(text));
  } catch (cause) {
    fail(file, `found text that is not JSON (${(cause as Error).message})`);
  }
  if (!Array.isArray(json)) fail(file, "found JSON that is not a list");
  for (const [index, entry] of json.entries()) {
    const where = `entry ${index}`;
    if (typeof entry !== "object" || entry === null) fail(file, `${where} is not an object`);
    for (const key of ["image_id", "category_id", "score"]) {
      if (typeof entry[key] !== "number" || !Number.isFinite(entry[key])) {
        fail(file, `${where} has no number for "${key}"`);
      }
    }
    if (!imageIds.has(entry.image_id)) {
      fail(
        file,
        `${where} is of image ${entry.image_id}, which is not in the annotations: is this the results file of another data set?`,
      );
    }
    if (entry.bbox === undefined && entry.keypoints === undefined) {
      fail(file, `${where} has neither "keypoints" nor "bbox"`);
    }
    if (
      entry.bbox !== undefined && !(isNumbers(entry.bbox) && [0, 4].includes(entry.bbox.length))
    ) {
      fail(file, `${where}: "bbox" is not x, y, width, height`);
    }
    if (
      entry.keypoints !== undefined &&
      !(isNumbers(entry.keypoints) && entry.keypoints.length % 3 === 0)
    ) {
      fail(file, `${where}: "keypoints" is not a list of x, y, confidence`);
    }
  }
  return json;
}
