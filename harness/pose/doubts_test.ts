import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CocoAnnotation } from "./coco_annotations.ts";
import { doubtsOf } from "./doubts.ts";
import type { CocoResult } from "./results.ts";
import { annotated } from "./testdata/annotated.ts";

/** Twelve images with two objects each, and a detection for each object. */
function scene(change: (object: CocoAnnotation) => Partial<CocoAnnotation> = () => ({})) {
  const images = Array.from({ length: 12 }, (_, index) => ({
    ...{ id: index + 1, fileName: `${index}.jpg`, widthPx: 640, heightPx: 480 },
  }));
  const objects = images.flatMap(({ id }) =>
    [0, 1].map((place): CocoAnnotation => {
      const object: CocoAnnotation = {
        id: 2 * id + place,
        imageId: id,
        categoryId: 1,
        boxXywhPx: [10 + 100 * place, 20, 50 + id, 80],
        areaPx2: (50 + id) * 80,
        isCrowd: false,
        keypoints: [30, 40, 2],
        keypointCount: 1,
      };
      return { ...object, ...change(object) };
    })
  );
  const results = objects.map(({ imageId, boxXywhPx }): CocoResult => ({
    ...{
      image_id: imageId,
      category_id: 1,
      score: 0.5,
      bbox: [...boxXywhPx],
      keypoints: [9, 9, 1],
    },
  }));
  return { annotations: annotated(images, [1], objects), results };
}

Deno.test("doubtsOf() is silent about an AP that may be right, and about a low one of few detections", () => {
  const { annotations, results } = scene();
  assertEquals(doubtsOf({ kind: "keypoints", ap: 0.3, annotations, results }), []);
  const few = results.slice(0, 3);
  assertMatch(doubtsOf({ kind: "keypoints", ap: 0, annotations, results: few }).join(), /^$/);
});

Deno.test("doubtsOf() says why an AP can't be told, or is 0", () => {
  const crowds = scene(() => ({ isCrowd: true }));
  const bare = scene(() => ({ keypointCount: 0 }));
  const of = (ap: number, { annotations, results }: ReturnType<typeof scene>) =>
    doubtsOf({ kind: "keypoints", ap, annotations, results }).join("\n");
  assertStringIncludes(of(-1, crowds), "all 24 annotated objects are crowds");
  assertStringIncludes(of(-1, bare), "none of the 24 annotated objects has a labelled joint");
  assertStringIncludes(of(0, { ...scene(), results: [] }), "not one detection");
  assertStringIncludes(of(0, scene()), "24 detections and 24 annotated objects with 24 labelled");
});

Deno.test("doubtsOf() names areas that OKS can't be right with, and an id that pycocotools stumbles over", () => {
  const of = (change: Partial<CocoAnnotation>) => {
    const { annotations, results } = scene(() => change);
    return doubtsOf({ kind: "keypoints", ap: 0.2, annotations, results }).join("\n");
  };
  assertStringIncludes(of({ areaPx2: 0 }), "24 of 24 annotated objects have area 0");
  assertStringIncludes(of({ areaPx2: 1 }), "24 of 24 annotated objects have an area below 1%");
  assertStringIncludes(of({ areaPx2: 3000 }), "All 24 annotated objects have the same area, 3000");
  assertStringIncludes(of({ id: 0 }), "An annotation has id 0");
});

Deno.test("doubtsOf() tells categories, images and places that results and annotations don't share", () => {
  const { annotations, results } = scene();
  const of = (change: (result: CocoResult) => Partial<CocoResult>, kept = results) => {
    const changed = kept.map((result) => ({ ...result, ...change(result) }));
    return doubtsOf({ kind: "boxes", ap: 0, annotations, results: changed }).join("\n");
  };
  assertStringIncludes(
    of(() => ({ category_id: 0 })),
    "24 of 24 results have category 0, the annotations have 1: map them by --categories",
  );
  const scaled = (factor: number) => ({ bbox = [] }: CocoResult) => ({
    bbox: bbox.map((value) => value * factor),
  });
  assertStringIncludes(of(scaled(9)), "24 of 24 detections have their centre outside");
  assertStringIncludes(of(scaled(9)), "9.0 times the size");
  assertStringIncludes(
    doubtsOf({ kind: "boxes", ap: 0, annotations, results, hints: ["EXIF."] }).join("\n"),
    "EXIF.",
  );
});
