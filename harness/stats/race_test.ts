import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  isDecided,
  leader,
  newRace,
  openContestants,
  type RaceState,
  standings,
  stillIn,
  withRound,
} from "./race.ts";
import { type Rng, seededRng } from "./rng.ts";

const OPTIONS = { errorRate: 0.05, margin: 0.01 };

/** A race of contestants whose true times are these, until it is decided or the rounds end. */
function run(
  times: Record<string, number>,
  noise: (rng: Rng) => number,
  { rounds, seed }: { rounds: number; seed: number },
): RaceState {
  const rng = seededRng(seed);
  let state = newRace(Object.keys(times), OPTIONS);
  for (let round = 0; round < rounds && !isDecided(state); round++) {
    // what hits all alike, as a machine that slows down
    const common = rng.normal() * 0.3;
    const values = stillIn(state).map((id) =>
      [id, Math.log(times[id]) + common + noise(rng)] as const
    );
    const base = values[round % values.length][1];
    state = withRound(state, new Map(values.map(([id, value]) => [id, value - base])));
  }
  return state;
}

const normal = (rng: Rng) => 0.01 * rng.normal();

Deno.test("withRound() lets the slower ones leave and keeps the fastest, whatever hits all alike", () => {
  const state = run({ a: 1.3, b: 1, c: 1.05, d: 2 }, normal, { rounds: 60, seed: 1 });
  assertEquals(stillIn(state), ["b"]);
  const [first, ...others] = standings(state);
  assertEquals([first.id, first.ratio, first.beatenBy], ["b", null, null]);
  assertEquals(others.map(({ id }) => id).toSorted(), ["a", "c", "d"]);
  for (const { id, ratio, beatenBy, isIn } of others) {
    const truth = { a: 1.3, c: 1.05, d: 2 }[id]!;
    assertEquals(isIn, false);
    assert(beatenBy !== null);
    assertAlmostEquals(ratio!.value / truth, 1, 0.02);
    assert(ratio!.low! <= truth && truth <= ratio!.high!);
  }
  // the slow ones left early
  assert(others.find(({ id }) => id === "d")!.rounds <= 8);
});

Deno.test("withRound() makes the fastest leave no more often than the error rate, looking after every round", () => {
  const models: ((rng: Rng) => number)[] = [
    normal,
    (rng) => 0.01 * rng.normal() * (rng.uniform() < 0.1 ? 8 : 1),
    (rng) => rng.uniform() < 0.5 ? -0.01 : 0.01,
  ];
  for (const noise of models) {
    let lost = 0;
    const repetitions = 120;
    for (let seed = 0; seed < repetitions; seed++) {
      // equal to the fastest: the hardest case
      const state = run({ a: 1, b: 1, c: 1, d: 1.002 }, noise, { rounds: 25, seed });
      if (!["a", "b", "c"].some((id) => stillIn(state).includes(id))) lost++;
      if (!stillIn(state).includes("a")) lost++;
    }
    // 5% of 120 are 6; 13 would be seen in less than 1% of such counts
    assert(lost <= 13, `${lost} of ${repetitions}`);
  }
});

Deno.test("isDecided() ends a race of equals once all are within the margin, and not before", () => {
  const state = run({ a: 1, b: 1.001 }, (rng) => 0.004 * rng.normal(), { rounds: 300, seed: 3 });
  assert(isDecided(state));
  assertEquals(stillIn(state), ["a", "b"]);
  assertEquals(openContestants(state), []);
  assert(state.rounds.length > 6 && state.rounds.length < 300, `${state.rounds.length}`);
  const earlier = { ...state, rounds: state.rounds.slice(0, 5) };
  assertEquals(isDecided(earlier), false);
  assertEquals(openContestants(earlier).length, 1);
});

Deno.test("leader() is the first contestant before the first round, and a lone one is decided", () => {
  assertEquals(leader(newRace(["x", "y"], OPTIONS)), "x");
  assertEquals(isDecided(newRace(["x"], OPTIONS)), true);
  assertThrows(() => newRace([], OPTIONS), RangeError);
  assertThrows(() => newRace(["x", "x"], OPTIONS), RangeError);
  assertThrows(() => withRound(newRace(["x"], OPTIONS), new Map([["x", NaN]])), RangeError);
});
