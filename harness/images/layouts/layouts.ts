/**
 * The layouts that are known, and what of them a folder holds.
 *
 * @module
 */
import * as path from "@std/path";
import { BESIDE } from "./beside.ts";
import { COCO } from "./coco.ts";
import { CVAT } from "./cvat.ts";
import { FIFTYONE } from "./fiftyone.ts";
import { LABEL_STUDIO } from "./label_studio.ts";
import { type FoundSet, type Layout, namesIn } from "./layout.ts";
import { POSEMARK } from "./posemark.ts";
import { ROBOFLOW } from "./roboflow.ts";
import { ULTRALYTICS } from "./ultralytics.ts";
import { YOLO_FOLDERS } from "./yolo_folders.ts";

/** Layouts in the order in which they are preferred. */
export const LAYOUTS: readonly Layout[] = [
  ...[POSEMARK, COCO, ROBOFLOW, CVAT, FIFTYONE, LABEL_STUDIO, ULTRALYTICS, BESIDE, YOLO_FOLDERS],
];

/** Files of formats that are known and not read, with what to do. */
const NOT_READ: readonly { is: RegExp; what: string }[] = [
  { is: /^annotations\.xml$/i, what: "CVAT's own XML: export as COCO Keypoints" },
  { is: /^(?:samples|frames)\.json$/i, what: "FiftyOne's own format: export as COCO" },
  { is: /^project-.*\.json$/i, what: "Label Studio's own JSON: export as COCO" },
  { is: /\.(?:tfrecords?|csv|ndjson)$/i, what: "no format that Posemark reads: export as COCO" },
];

/** What a folder holds. */
export interface Detected {
  /** Annotations in a known layout, the set to be preferred first. */
  sets: FoundSet[];
  /** Files that look like annotations and are not read, each with the reason. */
  notRead: string[];
}

/** Returns the annotations that lie in a folder, each file once. */
export async function detectSets(folder: string): Promise<Detected> {
  const byFile = new Map<string, FoundSet>();
  for (const layout of LAYOUTS) {
    for (const set of await layout.detect(folder)) {
      if (!byFile.has(set.annotationsFile)) byFile.set(set.annotationsFile, set);
    }
  }
  const notRead = (await namesIn(folder)).flatMap((name) => {
    const known = NOT_READ.find(({ is }) => is.test(name));
    return known === undefined || byFile.has(path.join(folder, name))
      ? []
      : [`${name} (${known.what})`];
  });
  return { sets: [...byFile.values()], notRead };
}
