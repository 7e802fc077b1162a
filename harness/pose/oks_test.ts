import { assertAlmostEquals, assertEquals } from "@std/assert";
import { COCO_SIGMAS, oksFromDistances, sigmasFor } from "./oks.ts";

Deno.test("oksFromDistances() is exp(-d²/(2·area·(2σ)²)) when there is one joint", () => {
  assertAlmostEquals(oksFromDistances([3], 100, [0.1]), Math.exp(-9 / (2 * 100 * 0.04)), 1e-12);
});

Deno.test("oksFromDistances() is the mean over joints, 1 for no distance, 0 for no joints, NaN for NaN", () => {
  assertEquals(oksFromDistances([0, 1e9], 100, [0.1, 0.1]), 0.5);
  assertEquals(oksFromDistances([0, 0], 100, [0.1, 0.1]), 1);
  assertEquals(oksFromDistances([], 100, []), 0);
  assertEquals(oksFromDistances([NaN], 100, [0.1]), NaN);
});

Deno.test("sigmasFor() is COCO's for 17 keypoints and uniform for other layouts", () => {
  assertEquals(sigmasFor(17), COCO_SIGMAS);
  assertEquals(COCO_SIGMAS.length, 17);
  assertEquals(sigmasFor(4), [0.25, 0.25, 0.25, 0.25]);
});
