/**
 * COCO's annotation files: JSON → images, categories and annotations, read strictly (pure).
 *
 * @module
 */
import { withoutByteOrderMark } from "../text/byte_order_mark.ts";
import { HarnessError, type Warning } from "../errors.ts";
import {
  type CategoryFacts,
  type CocoAnnotation,
  type CocoAnnotations,
  type CocoImage,
  completed,
} from "./coco_annotations.ts";

type Json = Record<string, unknown>;

const WHAT_TO_DO =
  "expected COCO's keypoint format with images[], annotations[] and categories[] (as in person_keypoints_val2017.json)";

function fail(file: string, found: string): never {
  throw new HarnessError(
    "bad-annotations",
    `Cannot read the annotations ${file}: ${found}; ${WHAT_TO_DO}`,
  );
}

function list(json: Json, key: string, file: string): unknown[] {
  const value = json[key];
  if (!Array.isArray(value)) {
    fail(file, `found ${value === undefined ? "no" : "another value than a list for"} "${key}"`);
  }
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Exporters write null for what an object does not have. */
function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** How a value is shown in a message. */
function shown(value: unknown): string {
  return value === Infinity || value === -Infinity
    ? "a number beyond what a computer holds"
    : JSON.stringify(value)?.slice(0, 40) ?? String(value);
}

/** Readers of one entry, which name it in their errors. */
class Entry {
  constructor(readonly json: Json, readonly where: string, readonly file: string) {}

  static of(value: unknown, where: string, file: string): Entry {
    if (!isObject(value)) fail(file, `${where} is not an object`);
    return new Entry(value, where, file);
  }

  fail(found: string): never {
    fail(this.file, `${this.where} ${found}`);
  }

  number(key: string): number {
    const value = this.json[key];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    return this.fail(
      value === undefined ? `has no "${key}"` : `has ${shown(value)} for "${key}", not a number`,
    );
  }

  integer(key: string): number {
    const value = this.number(key);
    if (!Number.isSafeInteger(value)) this.fail(`has ${value} for "${key}", not an integer`);
    return value;
  }

  numberOr(key: string): number | null {
    return isAbsent(this.json[key]) ? null : this.number(key);
  }

  numbers(key: string): number[] | null {
    const value = this.json[key];
    if (isAbsent(value)) return null;
    if (!Array.isArray(value)) return this.fail(`has ${shown(value)} for "${key}", not a list`);
    for (const [index, each] of value.entries()) {
      if (typeof each === "number" && Number.isFinite(each)) continue;
      this.fail(`has ${shown(each)} at place ${index} of "${key}", not a number`);
    }
    return value;
  }

  text(key: string): string | null {
    const value = this.json[key];
    return typeof value === "string" ? value : null;
  }

  texts(key: string): string[] | null {
    const value = this.json[key];
    return Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "string")
      ? value
      : null;
  }

  /** An id as files have them: a whole number, or a text. */
  id(key: string): number | string {
    const value = this.json[key];
    return typeof value === "string" && value !== "" ? value : this.integer(key);
  }

  /** 0, 1, false, true or nothing. */
  flag(key: string): boolean {
    const value = this.json[key];
    if (isAbsent(value)) return false;
    if (typeof value === "boolean") return value;
    return this.number(key) !== 0;
  }
}

function readImage(value: unknown, index: number, file: string): Omit<CocoImage, "id"> {
  const entry = Entry.of(value, `images[${index}]`, file);
  const side = (key: string) => {
    const px = entry.numberOr(key);
    return px === null || px <= 0 ? null : px;
  };
  return {
    ownId: entry.id("id"),
    fileName: entry.text("file_name") ?? "",
    widthPx: side("width"),
    heightPx: side("height"),
  };
}

/** Keys under which tools write a category's standard deviations. */
const SIGMA_KEYS = [
  "sigmas",
  "keypoint_sigmas",
  "keypoints_sigmas",
  "kpt_oks_sigmas",
  "oks_sigmas",
];

function readCategory(value: unknown, index: number, file: string): CategoryFacts {
  const where = `categories[${index}]`;
  const entry = Entry.of(value, where, file);
  const sigmaKey = SIGMA_KEYS.find((key) => !isAbsent(entry.json[key]));
  const ownSigmas = sigmaKey === undefined
    ? null
    : { values: entry.numbers(sigmaKey)!, place: `"${sigmaKey}" of ${where}` };
  if (ownSigmas?.values.some((sigma) => sigma <= 0)) entry.fail(`has a "${sigmaKey}" of 0 or less`);
  const skeleton = entry.json.skeleton;
  return {
    id: entry.integer("id"),
    name: entry.text("name"),
    supercategory: entry.text("supercategory"),
    jointNames: entry.texts("keypoints"),
    skeleton: Array.isArray(skeleton)
      ? skeleton.filter((bone): bone is [number, number] =>
        Array.isArray(bone) && bone.length === 2 && bone.every(Number.isInteger)
      )
      : [],
    flipPairs: null,
    ownSigmas,
  };
}

/** What was missing in annotations and was made up. */
interface MadeUp {
  areas: number;
  boxes: number;
}

/** Returns the smallest box around the labelled keypoints; null when none is labelled. */
function boxAround(keypoints: readonly number[]): [number, number, number, number] | null {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at + 2 < keypoints.length; at += 3) {
    if (!(keypoints[at + 2] > 0)) continue;
    x0 = Math.min(x0, keypoints[at]);
    x1 = Math.max(x1, keypoints[at]);
    y0 = Math.min(y0, keypoints[at + 1]);
    y1 = Math.max(y1, keypoints[at + 1]);
  }
  return x0 > x1 ? null : [x0, y0, x1 - x0, y1 - y0];
}

function readAnnotation(
  value: unknown,
  index: number,
  file: string,
  madeUp: MadeUp,
): Omit<CocoAnnotation, "id" | "imageId"> & { ownId: unknown; ownImageId: number | string } {
  const entry = Entry.of(value, `annotations[${index}]`, file);
  const keypoints = entry.numbers("keypoints") ?? [];
  if (keypoints.length % 3 !== 0) {
    entry.fail(`has ${keypoints.length} numbers for "keypoints", not triples of x, y, v`);
  }
  let box = entry.numbers("bbox") ?? [];
  if (box.length === 0) {
    box = boxAround(keypoints) ?? entry.fail(`has no "bbox" and no labelled keypoint`);
    madeUp.boxes++;
  }
  if (box.length !== 4) entry.fail(`has ${box.length} numbers for "bbox" instead of 4`);
  let areaPx2 = entry.numberOr("area");
  if (areaPx2 === null) {
    areaPx2 = box[2] * box[3];
    madeUp.areas++;
  }
  let labelled = 0;
  for (let at = 2; at < keypoints.length; at += 3) if (keypoints[at] > 0) labelled++;
  return {
    ownId: typeof entry.json.id === "number" ? entry.integer("id") : entry.json.id,
    ownImageId: entry.id("image_id"),
    categoryId: entry.integer("category_id"),
    boxXywhPx: box as [number, number, number, number],
    areaPx2,
    isCrowd: entry.flag("iscrowd"),
    keypoints,
    keypointCount: entry.numberOr("num_keypoints") ?? labelled,
  };
}

/**
 * Returns what the text of an annotation file holds, as {@linkcode readAnnotations} does.
 *
 * Throws `HarnessError` `bad-annotations` for a text that is not JSON.
 */
export function parseAnnotations(text: string, file: string): CocoAnnotations {
  let json: unknown;
  try {
    json = JSON.parse(withoutByteOrderMark(text));
  } catch (cause) {
    fail(file, `found text that is not JSON (${(cause as Error).message})`);
  }
  return readAnnotations(json, file);
}

/**
 * Returns what the JSON of an annotation file holds.
 *
 * Annotations of images or categories that are not listed are left out, as by pycocotools. Missing
 * areas are those of the boxes, missing boxes those around the labelled keypoints; ids of images
 * may be texts. Throws `HarnessError` `bad-annotations` that names the file, the entry and the key:
 * a list or key missing, a text or null for a number, an id twice.
 */
export function readAnnotations(json: unknown, file: string): CocoAnnotations {
  if (!isObject(json)) fail(file, "found JSON that is not an object");
  const images = numbered(
    list(json, "images", file).map((entry, index) => readImage(entry, index, file)),
  );
  const byOwnId = new Map<string, CocoImage>();
  for (const image of images) {
    if (byOwnId.has(String(image.ownId))) fail(file, `image id ${image.ownId} stands there twice`);
    byOwnId.set(String(image.ownId), image);
  }
  const madeUp = { areas: 0, boxes: 0 };
  const rows = list(json, "annotations", file).map((entry, index) =>
    readAnnotation(entry, index, file, madeUp)
  );
  const categories = new Map(
    list(json, "categories", file).map((entry, index) => readCategory(entry, index, file))
      .map((category) => [category.id, category]),
  );
  const ids = new Set<unknown>();
  let nextId = rows.reduce(
    (most, { ownId }) => typeof ownId === "number" ? Math.max(most, ownId) : most,
    0,
  );
  const annotations: CocoAnnotation[] = [];
  let leftOut = 0;
  for (const { ownId, ownImageId, ...row } of rows) {
    if (!isAbsent(ownId) && ids.has(ownId)) fail(file, `annotation id ${ownId} stands there twice`);
    ids.add(ownId);
    const image = byOwnId.get(String(ownImageId));
    if (image === undefined || !categories.has(row.categoryId)) {
      leftOut++;
      continue;
    }
    const id = typeof ownId === "number" ? ownId : ++nextId;
    annotations.push({ id, imageId: image.id, ...row });
  }
  return completed(images, [...categories.values()], annotations, [
    ...madeUpWarnings(madeUp, rows.length, file),
    ...(leftOut === 0 ? [] : [{
      code: "annotations-left-out",
      message:
        `${leftOut} of ${rows.length} annotations of ${file} are left out: their image or their category is not listed.`,
      advice: "List every image under images[] and every category under categories[].",
    }]),
  ]);
}

/** Gives images with text ids numbers, in the order of the ids. */
function numbered(images: readonly Omit<CocoImage, "id">[]): CocoImage[] {
  if (images.every(({ ownId }) => typeof ownId === "number")) {
    return images.map((image) => ({ id: image.ownId as number, ...image }));
  }
  const sorted = images.map(({ ownId }) => String(ownId)).sort();
  const places = new Map(sorted.map((id, place) => [id, place + 1]));
  return images.map((image) => ({ id: places.get(String(image.ownId))!, ...image }));
}

function madeUpWarnings({ areas, boxes }: MadeUp, rowCount: number, file: string): Warning[] {
  const warnings: Warning[] = [];
  if (areas > 0) {
    warnings.push({
      code: "areas-missing",
      message:
        `${areas} of ${rowCount} annotations of ${file} have no "area": that of their box is taken, which is larger than a segment's, so that OKS and AP are higher.`,
      advice: "Compare this AP with those on the same annotations only.",
    });
  }
  if (boxes > 0) {
    warnings.push({
      code: "boxes-missing",
      message:
        `${boxes} of ${rowCount} annotations of ${file} have no "bbox": the box around their labelled keypoints is taken.`,
      advice: "Write a bbox for each object if box AP matters.",
    });
  }
  return warnings;
}
