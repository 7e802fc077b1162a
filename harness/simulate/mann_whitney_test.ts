import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { mannWhitneyScore } from "./mann_whitney.ts";

Deno.test("mannWhitneyScore() equals the textbook when computed by hand", () => {
  // U = 9 of 9, mean 4.5, variance 3·3·7/12
  assertAlmostEquals(mannWhitneyScore([1, 2, 3], [4, 5, 6]), 4.5 / Math.sqrt(5.25), 1e-12);
  assertAlmostEquals(mannWhitneyScore([4, 5, 6], [1, 2, 3]), -4.5 / Math.sqrt(5.25), 1e-12);
});

Deno.test("mannWhitneyScore() is 0 when all values are equal", () => {
  assertEquals(mannWhitneyScore([1, 1], [1, 1, 1]), 0);
});

Deno.test("mannWhitneyScore() corrects for ties when some values are equal", () => {
  // ranks 1, 2.5 | 2.5, 4; U = 3.5; ties 2³−2 = 6; variance 4/12·(5 − 6/12)
  assertAlmostEquals(mannWhitneyScore([1, 2], [2, 3]), 1.5 / Math.sqrt(1.5), 1e-12);
});

Deno.test("mannWhitneyScore() throws when a side is empty", () => {
  assertThrows(() => mannWhitneyScore([], [1]), RangeError);
});
