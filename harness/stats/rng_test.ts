import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { seededRng } from "./rng.ts";

Deno.test("seededRng() repeats its sequence when the seed is the same", () => {
  const draw = (seed: number) => {
    const rng = seededRng(seed);
    return Array.from({ length: 5 }, () => rng.uniform());
  };
  assertEquals(draw(1), draw(1));
  assertNotEquals(draw(1), draw(2));
});

Deno.test("seededRng() has the moments of its distributions when many are drawn", () => {
  const rng = seededRng(7);
  const count = 100_000;
  const moments = (draw: () => number) => {
    let sum = 0, squares = 0;
    for (let i = 0; i < count; i++) {
      const value = draw();
      sum += value;
      squares += value * value;
    }
    return { mean: sum / count, variance: squares / count - (sum / count) ** 2 };
  };
  const uniform = moments(rng.uniform);
  assertAlmostEquals(uniform.mean, 0.5, 0.005);
  assertAlmostEquals(uniform.variance, 1 / 12, 0.002);
  const normal = moments(rng.normal);
  assertAlmostEquals(normal.mean, 0, 0.015);
  assertAlmostEquals(normal.variance, 1, 0.02);
  assertAlmostEquals(moments(rng.exponential).mean, 1, 0.015);
  const integers = new Set(Array.from({ length: 200 }, () => rng.integer(3)));
  assertEquals([...integers].sort(), [0, 1, 2]);
});
