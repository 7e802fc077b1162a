import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { seededRng } from "./rng.ts";
import { launchFixture } from "./testdata/launch_fixture.ts";
import { turnsFixture } from "./testdata/turns_fixture.ts";
import { type PairedLaunches, pairLogRatios, type PairState, pairStates } from "./turns.ts";

const RULES = { margin: 0.01, errorRate: 0.05 };

/** Returns rounds of contestants whose times differ by the factors, with noise of both kinds. */
function rounds(factors: Record<string, number>, count: number, sd: number, seed: number) {
  const rng = seededRng(seed);
  return Array.from({ length: count }, (_, round) => {
    // what meets all of a launch alike
    const machine = 10e6 * Math.exp(0.3 * rng.normal());
    const times = Object.entries(factors)
      .map(([id, factor]) => [id, machine * factor * Math.exp(sd * rng.normal())]);
    return turnsFixture(round, Object.fromEntries(times));
  }).flat();
}

function verdicts(states: readonly PairState[]): string[] {
  return states.map(({ one, other, verdict }) => `${one}/${other} ${verdict}`);
}

Deno.test("pairLogRatios() takes the launch that both shared, else two with the base, else rounds of launches alone", () => {
  const turns = [
    ...turnsFixture(0, { a: 10e6, b: 20e6 }),
    ...turnsFixture(0, { a: 30e6, c: 15e6 }, { group: 1 }),
    ...turnsFixture(1, { c: 10e6, b: 40e6, a: 10e6 }),
  ];
  const launches = [
    launchFixture({ variantId: "a", round: 0, totalNs: [10e6] }),
    launchFixture({ variantId: "d", round: 0, totalNs: [70e6] }),
    launchFixture({ variantId: "b", round: 0, totalNs: [99e6] }),
  ];
  const ratios = (one: string, other: string) =>
    pairLogRatios({ launches, turns }, one, other, "a").map((log) =>
      Math.round(100 * Math.exp(log)) / 100
    );
  assertEquals(ratios("b", "a"), [2, 4]);
  // 2 × a over 0.5 × a, each in a launch of its own
  assertEquals(ratios("b", "c"), [4, 4]);
  assertEquals(ratios("d", "a"), [7]);
  assertEquals(ratios("e", "a"), []);
});

Deno.test("pairStates() tells pairs apart, equal or open, for the base and the fastest alone", () => {
  const turns = rounds({ a: 1, b: 0.9, c: 0.9, d: 1.05 }, 40, 0.004, 1);
  const states = pairStates({ launches: [], turns }, ["a", "b", "c", "d"], "a", RULES);
  const leader = states[3].one;
  const second = leader === "b" ? "c" : "b";
  assertEquals(verdicts(states), [
    ...["b/a apart", "c/a apart", "d/a apart"],
    ...[`${leader}/${second} equal`, `${leader}/d apart`],
  ]);
  assertAlmostEquals(states[2].ratio!, 1.05, 0.005);
  assert(states.every(({ low, high, ratio }) => low! < ratio! && ratio! < high!));
  // where the base leads it is the fastest that all are compared with
  const slower = rounds({ a: 1, b: 1.1, c: 1.2 }, 10, 0.004, 2);
  const toBase = pairStates({ launches: [], turns: slower }, ["a", "b", "c"], "a", RULES);
  assertEquals(verdicts(toBase), ["b/a apart", "c/a apart"]);
});

Deno.test("pairStates() leaves everything open before the sixth round, and what shares no round", () => {
  const turns = rounds({ a: 1, b: 2 }, 6, 0.001, 3);
  const before = turns.filter(({ round }) => round < 5);
  const states = (own: PairedLaunches["turns"]) =>
    verdicts(pairStates({ launches: [], turns: own }, ["a", "b", "c"], "a", RULES));
  assertEquals(states(before), ["b/a open", "c/a open"]);
  assertEquals(states(turns), ["b/a apart", "c/a open"]);
});

Deno.test("pairStates() is wrong no more often than its rate, although it is looked at after every round", () => {
  const RUNS = 100;
  let wrong = 0;
  let decided = 0;
  for (let run = 0; run < RUNS; run++) {
    // equal: apart is wrong; 2 % apart: equal is wrong, and so is the other order
    const truth: Record<string, number> = { a: 1, b: 1, c: 1.02 };
    const turns = rounds(truth, 34, 0.006, 100 + run);
    let isWrong = false;
    let isDecided = false;
    for (let count = 6; count <= 34 && !isDecided; count += 4) {
      const seen = { launches: [], turns: turns.filter(({ round }) => round < count) };
      const states = pairStates(seen, ["a", "b", "c"], "a", RULES);
      isDecided = states.every(({ verdict }) => verdict !== "open");
      isWrong ||= states.some(({ one, other, verdict, ratio }) => {
        const true_ = truth[one] / truth[other];
        if (verdict === "equal") return Math.abs(Math.log(true_)) > Math.log(1.01);
        return verdict === "apart" && (true_ === 1 || (true_ > 1) !== (ratio! > 1));
      });
    }
    wrong += isWrong ? 1 : 0;
    decided += isDecided ? 1 : 0;
  }
  // 5 %, with three standard errors of 100 runs
  assert(wrong <= 11, `${wrong} of ${RUNS} runs were wrong`);
  assert(decided > RUNS / 2, `${decided} of ${RUNS} runs were decided`);
});
