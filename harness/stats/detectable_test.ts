import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { blocksForThreshold, deviceNoise, smallestDetectableRatio } from "./detectable.ts";
import { DEFAULT_RATES } from "./experiment.ts";
import { seededRng } from "./rng.ts";

function normalBlocks(sd: number, count = 16, seed = 2): number[][] {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () => [sd * rng.normal(), sd * rng.normal()]);
}

Deno.test("deviceNoise() takes the deviation about 0 when computed by hand", () => {
  // median of the sizes 0.01, limit 3·1.4826·0.01: nothing is pulled in
  const noise = deviceNoise(
    [0.01, -0.01, 0.01, -0.01, 0.02, -0.02, 0.01, -0.01].map((value) => [value]),
  );
  assertAlmostEquals(noise.sd, Math.sqrt((6 * 0.0001 + 2 * 0.0004) / 8), 1e-12);
});

Deno.test("deviceNoise() pulls outliers in when it takes the spread, and keeps them as they are", () => {
  const noise = deviceNoise([...normalBlocks(0.01), [3]]);
  assert(noise.sd < 0.03, `${noise.sd}`);
  assertEquals(noise.blocks.at(-1), [3]);
});

Deno.test("deviceNoise() throws when blocks are few or not finite", () => {
  assertThrows(() => deviceNoise([[0.1], [0.2]]), RangeError, "at least 8");
  assertThrows(() => deviceNoise([...normalBlocks(0.01), [8, NaN]]), RangeError);
  assertThrows(() => deviceNoise([...normalBlocks(0.01), []]), RangeError);
});

Deno.test("smallestDetectableRatio() grows when the noise does and shrinks when the budget grows", () => {
  const detect = (sd: number, budget: number) =>
    smallestDetectableRatio(deviceNoise(normalBlocks(sd)), DEFAULT_RATES, budget)!;
  assert(detect(0.005, 16) < detect(0.02, 16));
  assert(detect(0.02, 32) < detect(0.02, 8));
  assert(detect(0.02, 16) > 1.005 && detect(0.02, 16) < 1.1, `${detect(0.02, 16)}`);
});

Deno.test("smallestDetectableRatio() is null when not even twice the time is found", () => {
  assertEquals(smallestDetectableRatio(deviceNoise(normalBlocks(2)), DEFAULT_RATES, 8), null);
  // fewer blocks than any verdict needs
  assertEquals(smallestDetectableRatio(deviceNoise(normalBlocks(0.01)), DEFAULT_RATES, 2), null);
});

Deno.test("smallestDetectableRatio() is tiny but above 1 when the device has no spread at all", () => {
  const ratio = smallestDetectableRatio(deviceNoise(new Array(8).fill([0, 0])), DEFAULT_RATES, 16)!;
  assert(ratio > 1 && ratio <= 1.005, `${ratio}`);
});

Deno.test("blocksForThreshold() agrees with smallestDetectableRatio() when given its answer", () => {
  const noise = deviceNoise(normalBlocks(0.02));
  const ratio = smallestDetectableRatio(noise, DEFAULT_RATES, 16)!;
  assert(blocksForThreshold(noise, { ...DEFAULT_RATES, threshold: ratio }, 16)! <= 16);
  const finer = 1 + (ratio - 1) * 0.6;
  assertEquals(blocksForThreshold(noise, { ...DEFAULT_RATES, threshold: finer }, 16), null);
  assert(blocksForThreshold(noise, { ...DEFAULT_RATES, threshold: finer }, 200)! > 16);
});
