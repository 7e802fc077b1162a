import { assert, assertEquals, assertThrows } from "@std/assert";
import type { CocoAnnotations } from "./coco_annotations.ts";
import { parseAnnotations } from "./read_annotations.ts";
import { evaluateBoxes, evaluateKeypoints } from "./coco_eval.ts";
import { annotated } from "./testdata/annotated.ts";
import { type CocoResult } from "./results.ts";

interface Case {
  kind: string;
  annotations: unknown;
  detections: CocoResult[];
  expected: Record<"keypoints" | "boxes", Record<string, number>>;
}

function assertEqualsPycocotools(cases: Case[]): void {
  for (const [index, { kind, annotations, detections, expected }] of cases.entries()) {
    const parsed = parseAnnotations(JSON.stringify(annotations), "case.json");
    const found = {
      keypoints: evaluateKeypoints(parsed, detections),
      boxes: evaluateBoxes(parsed, detections),
    };
    for (const what of ["keypoints", "boxes"] as const) {
      assertEquals(Object.keys(found[what]), Object.keys(expected[what]));
      for (const [name, value] of Object.entries(found[what])) {
        const difference = Math.abs(value - expected[what][name]);
        assert(
          difference < 1e-9,
          `case ${index} (${kind}), ${what} ${name}: found ${value}, pycocotools gives ${
            expected[what][name]
          }`,
        );
      }
    }
  }
}

Deno.test("evaluateKeypoints() and evaluateBoxes() equal pycocotools when run on the recorded cases", async () => {
  const cases: Case[] = JSON.parse(
    await Deno.readTextFile(new URL("testdata/coco_cases.json", import.meta.url)),
  );
  assertEquals(new Set(cases.map(({ kind }) => kind)).size, 13);
  assertEqualsPycocotools(cases);
});

/** One person per image with keypoints on a diagonal; the detections are given. */
function scene(people: { imageId: number; area?: number; crowd?: boolean }[]): CocoAnnotations {
  const keypoints = Array.from({ length: 17 }, (_, joint) => [100 + 10 * joint, 50 + 5 * joint, 2]);
  return annotated(
    [...new Set(people.map(({ imageId }) => imageId))].map((id) => ({
      id,
      fileName: `${id}.jpg`,
      widthPx: 640,
      heightPx: 480,
    })),
    [1],
    people.map(({ imageId, area = 20000, crowd = false }, index) => ({
      id: index + 1,
      imageId,
      categoryId: 1,
      boxXywhPx: [100, 50, 160, 80],
      areaPx2: area,
      isCrowd: crowd,
      keypoints: keypoints.flat(),
      keypointCount: 17,
    })),
  );
}

function found(imageId: number, score: number, shiftPx = 0): CocoResult {
  return {
    image_id: imageId,
    category_id: 1,
    score,
    bbox: [100, 50, 160, 80],
    keypoints: Array.from(
      { length: 17 },
      (_, joint) => [100 + 10 * joint + shiftPx, 50 + 5 * joint, 1],
    )
      .flat(),
  };
}

Deno.test("evaluateKeypoints() is computed by hand when one of two people is found and one detection is wrong", () => {
  const annotations = scene([{ imageId: 1 }, { imageId: 2 }]);
  // the wrong one scores higher: precision 1/2 up to recall 1/2, nothing beyond: 51 of 101 steps
  const metrics = evaluateKeypoints(annotations, [found(1, 0.9, 1000), found(1, 0.8)]);
  assert(Math.abs(metrics.AP - 0.5 * 51 / 101) < 1e-12);
  assertEquals(metrics.AR, 0.5);
  assertEquals(metrics.APm, -1, "no person of medium size");
});

Deno.test("evaluateKeypoints() gives 1 for perfect results, 0 for none, -1 without annotations that count", () => {
  const annotations = scene([{ imageId: 1 }, { imageId: 2 }]);
  assert(Math.abs(evaluateKeypoints(annotations, [found(1, 0.5), found(2, 0.5)]).AP - 1) < 1e-12);
  assertEquals(evaluateKeypoints(annotations, []).AP, 0);
  assertEquals(evaluateKeypoints(scene([{ imageId: 1, crowd: true }]), [found(1, 0.5)]).AP, -1);
});

Deno.test("evaluateKeypoints() is -1 for boxes only, while evaluateBoxes() has numbers", () => {
  const annotations = scene([{ imageId: 1 }]);
  const boxes = [{ ...found(1, 0.5), keypoints: undefined }];
  assertEquals(evaluateKeypoints(annotations, boxes).AP, -1);
  assert(Math.abs(evaluateBoxes(annotations, boxes).AP - 1) < 1e-12);
});

Deno.test("evaluateKeypoints() matches nobody with a detection that has a joint without a place", () => {
  const keypoints = [NaN, ...found(1, 0.5).keypoints!.slice(1)];
  assertEquals(evaluateKeypoints(scene([{ imageId: 1 }]), [{ ...found(1, 0.5), keypoints }]).AP, 0);
});

Deno.test("evaluateKeypoints() throws when the results have another number of keypoints", () => {
  assertThrows(
    () => evaluateKeypoints(scene([{ imageId: 1 }]), [{ ...found(1, 0.5), keypoints: [1, 2, 1] }]),
    RangeError,
    "1 keypoints, expected 17",
  );
});

Deno.test("parseAnnotations() names the entry and the key when one is wrong", () => {
  const good = {
    images: [{ id: 1, file_name: "a.jpg" }],
    annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [0, 0, 2, 2], area: 3, iscrowd: 1 }],
    categories: [{ id: 1 }],
  };
  const read = (changes: Record<string, unknown>) =>
    parseAnnotations(JSON.stringify({ ...good, ...changes }), "a.json");
  assertEquals(read({}).annotations[0].isCrowd, true);
  assertEquals(read({}).annotations[0].keypointCount, 0);
  assertThrows(() => parseAnnotations("[", "a.json"), Error, "not JSON");
  assertThrows(() => parseAnnotations("[]", "a.json"), Error, "not an object");
  assertThrows(() => read({ images: undefined }), Error, 'no "images"');
  assertThrows(() => read({ images: [...good.images, ...good.images] }), Error, "twice");
  const [annotation] = good.annotations;
  for (
    const [change, message] of [
      [{ area: "3" }, '"3" for "area", not a number'],
      [{ iscrowd: "0" }, '"0" for "iscrowd", not a number'],
      [{ bbox: null }, 'no "bbox" and no labelled keypoint'],
      [{ bbox: [1, 2, 3] }, "3 numbers"],
      [{ keypoints: [1, 2] }, "triples"],
      [{ id: 1.5 }, "not an integer"],
    ] as const
  ) {
    assertThrows(() => read({ annotations: [{ ...annotation, ...change }] }), Error, message);
  }
});

Deno.test("parseAnnotations() takes what pycocotools takes: no file names, nulls, and orphans that count for nothing", () => {
  const annotation = { id: 1, image_id: 1, category_id: 1, bbox: [0, 0, 2, 2], area: 3 };
  const text = JSON.stringify({
    images: [{ id: 1 }],
    annotations: [
      { ...annotation, keypoints: null, num_keypoints: null },
      { ...annotation, id: 2, image_id: 5 },
      { ...annotation, id: 3, category_id: 5 },
    ],
    categories: [{ id: 1 }],
  });
  const read = parseAnnotations(`\uFEFF${text}`, "a.json");
  assertEquals(read.images[0].fileName, "");
  assertEquals(
    read.annotations.map(({ id, keypoints, keypointCount }) => [id, keypoints, keypointCount]),
    [[1, [], 0]],
  );
});
