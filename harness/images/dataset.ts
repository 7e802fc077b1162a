/**
 * A folder of images in any layout → images with safe ids, and their annotations.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError, type Warning } from "../errors.ts";
import { parseCategoryRules } from "../pose/category_rules.ts";
import { type CocoAnnotations, type CocoImage, withSigmas } from "../pose/coco_annotations.ts";
import { EXPECTED, findSet } from "./find_set.ts";
import { type FoundSet, kindOf } from "./layouts/layout.ts";
import type { DatasetImage } from "./load_image.ts";
import { matchNames, type NameMatches } from "./match_names.ts";
import { framesOf } from "./orientation.ts";
import { isUnreadableName, listPictures, type PictureFile } from "./picture_files.ts";
import { type PictureHeader, readHeader } from "./picture_header.ts";
import { readSigmas } from "./sigma_file.ts";

/** Images, and their annotations where there are some. */
export interface ImageDataset {
  root: string;
  /** In order of their files. */
  images: DatasetImage[];
  /** Of the images above only; null for a folder without annotations. */
  annotations: CocoAnnotations | null;
  /** Path of the annotation file; null for a folder without annotations. */
  annotationsFile: string | null;
  /** Why there are no annotations, as a clause; null when there are some. */
  noAnnotations: string | null;
  /** What is known of the pictures, as sentences that matter when an AP is near 0. */
  hints: string[];
  warnings: Warning[];
}

/** What a user says of a data set beside its folder. */
export interface DatasetOptions {
  /** File with the annotations, or a `data.yaml`; null: what the folder holds. */
  annotations?: string | null;
  /** A published set or a file, see {@linkcode readSigmas}; null: what follows from the joints. */
  sigmas?: string | null;
  /** Which classes stand for which categories, see {@linkcode parseCategoryRules}. */
  categories?: string | null;
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
 * Returns the images and annotations of a folder in any layout of `layouts/`, of a folder of
 * pictures whose annotations lie beside it, or of a plain folder of pictures.
 *
 * With annotations, the images are those that are annotated and present: any subset of a set works,
 * and what is left out is told in `warnings`. Throws `HarnessError` `bad-image` when there is no
 * such folder or no image in it, `bad-annotations` when the annotations cannot be read or none of
 * their images is there, `bad-option` for sigmas and categories that don't fit.
 */
export async function openDataset(
  root: string,
  options: DatasetOptions = {},
): Promise<ImageDataset> {
  const { set, folder, notRead } = await findSet(root, options.annotations ?? null);
  if (set === null) return await openPlain(folder, notRead);
  const dataset = await openAnnotated(folder, set, notRead);
  return await asAsked(dataset, options);
}

/** Returns the data set with the sigmas and the pairs of categories that a user asks for. */
async function asAsked(
  dataset: ImageDataset,
  { sigmas = null, categories = null }: DatasetOptions,
): Promise<ImageDataset> {
  let { annotations } = dataset;
  if (annotations === null) return dataset;
  if (sigmas !== null) annotations = withSigmas(annotations, await readSigmas(sigmas));
  if (categories !== null) {
    annotations = { ...annotations, categoryRules: parseCategoryRules(categories) };
  }
  return { ...dataset, annotations };
}

/** Returns a folder of pictures without annotations. */
async function openPlain(root: string, notRead: readonly string[]): Promise<ImageDataset> {
  let folder = root;
  let pictures = await listPictures(root, { deep: false });
  let isDeep = false;
  if (pictures.length === 0) {
    if (await kindOf(path.join(root, "images")) === "folder") folder = path.join(root, "images");
    pictures = await listPictures(folder, { deep: true });
    isDeep = true;
  }
  const usable = pictures.filter(({ unusable, relative }) =>
    unusable === null && !isUnreadableName(relative)
  );
  if (usable.length === 0) {
    throw new HarnessError(
      "bad-image",
      `Cannot read the images ${root}: found no picture${
        pictures.length === 0
          ? ""
          : ` that can be read (${pictures[0].relative}: ${pictures[0].unusable})`
      }: ${EXPECTED}`,
    );
  }
  const ids = safeIds(usable.map(({ relative }) => relative));
  return {
    root,
    images: usable.map(({ file }, index) => ({
      id: ids[index],
      file,
      cocoImageId: null,
      annotatedSize: null,
    })),
    annotations: null,
    annotationsFile: null,
    noAnnotations: notRead.length === 0
      ? "the images have no annotations"
      : `no annotations were read; found ${notRead.join(", ")}`,
    hints: [],
    warnings: [
      ...unusableWarnings(pictures),
      ...notReadWarnings(notRead),
      ...leftOutWarnings(folder, usable.length, [
        ...pictures.map(({ relative }) => relative).filter(isUnreadableName),
        ...(isDeep ? [] : await foldersBelow(folder)),
      ]),
    ],
  };
}

/** Returns the folders below one that have pictures. */
async function foldersBelow(folder: string): Promise<string[]> {
  const deep = await listPictures(folder, { deep: true });
  const below = deep.filter(({ relative }) => relative.includes("/"));
  return [...new Set(below.map(({ relative }) => `${relative.split("/")[0]}/`))];
}

/** Warns of pictures that are not used: in formats that can't be read, or in folders below. */
function leftOutWarnings(folder: string, usedCount: number, leftOut: string[]): Warning[] {
  if (leftOut.length === 0) return [];
  return [{
    code: "images-left-out",
    message: `${usedCount} images of ${folder} are used; left out: ${
      leftOut.sort().slice(0, 3).join(", ")
    }${leftOut.length > 3 ? ` and ${leftOut.length - 3} more` : ""}.`,
    advice: "Convert them to JPEG or PNG, and put all images into the folder itself.",
  }];
}

function unusableWarnings(pictures: readonly PictureFile[]): Warning[] {
  const bad = pictures.filter(({ unusable }) => unusable !== null);
  if (bad.length === 0) return [];
  return [{
    code: "images-unusable",
    message: `${bad.length} files can't be opened and are left out: ${
      bad.slice(0, 3).map(({ relative, unusable }) => `${relative} (${unusable})`).join(", ")
    }${bad.length > 3 ? ", …" : ""}.`,
    advice: "Restore or rename them if they belong to the set.",
  }];
}

function notReadWarnings(notRead: readonly string[]): Warning[] {
  if (notRead.length === 0) return [];
  return [{
    code: "annotations-not-read",
    message: `Found and not read: ${notRead.slice(0, 6).join(", ")}${
      notRead.length > 6 ? ` and ${notRead.length - 6} more` : ""
    }.`,
    advice: "Name the file by --annotations if it was meant.",
  }];
}

async function openAnnotated(
  root: string,
  set: FoundSet,
  notRead: readonly string[],
): Promise<ImageDataset> {
  const { annotationsFile, imageFolders } = set;
  const pictures: PictureFile[] = [];
  for (const folder of imageFolders) pictures.push(...await listPictures(folder, { deep: true }));
  const annotations = await set.read(pictures);
  const matches = matchNames(
    annotations.images.map(({ fileName }) => fileName),
    pictures.map(({ relative }) => relative),
  );
  const pairs = requirePairs(annotations.images, pictures, matches, set);
  const ids = safeIds(pairs.map(({ picture }) => picture.relative));
  const byImage = Map.groupBy(annotations.annotations, ({ imageId }) => imageId);
  const headers: (PictureHeader | null)[] = [];
  for (const { picture } of pairs) headers.push(await readHeader(picture.file));
  const { frames, warnings: frameWarnings, hints } = framesOf(
    pairs.map(({ image: { id, widthPx, heightPx } }, index) => ({
      id: ids[index],
      header: headers[index],
      annotatedSize: widthPx === null || heightPx === null ? null : { widthPx, heightPx },
      annotations: byImage.get(id) ?? [],
    })),
  );
  const images = pairs.map(({ image, picture }, index): DatasetImage => ({
    id: ids[index],
    file: picture.file,
    cocoImageId: image.id,
    ...frames[index],
  }));
  return withImages({
    root,
    images,
    annotations,
    annotationsFile,
    noAnnotations: null,
    hints,
    warnings: [
      ...(set.note === null ? [] : [{
        code: "split-chosen",
        message: set.note,
        advice: "Name another by --annotations.",
      }]),
      ...notReadWarnings(notRead),
      ...annotations.warnings,
      ...matchWarnings(annotations.images, pictures, matches, set),
      ...unusableWarnings(pictures),
      ...frameWarnings,
    ],
  }, images);
}

/** One annotated image and its file. */
interface Pair {
  image: CocoImage;
  picture: PictureFile;
}

/**
 * Returns the images with their files, in the order of the files; throws `bad-annotations` when
 * there is none, an image has no name, or two have the same file.
 */
function requirePairs(
  images: readonly CocoImage[],
  pictures: readonly PictureFile[],
  { fileOf }: NameMatches,
  { annotationsFile, imageFolders }: FoundSet,
): Pair[] {
  const fail = (found: string): never => {
    throw new HarnessError(
      "bad-annotations",
      `Cannot use the annotations ${annotationsFile}: ${found}`,
    );
  };
  const taken = new Map<number, CocoImage>();
  const pairs: Pair[] = [];
  for (const [index, image] of images.entries()) {
    if (image.fileName === "") {
      fail(
        `image ${image.ownId} has no "file_name", expected a name of its own for each image of the folder`,
      );
    }
    const file = fileOf[index];
    if (file === null) continue;
    const other = taken.get(file);
    if (other !== undefined) {
      fail(
        `images ${other.ownId} ("${other.fileName}") and ${image.ownId} ("${image.fileName}") have the same file name, expected a name of its own for each image of the folder`,
      );
    }
    taken.set(file, image);
    if (pictures[file].unusable === null) pairs.push({ image, picture: pictures[file] });
  }
  if (pairs.length === 0) {
    const example = images.length > 0 && pictures.length > 0
      ? `: the annotations say "${images[0].fileName}", the folder has "${pictures[0].relative}"`
      : "";
    fail(
      `none of their ${images.length} images is in ${
        imageFolders.join(", ")
      } (${pictures.length} image files there)${example}: do the two belong together?`,
    );
  }
  return pairs.sort((a, b) => a.picture.relative < b.picture.relative ? -1 : 1);
}

/** Warnings of images without a file, files without an image, and names that differ. */
function matchWarnings(
  images: readonly CocoImage[],
  pictures: readonly PictureFile[],
  { fileOf, differences }: NameMatches,
  { imageFolders }: FoundSet,
): Warning[] {
  const folder = imageFolders.join(", ");
  const warnings = differences.map(({ difference, count, name, file }): Warning => ({
    code: "names-differ",
    message:
      `${count} images were matched with files whose names differ ${difference}: annotations say "${name}", folder has "${file}".`,
    advice: "Look whether the two are the same picture.",
  }));
  const missing = images.filter((_, index) => fileOf[index] === null);
  const used = new Set(fileOf);
  const unlisted = pictures.filter((_, index) => !used.has(index));
  if (missing.length > 0) {
    const example = `annotations say "${missing[0].fileName}"${
      unlisted.length > 0 ? `, folder has "${unlisted[0].relative}"` : ""
    }`;
    warnings.push({
      code: "images-missing",
      message:
        `${missing.length} of ${images.length} annotated images are not in ${folder} (${example}); accuracy is over the ${
          images.length - missing.length
        } that are.`,
      advice: "Add the missing files if the whole set was meant.",
    });
  }
  if (unlisted.length > 0) {
    warnings.push({
      code: "images-not-annotated",
      message: `${unlisted.length} image files of ${folder} are not in the annotations (${
        unlisted.slice(0, 3).map(({ relative }) => relative).join(", ")
      }${unlisted.length > 3 ? ", …" : ""}) and are left out.`,
      advice: "Copy the images alone to another folder to run on all of them without accuracy.",
    });
  }
  return warnings;
}

/** Returns the data set with these of its images only, and what is annotated in them. */
export function withImages(dataset: ImageDataset, images: DatasetImage[]): ImageDataset {
  const ids = new Set(images.map(({ cocoImageId }) => cocoImageId));
  const { annotations } = dataset;
  return {
    ...dataset,
    images,
    annotations: annotations === null ? null : restrictAnnotations(annotations, ids),
  };
}

/** Returns the annotations of these images only: what accuracy on a subset is evaluated against. */
export function restrictAnnotations(
  annotations: CocoAnnotations,
  imageIds: ReadonlySet<number | null>,
): CocoAnnotations {
  return {
    ...annotations,
    images: annotations.images.filter(({ id }) => imageIds.has(id)),
    annotations: annotations.annotations.filter(({ imageId }) => imageIds.has(imageId)),
  };
}
