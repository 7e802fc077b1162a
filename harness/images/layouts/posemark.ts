/** Posemark's own layout: `images/` and `person_keypoints.json`. @module */
import { cocoSet, type Layout } from "./layout.ts";

/** See the module. The pictures may lie beside the file too. */
export const POSEMARK: Layout = {
  name: "Posemark's",
  detect: (folder) => cocoSet("Posemark's", folder, "person_keypoints.json", ["images", "."]),
};
