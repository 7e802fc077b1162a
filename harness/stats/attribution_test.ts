import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  attribute,
  attributeDraws,
  combinationName,
  combinationsOf,
  possibleOrders,
} from "./attribution.ts";
import { seededRng } from "./rng.ts";

const ALL = () => true;

Deno.test("possibleOrders() leaves out the orders that pass through what can't be", () => {
  assertEquals(possibleOrders(["a", "b", "c"], ALL).length, 6);
  // b needs a first
  const orders = possibleOrders(["a", "b"], (made) => !made.includes("b") || made.includes("a"));
  assertEquals(orders, [["a", "b"]]);
  assertEquals(possibleOrders(["a", "b"], (made) => made.length === 2), []);
});

Deno.test("combinationsOf() needs each combination once, from nothing to all", () => {
  const names = combinationsOf(possibleOrders(["b", "a"], ALL)).map(combinationName);
  assertEquals(names, ["", "b", "a", "a + b"]);
});

Deno.test("attribute() gives each change what it adds when they don't interact, and the sum is the whole", () => {
  const effect: Record<string, number> = { a: 0.3, b: -0.1, c: 0.05 };
  const changes = Object.keys(effect);
  const orders = possibleOrders(changes, ALL);
  const rng = seededRng(1);
  const rounds = Array.from({ length: 12 }, () =>
    new Map(
      combinationsOf(orders).map((made) => [
        combinationName(made),
        5 + made.reduce((sum, change) => sum + effect[change], 0) + 0.001 * rng.normal(),
      ]),
    ));
  const { whole, shares } = attribute(changes, orders, rounds);
  for (const { change, value, low, high, leastInOrders, mostInOrders } of shares) {
    assertAlmostEquals(value, effect[change], 0.002);
    assert(low! < effect[change] + 0.001 && effect[change] - 0.001 < high!);
    assert(mostInOrders - leastInOrders < 0.005);
  }
  assertAlmostEquals(shares.reduce((sum, { value }) => sum + value, 0), whole.value, 1e-12);
});

Deno.test("attribute() divides what two changes earn together, and shows that they interact", () => {
  // alone each earns nothing, together 0.4
  const round = new Map([["", 1], ["a", 1], ["b", 1], ["a + b", 1.4]]);
  const { whole, shares } = attribute(["a", "b"], possibleOrders(["a", "b"], ALL), [round]);
  assertAlmostEquals(whole.value, 0.4);
  for (const share of shares) {
    assertAlmostEquals(share.value, 0.2);
    assertAlmostEquals(share.leastInOrders, 0);
    assertAlmostEquals(share.mostInOrders, 0.4);
    assertEquals([share.low, share.high], [null, null]);
  }
});

Deno.test("attribute() has the truth in its 95% intervals as often as it says", () => {
  const effect: Record<string, number> = { a: 0.2, b: 0.07 };
  const orders = possibleOrders(["a", "b"], ALL);
  const rng = seededRng(7);
  let covered = 0;
  const trials = 400;
  for (let trial = 0; trial < trials; trial++) {
    const rounds = Array.from({ length: 10 }, () =>
      new Map(
        combinationsOf(orders).map((made) => [
          combinationName(made),
          made.reduce((sum, change) => sum + effect[change], 0) + 0.02 * rng.normal(),
        ]),
      ));
    for (const { change, low, high } of attribute(["a", "b"], orders, rounds).shares) {
      if (low! <= effect[change] && effect[change] <= high!) covered++;
    }
  }
  // 95% of 800 are 760; 735 would be four standard deviations less
  assert(covered >= 735 && covered <= 785, `${covered} of ${2 * trials}`);
});

Deno.test("attributeDraws() takes its intervals from the draws and its values from the sample", () => {
  const orders = possibleOrders(["a"], ALL);
  const draw = (value: number) => new Map([["", 0], ["a", value]]);
  const draws = [draw(0.5), ...Array.from({ length: 100 }, (_, i) => draw(i / 100))];
  const { shares: [share], whole } = attributeDraws(["a"], orders, draws);
  assertEquals([share.value, share.low, share.high], [0.5, 0.02, 0.97]);
  assertEquals(whole, { value: 0.5, low: 0.02, high: 0.97 });
});

Deno.test("attribute() refuses a round that lacks a combination", () => {
  const orders = possibleOrders(["a"], ALL);
  assertThrows(() => attribute(["a"], orders, [new Map([["", 1]])]), RangeError, "lacks");
  assertThrows(() => attribute(["a"], orders, []), RangeError);
});
