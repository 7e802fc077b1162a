import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { fewestForSignedRank, robustInterval, studentInterval } from "./interval.ts";
import { type Rng, seededRng } from "./rng.ts";

Deno.test("robustInterval() equals R's wilcox.test when there are ten values", () => {
  // Walsh averages of 1…10, rank 9 of 55 at each end (qsignrank(0.025, 10) = 9)
  const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const averages = values.flatMap((a, i) => values.slice(i).map((b) => (a + b) / 2));
  averages.sort((a, b) => a - b);
  assertEquals(robustInterval(values), { estimate: 5.5, low: averages[8], high: averages[46] });
  assertEquals(robustInterval(values).low, 3);
  assertEquals(robustInterval(values).high, 8);
});

Deno.test("robustInterval() hardly moves when one of ten values is far out", () => {
  const interval = robustInterval([1, 2, 3, 4, 5, 6, 7, 8, 9, 1000]);
  assert(interval.estimate < 6.5 && interval.high! < 520, JSON.stringify(interval));
  assert(studentInterval([1, 2, 3, 4, 5, 6, 7, 8, 9, 1000]).estimate > 100);
});

Deno.test("studentInterval() equals the textbook when computed by hand", () => {
  // mean 2, standard deviation 1, t(2) = 4.30265
  const interval = studentInterval([1, 2, 3]);
  assertAlmostEquals(interval.low!, 2 - 4.302653 / Math.sqrt(3), 1e-5);
  assertAlmostEquals(interval.high!, 2 + 4.302653 / Math.sqrt(3), 1e-5);
});

Deno.test("robustInterval() has no bounds when there is one value", () => {
  assertEquals(robustInterval([3]), { estimate: 3, low: null, high: null });
});

Deno.test("robustInterval() has no width when the values have no spread", () => {
  assertEquals(robustInterval([2, 2, 2]), { estimate: 2, low: 2, high: 2 });
  assertEquals(robustInterval([2, 2, 2, 2, 2, 2, 2]), { estimate: 2, low: 2, high: 2 });
});

Deno.test("robustInterval() throws when a value is missing or not finite", () => {
  assertThrows(() => robustInterval([]), RangeError);
  assertThrows(() => robustInterval([1, 2, NaN]), RangeError);
  assertThrows(() => robustInterval([1, 2, 3, 4, 5, 6, NaN]), RangeError);
});

Deno.test("fewestForSignedRank() grows when the level does", () => {
  assertEquals(fewestForSignedRank(0.95), 6);
  assertEquals(fewestForSignedRank(0.99), 8);
});

/** Share of intervals that hold the truth (0). */
function coverage(count: number, draw: (rng: Rng) => number): number {
  const rng = seededRng(20260101 + count);
  const repetitions = 4000;
  let covered = 0;
  for (let i = 0; i < repetitions; i++) {
    const interval = robustInterval(Array.from({ length: count }, () => draw(rng)));
    if (interval.low! <= 0 && interval.high! >= 0) covered++;
  }
  return covered / repetitions;
}

Deno.test("robustInterval() covers the truth in 95% when the values are normal", () => {
  // three standard errors of a share of 4000 are 1.0%
  for (const count of [3, 5, 6, 10, 20]) {
    const share = coverage(count, (rng) => rng.normal());
    assert(share > 0.94 && share < 0.985, `${count}: ${share}`);
  }
});

Deno.test("robustInterval() covers the truth in 94% and more when the tails are heavy", () => {
  const studentT2 = (rng: Rng) => rng.normal() / Math.sqrt(rng.exponential());
  for (const count of [3, 5, 6, 10, 20]) {
    const share = coverage(count, studentT2);
    assert(share > 0.94, `${count}: ${share}`);
  }
});
