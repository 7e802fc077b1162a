/**
 * YOLO's label files: one text file a picture, one line an object, shares of the picture's sides →
 * annotations in pixels.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import {
  type CategoryFacts,
  type CocoAnnotation,
  type CocoAnnotations,
  type CocoImage,
  completed,
} from "../../pose/coco_annotations.ts";
import type { PictureFile } from "../picture_files.ts";
import { readHeader } from "../picture_header.ts";

/** What a line of a label file holds behind class and box. */
export interface LabelShape {
  /** Joints a line; 0 for none. */
  jointCount: number;
  /** Values a joint: x, y, and with 3 visibility. */
  dims: 2 | 3;
}

/** What is known of the data set beside its label files. */
export interface YoloFacts {
  /** By class. */
  categories: readonly CategoryFacts[];
  /** Null: told from the lines themselves. */
  shape: LabelShape | null;
  /** Path of the file that errors name. */
  file: string;
}

/**
 * Returns the path of a picture's label file: `labels` for the last `images` of its path, as
 * ultralytics does; else the folder `labels` beside its own, or its own.
 */
export async function labelFileOf(file: string): Promise<string | null> {
  const parts = file.split(path.SEPARATOR);
  const images = parts.lastIndexOf("images");
  const stem = path.basename(file, path.extname(file));
  const swapped = parts.with(images < 0 ? 0 : images, images < 0 ? parts[0] : "labels").slice(
    0,
    -1,
  );
  const folder = path.dirname(file);
  const candidates = [
    ...(images < 0 ? [] : [swapped.join(path.SEPARATOR)]),
    path.join(folder, "labels"),
    path.join(path.dirname(folder), "labels"),
    path.join(path.dirname(folder), "labels", path.basename(folder)),
    folder,
  ];
  for (const candidate of candidates) {
    const label = path.join(candidate, `${stem}.txt`);
    if (await Deno.stat(label).then(({ isFile }) => isFile, () => false)) return label;
  }
  return null;
}

/** One line with where it stands. */
interface Line {
  values: number[];
  where: string;
}

async function readLines(labelFile: string): Promise<Line[]> {
  const text = await Deno.readTextFile(labelFile);
  return text.split(/\r?\n/).flatMap((line, index): Line[] => {
    const words = line.trim().split(/\s+/);
    if (words[0] === "") return [];
    const where = `line ${index + 1} of ${labelFile}`;
    const values = words.map((word) => {
      const value = Number(word);
      if (word !== "" && Number.isFinite(value)) return value;
      throw new HarnessError(
        "bad-annotations",
        `Cannot read the labels: ${where} has "${word.slice(0, 40)}", not a number`,
      );
    });
    return [{ values, where }];
  });
}

/** Returns what the lines themselves say of their joints; throws when it isn't one thing. */
function shapeOf(lines: readonly Line[]): LabelShape {
  const lengths = new Set(lines.map(({ values }) => values.length));
  const longest = Math.max(5, ...lengths);
  const behind = longest - 5;
  if (behind === 0) return { jointCount: 0, dims: 3 };
  const areFlags = lines.every(({ values }) =>
    values.slice(5).every((value, at) => at % 3 !== 2 || [0, 1, 2].includes(value))
  );
  if (behind % 3 === 0 && areFlags) return { jointCount: behind / 3, dims: 3 };
  if (behind % 2 === 0) return { jointCount: behind / 2, dims: 2 };
  const { where } = lines.find(({ values }) => values.length === longest)!;
  throw new HarnessError(
    "bad-annotations",
    `Cannot read the labels: ${where} has ${longest} values, expected 5 (class and box) and 2 or 3 a joint: say which by kpt_shape in a data.yaml`,
  );
}

/**
 * Returns the annotations of these pictures. Class 0 is category 1, as in ultralytics'
 * `predictions.json`; images and objects count from 1, and an object's area is that of its box.
 *
 * A picture without a label file has no objects. With 2 values a joint those at negative places are
 * not labelled, as in ultralytics. Throws `HarnessError` `bad-annotations` that names the line:
 * another number of values, an unknown class.
 */
export async function readYoloLabels(
  pictures: readonly PictureFile[],
  facts: YoloFacts,
): Promise<CocoAnnotations> {
  const images: CocoImage[] = [];
  const linesOf: Line[][] = [];
  for (const { file, relative, unusable } of pictures) {
    const label = unusable === null ? await labelFileOf(file) : null;
    linesOf.push(label === null ? [] : await readLines(label));
    const header = unusable === null ? await readHeader(file) : null;
    images.push({
      id: images.length + 1,
      ownId: images.length + 1,
      fileName: relative,
      widthPx: header?.upright.widthPx ?? null,
      heightPx: header?.upright.heightPx ?? null,
    });
  }
  const shape = facts.shape ?? shapeOf(linesOf.flat());
  const annotations: CocoAnnotation[] = [];
  for (const [index, lines] of linesOf.entries()) {
    for (const line of lines) {
      const known = annotationOf(line, images[index], shape, facts);
      annotations.push({ id: annotations.length + 1, ...known });
    }
  }
  const classes = new Set(annotations.map(({ categoryId }) => categoryId));
  const named = facts.categories.length > 0
    ? facts.categories
    : [...classes].map((id): CategoryFacts => ({
      id,
      name: null,
      supercategory: null,
      jointNames: null,
      skeleton: [],
      flipPairs: null,
      ownSigmas: null,
    }));
  return completed(images, named, annotations, []);
}

function annotationOf(
  { values, where }: Line,
  image: CocoImage,
  { jointCount, dims }: LabelShape,
  { categories, shape }: YoloFacts,
): Omit<CocoAnnotation, "id"> {
  const fail = (found: string): never => {
    throw new HarnessError("bad-annotations", `Cannot read the labels: ${where} has ${found}`);
  };
  const { widthPx, heightPx } = image;
  if (widthPx === null || heightPx === null) {
    throw new HarnessError(
      "bad-image",
      `Cannot read the image ${image.fileName}: its size can't be told, and its labels are shares of it: replace it or take it out of the set`,
    );
  }
  const [classIndex] = values;
  const categoryId = classIndex + 1;
  const isKnown = Number.isInteger(classIndex) && classIndex >= 0 &&
    (categories.length === 0 || categories.some(({ id }) => id === categoryId));
  if (!isKnown) {
    fail(
      `class ${classIndex}, expected a whole number from 0 to ${
        Math.max(0, categories.length - 1)
      }: is it a class of the data.yaml?`,
    );
  }
  const base = { imageId: image.id, categoryId, isCrowd: false };
  const expected = 5 + jointCount * dims;
  const isPolygon = jointCount === 0 && shape !== null && values.length >= 7 &&
    values.length % 2 === 1;
  if (isPolygon) {
    const xs = values.slice(1).filter((_, at) => at % 2 === 0).map((x) => x * widthPx);
    const ys = values.slice(1).filter((_, at) => at % 2 === 1).map((y) => y * heightPx);
    const [x0, y0] = [Math.min(...xs), Math.min(...ys)];
    const [width, height] = [Math.max(...xs) - x0, Math.max(...ys) - y0];
    return {
      ...base,
      boxXywhPx: [x0, y0, width, height],
      areaPx2: width * height,
      keypoints: [],
      keypointCount: 0,
    };
  }
  if (values.length !== expected) {
    fail(
      `${values.length} values, expected ${expected}: class, box${
        jointCount === 0 ? "" : `, ${jointCount} joints of ${dims} values`
      }`,
    );
  }
  const [, cx, cy, w, h] = values;
  const [width, height] = [w * widthPx, h * heightPx];
  const keypoints: number[] = [];
  let labelled = 0;
  for (let at = 5; at < expected; at += dims) {
    const [x, y] = [values[at], values[at + 1]];
    const v = dims === 3 ? values[at + 2] : x < 0 || y < 0 ? 0 : 2;
    keypoints.push(x * widthPx, y * heightPx, v);
    if (v > 0) labelled++;
  }
  return {
    ...base,
    boxXywhPx: [cx * widthPx - width / 2, cy * heightPx - height / 2, width, height],
    areaPx2: width * height,
    keypoints,
    keypointCount: labelled,
  };
}
