import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { seededRng } from "../../stats/rng.ts";
import { combineEffects, type PhoneEffect } from "./combine.ts";
import { phoneEffect } from "./phone_effect.ts";

const RATES = { falseAlarmRate: 0.05, missRate: 0.05 };

function phones(values: [number, number][]): PhoneEffect[] {
  return values.map(([logRatio, standardError], index) => ({
    device: `p${index}`,
    kind: "k",
    logRatio,
    standardError,
  }));
}

Deno.test("combineEffects() gives the values of DerSimonian–Laird and Hartung–Knapp computed by hand", () => {
  // Weights 100, 25, 100 (variances 0.01, 0.04, 0.01): mean (0.1·100 + 0.9·25 + 0.5·100)/225 =
  // 0.366667; Q = 100·0.071111 + 25·0.284444 + 100·0.017778 = 16; C = 225 − 20625/225 = 133.3333;
  // τ² = (16−2)/C = 0.105.
  const combined = combineEffects(phones([[0.1, 0.1], [0.9, 0.2], [0.5, 0.1]]), RATES);
  assertAlmostEquals(combined.betweenPhones ** 2, 0.105, 1e-9);
  assertAlmostEquals(combined.unexplainedShare!, 14 / 16, 1e-9);
  // Weights 1/0.115, 1/0.145, 1/0.115.
  const w = [1 / 0.115, 1 / 0.145, 1 / 0.115];
  const sum = w[0] + w[1] + w[2];
  const mean = (0.1 * w[0] + 0.9 * w[1] + 0.5 * w[2]) / sum;
  assertAlmostEquals(combined.logRatio, mean, 1e-9);
  const q = w[0] * (0.1 - mean) ** 2 + w[1] * (0.9 - mean) ** 2 + w[2] * (0.5 - mean) ** 2;
  const se = Math.sqrt(Math.max(1, q / 2) / sum);
  assertAlmostEquals(combined.standardError!, se, 1e-9);
  // t quantile, 95%, 2 degrees of freedom: 2.919986.
  assertAlmostEquals(combined.high!, mean + 2.919986 * se, 1e-5);
  assertAlmostEquals(combined.low!, mean - 2.919986 * se, 1e-5);
  assertAlmostEquals(combined.weights.reduce((a, b) => a + b), 1, 1e-12);
});

Deno.test("combineEffects() has no bounds for one phone and refuses none", () => {
  const one = combineEffects(phones([[0.1, 0.01]]), RATES);
  assertEquals([one.logRatio, one.low, one.high, one.weights], [0.1, null, null, [1]]);
  assertThrows(() => combineEffects([], RATES), RangeError);
  assertThrows(() => combineEffects(phones([[NaN, 0.1]]), RATES), RangeError, '"p0"');
  assertThrows(() => combineEffects(phones([[0, Infinity]]), RATES), RangeError);
});

Deno.test("combineEffects() takes phones that agree exactly without dividing by zero", () => {
  const combined = combineEffects(phones([[0, 0], [0, 0], [0, 0], [0, 0]]), RATES);
  assertEquals([combined.logRatio, combined.betweenPhones, combined.outlying], [0, 0, []]);
  assertEquals(combined.high! > 0 && combined.high! < 0.001, true);
});

Deno.test("combineEffects() pulls a sick phone in and names it with what was found", () => {
  const healthy: [number, number][] = [
    [0.001, 0.003],
    [-0.002, 0.003],
    [0.002, 0.003],
    [0, 0.003],
    [-0.001, 0.003],
  ];
  const combined = combineEffects(phones([...healthy, [0.5, 0.003]]), RATES);
  assertEquals(combined.outlying.map((o) => [o.device, o.logRatio]), [["p5", 0.5]]);
  assertEquals(combined.weights[5] > 0.05, true);
  assertEquals(combined.high! < Math.log(1.02), true);
});

Deno.test("combineEffects() pulls in nothing when two kinds of phones differ", () => {
  const combined = combineEffects(
    phones([[0, 0.003], [0.001, 0.003], [-0.001, 0.003], [0.1, 0.003], [0.101, 0.003], [
      0.099,
      0.003,
    ]]),
    RATES,
  );
  assertEquals(combined.outlying, []);
  assertAlmostEquals(combined.logRatio, 0.05, 0.002);
});

Deno.test("combineEffects() keeps its error rates for few and many phones, alike and unlike", () => {
  const rng = seededRng(20261124);
  for (const count of [3, 4, 6, 20]) {
    for (const between of [0, 0.005, 0.02]) {
      let below = 0;
      let above = 0;
      const repetitions = 600;
      for (let i = 0; i < repetitions; i++) {
        const effects = Array.from({ length: count }, (_, index) => {
          const truth = between * rng.normal();
          const blocks = Array.from({ length: 8 }, () => [truth + 0.01 * rng.normal()]);
          return { device: `${index}`, kind: "k", ...phoneEffect(blocks, null)! };
        });
        const combined = combineEffects(effects, RATES);
        if (combined.low! > 0) above++;
        if (combined.high! < 0) below++;
      }
      // 5% of 600 is 30, its standard deviation 5.3: three of them.
      assertEquals(
        above <= 46 && below <= 46,
        true,
        `${count} phones, τ ${between}: ${above}, ${below}`,
      );
    }
  }
});

Deno.test("phoneEffect() is the mean with its standard error, a far block pulled in", () => {
  const even = phoneEffect([[0, 0.02], [0.03], [0.02], [0.01, 0.03]], null)!;
  assertAlmostEquals(even.logRatio, 0.02, 1e-12);
  assertAlmostEquals(even.standardError, Math.sqrt(0.0002 / 3) / 2, 1e-12);
  const disturbed = phoneEffect([[0.01], [0.02], [0.03], [0.02], [0.015], [5]], null)!;
  assertEquals(disturbed.logRatio < 0.05, true);
});

Deno.test("phoneEffect() never believes a session more than half of the calibration's spread", () => {
  const lucky = phoneEffect([[0.02], [0.02], [0.02], [0.02]], 0.04)!;
  assertAlmostEquals(lucky.standardError, 0.02 / 2, 1e-12);
  assertEquals(phoneEffect([[0.02]], 0.04), null);
  assertThrows(() => phoneEffect([[0.1], [NaN]], null), RangeError);
});
