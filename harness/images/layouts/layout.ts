/**
 * What a layout of a data set is: where annotations and pictures lie, and how they are read.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { readJsonFile } from "../../json_file.ts";
import type { CocoAnnotations } from "../../pose/coco_annotations.ts";
import { readAnnotations } from "../../pose/read_annotations.ts";
import type { PictureFile } from "../picture_files.ts";

/** Annotations that were found, not read yet. */
export interface FoundSet {
  /** Name of the layout, for instance `Roboflow's`. */
  layout: string;
  /** Path of the file that holds or leads to the annotations. */
  annotationsFile: string;
  /** Folders with the pictures. */
  imageFolders: string[];
  /** What was chosen among several, in a sentence; null when nothing was. */
  note: string | null;
  /** Returns the annotations of these pictures. */
  read(pictures: readonly PictureFile[]): Promise<CocoAnnotations>;
}

/** One layout. */
export interface Layout {
  name: string;
  /** Returns what lies in the folder in this layout, the set to be preferred first. */
  detect(folder: string): Promise<FoundSet[]>;
}

/** What a path is; null for nothing. */
export async function kindOf(file: string): Promise<"file" | "folder" | null> {
  try {
    const { isDirectory } = await Deno.stat(file);
    return isDirectory ? "folder" : "file";
  } catch (cause) {
    const isNothing = cause instanceof Deno.errors.NotFound ||
      cause instanceof Deno.errors.NotADirectory ||
      cause instanceof Deno.errors.FilesystemLoop ||
      // /dev, /proc and /sys need all permissions, and hold no data sets
      cause instanceof Deno.errors.NotCapable;
    if (isNothing) return null;
    throw new HarnessError(
      "bad-image",
      `Cannot read ${file}: ${(cause as Error).message}: check its permissions`,
      { cause },
    );
  }
}

/** Returns the names in a folder, sorted; empty for none. */
export async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(name);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw cause;
  }
  return names.sort();
}

/** Names of the split to be judged on, the one to be preferred first. */
export const SPLITS: readonly string[] = ["val", "valid", "validation", "test", "train"];

/** Place of a split's name among those to be preferred; after all for another name. */
export function splitRank(name: string): number {
  const place = SPLITS.findIndex((split) => name.toLowerCase().startsWith(split));
  return place < 0 ? SPLITS.length : place;
}

/** Returns the annotations of a file in COCO's format. */
export async function readCocoFile(file: string): Promise<CocoAnnotations> {
  const json = await readJsonFile(file, { code: "bad-annotations", what: "annotations" });
  return readAnnotations(json, file);
}

/** Returns a set in COCO's format; `images` below the folder, those that exist count. */
export async function cocoSet(
  layout: string,
  folder: string,
  annotations: string,
  images: readonly string[],
  note: string | null = null,
): Promise<FoundSet[]> {
  const annotationsFile = path.join(folder, annotations);
  if (await kindOf(annotationsFile) !== "file") return [];
  const imageFolders: string[] = [];
  for (const each of images) {
    const place = path.join(folder, each);
    if (await kindOf(place) === "folder") imageFolders.push(place);
  }
  if (imageFolders.length === 0) return [];
  return [{
    layout,
    annotationsFile,
    imageFolders: imageFolders.slice(0, 1),
    note,
    read: () => readCocoFile(annotationsFile),
  }];
}
