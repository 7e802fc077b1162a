import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { seededRng } from "../stats/rng.ts";
import { type NoiseModel, PHONE_MODELS, VIRTUAL_MACHINE } from "./noise_model.ts";
import { blockSd, boundRow, curvePoint, waldBound } from "./operating_curve.ts";
import { runSimulatedGate } from "./simulated_gate.ts";

/** Launches that differ by a normal effect and by nothing else. */
const NORMAL: NoiseModel = {
  ...PHONE_MODELS[0],
  name: "normal",
  iterationSd: 0,
  outlierShare: 0,
  launchSd: 0.02,
  wanderSd: 0,
  trendPerMinute: 0,
};
const OPTIONS = { seed: 3, gates: 60, calibrationBlocks: 20, iterations: 3 };

Deno.test("waldBound() is 5.3 σ²/δ²", () => {
  assertAlmostEquals(waldBound(0.01, Math.exp(0.01)), 5.3, 0.005);
  assertAlmostEquals(waldBound(0.03, Math.exp(0.01)), 9 * 5.3, 0.05);
});

Deno.test("blockSd() of launches with a normal effect follows from that effect", () => {
  // a block is the mean of two rounds, each the difference of two launches
  assertAlmostEquals(blockSd(NORMAL, 3, 1), 0.02, 0.001);
});

Deno.test("boundRow() is near Wald's bound where launches are normal, and keeps the rates", () => {
  const row = boundRow(NORMAL, 1.01, { ...OPTIONS, gates: 40 });
  assertAlmostEquals(row.bound, 21.4, 2);
  const ratio = (row.blocksSame + row.blocksSlower) / 2 / row.bound;
  assert(ratio > 0.9 && ratio < 1.7, `ratio ${ratio}`);
  assert(row.falseAlarms <= 0.1 && row.misses <= 0.1, `${row.falseAlarms}, ${row.misses}`);
  assertEquals(row.undecided, 0);
});

Deno.test("curvePoint() fails more and passes less as the slow-down grows", () => {
  const request = { threshold: 1.02, budgetBlocks: 20, stopsWhenFutile: true };
  const points = [0, 0.01, 0.04].map((slowDown) =>
    curvePoint(NORMAL, { ...request, slowDown }, OPTIONS)
  );
  const [none, half, twice] = points;
  for (const { pass, fail, inconclusive } of points) {
    assertAlmostEquals(pass + fail + inconclusive, 1, 1e-9);
  }
  assert(none.pass > half.pass && half.pass > twice.pass);
  assert(none.fail < half.fail && half.fail < twice.fail);
  assert(half.blocks > none.blocks, "what lies between takes longest");
});

Deno.test("runSimulatedGate() gives up early when the budget will not decide it, and only then", () => {
  const gate = (threshold: number, stopsWhenFutile: boolean) => {
    const rng = seededRng(5);
    const outcomes = Array.from({ length: 40 }, () =>
      runSimulatedGate(VIRTUAL_MACHINE, {
        truth: 1,
        experiment: { threshold, falseAlarmRate: 0.05, missRate: 0.05, calibratedSd: 0.07 },
        budgetBlocks: 20,
        iterations: 3,
        stopsWhenFutile,
      }, rng));
    const blocks = outcomes.reduce((sum, { blockCount }) => sum + blockCount, 0) / 40;
    const decided = outcomes.filter(({ verdict }) => verdict !== "inconclusive").length;
    return { blocks, decided };
  };
  const hopeless = gate(1.008, true);
  assert(hopeless.blocks < 0.7 * gate(1.008, false).blocks, `${hopeless.blocks} blocks`);
  // what the budget decides is decided as before
  const [usual, patient] = [gate(1.1, true), gate(1.1, false)];
  assert(usual.decided >= patient.decided - 1, `${usual.decided} of ${patient.decided}`);
});
