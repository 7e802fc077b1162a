import { assertEquals, assertNotEquals } from "@std/assert";
import { seededRng } from "../stats/rng.ts";
import { countTrials, planTrials, type TrialResult, trialsTable } from "./trials.ts";

Deno.test("planTrials() gives every size its count, the A/A trials all thresholds by turns, in random order", () => {
  const trials = planTrials([2, 10], { same: 5, slow: 3 }, seededRng(1));
  const count = (threshold: number, inject: number | null) =>
    trials.filter((trial) => trial.thresholdPercent === threshold && trial.injectPercent === inject)
      .length;
  assertEquals(trials.length, 11);
  assertEquals([count(2, 2), count(10, 10), count(2, null), count(10, null)], [3, 3, 3, 2]);
  const again = planTrials([2, 10], { same: 5, slow: 3 }, seededRng(1));
  assertEquals(trials, again);
  assertNotEquals(trials, planTrials([2, 10], { same: 5, slow: 3 }, seededRng(2)));
});

const result = (change: Partial<TrialResult>): TrialResult => ({
  thresholdPercent: 5,
  injectPercent: null,
  verdict: "pass",
  ratio: 1,
  low: 0.98,
  high: 1.02,
  blocks: 4,
  seconds: 10,
  ...change,
});

Deno.test("countTrials() counts verdicts and intervals by threshold and truth", () => {
  const rows = countTrials([
    result({ injectPercent: 5, verdict: "fail", low: 1.01, high: 1.08, seconds: 5 }),
    result({ injectPercent: 5, verdict: "pass", low: 0.97, high: 1.04, seconds: 7 }),
    result({}),
    result({ verdict: "inconclusive", low: null, high: null, seconds: 60 }),
    result({ verdict: "fail", low: 1.001, high: 1.1, seconds: 30 }),
    result({ thresholdPercent: 2 }),
  ]);
  assertEquals(rows.map((row) => [row.thresholdPercent, row.injectPercent, row.count]), [
    [2, null, 1],
    [5, null, 3],
    [5, 5, 2],
  ]);
  const [, same, slow] = rows;
  assertEquals(
    [same.fail, same.pass, same.inconclusive, same.covered, same.secondsP50, same.secondsMax],
    [1, 1, 1, 1, 30, 60],
  );
  assertEquals([slow.fail, slow.pass, slow.covered], [1, 1, 1]);
  assertEquals(
    trialsTable(rows).split("\n")[4],
    "| 5% | 5% slower | 2 | 1 | 1 | 0 | 1 | 6.0 | 7.0 |",
  );
});
