import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { IMAGES, parityFixture, runFixture } from "./testdata/gate_fixture.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import type { AnyRecord } from "../record/records.ts";
import { failureRecord } from "../run/testdata/records.ts";
import { correctnessOf } from "./correctness.ts";
import { annotationsFixture as annotations, COCO_IMAGES, PERSON } from "./testdata/pair_records.ts";

/** A run of `a` (finds everybody) and `b` (finds as many as told), with a speed-only `c`. */
function records(foundByB: number): AnyRecord[] {
  const images = COCO_IMAGES;
  const run = runFixture("run1", 0, {
    images,
    variants: [
      testManifest({ id: "a" }),
      testManifest({ id: "b" }),
      testManifest({ id: "c", speedOnly: true }),
    ],
  });
  const detections = (variantId: string, count: number) =>
    images.map(({ id: imageId }, index) =>
      parityFixture("run1", "host", variantId, "pass", {
        imageId,
        candidate: index < count ? [PERSON] : [],
      })
    );
  return [run, ...detections("a", 6), ...detections("b", foundByB), ...detections("c", 6)];
}

const on = (records: AnyRecord[], variantId: string) => ({ records, device: "host", variantId });

Deno.test("correctnessOf() tells the AP that a candidate loses to the baseline, on the same images", () => {
  const all = records(3);
  const { apDifference } = correctnessOf(on(all, "b"), on(all, "a"), annotations());
  assert(apDifference!.value < -0.3 && apDifference!.value > -0.7, String(apDifference!.value));
  assert(apDifference!.low! < apDifference!.value && apDifference!.high! >= apDifference!.value);
  assertEquals(correctnessOf(on(all, "a"), on(all, "a"), annotations()).apDifference?.value, 0);
});

Deno.test("correctnessOf() has no difference without annotations, with an image missing, and for speed-only variants", () => {
  const all = records(6);
  const of = (list: AnyRecord[], id: string, known: CocoAnnotations | null) =>
    correctnessOf(on(list, id), on(list, "a"), known).apDifference;
  assertEquals(of(all, "b", null), null);
  assertEquals(of(all, "c", annotations()), null);
  const last = all.findLastIndex((record) => record.kind === "parity" && record.variantId === "b");
  assertEquals(of(all.toSpliced(last, 1), "b", annotations()), null);
  assertEquals(of(all, "b", annotations())?.value, 0);
});

Deno.test("correctnessOf() tells the AP that is lost when the only category has id 0, as converters from YOLO number it", () => {
  const all = records(3);
  const [byOne, byZero] = [annotations(1), annotations(0)].map((known) =>
    correctnessOf(on(all, "b"), on(all, "a"), known).apDifference
  );
  assertEquals(byZero, byOne);
});

Deno.test("correctnessOf() has no difference when the annotations have another number of keypoints than the models", () => {
  const all = records(3);
  assertEquals(correctnessOf(on(all, "b"), on(all, "a"), annotations(1, 4)).apDifference, null);
});

Deno.test("correctnessOf() never passes a candidate for speed only against a baseline that may be used", () => {
  const all = records(6);
  const of = (verdict: "pass" | "fail", baseline: string) => {
    const list = [
      { ...all[0], images: IMAGES } as AnyRecord,
      parityFixture("run1", "host", "c", verdict),
    ];
    return correctnessOf(on(list, "c"), on(list, baseline), null).parity!;
  };
  assertEquals([of("pass", "c").verdict, of("fail", "a").verdict], ["pass", "fail"]);
  assertEquals(of("pass", "a").verdict, "inconclusive");
  assertStringIncludes(of("pass", "a").reason, "no accuracy");
});

Deno.test("correctnessOf() has no parity when it was not judged, and says why when the check failed", () => {
  const all = records(6).filter(({ kind }) => kind === "run");
  assertEquals(correctnessOf(on(all, "b"), on(all, "a"), null).parity, null);
  const failure = { ...failureRecord(0), variantId: "b", message: "it was killed" };
  const { parity } = correctnessOf(on([...all, failure], "b"), on(all, "a"), null);
  assertEquals(parity?.verdict, "inconclusive");
  assertStringIncludes(parity!.reason, "it was killed");
  assertEquals(correctnessOf(on([...all, failure], "x"), on(all, "a"), null).parity, null);
});
