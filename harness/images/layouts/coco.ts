/**
 * COCO's layout: `annotations/person_keypoints_val2017.json` with `val2017/` or `images/val2017/`;
 * other years and the train split too.
 *
 * @module
 */
import * as path from "@std/path";
import { cocoSet, type FoundSet, type Layout, namesIn, splitRank } from "./layout.ts";

const NAME = /^(person_keypoints|keypoints|instances)_([a-z]+\d{4})\.json$/;

/** See the module. Keypoints come before instances, the validation split before the others. */
export const COCO: Layout = {
  name: "COCO's",
  async detect(folder) {
    const found: (FoundSet & { rank: number })[] = [];
    for (const name of await namesIn(path.join(folder, "annotations"))) {
      const [, kind, split] = NAME.exec(name) ?? [];
      if (split === undefined) continue;
      const sets = await cocoSet("COCO's", folder, `annotations/${name}`, [
        split,
        `images/${split}`,
      ]);
      const rank = splitRank(split) + (kind === "instances" ? 10 : 0);
      found.push(...sets.map((set) => ({ ...set, rank })));
    }
    return found.sort((a, b) => a.rank - b.rank);
  },
};
