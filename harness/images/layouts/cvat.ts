/**
 * CVAT's (and Datumaro's) export as COCO: `annotations/person_keypoints_default.json` with
 * `images/default/` or `images/`; the subset's name stands for `default`.
 *
 * @module
 */
import * as path from "@std/path";
import { cocoSet, type FoundSet, type Layout, namesIn, splitRank } from "./layout.ts";

const NAME = /^(person_keypoints|instances)_(.+)\.json$/;

/** See the module. Keypoints come before instances. */
export const CVAT: Layout = {
  name: "CVAT's",
  async detect(folder) {
    const found: (FoundSet & { rank: number })[] = [];
    for (const name of await namesIn(path.join(folder, "annotations"))) {
      const [, kind, subset] = NAME.exec(name) ?? [];
      if (subset === undefined) continue;
      const sets = await cocoSet("CVAT's", folder, `annotations/${name}`, [
        `images/${subset}`,
        subset,
        "images",
      ]);
      const rank = splitRank(subset) + (kind === "instances" ? 10 : 0);
      found.push(...sets.map((set) => ({ ...set, rank })));
    }
    return found.sort((a, b) => a.rank - b.rank);
  },
};
