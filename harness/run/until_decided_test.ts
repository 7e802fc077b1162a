import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { LaunchRecord, TurnsRecord } from "../record/records.ts";
import { seededRng } from "../stats/rng.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { turnsFixture } from "../stats/testdata/turns_fixture.ts";
import { shortNames, untilDecided } from "./until_decided.ts";
import type { PlannedRound } from "./schedule.ts";

const RULES = { margin: 0.01, errorRate: 0.05, budgetSeconds: 1000 };

/** What a run did: its rounds, and what progress said after each. */
interface Run {
  rounds: PlannedRound[];
  texts: string[];
  outcome: string;
}

/**
 * Runs a schedule on a device on which variants take these times; a launch takes a second. Variants
 * in `apart` take no turns.
 */
function run(
  factors: Record<string, number>,
  change: { budgetSeconds?: number; apart?: string[]; sd?: number } = {},
): Run {
  const rng = seededRng(4);
  const ids = Object.keys(factors);
  let clock = 50;
  const rules = { ...RULES, budgetSeconds: change.budgetSeconds ?? RULES.budgetSeconds };
  const schedule = untilDecided(ids, ids[0], rules, () => clock);
  const seen = { launches: [] as LaunchRecord[], turns: [] as TurnsRecord[] };
  const found: Run = { rounds: [], texts: [], outcome: "" };
  const timeOf = (id: string) => 10e6 * factors[id] * Math.exp((change.sd ?? 0.004) * rng.normal());
  for (let round = 0;; round++) {
    const planned = schedule.next(round, seen);
    if (planned === null) return { ...found, outcome: schedule.outcome(seen) };
    found.rounds.push(planned);
    for (const variantId of planned.alone) {
      clock++;
      seen.launches.push(launchFixture({ variantId, round, totalNs: [timeOf(variantId)] }));
    }
    const together = planned.together.filter((id) => !change.apart?.includes(id));
    if (together.length > 1) {
      clock++;
      seen.turns.push(
        ...turnsFixture(round, Object.fromEntries(together.map((id) => [id, timeOf(id)]))),
      );
    }
    found.texts.push(schedule.progress(round + 1, seen).text);
  }
}

Deno.test("untilDecided() ends when every pair is decided, and launches each variant alone in every other round", () => {
  const { rounds, texts, outcome } = run({ a: 1, b: 0.8, c: 1.3 });
  assertEquals(rounds.length, 6);
  assertEquals(rounds.map(({ alone }) => alone.length), [3, 0, 3, 0, 3, 0]);
  assert(rounds.every(({ together }) => together.length === 3));
  assertStringIncludes(texts[1], "3 of 3 pairs open: ");
  assertStringIncludes(texts[5], "all decided");
  assertEquals(outcome, "6 rounds, all decided");
});

Deno.test("untilDecided() lets a variant that is decided rest, and goes on with those that are near each other", () => {
  const { rounds, texts } = run({ a: 1, b: 0.8, c: 0.79, d: 2 }, { sd: 0.01 });
  const last = rounds.at(-1)!;
  assert(rounds.length > 8);
  // the base is always there, the fastest stand first
  assertEquals(last.together.toSorted(), ["a", "b", "c"]);
  assertEquals(last.together.at(-1), "a");
  assertStringIncludes(texts.at(-2)!, "1 of 5 pairs open: ");
  assert(/±\d/.test(texts.at(-2)!.replaceAll(" ", "")));
  assert(rounds.flatMap(({ alone }) => alone).filter((id) => id === "d").length <= 6);
});

Deno.test("untilDecided() ends when another round does not fit into the budget, after two in any case", () => {
  const equal = { a: 1, b: 1.0099 };
  const { rounds, texts } = run(equal, { budgetSeconds: 12, sd: 0.05 });
  // 3 s with launches alone, 1 s without
  assertEquals(rounds.length, 5);
  assertStringIncludes(texts.at(-1)!, "1 of 1 pairs open");
  assertEquals(run(equal, { budgetSeconds: 0.1 }).rounds.length, 2);
});

Deno.test("untilDecided() compares a variant that takes no turns by launches alone in each round", () => {
  const { rounds } = run({ a: 1, b: 0.8, c: 1.3 }, { apart: ["c"] });
  assertEquals(rounds.map(({ alone }) => alone.join("")), [
    "abc",
    "abc",
    "abc",
    "abc",
    "abc",
    "abc",
  ]);
});

Deno.test("untilDecided() launches a single variant ten times", () => {
  const { rounds } = run({ a: 1 });
  assertEquals(rounds.map(({ alone, together }) => [alone.length, together.length]), [
    ...Array(10).fill([1, 0]),
  ]);
});

Deno.test("untilDecided() goes on with what an earlier session found, and counts its time", () => {
  const turns = [0, 1, 2, 3, 4, 5].flatMap((round) => turnsFixture(round, { a: 10e6, b: 8e6 }));
  const launches = ["a", "b"].map((variantId) =>
    launchFixture({ variantId, round: 0, totalNs: [10e6] })
  );
  const schedule = (budgetSeconds: number) =>
    untilDecided(["a", "b"], "a", { ...RULES, budgetSeconds }, () => 7);
  const seen = { launches, turns };
  assertEquals(schedule(1000).next(6, seen), null);
  const undecided = { launches, turns: turns.slice(0, 4) };
  assertEquals(schedule(1000).next(2, undecided)?.together, ["b", "a"]);
  // 2 launches alone and 2 shared ones of a second
  assertEquals(schedule(3.9).next(2, undecided), null);
});

Deno.test("shortNames() leaves out what all ids have", () => {
  const names = (ids: string[]) => [...shortNames(ids).values()];
  assertEquals(names(["m.silu.raw.fp32", "m.relu.raw.fp32"]), ["silu", "relu"]);
  assertEquals(names(["m.silu.raw.fp32", "m.relu.raw.fp16"]), ["silu.fp32", "relu.fp16"]);
  assertEquals(names(["m.silu", "m.silu.2"]), ["m.silu", "m.silu.2"]);
  assertEquals(names(["m.silu"]), ["m.silu"]);
});
