import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { HarnessError } from "../errors.ts";
import { DEFAULT_GATE_CONFIG, gateRules } from "./config.ts";
import { deviceFixture, IMAGES, RIGHT, runFixture, sideFixture } from "./testdata/gate_fixture.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { seededRng } from "../stats/rng.ts";
import { deviceNoise } from "../stats/detectable.ts";
import { sessionSpread } from "../stats/sessions.ts";
import type { LaunchRecord } from "../record/records.ts";
import type { ComparisonSide } from "../record/experiment_keys.ts";
import type { DeviceEvidence, UnpairedRounds } from "./evidence.ts";
import { detectableRatios } from "./judge_device.ts";
import { judgeGate } from "./judge_gate.ts";
import { savedEvidence, savedSide } from "./saved.ts";
import { ASSUMED_SESSIONS, unpairedRatio } from "./unpaired.ts";

/** Sessions that don't differ. */
const SAME = { sd: 0, freedom: 1e6 };

interface SavedRuns {
  baseline: ComparisonSide<LaunchRecord>;
  candidate: ComparisonSide<LaunchRecord>;
  sessions: UnpairedRounds["sessions"];
  noise?: DeviceEvidence["noise"];
}

function gate(candidateMs: number[], change: Partial<SavedRuns> = {}): SavedRuns {
  return {
    baseline: sideFixture("run 1", [30, 30.2, 29.9, 30.1, 30]),
    candidate: sideFixture("run 2", candidateMs),
    sessions: { "total.p50": { sd: 0.002, freedom: 1e6 } },
    ...change,
  };
}

function judgeSavedRuns({ baseline, candidate, sessions, noise = {} }: SavedRuns) {
  const known = { noise, secondsPerBlock: 60, notes: [], correctness: RIGHT, sessions };
  return judgeGate(
    [savedEvidence(baseline, candidate, known)],
    () => gateRules(DEFAULT_GATE_CONFIG, "host", "a", 1),
  );
}

Deno.test("judgeGate() of saved runs passes, fails or stays open when the sessions are known to agree", () => {
  const verdictOf = (ms: number[]) => judgeSavedRuns(gate(ms)).verdict;
  assertEquals(verdictOf([30.1, 30, 29.9, 30.2, 30]), "pass");
  assertEquals(verdictOf([33, 33.1, 32.9, 33.2, 33]), "fail");
  assertEquals(verdictOf([26, 35, 31, 28, 37]), "inconclusive");
});

Deno.test("judgeGate() of saved runs is inconclusive about 5% when nothing is known of the sessions, and says why", () => {
  const result = judgeSavedRuns(gate([31.2, 31, 31.1, 31.3, 31.2], { sessions: {} }));
  assertEquals([result.verdict, result.paired], ["inconclusive", false]);
  assertStringIncludes(result.reasons[0], "can't be paired");
  assertStringIncludes(result.metrics[0].reason, "assumed to differ by 2.0%");
});

Deno.test("judgeGate() of saved runs judges a threshold that the calibrated device would not resolve in the budget, and shows what it resolves", () => {
  const noise = { "total.p50": deviceNoise([...Array(12)].map((_, i) => [0.1 * (-1) ** i, 0.05])) };
  const live = { device: "host", noise, secondsPerBlock: 60 };
  const rules = gateRules(DEFAULT_GATE_CONFIG, "host", "a", 1);
  assertThrows(() => detectableRatios({ ...live, rules }), HarnessError, "it resolves");
  const result = judgeSavedRuns(gate([30.1, 30, 29.9, 30.2, 30], { noise }));
  assertEquals(result.verdict, "pass");
  assert(result.metrics[0].detectable! > 1.05, `${result.metrics[0].detectable}`);
});

Deno.test("judgeGate() of saved runs refuses when the runs are not the same experiment", () => {
  const candidate = sideFixture("run 2", [30, 30, 30]);
  candidate.launches.forEach((launch) => launch.runner.options.threads = 1);
  assertThrows(() => judgeSavedRuns(gate([], { candidate })), HarnessError, "options.threads");
});

Deno.test("judgeGate() of saved runs is inconclusive when a side has fewer than three rounds", () => {
  const result = judgeSavedRuns(gate([30, 30]));
  assertEquals([result.verdict, result.metrics[0].ratio], ["inconclusive", null]);
});

Deno.test("unpairedRatio() equals Welch's interval with the medians' variance when sessions don't differ", () => {
  // logs 0, 1, 2 on both sides: variance 1/3 each, π/2 of it for the median, 4 degrees of freedom,
  // t 2.131847
  const e = [1, Math.E, Math.E ** 2];
  const found = unpairedRatio(e, e, SAME, { low: 0.05, high: 0.05 })!;
  assertAlmostEquals(Math.log(found.high), 2.131847 * Math.sqrt(Math.PI / 3), 1e-5);
  assertAlmostEquals(found.ratio, 1, 1e-12);
});

Deno.test("unpairedRatio() is wrong as often as it says when the noise is normal", () => {
  const rng = seededRng(3);
  const values = () => Array.from({ length: 12 }, () => Math.exp(0.05 * rng.normal()));
  let outside = 0;
  for (let i = 0; i < 4000; i++) {
    const { low } = unpairedRatio(values(), values(), SAME, { low: 0.05, high: 0.05 })!;
    if (low > 1) outside++;
  }
  assert(outside / 4000 < 0.06, `${outside} of 4000`);
  assert(outside / 4000 > 0.02, `${outside} of 4000`);
});

Deno.test("unpairedRatio() is wrong as often as it says when the sessions are known from six runs only", () => {
  const rng = seededRng(4);
  const median = () => Math.exp(0.03 * rng.normal());
  const rounds = (session: number) =>
    Array.from({ length: 10 }, () => session * Math.exp(0.01 * rng.normal()));
  let alarms = 0, misses = 0;
  for (let i = 0; i < 4000; i++) {
    const sessions = sessionSpread(Array.from({ length: 6 }, median))!;
    const found = unpairedRatio(rounds(median()), rounds(median()), sessions, {
      low: 0.05,
      high: 0.05,
    })!;
    if (found.low > 1) alarms++;
    if (found.high < 1) misses++;
  }
  // 5% of 4000, and twice its own standard deviation
  assert(alarms <= 228 && misses <= 228, `${alarms} and ${misses} of 4000`);
  assert(alarms >= 100 && misses >= 100, `${alarms} and ${misses} of 4000: too wide`);
});

Deno.test("unpairedRatio() keeps the session's part when the rounds have no spread", () => {
  const found = unpairedRatio([30, 30, 30], [30, 30, 30], ASSUMED_SESSIONS, {
    low: 0.05,
    high: 0.05,
  })!;
  assertAlmostEquals(Math.log(found.high), 1.644854 * Math.SQRT2 * 0.02, 1e-5);
  assert(
    unpairedRatio([30, 30], [30, 30, 30], ASSUMED_SESSIONS, { low: 0.05, high: 0.05 }) === null,
  );
});

Deno.test("savedSide() takes the launches of one variant on one device out of a run", () => {
  const launch = (variantId: string, device: string) =>
    launchFixture({ variantId, device, round: 0, totalNs: [1e7] });
  const records = [runFixture("r1", 0), launch("a", "host"), launch("b", "host"), launch("a", "x")];
  const side = savedSide(records, "host", "a");
  assertEquals([side.name, side.device, side.images], ["a of run r1", deviceFixture(), IMAGES]);
  assertEquals(side.launches, [records[1]]);
  const again = launch("a", "host");
  assertEquals(savedSide([...records, again], "host", "a").launches, [again], "the last counts");
  const missing = assertThrows(
    () => savedSide(records, "host", "c"),
    HarnessError,
    '"b" on "host"',
  );
  assertEquals(missing.code, "not-comparable");
  assertThrows(() => savedSide(records, "x", "a"), HarnessError, "found no finished launch");
  assertThrows(() => savedSide([], "host", "a"), HarnessError, "none at all");
});
