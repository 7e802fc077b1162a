/**
 * ultralytics' layout: a `data.yaml` with `path`, `val`, `names`, `kpt_shape`, and label files.
 *
 * @module
 */
import * as path from "@std/path";
import { parse as parseYaml } from "@std/yaml";
import { HarnessError } from "../../errors.ts";
import type { CategoryFacts } from "../../pose/coco_annotations.ts";
import { flipPairsOfIndices, type JointPair } from "../../pose/joints.ts";
import { type FoundSet, kindOf, type Layout, namesIn } from "./layout.ts";
import { type LabelShape, readYoloLabels } from "./yolo_labels.ts";

type Yaml = Record<string, unknown>;

/** Keys of the split that is judged on, the one to be preferred first. */
const SPLIT_KEYS = ["val", "valid", "validation", "test", "train"];

function fail(file: string, found: string): never {
  throw new HarnessError(
    "bad-annotations",
    `Cannot read the data set ${file}: ${found}: expected a data.yaml as ultralytics reads it, with names, val and for poses kpt_shape`,
  );
}

/** Returns a list that stands as one, or as a mapping from 0 on; null for another value. */
function listOf(value: unknown): unknown[] | null {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return null;
  const entries = Object.entries(value as Yaml).sort(([a], [b]) => Number(a) - Number(b));
  const isCounted = entries.every(([key], index) => Number(key) === index);
  return isCounted ? entries.map(([, each]) => each) : null;
}

function numbersOf(value: unknown, key: string, file: string): number[] | null {
  if (value === undefined || value === null) return null;
  const isList = Array.isArray(value) &&
    value.every((each) => typeof each === "number" && Number.isFinite(each));
  return isList ? value : fail(file, `"${key}" is not a list of numbers`);
}

function shapeOf(yaml: Yaml, file: string): LabelShape {
  const shape = numbersOf(yaml.kpt_shape, "kpt_shape", file);
  if (shape === null) return { jointCount: 0, dims: 3 };
  const [jointCount, dims = 3] = shape;
  const isShape = Number.isInteger(jointCount) && jointCount > 0 && (dims === 2 || dims === 3);
  return isShape ? { jointCount, dims } : fail(file, `"kpt_shape" is [${shape.join(", ")}]`);
}

/** Returns the names of the joints of each class; null for a class without. */
function jointNamesOf(yaml: Yaml, classCount: number): (string[] | null)[] {
  const given = listOf(yaml.kpt_names);
  const texts = (value: unknown) =>
    Array.isArray(value) && value.every((each) => typeof each === "string") ? value : null;
  // one list for all classes, or a list a class
  const shared = texts(given) ?? (given?.length === 1 ? texts(given[0]) : null);
  return Array.from({ length: classCount }, (_, index) => shared ?? texts(given?.[index]));
}

function categoriesOf(yaml: Yaml, shape: LabelShape, file: string): CategoryFacts[] {
  const named = listOf(yaml.names);
  const count = named?.length ?? (typeof yaml.nc === "number" ? yaml.nc : 0);
  if (count === 0) fail(file, 'found no "names"');
  const flip = numbersOf(yaml.flip_idx, "flip_idx", file);
  const isFlip = flip?.length === shape.jointCount;
  const sigmas = numbersOf(yaml.kpt_oks_sigmas, "kpt_oks_sigmas", file);
  if (sigmas !== null && (sigmas.length !== shape.jointCount || sigmas.some((s) => s <= 0))) {
    fail(file, `"kpt_oks_sigmas" is not ${shape.jointCount} positive numbers`);
  }
  const bones = Array.isArray(yaml.skeleton) ? yaml.skeleton as JointPair[] : [];
  const joints = jointNamesOf(yaml, count);
  return Array.from({ length: count }, (_, index): CategoryFacts => ({
    id: index + 1,
    name: named === null ? null : String(named[index]),
    supercategory: null,
    jointNames: joints[index],
    skeleton: bones,
    flipPairs: isFlip ? flipPairsOfIndices(flip) : null,
    ownSigmas: sigmas === null
      ? null
      : { values: sigmas, place: `"kpt_oks_sigmas" of ${path.basename(file)}` },
  }));
}

/** Returns where a split's pictures are, as ultralytics resolves it; null when they are nowhere. */
async function placeOf(value: string, yaml: Yaml, file: string): Promise<string | null> {
  const own = path.dirname(file);
  const root = typeof yaml.path === "string" ? path.resolve(own, yaml.path) : own;
  const plain = value.replaceAll("\\", "/");
  const below = plain.split("/").filter((part) => part !== "" && part !== ".");
  const candidates = [
    ...[root, own].map((base) => path.resolve(base, plain)),
    // Roboflow writes ../valid/images of a folder that is not there
    ...(plain.startsWith("../") ? [root, own].map((base) => path.join(base, plain.slice(3))) : []),
    // the folder was moved since
    ...below.map((_, from) => path.join(own, ...below.slice(from))),
  ];
  for (const candidate of candidates) {
    if (await kindOf(candidate) !== null) return candidate;
  }
  return null;
}

/** Returns the folders of a split's pictures; of a list of files those in which they lie. */
async function foldersOf(
  value: unknown,
  key: string,
  yaml: Yaml,
  file: string,
): Promise<{ folders: string[]; listed: string[] | null }> {
  const folders: string[] = [];
  let listed: string[] | null = null;
  for (const each of Array.isArray(value) ? value : [value]) {
    if (typeof each !== "string") fail(file, `"${key}" is not a path`);
    const place = await placeOf(each, yaml, file);
    if (place === null) fail(file, `"${key}" names ${each}, and nothing is there`);
    if (await kindOf(place) === "folder") {
      folders.push(place);
      continue;
    }
    const lines = (await Deno.readTextFile(place)).split(/\r?\n/)
      .map((line) => line.trim()).filter((line) => line !== "")
      .map((line) => path.resolve(path.dirname(place), line));
    listed = [...listed ?? [], ...lines];
    folders.push(...new Set(lines.map((line) => path.dirname(line))));
  }
  return { folders: [...new Set(folders)], listed };
}

async function readYaml(file: string): Promise<Yaml | null> {
  let yaml: unknown;
  try {
    yaml = parseYaml(await Deno.readTextFile(file));
  } catch {
    return null;
  }
  return typeof yaml === "object" && yaml !== null && !Array.isArray(yaml) ? yaml as Yaml : null;
}

/** True for the YAML of a data set, and not of a model or of settings. */
function isDataset(yaml: Yaml | null): yaml is Yaml {
  return yaml !== null && SPLIT_KEYS.some((key) => key in yaml) &&
    ("names" in yaml || "nc" in yaml) && !("backbone" in yaml);
}

/**
 * Returns the data set of a `data.yaml`: its `val` split, else another, which is noted.
 *
 * Throws `HarnessError` `bad-annotations` for a file that is none, or whose pictures are nowhere.
 */
export async function ultralyticsSet(file: string): Promise<FoundSet> {
  const yaml = await readYaml(file);
  if (!isDataset(yaml)) fail(file, "found no data set in it");
  const key = SPLIT_KEYS.find((each) => yaml[each] !== undefined && yaml[each] !== null);
  if (key === undefined) fail(file, "none of its splits has a path");
  const { folders, listed } = await foldersOf(yaml[key], key, yaml, file);
  const shape = shapeOf(yaml, file);
  const categories = categoriesOf(yaml, shape, file);
  const only = listed === null ? null : new Set(listed);
  return {
    layout: "ultralytics'",
    annotationsFile: file,
    imageFolders: folders,
    note: key === "val" ? null : `The data.yaml has no "val": its split "${key}" is used.`,
    read: (pictures) =>
      readYoloLabels(
        pictures.filter((picture) => only === null || only.has(path.resolve(picture.file))),
        { categories, shape, file },
      ),
  };
}

/** See the module. A file that isn't whole is told when it is read. */
export const ULTRALYTICS: Layout = {
  name: "ultralytics'",
  async detect(folder) {
    const found: FoundSet[] = [];
    const names = (await namesIn(folder)).filter((name) => /\.ya?ml$/i.test(name))
      .toSorted((a, b) => Number(b.startsWith("data.")) - Number(a.startsWith("data.")));
    for (const name of names) {
      const file = path.join(folder, name);
      if (isDataset(await readYaml(file))) found.push(await ultralyticsSet(file));
    }
    return found;
  },
};
