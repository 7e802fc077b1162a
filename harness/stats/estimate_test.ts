import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type Contestant, estimateTogether, type Unit } from "./estimate.ts";
import { robustInterval } from "./interval.ts";
import { seededRng } from "./rng.ts";

function contestant(
  id: string,
  solo: Record<Unit, number> | number[],
  turns: Record<Unit, number> = {},
): Contestant {
  return { id, solo: new Map(Object.entries(solo)), turns: new Map(Object.entries(turns)) };
}

Deno.test("estimateTogether() is the Hodges-Lehmann location when there is one contestant", () => {
  const values = [30, 31, 29, 60, 30.5, 30.2];
  const { locations } = estimateTogether([contestant("a", values)]);
  const { estimate, low, high } = robustInterval(values.map(Math.log));
  assertAlmostEquals(locations.get("a")!.value, Math.exp(estimate), 1e-9);
  assertAlmostEquals(locations.get("a")!.low!, Math.exp(low!), 1e-9);
  assertAlmostEquals(locations.get("a")!.high!, Math.exp(high!), 1e-9);
});

Deno.test("estimateTogether() has the paired location of two as their ratio", () => {
  const a = [40, 44, 36, 50, 41, 39];
  const b = [20, 23, 17, 26, 20, 19];
  const { ratio } = estimateTogether([contestant("a", a), contestant("b", b)]);
  const { estimate, low } = robustInterval(a.map((value, i) => Math.log(value / b[i])));
  assertAlmostEquals(ratio("a", "b")!.value, Math.exp(estimate), 1e-12);
  assertAlmostEquals(ratio("a", "b")!.low!, Math.exp(low!), 1e-12);
  assertAlmostEquals(ratio("b", "a")!.value, Math.exp(-estimate), 1e-12);
  assertEquals(ratio("a", "a"), { value: 1, low: 1, high: 1 });
});

Deno.test("estimateTogether() makes quotients ratios and intervals hold their values when launches are noisy, missing and of two speeds", () => {
  const rng = seededRng(11);
  for (let repetition = 0; repetition < 40; repetition++) {
    const contestants = Array.from({ length: 2 + rng.integer(5) }, (_, v): Contestant => {
      const values = Array.from({ length: 8 }, (_, round): [Unit, number] => [
        round,
        (20 + v) * (rng.uniform() < 0.3 ? 1.45 : 1) * Math.exp(0.05 * rng.normal()),
      ]);
      return {
        id: `v${v}`,
        solo: new Map(values.filter(() => rng.uniform() > 0.1)),
        turns: new Map(),
      };
    });
    const { locations, ratio } = estimateTogether(contestants);
    for (const [one, { value, low, high }] of locations) {
      assert(low! <= value && value <= high!);
      for (const [other, { value: otherValue }] of locations) {
        const found = ratio(one, other)!;
        assertAlmostEquals(value / otherValue, found.value, 1e-9);
        assert(found.low! <= found.value && found.value <= found.high!);
      }
    }
  }
});

Deno.test("estimateTogether() takes the ratio from turns and the level from launches alone", () => {
  const alone = { 0: 30, 1: 30, 2: 30 };
  const unlucky = { 0: 45, 1: 45, 2: 45 };
  const { locations, ratio } = estimateTogether([
    contestant("a", alone, { x: 30, y: 60 }),
    contestant("b", unlucky, { x: 33, y: 66 }),
  ]);
  assertAlmostEquals(ratio("b", "a")!.value, 1.1, 1e-6);
  const [a, b] = [locations.get("a")!.value, locations.get("b")!.value];
  assertAlmostEquals(b / a, 1.1, 1e-6);
  assertAlmostEquals(Math.sqrt(a * b), Math.sqrt(30 * 45), 1e-6);
});

Deno.test("estimateTogether() compares two through a third when they took turns with it alone", () => {
  const turns = (shares: number[], factor: number, group: string) =>
    Object.fromEntries(shares.map((share, i) => [`${group}${i}`, share * factor]));
  const shares = [1, 1.3, 1.1, 1.2, 1, 1.4];
  const { ratio } = estimateTogether([
    contestant("base", {}, { ...turns(shares, 30, "g"), ...turns(shares, 31, "h") }),
    contestant("a", {}, turns(shares, 20, "g")),
    contestant("b", {}, turns(shares, 15.5, "h")),
  ]);
  const found = ratio("a", "b")!;
  assertAlmostEquals(found.value, (20 / 30) / (15.5 / 31), 1e-6);
  assert(found.low! <= found.value && found.high! - found.low! < 1e-6);
});

Deno.test("estimateTogether() has no ratio when nothing links two, and no bounds for one launch", () => {
  const { ratio, locations } = estimateTogether([
    contestant("a", { 0: 30 }),
    contestant("b", { 0: 20 }),
    contestant("c", { 7: 10 }),
    contestant("nothing", {}),
  ]);
  assertEquals(ratio("a", "c"), null);
  assertEquals(ratio("a", "nothing"), null);
  assertAlmostEquals(ratio("a", "b")!.value, 1.5, 1e-12);
  assertEquals([ratio("a", "b")!.low, ratio("a", "b")!.high], [null, null]);
  assertAlmostEquals(locations.get("c")!.value, 10, 1e-9);
  assertEquals([...locations.keys()], ["a", "b", "c"]);
});

Deno.test("estimateTogether() throws when a time is not above zero", () => {
  assertThrows(() => estimateTogether([contestant("a", { 3: 0 })]), RangeError, "launch 3");
});

Deno.test("estimateTogether() covers the true ratio in 95% when five share rounds that differ", () => {
  const rng = seededRng(3);
  const repetitions = 400;
  let covered = 0;
  for (let i = 0; i < repetitions; i++) {
    const rounds = Array.from({ length: 10 }, () => Math.exp(0.2 * rng.normal()));
    const { ratio } = estimateTogether(
      [30, 25, 28, 24, 26].map((ms, v) =>
        contestant(`v${v}`, rounds.map((heat) => ms * heat * Math.exp(0.03 * rng.normal())))
      ),
    );
    const { low, high } = ratio("v0", "v1")!;
    if (low! <= 1.2 && high! >= 1.2) covered++;
  }
  const share = covered / repetitions;
  assert(share > 0.92 && share < 0.99, `${share}`);
});
