import { assertEquals } from "@std/assert";
import type { Detection } from "../record/records.ts";
import { toCocoResults } from "./results.ts";

const detection = (classIndex: number): Detection => ({
  ...{ score: 0.5, classIndex, boxXyxyPx: [1, 2, 4, 6], keypoints: [[1, 2, 0.5], [3, 4, 0.6]] },
});

Deno.test("toCocoResults() names the category that a class stands for, with its joints in the category's order", () => {
  const entry = { image_id: 9, bbox: [1, 2, 3, 4], score: 0.5 };
  const classes = [{ categoryId: 0, joints: null }, { categoryId: 4, joints: [1] }];
  assertEquals(toCocoResults(9, [detection(0), detection(1)], classes), [
    { ...entry, category_id: 0, keypoints: [1, 2, 0.5, 3, 4, 0.6] },
    { ...entry, category_id: 4, keypoints: [3, 4, 0.6] },
  ]);
  assertEquals(toCocoResults(9, [detection(0), detection(1)], null).map((r) => r.category_id), [
    1,
    2,
  ]);
});
