/**
 * Synthetic people as detections of a reference, and the same seen by a candidate.
 *
 * @module
 */
import type { Detection, Match } from "../../record/records.ts";
import type { Rng } from "../../stats/rng.ts";

/** A standing figure, x to the right, y down, 0 to 1 of the person's height. */
const FIGURE: [number, number][] = [
  [0, 0.09],
  [0.02, 0.07],
  [-0.02, 0.07],
  [0.045, 0.08],
  [-0.045, 0.08],
  [0.11, 0.21],
  [-0.11, 0.21],
  [0.16, 0.36],
  [-0.17, 0.34],
  [0.14, 0.5],
  [-0.13, 0.49],
  [0.07, 0.52],
  [-0.07, 0.52],
  [0.09, 0.74],
  [-0.05, 0.73],
  [0.1, 0.95],
  [-0.08, 0.96],
];

/** Returns people of random place and size within an image. */
export function syntheticPeople(
  rng: Rng,
  widthPx: number,
  heightPx: number,
  count: number,
): Detection[] {
  return Array.from({ length: count }, (_, i) => {
    const size = heightPx * (0.5 + 0.32 * rng.uniform());
    const centre = widthPx * (i + 0.5 + 0.3 * (rng.uniform() - 0.5)) / count;
    const top = (heightPx - size) * (0.4 + 0.4 * rng.uniform());
    const swing = 0.6 + 0.8 * rng.uniform();
    const keypoints = FIGURE.map(([x, y], joint): [number, number, number] => {
      const spread = joint >= 7 && joint <= 10 || joint >= 13 ? swing : 1;
      const confidence = joint === 4 && i % 2 === 1 ? 0.31 : 0.86 + 0.13 * rng.uniform();
      return [
        centre + size * (x * spread + 0.012 * rng.normal()),
        top + size * (y + 0.008 * rng.normal()),
        confidence,
      ];
    });
    return {
      score: 0.62 + 0.33 * rng.uniform(),
      classIndex: 0,
      boxXyxyPx: boxOf(keypoints, size, widthPx, heightPx),
      keypoints,
    };
  });
}

function boxOf(
  keypoints: Detection["keypoints"],
  size: number,
  widthPx: number,
  heightPx: number,
): Detection["boxXyxyPx"] {
  const xs = keypoints.map(([x]) => x);
  const ys = keypoints.map(([, y]) => y);
  return [
    Math.max(0, Math.min(...xs) - 0.05 * size),
    Math.max(0, Math.min(...ys) - 0.08 * size),
    Math.min(widthPx, Math.max(...xs) + 0.05 * size),
    Math.min(heightPx, Math.max(...ys) + 0.03 * size),
  ];
}

/**
 * Returns the people as a candidate sees them: every coordinate off by a normal error with this
 * standard deviation in pixels.
 */
export function seenBy(rng: Rng, people: Detection[], errorPx: number): Detection[] {
  return people.map((person) => ({
    ...person,
    score: Math.min(1, person.score + 0.0004 * errorPx * rng.normal()),
    keypoints: person.keypoints.map(([x, y, confidence]): [number, number, number] => [
      x + errorPx * rng.normal(),
      y + errorPx * rng.normal(),
      confidence,
    ]),
  }));
}

/**
 * Returns the pairs of the same index, with distances, and OKS by COCO's formula with one sigma
 * (0.07) for all joints.
 */
export function pairsOf(reference: Detection[], candidate: Detection[]): Match[] {
  return reference.slice(0, candidate.length).map((person, i) => {
    const other = candidate[i];
    const distancesPx = person.keypoints.map(([x, y], joint) =>
      Math.hypot(x - other.keypoints[joint][0], y - other.keypoints[joint][1])
    );
    const [x1, y1, x2, y2] = person.boxXyxyPx;
    const area = (x2 - x1) * (y2 - y1);
    const oks = distancesPx.reduce(
      (sum, d) => sum + Math.exp(-d * d / (2 * area * (2 * 0.07) ** 2)),
      0,
    ) / distancesPx.length;
    return {
      referenceIndex: i,
      candidateIndex: i,
      oks,
      distancesPx,
      scoreDiff: other.score - person.score,
      visibilityFlips: 0,
    };
  });
}
