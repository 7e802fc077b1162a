/**
 * COCO annotations: the text of a `person_keypoints` file → images, categories and annotations,
 * read strictly.
 *
 * @module
 */
import { withoutByteOrderMark } from "../text/byte_order_mark.ts";
import { HarnessError } from "../errors.ts";

/** An image of the file. */
export interface CocoImage {
  id: number;
  /** Empty when the file does not state one. */
  fileName: string;
  /** Size that the file states; null when it does not. */
  widthPx: number | null;
  heightPx: number | null;
}

/** One annotated object. */
export interface CocoAnnotation {
  id: number;
  imageId: number;
  categoryId: number;
  /** x, y, width, height in image pixels. */
  boxXywhPx: readonly [number, number, number, number];
  /** Area of the segment in square pixels. */
  areaPx2: number;
  isCrowd: boolean;
  /**
   * x, y, v per keypoint (v: 0 not labelled, 1 hidden, 2 visible); empty for an object without
   * keypoints.
   */
  keypoints: readonly number[];
  /** Labelled keypoints as the file states them. */
  keypointCount: number;
}

/** What an annotation file holds. */
export interface CocoAnnotations {
  images: CocoImage[];
  /** Category ids, ascending. */
  categoryIds: number[];
  /** In the order of the file. */
  annotations: CocoAnnotation[];
}

type Json = Record<string, unknown>;

const WHAT_TO_DO =
  "expected COCO's keypoint format with images[], annotations[] and categories[] (as in person_keypoints_val2017.json)";

function fail(file: string, found: string): never {
  throw new HarnessError(
    "bad-annotations",
    `Cannot read the annotations ${file}: ${found}; ${WHAT_TO_DO}`,
  );
}

function list(json: Json, key: string, file: string): Json[] {
  const value = json[key];
  if (!Array.isArray(value)) {
    fail(file, `found ${value === undefined ? "no" : "another value than a list for"} "${key}"`);
  }
  for (const [index, entry] of value.entries()) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
      fail(file, `${key}[${index}] is not an object`);
    }
  }
  return value;
}

function number(entry: Json, key: string, where: string, file: string): number {
  const value = entry[key];
  if (typeof value !== "number" || !Number.isFinite(value)) {
    fail(file, `${where} has ${value === undefined ? "no" : "no number for"} "${key}"`);
  }
  return value;
}

function integer(entry: Json, key: string, where: string, file: string): number {
  const value = number(entry, key, where, file);
  if (!Number.isSafeInteger(value)) fail(file, `${where}: "${key}" is ${value}, not an integer`);
  return value;
}

function numbers(entry: Json, key: string, where: string, file: string): number[] {
  const value = entry[key];
  if (!Array.isArray(value) || !value.every((v) => typeof v === "number" && Number.isFinite(v))) {
    fail(
      file,
      `${where} has ${value === undefined ? "no" : "another value than numbers for"} "${key}"`,
    );
  }
  return value;
}

/** Exporters write null for what an object does not have. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function readImage(entry: Json, index: number, file: string): CocoImage {
  const where = `images[${index}]`;
  return {
    id: integer(entry, "id", where, file),
    fileName: typeof entry.file_name === "string" ? entry.file_name : "",
    widthPx: typeof entry.width === "number" ? entry.width : null,
    heightPx: typeof entry.height === "number" ? entry.height : null,
  };
}

function readAnnotation(entry: Json, index: number, file: string): CocoAnnotation {
  const where = `annotations[${index}]`;
  const box = numbers(entry, "bbox", where, file);
  if (box.length !== 4) fail(file, `${where}: "bbox" has ${box.length} numbers instead of 4`);
  const keypoints = isAbsent(entry.keypoints) ? [] : numbers(entry, "keypoints", where, file);
  if (keypoints.length % 3 !== 0) {
    fail(file, `${where}: "keypoints" has ${keypoints.length} numbers, not triples of x, y, v`);
  }
  return {
    id: integer(entry, "id", where, file),
    imageId: integer(entry, "image_id", where, file),
    categoryId: integer(entry, "category_id", where, file),
    boxXywhPx: box as [number, number, number, number],
    areaPx2: number(entry, "area", where, file),
    isCrowd: Boolean(entry.iscrowd),
    keypoints,
    keypointCount: isAbsent(entry.num_keypoints)
      ? keypoints.filter((value, at) => at % 3 === 2 && value > 0).length
      : number(entry, "num_keypoints", where, file),
  };
}

/**
 * Returns what the text of an annotation file holds.
 *
 * Annotations of images or categories that are not listed are left out, as by pycocotools. Throws
 * `HarnessError` `bad-annotations` that names the file, the entry and the key: not JSON, a list or
 * key missing, an id twice.
 */
export function parseAnnotations(text: string, file: string): CocoAnnotations {
  let json: unknown;
  try {
    json = JSON.parse(withoutByteOrderMark(text));
  } catch (cause) {
    fail(file, `found text that is not JSON (${(cause as Error).message})`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    fail(file, "found JSON that is not an object");
  }
  const images = list(json as Json, "images", file).map((entry, index) =>
    readImage(entry, index, file)
  );
  const imageIds = new Set<number>();
  for (const { id } of images) {
    if (imageIds.has(id)) fail(file, `image id ${id} stands there twice`);
    imageIds.add(id);
  }
  const annotations = list(json as Json, "annotations", file).map((entry, index) =>
    readAnnotation(entry, index, file)
  );
  const categoryIds = new Set(
    list(json as Json, "categories", file).map((entry, index) =>
      integer(entry, "id", `categories[${index}]`, file)
    ),
  );
  const annotationIds = new Set<number>();
  for (const { id } of annotations) {
    if (annotationIds.has(id)) fail(file, `annotation id ${id} stands there twice`);
    annotationIds.add(id);
  }
  return {
    images,
    categoryIds: [...categoryIds].sort((a, b) => a - b),
    annotations: annotations.filter(({ imageId, categoryId }) =>
      imageIds.has(imageId) && categoryIds.has(categoryId)
    ),
  };
}

/** Returns how many keypoints the annotated objects have; null when none has any. */
export function annotatedKeypointCount({ annotations }: CocoAnnotations): number | null {
  const labelled = annotations.find(({ keypoints }) => keypoints.length > 0);
  return labelled === undefined ? null : labelled.keypoints.length / 3;
}
