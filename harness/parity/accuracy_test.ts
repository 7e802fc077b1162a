import { assertEquals, assertStringIncludes } from "@std/assert";
import { IMAGES, parityFixture, runFixture } from "../gate/testdata/gate_fixture.ts";
import { testManifest } from "./testdata/manifest.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { parseAnnotations } from "../pose/read_annotations.ts";
import type { Detection } from "../record/records.ts";
import { type RunRecords, sortRecords } from "../record/run_records.ts";
import { groundTruthOf } from "../pose/ground_truth.ts";
import { accuraciesOf, resultsOfRun } from "./accuracy.ts";

/** A person of 100 by 100 pixels. */
function person(keypointCount: number, classIndex = 0): Detection {
  return {
    score: 0.9,
    classIndex,
    boxXyxyPx: [10, 10, 110, 110],
    keypoints: Array.from({ length: keypointCount }, (_, joint) => [20 + 5 * joint, 30 + joint, 1]),
  };
}

/** One image with one person of 17 keypoints of each category. */
function annotations(categoryIds: number[]): CocoAnnotations {
  return parseAnnotations(
    JSON.stringify({
      images: [{ id: 5, file_name: "5.jpg" }],
      categories: categoryIds.map((id) => ({ id })),
      annotations: categoryIds.map((id, index) => ({
        id: index + 1,
        image_id: 5,
        category_id: id,
        area: 10_000,
        bbox: [10, 10, 100, 100],
        keypoints: person(17).keypoints.flatMap(([x, y]) => [x, y, 2]),
      })),
    }),
    "made-up.json",
  );
}

/** A run of one variant that finds what is given, as its reference does. */
function runOf(
  detections: Detection[],
  counts: { keypointCount?: number; classCount?: number } = {},
): RunRecords {
  const run = runFixture("run1", 0, {
    images: [{ ...IMAGES[0], id: "five", cocoImageId: 5 }],
    variants: [testManifest({ id: "v", ...counts })],
  });
  const found = { imageId: "five", candidate: detections, reference: detections };
  return sortRecords([run, parityFixture("run1", "host", "v", "pass", found)]);
}

Deno.test("accuraciesOf() takes class k for the k-th category, whatever the categories' ids", () => {
  for (const categoryIds of [[1, 2], [0, 1], [4, 9]]) {
    const records = runOf([person(17, 0), person(17, 1)], { classCount: 2 });
    const { accuracy, warnings } = accuraciesOf(records, { annotations: annotations(categoryIds) });
    const { ap, referenceAp, difference } = accuracy.get("host v")!;
    assertEquals([ap, referenceAp, difference?.value].map((v) => v?.toFixed(6)), [
      "1.000000",
      "1.000000",
      "0.000000",
    ]);
    assertEquals(warnings.map(({ code }) => code), ["classes-by-order"]);
    const { classes } = groundTruthOf(annotations(categoryIds), records.run.variants[0]);
    assertEquals(
      resultsOfRun(records.run, records.parity, classes, (r) => r.candidate)
        .map(({ category_id }) => category_id),
      categoryIds,
    );
  }
});

Deno.test("accuraciesOf() gives the AP of boxes, and says so, when the model finds no keypoints", () => {
  const boxOf = (classIndex: number): Detection => ({ ...person(17, classIndex), keypoints: [] });
  const { accuracy, warnings } = accuraciesOf(
    runOf([boxOf(0)], { keypointCount: 0 }),
    { annotations: annotations([1]) },
  );
  const { ap, referenceAp, difference } = accuracy.get("host v")!;
  assertEquals([ap, referenceAp, difference?.value].map((v) => v?.toFixed(6)), [
    "1.000000",
    "1.000000",
    "0.000000",
  ]);
  assertEquals(warnings.map(({ code }) => code), ["ap-of-boxes"]);
});

Deno.test("accuraciesOf() has no accuracy and a warning with both numbers when the model has other keypoints than the annotations", () => {
  const { accuracy, absent, warnings } = accuraciesOf(
    runOf([person(4)], { keypointCount: 4 }),
    { annotations: annotations([1]) },
  );
  assertEquals(accuracy.size, 0);
  assertEquals(warnings.map(({ code }) => code), ["no-accuracy"]);
  for (const text of [warnings[0].message, absent.get("host v")!]) {
    assertStringIncludes(text, "have 17 joints (annotation 1 for one), the model finds 4");
  }
});

Deno.test("accuraciesOf() warns of a model with more classes than categories, whose further classes count for nothing", () => {
  const records = runOf([person(17, 0), person(17, 1)], { classCount: 2 });
  const { accuracy, warnings } = accuraciesOf(records, { annotations: annotations([0]) });
  assertEquals(accuracy.get("host v")?.ap.toFixed(6), "1.000000");
  assertEquals(warnings.map(({ code }) => code), [
    ...["classes-by-order", "classes-not-annotated"],
  ]);
  assertStringIncludes(warnings[1].message, "1 of the model's 2 classes have no category (1)");
});

Deno.test("accuraciesOf() has nothing without annotations or with an image missing", () => {
  const records = runOf([person(17)]);
  assertEquals(accuraciesOf(records, { annotations: null }), {
    accuracy: new Map(),
    absent: new Map([["host v", "the images have no annotations"]]),
    warnings: [],
  });
  const none = { ...records, parity: [] };
  assertEquals(accuraciesOf(none, { annotations: annotations([1]) }).accuracy.size, 0);
  // one of two images, on record twice
  const [record] = records.parity;
  const twice = {
    ...records,
    run: { ...records.run, images: [...records.run.images, { ...IMAGES[1], id: "other" }] },
    parity: [record, record],
  };
  assertEquals(accuraciesOf(twice, { annotations: annotations([1]) }).accuracy.size, 0);
});
