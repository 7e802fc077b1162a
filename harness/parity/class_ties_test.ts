import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { seededRandom } from "../pose/testdata/random.ts";
import { rawChannelCount } from "../head/head_spec.ts";
import { rawSpec } from "../head/head_blobs.ts";
import { HEADS, type VariantManifest } from "../record/variant.ts";
import { judgeImage } from "./judge.ts";
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
