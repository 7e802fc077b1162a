import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { FIRST_SEED, PICTURE_SIDE_PX, requestOf } from "./distribution.ts";

Deno.test("requestOf() is a function of distribution and seed", () => {
  assertEquals(requestOf("plain", 77), requestOf("plain", 77));
  assertNotEquals(requestOf("plain", 77), requestOf("plain", 78));
  assertNotEquals(requestOf("plain", 77), requestOf("varied", 77));
});

Deno.test("requestOf() keeps the longer side, and its crowds, small and rare", () => {
  let crowds = 0;
  let empty = 0;
  for (let i = 0; i < 2000; i++) {
    const { widthPx, heightPx, people } = requestOf("varied", FIRST_SEED.heldOut + i);
    assertEquals(Math.max(widthPx, heightPx), PICTURE_SIDE_PX.varied);
    assert(Math.min(widthPx, heightPx) > PICTURE_SIDE_PX.varied / 2);
    assert(people <= 7);
    if (people > 4) crowds++;
    if (people === 0) empty++;
  }
  assert(crowds > 60 && crowds < 150, `${crowds} crowds`);
  assert(empty > 30 && empty < 100, `${empty} without people`);
});

Deno.test("requestOf() has one to three large people in plain pictures, rarely nobody", () => {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 2000; i++) {
    const { people, height, variety } = requestOf("plain", FIRST_SEED.heldOut + i);
    counts[people]++;
    assert(height[0] >= 0.5);
    assertEquals(variety, "plain");
  }
  assert(counts[0] > 15 && counts[0] < 80 && counts[1] > 1000, counts.join(" "));
});

Deno.test("FIRST_SEED keeps the sets of the shipped models apart", () => {
  assert(FIRST_SEED.train + 100_000 < FIRST_SEED.val);
  assert(FIRST_SEED.val + 100_000 < FIRST_SEED.heldOut);
});
