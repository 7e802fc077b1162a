/**
 * YOLO's label files without a `data.yaml`: `images/` and `labels/`, with splits below or not;
 * names of the classes in `classes.txt`, as Label Studio writes it.
 *
 * @module
 */
import * as path from "@std/path";
import type { CategoryFacts } from "../../pose/coco_annotations.ts";
import { type FoundSet, kindOf, type Layout, namesIn, SPLITS } from "./layout.ts";
import { readYoloLabels } from "./yolo_labels.ts";

async function classNames(folder: string): Promise<string[]> {
  const text = await Deno.readTextFile(path.join(folder, "classes.txt")).catch(() => "");
  return text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
}

/** True when the folder, or one below, has a text file of numbers. */
async function hasLabels(folder: string): Promise<boolean> {
  for (const name of await namesIn(folder)) {
    const file = path.join(folder, name);
    if (await kindOf(file) === "folder") {
      if (await hasLabels(file)) return true;
      continue;
    }
    if (!name.endsWith(".txt") || name === "classes.txt") continue;
    const text = await Deno.readTextFile(file).catch(() => "");
    if (text.trim() !== "") return /^[\d\s.eE+-]+$/.test(text);
  }
  return false;
}

/** See the module. Of several splits the validation split comes first. */
export const YOLO_FOLDERS: Layout = {
  name: "YOLO's without data.yaml",
  async detect(folder) {
    const names = await classNames(folder);
    const categories = names.map((name, index): CategoryFacts => ({
      id: index + 1,
      name,
      supercategory: null,
      jointNames: null,
      skeleton: [],
      flipPairs: null,
      ownSigmas: null,
    }));
    const places = [
      { images: "images", labels: "labels" },
      ...SPLITS.flatMap((split) => [
        { images: `images/${split}`, labels: `labels/${split}` },
        { images: `${split}/images`, labels: `${split}/labels` },
      ]),
    ];
    const found: FoundSet[] = [];
    for (const place of places) {
      const images = path.join(folder, place.images);
      const labels = path.join(folder, place.labels);
      if (await kindOf(images) !== "folder" || !await hasLabels(labels)) continue;
      found.push({
        layout: "YOLO's",
        annotationsFile: labels,
        imageFolders: [images],
        note: null,
        read: (pictures) => readYoloLabels(pictures, { categories, shape: null, file: labels }),
      });
    }
    return found;
  },
};
