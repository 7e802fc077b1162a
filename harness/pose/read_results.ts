/**
 * Entries of a results file, as any tool writes them → COCO's, beside given annotations (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { CategoryRule } from "./category_rules.ts";
import { categoriesOfRule, plainName } from "./class_pairing.ts";
import type { CocoAnnotations, CocoImage } from "./coco_annotations.ts";
import type { CocoResult } from "./results.ts";

/** The entries, and what was read in another way than it stands there. */
export interface ReadResults {
  results: CocoResult[];
  /** Sentences. */
  notes: string[];
  /**
   * The entries under the images that their ids would mean as names of files, where they can be
   * both; null where they can't.
   */
  byFileName: CocoResult[] | null;
}

type Json = Record<string, unknown>;

function fail(file: string, found: string): never {
  throw new HarnessError(
    "bad-detections",
    `Cannot read the detections ${file}: ${found}; expected COCO's result format, a list of {image_id, category_id, score, keypoints and/or bbox}`,
  );
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function shown(value: unknown): string {
  return typeof value === "number" && !Number.isFinite(value)
    ? "a number beyond what a computer holds"
    : JSON.stringify(value)?.slice(0, 40) ?? String(value);
}

function numberOf(entry: Json, key: string, where: string, file: string): number {
  const value = entry[key];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return fail(
    file,
    `${where} has no number for "${key}"${isAbsent(value) ? "" : `: ${shown(value)}`}`,
  );
}

/** Returns the numbers of a list, those of lists in it too; null where there is none. */
function numbersOf(entry: Json, key: string, where: string, file: string): number[] | null {
  const value = entry[key];
  if (isAbsent(value)) return null;
  if (!Array.isArray(value)) return fail(file, `${where}: "${key}" is no list: ${shown(value)}`);
  const flat: unknown[] = value.length > 0 && Array.isArray(value[0]) ? value.flat() : value;
  for (let at = 0; at < flat.length; at++) {
    const each = flat[at];
    if (typeof each === "number" && Number.isFinite(each)) continue;
    fail(file, `${where}: "${key}" has ${shown(each)} at place ${at}, not a number`);
  }
  return flat as number[];
}

/** What the entries have in common that isn't COCO's way. */
interface Oddities {
  pairs: number;
  /** Largest coordinate of a box or joint. */
  largest: number;
}

/**
 * Returns the entries of a results file.
 *
 * Images are matched by the ids of the annotations, else by the names of their files: ultralytics
 * writes the stem. Values of null count as absent, two values a joint get a confidence of 1, and
 * coordinates as shares of the sides become pixels. Throws `HarnessError` `bad-detections` that
 * names the file, the entry and the key.
 */
export function readResults(
  json: unknown,
  file: string,
  annotations: CocoAnnotations,
): ReadResults {
  if (!Array.isArray(json)) {
    const inner = typeof json === "object" && json !== null ? json as Json : {};
    fail(
      file,
      Array.isArray(inner.annotations)
        ? "found an object with annotations, as an annotation file has it: are --annotations and --detections exchanged"
        : "found JSON that is not a list",
    );
  }
  const jointCounts = new Map(annotations.categories.map(({ id, jointCount }) => [id, jointCount]));
  const anyCount =
    annotations.categories.find(({ jointCount }) => jointCount !== null)?.jointCount ??
      null;
  const rule = categoryMapper(annotations);
  const odd: Oddities = { pairs: 0, largest: 0 };
  const entries: { ownImageId: number | string; result: CocoResult }[] = [];
  for (const [index, entry] of json.entries()) {
    const where = `entry ${index}`;
    if (typeof entry !== "object" || entry === null) fail(file, `${where} is not an object`);
    const score = numberOf(entry, "score", where, file);
    const category = rule(numberOf(entry, "category_id", where, file));
    const bbox = numbersOf(entry, "bbox", where, file);
    if (bbox !== null && bbox.length !== 0 && bbox.length !== 4) {
      fail(file, `${where}: "bbox" is not x, y, width, height`);
    }
    const keypoints = triples(
      numbersOf(entry, "keypoints", where, file),
      jointCounts.get(category) ?? anyCount,
      odd,
    );
    if (keypoints !== null && keypoints.length % 3 !== 0) {
      fail(
        file,
        `${where}: "keypoints" has ${keypoints.length} values, not a list of x, y, confidence${
          anyCount === null ? "" : ` for ${jointCounts.get(category) ?? anyCount} joints`
        }`,
      );
    }
    if (keypoints === null && (bbox === null || bbox.length === 0)) {
      fail(file, `${where} has neither "keypoints" nor "bbox"`);
    }
    for (const value of bbox ?? []) odd.largest = Math.max(odd.largest, Math.abs(value));
    if (keypoints !== null) {
      for (let at = 0; at < keypoints.length; at++) {
        if (at % 3 !== 2) odd.largest = Math.max(odd.largest, Math.abs(keypoints[at]));
      }
    }
    const ownImageId = entry.image_id;
    if (typeof ownImageId !== "string" && typeof ownImageId !== "number") {
      fail(file, `${where} has no number and no text for "image_id"`);
    }
    entries.push({
      ownImageId,
      result: {
        image_id: 0,
        category_id: category,
        score,
        ...(bbox === null ? {} : { bbox }),
        ...(keypoints === null ? {} : { keypoints }),
      },
    });
  }
  return placed(entries, odd, annotations, file);
}

/** Returns how a category of the results is called in the annotations. */
function categoryMapper({ categories, categoryRules }: CocoAnnotations): (id: number) => number {
  if (categoryRules === undefined) return (id) => id;
  const targets = new Map<number, number>();
  for (const rule of categoryRules) {
    const [target] = categoriesOfRule(rule, categories);
    targets.set(sourceOf(rule, categories), target);
  }
  return (id) => targets.get(id) ?? id;
}

function sourceOf(
  { from }: CategoryRule,
  categories: CocoAnnotations["categories"],
): number {
  if (/^\d+$/.test(from)) return Number(from);
  const named = categories.find(({ name }) => name !== null && plainName(name) === plainName(from));
  if (named !== undefined) return named.id;
  throw new HarnessError(
    "bad-option",
    `Cannot use --categories: "${from}" is no category of the results, expected its number, for instance 0=1`,
  );
}

/** Returns keypoints as x, y, confidence; those of two values a joint get a confidence of 1. */
function triples(
  values: number[] | null,
  jointCount: number | null,
  odd: Oddities,
): number[] | null {
  const isPairs = values !== null && jointCount !== null && values.length === 2 * jointCount &&
    values.length !== 3 * jointCount;
  if (!isPairs) return values;
  odd.pairs++;
  const spread: number[] = [];
  for (let at = 0; at < values.length; at += 2) spread.push(values[at], values[at + 1], 1);
  return spread;
}

/** Gives the entries their images and pixels. */
function placed(
  entries: readonly { ownImageId: number | string; result: CocoResult }[],
  odd: Oddities,
  annotations: CocoAnnotations,
  file: string,
): ReadResults {
  const notes: string[] = [];
  if (odd.pairs > 0) {
    notes.push(
      `${odd.pairs} of ${entries.length} results have two values a joint: each joint gets a confidence of 1, which COCO's evaluation doesn't use.`,
    );
  }
  const { images } = annotations;
  const byId = new Map(images.map((image) => [String(image.ownId), image]));
  const byName = fileNameKeys(images);
  const found = (keys: ReadonlyMap<string, CocoImage>) =>
    entries.filter(({ ownImageId }) => keys.has(String(ownImageId))).length;
  const [idCount, nameCount] = [found(byId), found(byName)];
  const isByName = idCount < entries.length && nameCount > idCount;
  const keys = isByName ? byName : byId;
  const strange = entries.findIndex(({ ownImageId }) => !keys.has(String(ownImageId)));
  if (strange >= 0) {
    const { ownImageId } = entries[strange];
    const few = (values: readonly (number | string)[]) =>
      values.slice(0, 3).join(", ") + (values.length > 3 ? ", …" : "");
    fail(
      file,
      `entry ${strange} is of image ${
        JSON.stringify(ownImageId)
      }, which is not in the annotations, neither as an id (${
        few(images.map(({ ownId }) => ownId))
      }) nor as the name of a file (${
        few(images.map(({ fileName }) => fileName))
      }): is this the results file of another data set?`,
    );
  }
  if (isByName) {
    notes.push(
      `The results name images by their files: ${entries.length} results were matched through file_name, for instance ${
        JSON.stringify(entries[0].ownImageId)
      } with "${byName.get(String(entries[0].ownImageId))!.fileName}".`,
    );
  }
  const isShare = entries.length > 0 && odd.largest > 0 && odd.largest <= 1.5 &&
    images.every(({ widthPx, heightPx }) => Math.min(widthPx ?? 99, heightPx ?? 99) > 8);
  if (isShare) {
    if (images.some(({ widthPx, heightPx }) => widthPx === null || heightPx === null)) {
      fail(
        file,
        "all coordinates are between 0 and 1, shares of the sides, and the annotations don't give width and height of each image: write pixels",
      );
    }
    notes.push(
      "All coordinates of the results are between 0 and 1: they are taken as shares of the images' sides.",
    );
  }
  const place = (by: ReadonlyMap<string, CocoImage>) =>
    entries.map(({ ownImageId, result }): CocoResult => {
      const image = by.get(String(ownImageId))!;
      const scaled = isShare ? inPixels(result, image) : result;
      return { ...scaled, image_id: image.id };
    });
  const isBoth = !isByName && entries.length > 0 && nameCount === entries.length &&
    entries.some(({ ownImageId }) =>
      byName.get(String(ownImageId)) !== byId.get(String(ownImageId))
    );
  return { results: place(keys), notes, byFileName: isBoth ? place(byName) : null };
}

/** The images by path, name and stem of their file, and by the stem's number; unique ones. */
function fileNameKeys(images: readonly CocoImage[]): Map<string, CocoImage> {
  const keys = new Map<string, CocoImage | null>();
  for (const image of images) {
    const path = image.fileName.replaceAll("\\", "/");
    const name = path.slice(path.lastIndexOf("/") + 1);
    const stem = name.replace(/\.[^.]*$/, "");
    const number = /^\d+$/.test(stem) ? [String(Number(stem))] : [];
    for (const key of new Set([path, name, stem, ...number])) {
      if (key !== "") keys.set(key, keys.has(key) ? null : image);
    }
  }
  return new Map([...keys].filter((pair): pair is [string, CocoImage] => pair[1] !== null));
}

function inPixels(result: CocoResult, { widthPx, heightPx }: CocoImage): CocoResult {
  const sides = [widthPx!, heightPx!];
  return {
    ...result,
    ...(result.bbox ? { bbox: result.bbox.map((value, at) => value * sides[at % 2]) } : {}),
    ...(result.keypoints
      ? {
        keypoints: result.keypoints.map((value, at) =>
          at % 3 === 2 ? value : value * sides[at % 3]
        ),
      }
      : {}),
  };
}
