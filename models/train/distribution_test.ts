import { assert, assertEquals } from "@std/assert";
import { FIRST_SEED, PICTURE_SIDE_PX, requestOf } from "./distribution.ts";

Deno.test("requestOf() is a function of the seed", () => {
  assertEquals(requestOf(77), requestOf(77));
});

Deno.test("requestOf() keeps the longer side, and its crowds, small and rare", () => {
  let crowds = 0;
  let empty = 0;
  for (let i = 0; i < 2000; i++) {
    const { widthPx, heightPx, people } = requestOf(FIRST_SEED.heldOut + i);
    assertEquals(Math.max(widthPx, heightPx), PICTURE_SIDE_PX);
    assert(Math.min(widthPx, heightPx) > PICTURE_SIDE_PX / 2);
    assert(people <= 7);
    if (people > 4) crowds++;
    if (people === 0) empty++;
  }
  assert(crowds > 60 && crowds < 150, `${crowds} crowds`);
  assert(empty > 30 && empty < 100, `${empty} without people`);
});

Deno.test("FIRST_SEED keeps the sets of the shipped models apart", () => {
  assert(FIRST_SEED.train + 100_000 < FIRST_SEED.val);
  assert(FIRST_SEED.val + 100_000 < FIRST_SEED.heldOut);
});
