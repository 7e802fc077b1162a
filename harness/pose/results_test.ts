import { assertEquals } from "@std/assert";
import type { Detection } from "../record/records.ts";
import { parseAnnotations } from "./coco_annotations.ts";
import { categoriesOfClasses, toCocoResults } from "./results.ts";

/** Annotations with these categories, and one object of each of `used`. */
function annotated(ids: number[], used = ids) {
  return parseAnnotations(
    JSON.stringify({
      images: [{ id: 1, file_name: "1.jpg" }],
      categories: ids.map((id) => ({ id })),
      annotations: used.map((id, index) => ({
        id: index + 1,
        image_id: 1,
        category_id: id,
        bbox: [0, 0, 9, 9],
        area: 81,
      })),
    }),
    "made-up.json",
  );
}

Deno.test("categoriesOfClasses() counts from 1 without annotations, and takes the annotations' ids in ascending order with them", () => {
  assertEquals(categoriesOfClasses(null, 2), [1, 2]);
  assertEquals(categoriesOfClasses(annotated([1]), 1), [1]);
  assertEquals(categoriesOfClasses(annotated([0]), 1), [0]);
  assertEquals(categoriesOfClasses(annotated([7, 3]), 2), [3, 7]);
});

Deno.test("categoriesOfClasses() passes over categories without objects only when those with objects are as many as the classes", () => {
  assertEquals(categoriesOfClasses(annotated([0, 1], [1]), 1), [1]);
  assertEquals(categoriesOfClasses(annotated([0, 1, 2], [2]), 2), [0, 1]);
  assertEquals(categoriesOfClasses(annotated([0, 1], []), 1), [0]);
});

Deno.test("categoriesOfClasses() gives classes beyond the categories ids that are not listed", () => {
  assertEquals(categoriesOfClasses(annotated([1, 3]), 3), [1, 3, 4]);
  assertEquals(categoriesOfClasses(annotated([]), 2), [1, 2]);
});

Deno.test("toCocoResults() names the class's category, and one beyond the list for a class beyond it", () => {
  const detection = (classIndex: number): Detection => ({
    ...{ score: 0.5, classIndex, boxXyxyPx: [1, 2, 4, 6], keypoints: [[1, 2, 0.5]] },
  });
  assertEquals(toCocoResults(9, [detection(1), detection(5)], [0, 4]), [
    { image_id: 9, category_id: 4, bbox: [1, 2, 3, 4], keypoints: [1, 2, 0.5], score: 0.5 },
    { image_id: 9, category_id: 5, bbox: [1, 2, 3, 4], keypoints: [1, 2, 0.5], score: 0.5 },
  ]);
});
