/**
 * Files in COCO's format of any name beside the pictures or their folder.
 *
 * @module
 */
import * as path from "@std/path";
import { type Layout, namesIn, readCocoFile } from "./layout.ts";

/** Bytes at both ends of a file in which a key of COCO's format stands. */
const PEEK_BYTES = 1 << 16;
/** Folders of a data set in which annotation files lie. */
const FOLDERS = ["", "annotations", "Annotations", "labels"];
/** Folders of a data set in which pictures lie, the likeliest first. */
const IMAGE_FOLDERS = ["images", "data", "imgs", "JPEGImages"];

/** True when both ends of the file have keys of COCO's format. */
async function looksLikeCoco(file: string): Promise<boolean> {
  using opened = await Deno.open(file);
  const { size } = await opened.stat();
  const ends: string[] = [];
  for (const from of [0, Math.max(0, size - PEEK_BYTES)]) {
    await opened.seek(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(Math.min(PEEK_BYTES, size));
    const count = await opened.read(bytes);
    ends.push(new TextDecoder().decode(bytes.subarray(0, count ?? 0)));
  }
  const isObject = ends[0].replace("\ufeff", "").trimStart().startsWith("{");
  return isObject && /"(?:images|annotations|categories)"\s*:/.test(ends.join(""));
}

/** See the module. Each file is a set of its own. */
export const BESIDE: Layout = {
  name: "a file beside the pictures",
  async detect(folder) {
    const files: string[] = [];
    for (const below of FOLDERS) {
      for (const name of await namesIn(path.join(folder, below))) {
        const file = path.join(folder, below, name);
        const isFile = name.toLowerCase().endsWith(".json") &&
          (await Deno.stat(file).catch(() => null))?.isFile === true;
        if (isFile && await looksLikeCoco(file)) files.push(file);
      }
    }
    const names = new Set(await namesIn(folder));
    const imageFolder = IMAGE_FOLDERS.find((name) => names.has(name)) ?? ".";
    return files.map((annotationsFile) => ({
      layout: BESIDE.name,
      annotationsFile,
      imageFolders: [path.join(folder, imageFolder)],
      note: null,
      read: () => readCocoFile(annotationsFile),
    }));
  },
};
