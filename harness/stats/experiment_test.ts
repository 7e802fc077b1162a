import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  conclude,
  decide,
  DEFAULT_RATES,
  type ExperimentState,
  judge,
  newExperiment,
  withBlock,
} from "./experiment.ts";
import { seededRng } from "./rng.ts";

const OPTIONS = { threshold: 1.05, ...DEFAULT_RATES, calibratedSd: 0.01 };

/** The state after blocks of two rounds, given as the rounds' log ratios in a row. */
function after(rounds: number[], options = OPTIONS): ExperimentState {
  let state = newExperiment(options);
  for (let i = 0; i < rounds.length; i += 2) state = withBlock(state, rounds.slice(i, i + 2));
  return state;
}

const log = Math.log;

Deno.test("judge() passes when the blocks exclude a change as large as the threshold", () => {
  const judgement = judge(after([0.001, -0.002, 0.003, 0, -0.001, 0.001]));
  assertEquals(judgement.verdict, "pass");
  assert(judgement.high! < 1.05 && judgement.low! < 1);
  assertAlmostEquals(judgement.ratio!, 1, 0.002);
});

Deno.test("judge() fails when the blocks show a change as large as the threshold", () => {
  const judgement = judge(after([0.051, 0.048, 0.055, 0.047, 0.05, 0.049]));
  assertEquals(judgement.verdict, "fail");
  assert(judgement.low! > 1, JSON.stringify(judgement));
  assertAlmostEquals(judgement.ratio!, 1.05, 0.005);
});

Deno.test("judge() passes a change that is real when it is small against the threshold", () => {
  const blocks = [0.011, 0.009, 0.01, 0.0105, 0.0095, 0.01];
  const judgement = judge(after(blocks, { ...OPTIONS, calibratedSd: 0.001 }));
  assertEquals(judgement.verdict, "pass");
  assert(judgement.low! > 1 && judgement.high! < 1.05, JSON.stringify(judgement));
});

Deno.test("judge() passes when the candidate is faster", () => {
  const judgement = judge(after([log(0.8), log(0.81), log(0.8), log(0.79), log(0.8), log(0.8)]));
  assertEquals(judgement.verdict, "pass");
  assert(judgement.high! < 1);
});

Deno.test("judge() is undecided when blocks are few, however clear they look", () => {
  const judgement = judge(after([0.2, 0.2, 0.2, 0.2]));
  assertEquals(judgement.verdict, "undecided");
  assert(judgement.moreBlocks! >= 1);
});

Deno.test("judge() has no figures when there is no block yet", () => {
  assertEquals(judge(newExperiment(OPTIONS)), {
    verdict: "undecided",
    blockCount: 0,
    ratio: null,
    low: null,
    high: null,
    moreBlocks: null,
  });
});

Deno.test("conclude() is inconclusive and tells how many blocks are missing when noise hides the answer", () => {
  const state = after([0.08, -0.07, 0.09, -0.05, 0.06, -0.03], { ...OPTIONS, calibratedSd: 0.07 });
  const judgement = conclude(state);
  assertEquals(judgement.verdict, "inconclusive");
  assert(judgement.moreBlocks! > 1);
  assert(judgement.low! < 1 && judgement.high! > 1.05);
});

Deno.test("conclude() keeps the verdict when it is decided", () => {
  assertEquals(conclude(after([0.001, -0.002, 0.003, 0, -0.001, 0.001])).verdict, "pass");
});

Deno.test("judge() is not fooled when blocks agree by luck and the calibration was noisy", () => {
  const state = after([0.05, 0.0501, 0.0499, 0.05, 0.05, 0.05], { ...OPTIONS, calibratedSd: 0.2 });
  assertEquals(judge(state).verdict, "undecided");
});

Deno.test("newExperiment() and withBlock() throw when an argument makes no sense", () => {
  assertThrows(() => newExperiment({ ...OPTIONS, threshold: 1 }), RangeError, "above 1");
  assertThrows(() => newExperiment({ ...OPTIONS, threshold: NaN }), RangeError);
  assertThrows(() => newExperiment({ ...OPTIONS, missRate: 0 }), RangeError, "error rate");
  assertThrows(() => newExperiment({ ...OPTIONS, calibratedSd: NaN }), RangeError);
  assertThrows(() => withBlock(newExperiment(OPTIONS), [NaN]), RangeError, "a time is missing");
  assertThrows(() => withBlock(newExperiment(OPTIONS), [0.1, -Infinity]), RangeError);
  assertThrows(() => withBlock(newExperiment(OPTIONS), []), RangeError);
});

Deno.test("decide() keeps its error rates when looked at after every block", () => {
  const rng = seededRng(17);
  const experiments = 600;
  let alarms = 0, passes = 0;
  for (let i = 0; i < experiments; i++) {
    for (const truth of [0, log(1.05)]) {
      let state = newExperiment({ ...OPTIONS, calibratedSd: 0.03 });
      let verdict = decide(state);
      while (verdict === "undecided" && state.blocks.length < 60) {
        state = withBlock(state, [truth + 0.03 * rng.normal(), truth + 0.03 * rng.normal()]);
        verdict = decide(state);
      }
      if (truth === 0 && verdict === "fail") alarms++;
      if (truth !== 0 && verdict === "pass") passes++;
    }
  }
  assert(alarms / experiments < 0.05, `alarms ${alarms / experiments}`);
  assert(passes / experiments < 0.05, `passes ${passes / experiments}`);
});
