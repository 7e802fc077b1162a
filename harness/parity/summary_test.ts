import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parityDetails } from "./details.ts";
import { judgeImage } from "./judge.ts";
import { summarizeParity } from "./summary.ts";
import { cleanEvidence } from "./testdata/evidence.ts";
import { testManifest } from "./testdata/manifest.ts";

const OPTIONS = { speedOnly: false, expectedImages: 3 };

function cleanRecords(people = 3) {
  return [3, 5, 8].map((seed) =>
    judgeImage(cleanEvidence({ variant: testManifest(), seed, people }))
  );
}

Deno.test("summarizeParity() passes with figures when all images are clean", () => {
  const records = cleanRecords();
  const summary = summarizeParity(records, OPTIONS);
  assertEquals(summary.verdict, "pass");
  assertEquals(summary.matched, records.flatMap(({ matches }) => matches).length);
  assert(summary.p99Px! <= summary.maxPx! && summary.maxPx! <= summary.tolerancePx!);
  assert(summary.minOks! > 0.999);
  assertEquals(summary.joints.length, 17);
  assertEquals(summary.joints[16].name, "right ankle");
  assertEquals(summary.stages.map(({ stage }) => stage), [
    "preprocess",
    "network",
    "decode",
    "nms",
    "end-to-end",
  ]);
  assertStringIncludes(summary.reason, "people matched on 3 images");
});

Deno.test("summarizeParity() fails when one image fails, and names the earliest stage of any image", () => {
  const late = cleanEvidence({ variant: testManifest(), seed: 5 });
  late.detections!.pop();
  const early = cleanEvidence({ variant: testManifest(), seed: 8 });
  early.stages!.blobs[0]![0] = NaN;
  const summary = summarizeParity(
    [cleanRecords()[0], judgeImage(late), judgeImage(early)],
    OPTIONS,
  );
  assertEquals([summary.verdict, summary.firstFailedStage], ["fail", "network"]);
  assertStringIncludes(summary.reason, "network differs first: 1 of 3 images, worst image8");
  assertEquals(summary.unmatched, 1);
});

Deno.test("summarizeParity() is inconclusive when an image has no record, or there is none at all", () => {
  const missing = summarizeParity(cleanRecords().slice(1), OPTIONS);
  assertEquals(missing.verdict, "inconclusive");
  assertStringIncludes(missing.reason, "2 of 3 images");
  const none = summarizeParity([], OPTIONS);
  assertEquals([none.verdict, none.maxPx, none.minOks], ["inconclusive", null, null]);
  assertEquals(summarizeParity([], { ...OPTIONS, expectedImages: 0 }).verdict, "inconclusive");
});

Deno.test("summarizeParity() is inconclusive on no detections, but for a speed-only variant whose outputs agree", () => {
  const records = cleanRecords(0);
  const summary = summarizeParity(records, OPTIONS);
  assertEquals([summary.verdict, summary.matched], ["inconclusive", 0]);
  assertStringIncludes(summary.reason, "proves nothing");
  const speed = summarizeParity(records, { ...OPTIONS, speedOnly: true });
  assertEquals(speed.verdict, "pass");
  assertStringIncludes(speed.reason, "network outputs only");
  const unrun = records.map((record) => ({
    ...record,
    stages: record.stages.map((stage) => ({ ...stage, verdict: "inconclusive" as const })),
  }));
  assertEquals(summarizeParity(unrun, { ...OPTIONS, speedOnly: true }).verdict, "inconclusive");
});

Deno.test("parityDetails() splits errors by the size of the person and counts flips", () => {
  const records = cleanRecords();
  const details = parityDetails(records);
  const people = details.sizes.reduce((sum, { people }) => sum + people, 0);
  assertEquals(people, records.flatMap(({ matches }) => matches).length);
  assertEquals(details.joints, 17 * people);
  records[0].matches[0].visibilityFlips = 2;
  records[0].matches[0].scoreDiff = -0.5;
  const changed = parityDetails(records);
  assertEquals(changed.visibilityFlips, details.visibilityFlips + 2);
  assertEquals(changed.scoreShift!.maxAbs, 0.5);
  assertEquals(parityDetails([]).scoreShift, null);
});

Deno.test("parityDetails() and summarizeParity() take more joints than a call takes arguments", () => {
  const [record] = cleanRecords();
  const match = { ...record.matches[0], distancesPx: new Array(17).fill(0.5) };
  const matches = new Array(12_000).fill(match);
  matches[7] = { ...match, distancesPx: new Array(17).fill(2), oks: 0.25, scoreDiff: -0.5 };
  const many = { ...record, matches };
  const { sizes, joints, scoreShift } = parityDetails([many]);
  assertEquals([sizes.length, sizes[0].people, joints], [1, 12_000, 204_000]);
  assertEquals([sizes[0].maxPx, sizes[0].minOks, scoreShift?.maxAbs], [2, 0.25, 0.5]);
  assertEquals(summarizeParity([many], { ...OPTIONS, expectedImages: 1 }).maxPx, 2);
});

Deno.test("summarizeParity() and parityDetails() have figures of boxes and no NaN when there are no joints", () => {
  const variant = testManifest({ keypointCount: 0 });
  const records = [3, 5, 8].map((seed) => judgeImage(cleanEvidence({ variant, seed, people: 3 })));
  const summary = summarizeParity(records, OPTIONS);
  assertEquals(summary.verdict, "pass", summary.reason);
  assertEquals([summary.maxPx, summary.p99Px, summary.joints.length], [null, null, 0]);
  assert(summary.minOks! > 0.999);
  assertStringIncludes(summary.reason, "boxes matched on 3 images, IoU at least");
  const { sizes, joints, visibilityFlips, scoreShift } = parityDetails(records);
  assertEquals([sizes.length, joints, visibilityFlips], [0, 0, 0]);
  assert(Number.isFinite(scoreShift!.mean));
});
