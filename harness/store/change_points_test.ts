import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { seededRng } from "../stats/rng.ts";
import { changePoints, firstSlower } from "./change_points.ts";

function noisy(levels: number[], each: number, sd: number, seed: number): number[] {
  const rng = seededRng(seed);
  return levels.flatMap((level) =>
    Array.from({ length: each }, () => level * Math.exp(sd * rng.normal()))
  );
}

Deno.test("changePoints() finds where the level changes and by how much", () => {
  const found = changePoints(noisy([30, 33, 29], 20, 0.01, 5));
  assertEquals(found.map((change) => change.index), [20, 40]);
  assertAlmostEquals(found[0].ratio, 1.1, 0.015);
  assertAlmostEquals(found[1].ratio, 29 / 33, 0.015);
  assert(found[0].pValue <= 0.01);
});

Deno.test("changePoints() finds a clean step when there is no noise at all", () => {
  const [change, ...others] = changePoints([...new Array(8).fill(10), ...new Array(8).fill(12)]);
  assertEquals([change.index, change.before, change.after, others.length], [8, 10, 12, 0]);
});

Deno.test("changePoints() finds nothing when values are few, constant, or one is an outlier", () => {
  assertEquals(changePoints([]), []);
  assertEquals(changePoints([1, 1, 1, 9, 9]), []);
  assertEquals(changePoints(new Array(30).fill(5)), []);
  const values = noisy([30], 30, 0.01, 3);
  values[14] *= 3;
  assertEquals(changePoints(values), []);
});

Deno.test("changePoints() is wrong in about 1% when nothing changes", () => {
  let wrong = 0;
  for (let seed = 0; seed < 300; seed++) {
    if (changePoints(noisy([30], 30, 0.02, 1000 + seed), seed).length > 0) wrong++;
  }
  assert(wrong <= 9, `${wrong} of 300`);
});

Deno.test("changePoints() gives the same answer when it is asked again", () => {
  const values = noisy([30, 31], 15, 0.02, 9);
  assertEquals(changePoints(values), changePoints(values));
});

Deno.test("changePoints() throws when a value is not above zero", () => {
  assertThrows(() => changePoints([1, 2, 0, 3, 4, 5]), RangeError, "value 2 is 0");
  assertThrows(() => changePoints([1, 2, NaN, 3, 4, 5]), RangeError);
});

Deno.test("firstSlower() passes over changes to the better and small ones", () => {
  const changes = changePoints(noisy([30, 27, 28, 33], 20, 0.005, 2));
  assertEquals(changes.map((change) => change.index), [20, 40, 60]);
  assertEquals(firstSlower(changes)!.index, 40);
  assertEquals(firstSlower(changes, 1.1)!.index, 60);
  assertEquals(firstSlower(changes, 2), null);
});
