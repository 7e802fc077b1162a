/** FiftyOne's export as COCO: `data/` and `labels.json`. @module */
import { cocoSet, type Layout } from "./layout.ts";

/** See the module. */
export const FIFTYONE: Layout = {
  name: "FiftyOne's",
  detect: (folder) => cocoSet("FiftyOne's", folder, "labels.json", ["data"]),
};
