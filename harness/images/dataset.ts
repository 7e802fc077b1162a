/**
 * A folder of images → a list of images with safe ids, decoded one at a time to raw RGB.
 *
 * Decoding happens once, here, for the reference and for every device: JPEG decoders differ.
 *
 * @module
 */
import * as path from "@std/path";
import sharp from "sharp";
import { HarnessError, type Warning } from "../errors.ts";
import {
  type CocoAnnotations,
  type CocoImage,
  parseAnnotations,
} from "../pose/coco_annotations.ts";
import type { RgbImage } from "../pose/letterbox.ts";

/** Extensions of pictures that sharp can't read as it is shipped. */
const UNREADABLE_EXTENSIONS: readonly string[] = [".bmp", ".heic", ".heif", ".jp2", ".jxl", ".dng"];

/** File name extensions that count as images, lower case. */
export const IMAGE_EXTENSIONS: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
];

/** One image of a data set; nothing of its pixels is held. */
export interface DatasetImage {
  /** Unique in the data set; letters, digits, `.`, `_` and `-` only. */
  id: string;
  /** Path of the file. */
  file: string;
  /** COCO's image id; null for a folder without annotations. */
  cocoImageId: number | null;
  /** Size that the annotations state; null where they don't. */
  annotatedSize: { widthPx: number; heightPx: number } | null;
}

/** Images, and their annotations where there are some. */
export interface ImageDataset {
  root: string;
  /** In order of file name. */
  images: DatasetImage[];
  /** Of the images above only; null for a folder without annotations. */
  annotations: CocoAnnotations | null;
  /** Path of the annotation file; null for a folder without annotations. */
  annotationsFile: string | null;
  warnings: Warning[];
}

/** Where a data set of a known layout has its images and annotations. */
const LAYOUTS: readonly { images: string; annotations: string }[] = [
  { images: "images", annotations: "person_keypoints.json" },
  { images: "val2017", annotations: "annotations/person_keypoints_val2017.json" },
  { images: "images/val2017", annotations: "annotations/person_keypoints_val2017.json" },
];

async function kindOf(file: string): Promise<"file" | "folder" | null> {
  try {
    const { isDirectory } = await Deno.stat(file);
    return isDirectory ? "folder" : "file";
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw new HarnessError(
      "bad-image",
      `Cannot read ${file}: ${(cause as Error).message}: check its permissions`,
      { cause },
    );
  }
}

/** Returns the names of the image files of a folder, sorted. */
async function imageNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory || entry.name.startsWith(".")) continue;
    if (IMAGE_EXTENSIONS.includes(path.extname(entry.name).toLowerCase())) names.push(entry.name);
  }
  return names.sort();
}

/**
 * Returns ids made of the file names: the stem with everything but letters, digits, `.`, `_`, `-`
 * as `-`, at most 80 long; a number is added where two would be the same.
 *
 * @example
 * ```ts
 * safeIds(["a b.jpg", "a-b.png"]); // ["a-b", "a-b-2"]
 * ```
 */
export function safeIds(fileNames: readonly string[]): string[] {
  const taken = new Set<string>();
  return fileNames.map((name) => {
    const stem = path.basename(name, path.extname(name)).normalize("NFKD")
      .replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "").slice(0, 80) || "image";
    let id = stem;
    for (let number = 2; taken.has(id.toLowerCase()); number++) id = `${stem}-${number}`;
    taken.add(id.toLowerCase());
    return id;
  });
}

/**
 * Returns the images of a folder of images, of one with `images/` and `person_keypoints.json`, or
 * of a COCO root (`val2017/` and `annotations/person_keypoints_val2017.json`).
 *
 * With annotations, the images are those that are annotated and present: any subset of COCO works,
 * and what is left out is told in `warnings`. Throws `HarnessError` `bad-image` when there is no
 * such folder or no image in it, `bad-annotations` when the annotations cannot be read or none of
 * their images is there.
 */
export async function openDataset(root: string): Promise<ImageDataset> {
  const kind = await kindOf(root);
  if (kind !== "folder") {
    throw new HarnessError(
      "bad-image",
      `Cannot read the images ${root}: ${
        kind === null ? "there is no such folder" : "it is a file, not a folder"
      }: name a folder of images, or one with images/ and person_keypoints.json, or a COCO root`,
    );
  }
  for (const layout of LAYOUTS) {
    const annotationsFile = path.join(root, layout.annotations);
    if (await kindOf(annotationsFile) !== "file") continue;
    const folder = path.join(root, layout.images);
    if (await kindOf(folder) === "folder") {
      return await openAnnotated(root, folder, annotationsFile);
    }
  }
  const folder = await kindOf(path.join(root, "images")) === "folder" &&
      (await imageNames(root)).length === 0
    ? path.join(root, "images")
    : root;
  const names = await imageNames(folder);
  if (names.length === 0) {
    throw new HarnessError(
      "bad-image",
      `Cannot read the images ${root}: found no file with ${
        IMAGE_EXTENSIONS.join(", ")
      }: name a folder of images, or one with images/ and person_keypoints.json, or a COCO root (val2017/ and annotations/person_keypoints_val2017.json)`,
    );
  }
  const ids = safeIds(names);
  return {
    root,
    images: names.map((name, index) => ({
      id: ids[index],
      file: path.join(folder, name),
      cocoImageId: null,
      annotatedSize: null,
    })),
    annotations: null,
    annotationsFile: null,
    warnings: await leftOutWarnings(folder, names.length),
  };
}

/**
 * Warns of pictures of a folder that are not used: in formats that can't be read, or in folders
 * below it.
 */
async function leftOutWarnings(folder: string, usedCount: number): Promise<Warning[]> {
  const leftOut: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".")) continue;
    if (isDirectory) {
      if ((await imageNames(path.join(folder, name))).length > 0) leftOut.push(`${name}/`);
    } else if (UNREADABLE_EXTENSIONS.includes(path.extname(name).toLowerCase())) {
      leftOut.push(name);
    }
  }
  if (leftOut.length === 0) return [];
  const shown = leftOut.sort().slice(0, 3).join(", ");
  return [{
    code: "images-left-out",
    message: `${usedCount} images of ${folder} are used; left out: ${shown}${
      leftOut.length > 3 ? ` and ${leftOut.length - 3} more` : ""
    }.`,
    advice: `Convert them to JPEG or PNG, and put all images into the folder itself.`,
  }];
}

async function openAnnotated(
  root: string,
  folder: string,
  annotationsFile: string,
): Promise<ImageDataset> {
  const annotations = parseAnnotations(await Deno.readTextFile(annotationsFile), annotationsFile);
  const present = new Set(await imageNames(folder));
  const byName = imagesByName(annotations.images, annotationsFile);
  const names = [...byName.keys()].filter((name) => present.has(name)).sort();
  if (names.length === 0) {
    throw new HarnessError(
      "bad-annotations",
      `Cannot use the annotations ${annotationsFile}: none of their ${annotations.images.length} images is in ${folder} (${present.size} image files there): do the two belong together?`,
    );
  }
  const warnings: Warning[] = [];
  const missing = byName.size - names.length;
  if (missing > 0) {
    warnings.push({
      code: "images-missing",
      message:
        `${missing} of ${byName.size} annotated images are not in ${folder}; accuracy is over the ${names.length} that are.`,
      advice: "Add the missing files if the whole set was meant.",
    });
  }
  const unlisted = [...present].filter((name) => !byName.has(name));
  if (unlisted.length > 0) {
    warnings.push({
      code: "images-not-annotated",
      message: `${unlisted.length} image files of ${folder} are not in the annotations (${
        unlisted.slice(0, 3).join(", ")
      }${unlisted.length > 3 ? ", …" : ""}) and are left out.`,
      advice: "Name the folder of images itself to run on all of them without accuracy.",
    });
  }
  const ids = safeIds(names);
  const images = names.map((name, index) => {
    const { id, widthPx, heightPx } = byName.get(name)!;
    return {
      id: ids[index],
      file: path.join(folder, name),
      cocoImageId: id,
      annotatedSize: widthPx === null || heightPx === null ? null : { widthPx, heightPx },
    };
  });
  return {
    root,
    images,
    annotations: restrictAnnotations(
      annotations,
      new Set(images.map(({ cocoImageId }) => cocoImageId)),
    ),
    annotationsFile,
    warnings,
  };
}

/**
 * Returns the images by the name of their file; throws `bad-annotations` when one has no name, or
 * two have the same.
 */
function imagesByName(
  images: readonly CocoImage[],
  annotationsFile: string,
): Map<string, CocoImage> {
  const byName = new Map<string, CocoImage>();
  for (const image of images) {
    const name = path.basename(image.fileName);
    const other = byName.get(name);
    const found = name === ""
      ? `image ${image.id} has no "file_name"`
      : other === undefined
      ? null
      : `images ${other.id} ("${other.fileName}") and ${image.id} ("${image.fileName}") have the same file name`;
    if (found !== null) {
      throw new HarnessError(
        "bad-annotations",
        `Cannot use the annotations ${annotationsFile}: ${found}, expected a name of its own for each image of the folder`,
      );
    }
    byName.set(name, image);
  }
  return byName;
}

/** Returns the annotations of these images only: what accuracy on a subset is evaluated against. */
export function restrictAnnotations(
  annotations: CocoAnnotations,
  imageIds: ReadonlySet<number | null>,
): CocoAnnotations {
  return {
    images: annotations.images.filter(({ id }) => imageIds.has(id)),
    categoryIds: annotations.categoryIds,
    annotations: annotations.annotations.filter(({ imageId }) => imageIds.has(imageId)),
  };
}

/**
 * Returns the pixels of an image as 8-bit RGB.
 *
 * EXIF orientation is applied, unless the annotations were made on the unrotated pixels (their size
 * says so). Grey, CMYK and 16-bit images are converted to 8-bit sRGB; transparency is dropped, as
 * OpenCV does. Of an animation the first frame counts. Throws `HarnessError` `bad-image` that names
 * the file: missing, not an image, cut short, or another size than the annotations state.
 */
export async function loadImage(image: DatasetImage): Promise<RgbImage> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(image.file);
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (cause as Error).message;
    throw new HarnessError(
      "bad-image",
      `Cannot read the image ${image.file}: ${found}: restore it or take it out of the set`,
      { cause },
    );
  }
  const { annotatedSize } = image;
  let data: Uint8Array;
  let info: { width: number; height: number; channels: number };
  try {
    sharp.cache(false);
    const pipeline = sharp(bytes, { failOn: "error" });
    const { width, height, orientation = 1 } = await pipeline.metadata();
    // only a quarter turn changes the size; without one the size says nothing
    const isUnrotated = annotatedSize !== null && orientation >= 5 && width !== height &&
      width === annotatedSize.widthPx && height === annotatedSize.heightPx;
    ({ data, info } = await (isUnrotated ? pipeline : pipeline.rotate())
      .toColourspace("srgb")
      .removeAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true }));
  } catch (cause) {
    throw new HarnessError(
      "bad-image",
      `Cannot decode the image ${image.file}: ${
        (cause as Error).message.trim()
      }: expected a whole JPEG, PNG, WebP, GIF, TIFF or AVIF file: replace it or take it out of the set`,
      { cause },
    );
  }
  if (
    annotatedSize !== null &&
    (info.width !== annotatedSize.widthPx || info.height !== annotatedSize.heightPx)
  ) {
    throw new HarnessError(
      "bad-image",
      `Cannot use the image ${image.file}: it has ${info.width}x${info.height} pixels, its annotations are for ${annotatedSize.widthPx}x${annotatedSize.heightPx}: was it resized? Take the original`,
    );
  }
  return { widthPx: info.width, heightPx: info.height, rgb: toRgb(data, info) };
}

/** Returns the pixels with three channels: a single one is repeated. */
function toRgb(
  data: Uint8Array,
  { width, height, channels }: { width: number; height: number; channels: number },
): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const level = data[pixel * channels];
    rgb[3 * pixel] = level;
    rgb[3 * pixel + 1] = level;
    rgb[3 * pixel + 2] = level;
  }
  return rgb;
}
