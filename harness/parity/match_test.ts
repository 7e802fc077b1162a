import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Detection } from "../record/records.ts";
import { detectionOks, matchDetections, personAreaPx2 } from "./match.ts";

function person(xPx: number, changes: Partial<Detection> = {}): Detection {
  return {
    score: 0.9,
    classIndex: 0,
    boxXyxyPx: [xPx, 0, xPx + 100, 200],
    keypoints: Array.from({ length: 17 }, (_, joint) => [xPx + 5 * joint, 10 * joint, 0.9]),
    ...changes,
  };
}

Deno.test("matchDetections() pairs by place and not by order", () => {
  const { matches, unmatchedReference, unmatchedCandidate } = matchDetections(
    [person(0), person(300), person(600)],
    [person(601), person(0)],
  );
  assertEquals(matches.map((m) => [m.referenceIndex, m.candidateIndex]), [[0, 1], [2, 0]]);
  assertEquals([unmatchedReference, unmatchedCandidate], [[1], []]);
  assertEquals(matches[1].distancesPx, new Array(17).fill(1));
  assertEquals(matches[0].oks, 1);
});

Deno.test("matchDetections() pairs a person by the box when all joints are wrong, so that the error is told", () => {
  const wrong = person(0, { keypoints: person(0).keypoints.map(([x, y, v]) => [x + 500, y, v]) });
  const [match] = matchDetections([person(0)], [wrong]).matches;
  assert(match.oks < 1e-6);
  assertEquals(match.distancesPx[0], 500);
});

Deno.test("matchDetections() does not pair people of different classes or far apart", () => {
  assertEquals(matchDetections([person(0)], [person(0, { classIndex: 1 })]).matches, []);
  assertEquals(matchDetections([person(0)], [person(400)]).unmatchedCandidate, [0]);
  assertEquals(matchDetections([], []).matches, []);
});

Deno.test("matchDetections() counts joints whose visibility crosses one half and tells the shift of the score", () => {
  const changed = person(0, { score: 0.85 });
  changed.keypoints[3] = [15, 30, 0.4];
  const [match] = matchDetections([person(0)], [changed]).matches;
  assertEquals(match.visibilityFlips, 1);
  assertAlmostEquals(match.scoreDiff, -0.05);
});

Deno.test("detectionOks() is at the scale of the reference's box and NaN when a joint is", () => {
  assertEquals(personAreaPx2(person(0)), 100 * 200 * 0.53);
  const shifted = person(0, { keypoints: person(0).keypoints.map(([x, y, v]) => [x + 5, y, v]) });
  const small = person(0, { boxXyxyPx: [0, 0, 20, 20] });
  assert(detectionOks(person(0), shifted) > detectionOks(small, shifted));
  assertEquals(
    detectionOks(
      person(0),
      person(0, { keypoints: [[NaN, 0, 1], ...person(0).keypoints.slice(1)] }),
    ),
    NaN,
  );
});

Deno.test("detectionOks() of equal boxes without an area is 1: they lie outside of the image", () => {
  const outside = (y: number) => ({
    score: 0.5,
    classIndex: 0,
    boxXyxyPx: [640, y, 640, y + 80] as [number, number, number, number],
    keypoints: [],
  });
  assertEquals(detectionOks(outside(10), outside(10)), 1);
  assertEquals(detectionOks(outside(10), outside(200)), 0);
});
