import { type Rng, rngFromSeed } from "../../fixtures/render/rng.ts";
import type { SceneRequest } from "../../fixtures/render/scene.ts";

/** The longer side of the pictures that the shipped models are trained on, in pixels. */
export const PICTURE_SIDE_PX = 192;

/** The first seeds of the training, validation and held-out pictures; the sets never meet. */
export const FIRST_SEED = { train: 1_000_000, val: 5_000_000, heldOut: 7_000_000 } as const;

/**
 * Returns the request of one picture of the distribution that the shipped models are trained and
 * judged on: mostly one to four people who fill a third of the picture or more, now and then a crowd
 * or nobody.
 */
export function requestOf(seed: number, sidePx = PICTURE_SIDE_PX): SceneRequest {
  const rng = rngFromSeed(seed);
  const aspect = rng.chance(0.6) ? 1 : Math.exp(rng.range(-0.5, 0.5));
  const widthPx = Math.round(aspect >= 1 ? sidePx : sidePx * aspect);
  const heightPx = Math.round(aspect >= 1 ? sidePx / aspect : sidePx);
  const people = peopleByChance(rng);
  const height = HEIGHTS[Math.min(people, HEIGHTS.length - 1)];
  return {
    seed,
    widthPx,
    heightPx,
    people,
    height,
    cutOff: 0.12,
    thingsBehind: rng.whole(0, 4),
    thingsInFront: rng.chance(0.25) ? rng.whole(1, 2) : 0,
  };
}

/** Heights of people against the picture's, by how many there are. */
const HEIGHTS: readonly (readonly [number, number])[] = [
  [0.5, 0.9],
  [0.6, 0.97],
  [0.5, 0.95],
  [0.45, 0.85],
  [0.4, 0.7],
  [0.33, 0.5],
];

function peopleByChance(rng: Rng): number {
  const draw = rng.next();
  if (draw < 0.03) return 0;
  if (draw < 0.43) return 1;
  if (draw < 0.7) return 2;
  if (draw < 0.87) return 3;
  return draw < 0.95 ? 4 : rng.whole(5, 7);
}
