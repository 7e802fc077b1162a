import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { evaluateKeypoints } from "../pose/coco_eval.ts";
import type { CocoResult } from "../pose/results.ts";
import { annotated } from "../pose/testdata/annotated.ts";
import { normal, seededRandom } from "../pose/testdata/random.ts";
import { apDifference } from "./ap_difference.ts";

/** Images with two people each, and detections that are off by noise of that many pixels. */
function made(seed: number, images: number) {
  const random = seededRandom(seed);
  const annotations = annotated(
    Array.from({ length: images }, (_, index) => ({
      id: 3 * index + 1,
      fileName: `${index}.jpg`,
      widthPx: 640,
      heightPx: 480,
    })),
    [1],
    [],
  );
  for (const { id } of annotations.images) {
    for (let person = 0; person < 2; person++) {
      const [x, y, size] = [400 * random(), 300 * random(), 60 + 100 * random()];
      annotations.annotations.push({
        id: annotations.annotations.length + 1,
        imageId: id,
        categoryId: 1,
        boxXywhPx: [x, y, size, size],
        areaPx2: size * size,
        isCrowd: false,
        keypoints: Array.from({ length: 17 }, () => [x + size * random(), y + size * random(), 2])
          .flat(),
        keypointCount: 17,
      });
    }
  }
  const detect = (noise: number): CocoResult[] =>
    annotations.annotations.map(({ imageId, boxXywhPx, keypoints }) => ({
      image_id: imageId,
      category_id: 1,
      score: Math.round(10 * random()) / 10,
      bbox: [...boxXywhPx],
      keypoints: keypoints.map((value, at) =>
        at % 3 === 2 ? 1 : value + noise * boxXywhPx[2] * normal(random)
      ),
    }));
  return { annotations, detect };
}

Deno.test("apDifference() has the value of two COCO evaluations, and an interval around it", () => {
  const { annotations, detect } = made(1, 40);
  const [reference, candidate] = [detect(0.08), detect(0.12)];
  const difference = apDifference(annotations, candidate, reference, "keypoints", {
    resamples: 300,
  })!;
  assertAlmostEquals(
    difference.value,
    evaluateKeypoints(annotations, candidate).AP - evaluateKeypoints(annotations, reference).AP,
    1e-12,
  );
  assert(difference.value < 0);
  assert(difference.low! <= difference.value && difference.value <= difference.high!);
  assert(difference.high! - difference.low! > 0.01);
});

Deno.test("apDifference() is exactly 0 with an interval of 0 when both sides are the same", () => {
  const { annotations, detect } = made(2, 20);
  const results = detect(0.1);
  assertEquals(apDifference(annotations, results, results, "keypoints", { resamples: 50 }), {
    value: 0,
    low: 0,
    high: 0,
  });
});

Deno.test("apDifference() gives the same interval for the same seed, no interval for few images, null without annotations", () => {
  const { annotations, detect } = made(3, 12);
  const [a, b] = [detect(0.1), detect(0.12)];
  assertEquals(
    apDifference(annotations, a, b, "keypoints", { resamples: 50 }),
    apDifference(annotations, a, b, "keypoints", { resamples: 50 }),
  );
  const few = made(4, 3);
  assertEquals(
    apDifference(few.annotations, few.detect(0.1), few.detect(0.1), "keypoints")!.low,
    null,
  );
  assertEquals(apDifference({ ...annotations, annotations: [] }, a, b, "keypoints"), null);
});

Deno.test("apDifference() covers the true difference of 0 about 95 % of the time", () => {
  let covered = 0;
  const trials = 60;
  for (let trial = 0; trial < trials; trial++) {
    const { annotations, detect } = made(100 + trial, 30);
    const { low, high } = apDifference(annotations, detect(0.1), detect(0.1), "keypoints", {
      resamples: 200,
    })!;
    if (low! <= 0 && 0 <= high!) covered++;
  }
  // binomial: 57 of 60 expected, fewer than 51 once in a hundred
  assert(covered >= 51, `${covered} of ${trials}`);
});
