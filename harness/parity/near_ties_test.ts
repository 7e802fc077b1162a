import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Candidates, newCandidates, rowAt } from "../head/candidates.ts";
import { nms } from "../head/select.ts";
import { toDetection } from "../pose/detect.ts";
import { letterboxGeometry } from "../pose/letterbox.ts";
import { seededRandom } from "../pose/testdata/random.ts";
import type { Detection } from "../record/records.ts";
import { rawChannelCount } from "../head/head_spec.ts";
import { rawSpec } from "../head/head_blobs.ts";
import { HEADS, type VariantManifest } from "../record/variant.ts";
import { judgeImage } from "./judge.ts";
import { explainSelection } from "./near_ties.ts";
import { cleanEvidence, type EvidenceRequest } from "./testdata/evidence.ts";
import { testManifest } from "./testdata/manifest.ts";

const MARGIN = 1e-5;

/**
 * Lets the second class of every cell lie `gap` below the first in the reference, and above it in a
 * share of the runner's cells.
 */
function closeClasses(
  variant: VariantManifest,
  gap: number,
  share: number,
  seed: number,
): NonNullable<EvidenceRequest["adjust"]> {
  const length = rawChannelCount(rawSpec(variant));
  const random = seededRandom(seed);
  return (rawBlobs, side) => {
    for (const blob of rawBlobs) {
      for (let at = 0; at < blob.length; at += length) {
        const [best, other] = blob[at] >= blob[at + 1] ? [at, at + 1] : [at + 1, at];
        if (side === "reference") blob[other] = blob[best] - gap;
        else if (random() < share) blob[other] = blob[best] + MARGIN;
      }
    }
  };
}

function endToEnd(record: ReturnType<typeof judgeImage>) {
  return record.stages.find(({ stage }) => stage === "end-to-end")!;
}

Deno.test("judgeImage() explains detections of another class whose logit is as near as rounding, whichever cells decide the other way", () => {
  let explained = 0;
  let told = 0;
  for (let seed = 0; seed < 60; seed++) {
    const variant = testManifest({ head: HEADS[seed % 3], classCount: 2 });
    const share = [0, 0.3, 0.7, 1][seed % 4];
    const record = judgeImage(cleanEvidence({
      variant,
      seed,
      people: 1 + seed % 5,
      options: { nmsIou: [0.45, 0.7][seed % 2] },
      adjust: closeClasses(variant, MARGIN, share, seed),
    }));
    assertEquals(
      record.stages.filter(({ verdict }) => verdict === "fail"),
      [],
      `seed ${seed}, ${variant.head}, ${share}`,
    );
    for (const { referenceIndex, candidateIndex } of record.matches) {
      assertEquals(
        record.candidate[candidateIndex].classIndex,
        record.reference[referenceIndex].classIndex,
      );
    }
    assert(
      record.explainedUnmatched <=
        record.unmatchedReference.length + record.unmatchedCandidate.length,
    );
    explained += record.explainedUnmatched;
    if (endToEnd(record).reason.includes("two classes of a cell score alike")) told++;
  }
  assert(explained > 60 && told > 20, `${explained} explained, ${told} images of near classes`);
});

Deno.test("judgeImage() fails when a detection has another class whose score is beyond the tolerance, or a box elsewhere", () => {
  const variant = testManifest({ classCount: 2 });
  const request = { variant, seed: 3, people: 3 };
  const clear = cleanEvidence({ ...request, adjust: closeClasses(variant, 0.5, 0, 1) });
  for (const detection of clear.detections!) detection.classIndex = 1 - detection.classIndex;
  const wrong = judgeImage({ ...clear, stages: null });
  assertEquals([wrong.firstFailedStage, wrong.explainedUnmatched], ["end-to-end", 0]);
  assertStringIncludes(endToEnd(wrong).reason, "expected but not found");

  const tied = cleanEvidence({ ...request, adjust: closeClasses(variant, MARGIN, 1, 1) });
  assertEquals(endToEnd(judgeImage({ ...tied, stages: null })).verdict, "pass");
  tied.detections![0].boxXyxyPx[0] += 2;
  assertEquals(endToEnd(judgeImage({ ...tied, stages: null })).verdict, "fail");
});

const GEOMETRY = letterboxGeometry(200, 200, { mode: "fixed", widthPx: 200, heightPx: 200 });
const TOLERANCE = { keypointPx: 0, boxPx: 0.02, score: 1e-4 };
const LIMITS = { geometry: GEOMETRY, scoreThreshold: 0.1, overlapLimit: 0.5, maxDetections: 300 };

/** Crowded boxes whose scores and classes are nearly tied: [x1, y1, x2, y2, score, class]. */
function crowd(random: () => number, count: number): number[][] {
  return Array.from({ length: count }, () => {
    const [x, y] = [20 + 120 * random(), 20 + 120 * random()];
    const score = 0.1 + 0.02 * Math.floor(5 * random());
    return [x, y, x + 20 + 20 * random(), y + 20 + 20 * random(), score, Math.floor(2 * random())];
  });
}

function asCandidates(rows: readonly number[][]): Candidates {
  const made = newCandidates(
    rows.map(([, , , , score, classIndex], cell) => ({
      level: 0,
      stride: 8,
      cell,
      score,
      classIndex,
    })),
    0,
  );
  rows.forEach((row, index) => rowAt(made, index).set(row));
  return made;
}

/** What a runner finds whose values are off by up to the tolerance. */
function foundOf(rows: readonly number[][], random: () => number, limits: typeof LIMITS) {
  const off = (most: number) => 0.99 * most * (2 * random() - 1);
  const own = asCandidates(
    rows.map(([x1, y1, x2, y2, score, classIndex]) => [
      ...[x1, y1, x2, y2].map((side) => side + off(TOLERANCE.boxPx)),
      score + off(TOLERANCE.score),
      classIndex,
    ]).filter(([, , , , score]) => score > limits.scoreThreshold),
  );
  const kept = nms(own, { nmsIou: limits.overlapLimit, maxDetections: limits.maxDetections });
  return Array.from(kept, (index) => toDetection(own, index, limits.geometry));
}

function explain(rows: readonly number[][], found: readonly Detection[], limits = LIMITS) {
  const possible = {
    candidates: asCandidates(rows),
    toleranceOf: () => TOLERANCE,
    tiedClasses: () => [],
  };
  return explainSelection(found, possible, found.map(() => -1), limits);
}

Deno.test("explainSelection() explains whatever a selection makes of values within tolerance, and nothing more", () => {
  let differing = 0;
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    const limits = { ...LIMITS, maxDetections: [300, 12][seed % 2] };
    const rows = crowd(random, 60);
    const found = foundOf(rows, random, limits);
    const { candidateOf, missing, overlapping } = explain(rows, found, limits);
    assertEquals(
      [candidateOf.includes(-1), missing, overlapping],
      [false, [], []],
      `seed ${seed}`,
    );
    assertEquals(new Set(candidateOf).size, found.length);
    const expected = nms(asCandidates(rows), {
      nmsIou: limits.overlapLimit,
      maxDetections: limits.maxDetections,
    });
    if (candidateOf.toSorted().join() !== [...expected].toSorted().join()) differing++;

    const at = Math.floor(random() * found.length);
    if (limits.maxDetections === 300 && found[at].score > 0.11) {
      const lost = explain(rows, found.toSpliced(at, 1), limits);
      assertEquals(lost.missing.length > 0, true, `seed ${seed}: a lost detection`);
    }
    const twice = explain(rows, [...found, found[at]], { ...limits, maxDetections: 300 });
    assertEquals(twice.candidateOf.filter((index) => index < 0).length, 1);
    const moved = structuredClone(found);
    moved[at].boxXyxyPx[2] += 1;
    assertEquals(explain(rows, moved, limits).candidateOf[at], -1);
  }
  assert(differing > 100, `${differing} selections differ`);
});

Deno.test("explainSelection() tells the better one of two that overlap, and only the best of those that are missing", () => {
  const rows = [
    [0, 0, 40, 40, 0.9, 0],
    [1, 0, 41, 40, 0.8, 0],
    [2, 0, 42, 40, 0.7, 0],
    [100, 100, 140, 140, 0.6, 0],
  ];
  const detections = rows.map((_, index) => toDetection(asCandidates(rows), index, GEOMETRY));
  const both = explain(rows, [detections[0], detections[1], detections[3]]);
  assertEquals([both.overlapping, both.missing], [[[0, 1]], []]);
  const none = explain(rows, [detections[3]]);
  assertEquals([none.overlapping, none.missing], [[], [0]]);
  // the worse one alone: what would have had it go is missing
  assertEquals(explain(rows, [detections[1], detections[3]]).missing, [0]);
  assertEquals(explain(rows, [detections[0], detections[3]]).missing, []);
});

Deno.test("explainSelection() takes the best k alone for missing where nothing suppresses", () => {
  const rows = [0.9, 0.8, 0.80005, 0.3].map((score, at) => [at, 0, at + 40, 40, score, 0]);
  const detections = rows.map((_, index) => toDetection(asCandidates(rows), index, GEOMETRY));
  const limits = { ...LIMITS, overlapLimit: null, maxDetections: 2 };
  const missing = (...at: number[]) =>
    explainSelection(
      at.map((index) => detections[index]),
      { candidates: asCandidates(rows), toleranceOf: () => TOLERANCE, tiedClasses: () => [] },
      at.map(() => -1),
      limits,
    ).missing;
  assertEquals(missing(0, 2), []);
  assertEquals(missing(0, 1), []);
  assertEquals(missing(1, 2), [0]);
  assertEquals(missing(0, 3), [2, 1]);
  assertEquals(missing(0), [2, 1, 3]);
});
