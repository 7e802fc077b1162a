import { assert, assertEquals } from "@std/assert";
import type { Detection } from "../record/records.ts";
import { DEFAULT_BARS } from "./judge.ts";
import { detectionOks, matchDetections } from "./match.ts";
import { openRealRunner } from "./testdata/real_runner.ts";
import { needs } from "../testdata/needs.ts";

/** ultralytics' results set keypoints with a lower confidence to 0, 0. */
const ZEROED_BELOW = 0.5;

Deno.test({
  name:
    "the runner's detections agree with PyPI's ncnn and ultralytics' own pre- and post-processing",
  ...needs("shared"),
  fn: async () => {
    const opinions: { imageId: string; detections: Detection[] }[] = JSON.parse(
      await Deno.readTextFile(new URL("testdata/third_opinion.json", import.meta.url)),
    );
    await using runner = await openRealRunner(["raw"]);
    const records = await runner.judge({
      head: "raw",
      shape: { mode: "fixed", widthPx: 640, heightPx: 640 },
      images: runner.photographs,
      options: { scoreThreshold: 0.25, nmsIou: 0.7, maxDetections: 300, bar: DEFAULT_BARS },
    });
    assertEquals(opinions.map(({ imageId }) => imageId), records.map(({ imageId }) => imageId));
    let [pairs, zeroed, worstPx, worstScore] = [0, 0, 0, 0];
    const alone: string[] = [];
    for (const [index, { imageId, detections: theirs }] of opinions.entries()) {
      const ours = records[index].candidate;
      // their keypoints below the confidence are at 0, 0: put ours there before comparing
      const comparable = theirs.map((detection) => {
        const [nearest] = ours.toSorted((a, b) =>
          boxDistance(a, detection) - boxDistance(b, detection)
        );
        const keypoints = detection.keypoints.map(
          (point, joint): Detection["keypoints"][number] => {
            if (point[2] >= ZEROED_BELOW) return point;
            assertEquals(point.slice(0, 2), [0, 0], `${imageId}: joint ${joint} is not zeroed`);
            zeroed++;
            return nearest?.keypoints[joint] ?? point;
          },
        );
        return { ...detection, keypoints };
      });
      const { matches, unmatchedReference, unmatchedCandidate } = matchDetections(comparable, ours);
      for (const match of matches) {
        pairs++;
        const their = comparable[match.referenceIndex];
        assert(detectionOks(their, ours[match.candidateIndex]) > 0.98, `${imageId}: ${match.oks}`);
        worstPx = Math.max(worstPx, ...match.distancesPx);
        worstScore = Math.max(worstScore, Math.abs(match.scoreDiff));
      }
      for (
        const [list, indices] of [[theirs, unmatchedReference], [ours, unmatchedCandidate]] as const
      ) {
        for (const each of indices) alone.push(`${imageId} score ${list[each].score.toFixed(3)}`);
        assert(
          indices.every((each) => list[each].score < 0.27),
          `${imageId}: found by one of the two only although it is not near the threshold`,
        );
      }
    }
    console.log(
      `third opinion: ${pairs} people in both, joints up to ${
        worstPx.toFixed(2)
      } px, scores up to ${
        worstScore.toFixed(3)
      } apart, ${zeroed} joints zeroed by them; in one of the two only: ${
        alone.join("; ") || "none"
      }`,
    );
    assert(pairs >= 45 && zeroed > 20, `${pairs} pairs, ${zeroed} zeroed`);
  },
});

/** Sum of the distances of the boxes' sides. */
function boxDistance(a: Detection, b: Detection): number {
  return a.boxXyxyPx.reduce((sum, side, index) => sum + Math.abs(side - b.boxXyxyPx[index]), 0);
}
