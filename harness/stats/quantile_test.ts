import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { median, medianAbsoluteDeviation, percentiles, quantile } from "./quantile.ts";

Deno.test("quantile() interpolates as definition 7 does when computed by hand", () => {
  // positions 0.5·3 = 1.5 and 0.9·3 = 2.7
  assertEquals(quantile([40, 10, 30, 20], 0.5), 25);
  assertAlmostEquals(quantile([40, 10, 30, 20], 0.9), 37, 1e-12);
  assertEquals(quantile([40, 10, 30, 20], 0), 10);
  assertEquals(quantile([40, 10, 30, 20], 1), 40);
});

Deno.test("quantile() gives the sample itself when there is only one", () => {
  assertEquals(quantile([7], 0.5), 7);
  assertEquals(quantile([7], 0.99), 7);
});

Deno.test("quantile() throws when there are no samples, a NaN or a share outside 0 to 1", () => {
  assertThrows(() => quantile([], 0.5), RangeError, "no samples");
  assertThrows(() => quantile([1, NaN], 0.5), RangeError, "sample 1 is NaN");
  assertThrows(() => quantile([1, Infinity], 0.5), RangeError, "Infinity");
  assertThrows(() => quantile([1], 50), RangeError, "from 0 to 1");
});

Deno.test("quantile() leaves its input in order when it sorts", () => {
  const samples = [3, 1, 2];
  median(samples);
  assertEquals(samples, [3, 1, 2]);
});

Deno.test("medianAbsoluteDeviation() is unscaled when computed by hand", () => {
  // median 3, deviations 2 1 0 1 97
  assertEquals(medianAbsoluteDeviation([1, 2, 3, 4, 100]), 1);
  assertEquals(medianAbsoluteDeviation([5, 5, 5]), 0);
});

Deno.test("percentiles() equal the values of NumPy when the samples are 1 to 101", () => {
  const samples = Array.from({ length: 101 }, (_, i) => 101 - i);
  assertEquals(percentiles(samples), { p50: 51, p90: 91, p99: 100, mad: 25 });
});
