/**
 * Which annotations a folder means: in its layout, in a file that is named, or one or two folders
 * up.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { BESIDE } from "./layouts/beside.ts";
import { type FoundSet, kindOf, readCocoFile } from "./layouts/layout.ts";
import { detectSets } from "./layouts/layouts.ts";
import { ultralyticsSet } from "./layouts/ultralytics.ts";
import { matchNames } from "./match_names.ts";
import { listPictures, type PictureFile } from "./picture_files.ts";

/** What `--images` may name. */
export const EXPECTED =
  "name a folder of images, a data set's folder (COCO, Roboflow, CVAT, FiftyOne, Label Studio, ultralytics) or a data.yaml";

/** Annotations of a folder, or none. */
export interface Found {
  set: FoundSet | null;
  folder: string;
  /** What was found and is not read, in words. */
  notRead: string[];
}

/** Returns the annotations that are meant by the folder, or by the file that is named. */
export async function findSet(root: string, named: string | null): Promise<Found> {
  const kind = await kindOf(root);
  const isYaml = (file: string) => /\.ya?ml$/i.test(file);
  if (kind === "file" && isYaml(root)) {
    return { set: await ultralyticsSet(root), folder: path.dirname(root), notRead: [] };
  }
  if (kind !== "folder") {
    throw new HarnessError(
      "bad-image",
      `Cannot read the images ${root}: ${
        kind === null ? "there is no such folder" : "it is a file, not a folder"
      }: ${EXPECTED}`,
    );
  }
  if (named !== null) {
    const set = isYaml(named) ? await ultralyticsSet(named) : {
      layout: "the file that was named",
      annotationsFile: named,
      imageFolders: [root],
      note: null,
      read: () => readCocoFile(named),
    };
    return { set, folder: root, notRead: [] };
  }
  const { sets, notRead } = await detectSets(root);
  const set = await preferred(root, sets);
  if (set === null) return { set: await setAbove(root), folder: root, notRead };
  const unread = sets.filter((other) => other !== set)
    .map(({ annotationsFile }) => path.relative(root, annotationsFile));
  return { set, folder: root, notRead: [...unread, ...notRead] };
}

/**
 * Returns the first of the sets; of several files of no known layout the one that is about the
 * pictures. Throws `bad-annotations` that names them when that is not one.
 */
async function preferred(folder: string, sets: readonly FoundSet[]): Promise<FoundSet | null> {
  const [first] = sets;
  const rivals = sets.filter(({ layout }) => layout === BESIDE.name);
  if (first?.layout !== BESIDE.name || rivals.length === 1) return first ?? null;
  const about: FoundSet[] = [];
  for (const set of rivals) {
    const pictures = await listPictures(set.imageFolders[0], { deep: true });
    if (await isAbout(set, pictures)) about.push(set);
  }
  return onlyOne(folder, about) ?? sets.find(({ layout }) => layout !== BESIDE.name) ?? null;
}

function onlyOne(folder: string, sets: readonly FoundSet[]): FoundSet | null {
  if (sets.length <= 1) return sets[0] ?? null;
  throw new HarnessError(
    "bad-annotations",
    `Cannot tell which annotations of ${folder} are meant: found ${
      sets.slice(0, 4).map((set) => path.relative(folder, set.annotationsFile)).join(", ")
    }${sets.length > 4 ? ", …" : ""}: name one by --annotations`,
  );
}

/** Returns the annotations of a folder of pictures that lie one or two folders up; null without. */
async function setAbove(root: string): Promise<FoundSet | null> {
  const own = path.resolve(root);
  const pictures = await listPictures(root, { deep: true });
  if (pictures.length === 0) return null;
  for (const above of [path.dirname(own), path.dirname(path.dirname(own))]) {
    const { sets } = await detectSets(above);
    const isOwn = ({ imageFolders }: FoundSet) =>
      imageFolders.some((folder) => path.resolve(folder) === own);
    const isBeside = ({ layout }: FoundSet) => layout === BESIDE.name;
    const rank = (set: FoundSet) => (isOwn(set) ? 0 : 1) + (isBeside(set) ? 2 : 0);
    // annotations of other pictures may lie there
    const about: FoundSet[] = [];
    for (const set of sets.toSorted((a, b) => rank(a) - rank(b))) {
      const mine = { ...set, imageFolders: [root] };
      if (!await isAbout(mine, pictures)) continue;
      if (!isBeside(set)) return mine;
      about.push(mine);
    }
    const found = onlyOne(above, about);
    if (found !== null) return found;
  }
  return null;
}

/** True when the annotations can be read and are of some of the pictures. */
async function isAbout(set: FoundSet, pictures: readonly PictureFile[]): Promise<boolean> {
  try {
    const { images, annotations } = await set.read(pictures);
    const { fileOf } = matchNames(
      images.map(({ fileName }) => fileName),
      pictures.map(({ relative }) => relative),
    );
    return annotations.length > 0 && fileOf.some((file) => file !== null);
  } catch (error) {
    if (error instanceof HarnessError) return false;
    throw error;
  }
}
