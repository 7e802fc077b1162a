import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  incompleteBeta,
  logGamma,
  normalCdf,
  normalQuantile,
  signedRankQuantile,
  studentTCdf,
  studentTQuantile,
} from "./distribution.ts";

Deno.test("studentTQuantile() equals the printed tables when looked up", () => {
  assertAlmostEquals(studentTQuantile(0.975, 1), 12.7062, 1e-4);
  assertAlmostEquals(studentTQuantile(0.975, 5), 2.5706, 1e-4);
  assertAlmostEquals(studentTQuantile(0.95, 10), 1.8125, 1e-4);
  assertAlmostEquals(studentTQuantile(0.025, 30), -2.0423, 1e-4);
});

Deno.test("normalQuantile() equals the printed tables when looked up", () => {
  assertAlmostEquals(normalQuantile(0.975), 1.959964, 1e-6);
  assertAlmostEquals(normalQuantile(0.05), -1.644854, 1e-6);
  assertAlmostEquals(normalCdf(-3), 0.001349898, 1e-9);
  assertEquals(normalCdf(0), 0.5);
});

Deno.test("incompleteBeta() and logGamma() equal closed forms when these exist", () => {
  assertAlmostEquals(logGamma(5), Math.log(24), 1e-12);
  assertAlmostEquals(logGamma(0.5), Math.log(Math.sqrt(Math.PI)), 1e-12);
  // I_x(a, 1) = x^a
  assertAlmostEquals(incompleteBeta(0.3, 4, 1), 0.3 ** 4, 1e-14);
  assertEquals(incompleteBeta(0, 2, 3), 0);
  assertEquals(incompleteBeta(1, 2, 3), 1);
});

Deno.test("studentTCdf() is symmetric when the sign of t turns", () => {
  assertAlmostEquals(studentTCdf(1.3, 4) + studentTCdf(-1.3, 4), 1, 1e-14);
});

Deno.test("signedRankQuantile() equals R's qsignrank when counted exactly", () => {
  assertEquals(signedRankQuantile(0.025, 6), 1);
  assertEquals(signedRankQuantile(0.025, 10), 9);
  assertEquals(signedRankQuantile(0.025, 20), 53);
  assertEquals(signedRankQuantile(0.5, 4), 5);
});

Deno.test("signedRankQuantile() goes on smoothly when it turns to the normal approximation", () => {
  const exact = signedRankQuantile(0.025, 60);
  const approximate = signedRankQuantile(0.025, 61);
  assertEquals(exact < approximate && approximate - exact < 35, true);
});

Deno.test("quantiles of distributions throw when the probability is 0, 1 or NaN", () => {
  assertThrows(() => normalQuantile(0), RangeError);
  assertThrows(() => studentTQuantile(1, 3), RangeError);
  assertThrows(() => normalQuantile(NaN), RangeError);
});
