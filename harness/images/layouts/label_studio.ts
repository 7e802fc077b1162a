/** Label Studio's export as COCO: `images/` and `result.json`. @module */
import { cocoSet, type Layout } from "./layout.ts";

/** See the module. */
export const LABEL_STUDIO: Layout = {
  name: "Label Studio's",
  detect: (folder) => cocoSet("Label Studio's", folder, "result.json", ["images", "."]),
};
