/**
 * Roboflow's export as COCO: a folder a split, each with its pictures and
 * `_annotations.coco.json`.
 *
 * @module
 */
import { cocoSet, type Layout, namesIn, splitRank } from "./layout.ts";

const FILE = "_annotations.coco.json";

/** See the module. Of several splits the validation split comes first. */
export const ROBOFLOW: Layout = {
  name: "Roboflow's",
  async detect(folder) {
    const own = await cocoSet("Roboflow's", folder, FILE, ["."]);
    if (own.length > 0) return own;
    const splits = (await namesIn(folder)).toSorted((a, b) => splitRank(a) - splitRank(b));
    const found = [];
    for (const split of splits) {
      found.push(...await cocoSet("Roboflow's", folder, `${split}/${FILE}`, [split]));
    }
    return found;
  },
};
