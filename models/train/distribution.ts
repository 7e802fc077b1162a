import { type Rng, rngFromSeed } from "../../fixtures/render/rng.ts";
import type { SceneRequest } from "../../fixtures/render/scene.ts";

/**
 * The two distributions of pictures: `varied` (192 px, every pose, view, crowds, occluders) is what
 * a training starts on, `plain` (128 px, one to three mostly upright people) is what it ends on and
 * what the shipped models are judged on.
 */
export type Distribution = "varied" | "plain";

/** The longer side of each distribution's pictures, in pixels. */
export const PICTURE_SIDE_PX = { varied: 192, plain: 128 } as const;

/** The first seeds of the training, validation and held-out pictures; the sets never meet. */
export const FIRST_SEED = { train: 1_000_000, val: 5_000_000, heldOut: 7_000_000 } as const;

/** Returns the request of one picture of the distribution: the same seed, the same picture. */
export function requestOf(distribution: Distribution, seed: number): SceneRequest {
  const rng = rngFromSeed(seed);
  const sidePx = PICTURE_SIDE_PX[distribution];
  const aspect = rng.chance(0.6) ? 1 : Math.exp(rng.range(-0.5, 0.5));
  const widthPx = Math.round(aspect >= 1 ? sidePx : sidePx * aspect);
  const heightPx = Math.round(aspect >= 1 ? sidePx / aspect : sidePx);
  return distribution === "varied"
    ? variedRequest(seed, widthPx, heightPx, rng)
    : plainRequest(seed, widthPx, heightPx, rng);
}

function variedRequest(seed: number, widthPx: number, heightPx: number, rng: Rng): SceneRequest {
  const people = peopleByChance(rng, [0.03, 0.43, 0.7, 0.87, 0.95]) ?? rng.whole(5, 7);
  return {
    ...{ seed, widthPx, heightPx, people },
    height: VARIED_HEIGHTS[Math.min(people, VARIED_HEIGHTS.length - 1)],
    cutOff: 0.12,
    thingsBehind: rng.whole(0, 4),
    thingsInFront: rng.chance(0.25) ? rng.whole(1, 2) : 0,
  };
}

function plainRequest(seed: number, widthPx: number, heightPx: number, rng: Rng): SceneRequest {
  const people = peopleByChance(rng, [0.02, 0.6, 0.9]) ?? 3;
  return {
    ...{ seed, widthPx, heightPx, people },
    height: PLAIN_HEIGHTS[people],
    cutOff: 0.05,
    thingsBehind: rng.whole(0, 2),
    thingsInFront: rng.chance(0.08) ? 1 : 0,
    variety: "plain",
  };
}

/** Heights of people against the picture's, by how many there are. */
const VARIED_HEIGHTS: readonly (readonly [number, number])[] = [
  [0.5, 0.9],
  [0.6, 0.97],
  [0.5, 0.95],
  [0.45, 0.85],
  [0.4, 0.7],
  [0.33, 0.5],
];
const PLAIN_HEIGHTS: readonly (readonly [number, number])[] = [
  [0.5, 0.9],
  [0.7, 0.97],
  [0.6, 0.95],
  [0.5, 0.85],
];

/**
 * Returns the index of the first cumulative probability that the draw stays below; null past the
 * last.
 */
function peopleByChance(rng: Rng, cumulative: readonly number[]): number | null {
  const draw = rng.next();
  const index = cumulative.findIndex((probability) => draw < probability);
  return index === -1 ? null : index;
}
