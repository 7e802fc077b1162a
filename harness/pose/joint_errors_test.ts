import { assertAlmostEquals, assertEquals } from "@std/assert";
import { jointErrors } from "./joint_errors.ts";
import type { CocoResult } from "./results.ts";
import { annotated } from "./testdata/annotated.ts";

const IMAGES = [{ id: 1, fileName: "1.jpg", widthPx: 400, heightPx: 300 }];
const object = (id: number, left: number, isCrowd = false) => ({
  ...{ id, imageId: 1, categoryId: 1, areaPx2: 5000, isCrowd, keypointCount: 2 },
  boxXywhPx: [left, 0, 50, 100] as const,
  keypoints: [left, 10, 2, left + 40, 90, 1, 0, 0, 0],
});
const found = (left: number, off: number[], score = 0.9): CocoResult => ({
  ...{ image_id: 1, category_id: 1, score, bbox: [left, 0, 50, 100] },
  keypoints: [left + off[0], 10, 1, left + 40, 90 + off[1], 1, 0, 0, 1],
});

Deno.test("jointErrors() has mean errors over found objects and PCK over all labelled joints", () => {
  // the second object is found by nobody, the crowd doesn't count
  const annotations = annotated(IMAGES, [1], [object(1, 0), object(2, 200), object(3, 300, true)]);
  const errors = jointErrors(annotations, [found(0, [4, 30]), found(2, [0, 0], 0.1)]);
  assertEquals(errors.joints.map(({ labelled, found }) => [labelled, found]), [
    ...[[2, 1], [2, 1], [0, 0]],
  ]);
  assertEquals(errors.joints.map(({ meanPx }) => meanPx), [4, 30, null]);
  // a tenth of 100 px: the first joint is correct, the second not
  assertEquals(errors.joints.map(({ pck }) => pck), [0.5, 0, null]);
  assertAlmostEquals(errors.pck!, 0.25);
  assertAlmostEquals(errors.meanPx!, 17);
});

Deno.test("jointErrors() is unknown where nothing is labelled or found", () => {
  const annotations = annotated(IMAGES, [1], [object(1, 0)]);
  assertEquals(jointErrors(annotations, []).meanPx, null);
  assertEquals(jointErrors(annotations, []).pck, 0);
  assertEquals(jointErrors({ ...annotations, annotations: [] }, []).pck, null);
});
