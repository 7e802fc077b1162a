import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { HarnessError } from "../errors.ts";
import { deviceNoise } from "../stats/detectable.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { PHONE_MODELS } from "../simulate/noise_model.ts";
import { seededRng } from "../stats/rng.ts";
import { DEFAULT_GATE_CONFIG, gateRules } from "./config.ts";
import { type LiveRun, RIGHT, runLiveGate, simulatedBlocks } from "./testdata/gate_fixture.ts";
import { blockLogRatios } from "./evidence.ts";
import { detectableRatios } from "./judge_device.ts";
import { blockOrder } from "./live.ts";
import { type Verdict, worst } from "./verdict.ts";

const QUIET = PHONE_MODELS.find((model) => model.name === "quiet phone")!;
const NOISY = PHONE_MODELS.find((model) => model.name === "noisy phone")!;

function noiseOf(model: typeof QUIET, blocks = 20) {
  const device = simulatedBlocks(model, seededRng(3), 1);
  return Promise.all(
    Array.from(
      { length: blocks },
      async (_, i) => blockLogRatios(await device.runBlock(i, blockOrder(i)), "total.p50")!,
    ),
  ).then(deviceNoise);
}

async function gateOf(
  model: typeof QUIET,
  factor: number,
  change: Partial<LiveRun> = {},
): Promise<LiveRun> {
  return {
    rules: { ...gateRules(DEFAULT_GATE_CONFIG, "host", "a", 1), budgetSeconds: 100 },
    noise: { "total.p50": await noiseOf(model) },
    secondsPerBlock: 3.2,
    ...simulatedBlocks(model, seededRng(8), factor),
    correctness: () => RIGHT,
    ...change,
  };
}

Deno.test("runLiveGate() passes when base and candidate are the same", async () => {
  const result = await runLiveGate(await gateOf(QUIET, 1));
  assertEquals(result.verdict, "pass");
  const [metric] = result.metrics;
  assertEquals([metric.name, metric.device, metric.threshold], ["total.p50", "host", 1.05]);
  assert(metric.low! < 1.02 && metric.high! < 1.05 && metric.detectable! < 1.05);
  assert(result.paired && result.blocks >= 3 && result.seconds > 5, JSON.stringify(result));
  assertStringIncludes(result.reasons.join("\n"), "excluded");
});

Deno.test("runLiveGate() fails when the candidate is 5% slower", async () => {
  const result = await runLiveGate(await gateOf(QUIET, 1.05));
  assertEquals(result.verdict, "fail");
  const [metric] = result.metrics;
  assert(metric.low! > 1 && metric.ratio! > 1.04 && metric.ratio! < 1.06, metric.reason);
});

Deno.test("runLiveGate() fails when keypoints are wrong although the candidate is faster", async () => {
  const gate = await gateOf(QUIET, 0.8, {
    correctness: () => ({
      parity: { verdict: "fail", reason: "decode" },
      baselineParity: null,
      apDifference: null,
    }),
  });
  const result = await runLiveGate(gate);
  assertEquals([result.verdict, result.metrics[0].verdict], ["fail", "pass"]);
});

Deno.test("runLiveGate() is inconclusive and says what would decide it when the budget is spent", async () => {
  const gate = await gateOf(NOISY, 1.02, { noise: {}, secondsPerBlock: null });
  gate.rules.thresholds = [{ name: "total.p50", ratio: 1.03 }];
  gate.rules.budgetSeconds = 10;
  const result = await runLiveGate(gate);
  assertEquals(result.verdict, "inconclusive");
  assertEquals(result.blocks, 3, "the fewest blocks run, no more");
  assertStringIncludes(result.metrics[0].reason, "budget of 10 s is spent");
  assert(/more blocks/.test(result.metrics[0].reason), result.metrics[0].reason);
  assertEquals(result.metrics[0].detectable, null);
});

Deno.test("runLiveGate() ends early when the budget will not decide it, and names the one that would", async () => {
  const gate = await gateOf(NOISY, 1, { noise: {}, secondsPerBlock: null });
  gate.rules.thresholds = [{ name: "total.p50", ratio: 1.003 }];
  gate.rules.budgetSeconds = 200;
  const result = await runLiveGate(gate);
  assertEquals(result.verdict, "inconclusive");
  assert(result.seconds < 100, `${result.seconds} s`);
  const [, wanted] = /budget of 200 s will not decide it; (\d+) s would do/
    .exec(result.metrics[0].reason) ?? [];
  assert(Number(wanted) > 200, result.metrics[0].reason);
});

Deno.test("runLiveGate() stops when the device is too hot, and says so", async () => {
  let looks = 0;
  const gate = await gateOf(QUIET, 1, {
    stopReason: () => looks >= 2 ? "the device is too hot (46 °C)" : null,
    onLook: () => looks++,
  });
  const result = await runLiveGate(gate);
  assertEquals([result.verdict, result.blocks], ["inconclusive", 2]);
  assertStringIncludes(result.metrics[0].reason, "too hot (46 °C)");
});

Deno.test("runLiveGate() refuses a threshold that the device can't resolve and names a budget", async () => {
  const gate = await gateOf(NOISY, 1);
  gate.rules.thresholds = [{ name: "total.p50", ratio: 1.02 }];
  const error = await assertRejects(() => runLiveGate(gate), HarnessError, "it resolves");
  assertEquals(error.code, "bad-config");
  const budget = Number(/budget to (\d+) s/.exec(error.message)?.[1]);
  assert(budget > 100, error.message);
  gate.rules.budgetSeconds = budget * 1.3;
  assert(detectableRatios({ device: "host", ...gate })["total.p50"]! <= 1.02);
});

Deno.test("detectableRatios() takes the budget that it asked for, or asks for none, when the threshold is small", async () => {
  const noise = { "total.p50": await noiseOf(NOISY) };
  const rules = { ...gateRules(DEFAULT_GATE_CONFIG, "host", "a", 1), budgetSeconds: 60 };
  const refusal = (percent: number, budgetSeconds: number) => {
    rules.thresholds = [{ name: "total.p50", ratio: 1 + percent / 100 }];
    try {
      detectableRatios({
        device: "host",
        rules: { ...rules, budgetSeconds },
        noise,
        secondsPerBlock: 1,
      });
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  let outOfReach = 0;
  for (const percent of [0.8, 1.4]) {
    const [, budget] = /budget to (\d+) s/.exec(refusal(percent, 60)!) ?? [];
    if (budget === undefined) outOfReach++;
    else assertEquals(refusal(percent, Number(budget)), null);
  }
  assertEquals(outOfReach, 1);
});

Deno.test("runLiveGate() shares the false alarm rate when there are several metrics", async () => {
  const gate = await gateOf(QUIET, 1);
  gate.rules.thresholds = [
    { name: "total.p50", ratio: 1.05 },
    { name: "inference.p50", ratio: 1.05 },
    { name: "peakRss", ratio: 1.1 },
  ];
  const result = await runLiveGate(gate);
  assertEquals(result.metrics.map((m) => m.verdict), ["pass", "pass", "pass"]);
  const memory = result.metrics[2];
  assert(Math.abs(memory.ratio! - 1) < 1e-9, "memory is the same in every launch");
});

Deno.test("runLiveGate() gives false alarms to one merged result in 20 at most when eight variants are gated at once", async () => {
  const rng = seededRng(5);
  const groups = 400, gateCount = 8;
  const gate = await gateOf(NOISY, 1, { noise: {}, secondsPerBlock: null });
  gate.rules = gateRules(DEFAULT_GATE_CONFIG, "host", "a", gateCount);
  let alarms = 0;
  for (let group = 0; group < groups; group++) {
    const verdicts: Verdict[] = [];
    for (let i = 0; i < gateCount; i++) {
      verdicts.push((await runLiveGate({ ...gate, ...simulatedBlocks(NOISY, rng, 1) })).verdict);
    }
    if (worst(verdicts) === "fail") alarms++;
  }
  assert(alarms <= groups / 20, `${alarms} of ${groups}`);
});

Deno.test("runLiveGate() is inconclusive when a launch does not tell the metric", async () => {
  const launch = (variantId: string) =>
    launchFixture({ variantId, round: 0, totalNs: [1e7], peakRssBytes: null });
  const gate = await gateOf(QUIET, 1, {
    runBlock: () =>
      Promise.resolve({
        baseline: [launch("a"), launch("a")],
        candidate: [launch("b"), launch("b")],
      }),
  });
  gate.rules.thresholds = [{ name: "peakRss", ratio: 1.1 }];
  const result = await runLiveGate(gate);
  assertEquals([result.verdict, result.metrics[0].ratio], ["inconclusive", null]);
});

Deno.test("runLiveGate() refuses launches of an emulated device", async () => {
  const launch = launchFixture({ variantId: "a", round: 0, totalNs: [1e7], marks: ["emulated"] });
  const gate = await gateOf(QUIET, 1, {
    runBlock: () => Promise.resolve({ baseline: [launch], candidate: [launch] }),
  });
  const error = await assertRejects(() => runLiveGate(gate), HarnessError, "emulated");
  assertEquals(error.code, "not-comparable");
});

Deno.test("blockLogRatios() pairs the launches in order when computed by hand", () => {
  const launch = (ms: number) => launchFixture({ variantId: "a", round: 0, totalNs: [ms * 1e6] });
  const block = { baseline: [launch(10), launch(20)], candidate: [launch(11), launch(24)] };
  const [first, second] = blockLogRatios(block, "total.p50")!;
  assert(Math.abs(first - Math.log(1.1)) < 1e-12 && Math.abs(second - Math.log(1.2)) < 1e-12);
  assertThrows(
    () => blockLogRatios({ ...block, candidate: [launch(1)] }, "total.p50"),
    HarnessError,
    "found 2 launches of the baseline and 1",
  );
});

Deno.test("blockOrder() gives both sides the same mean place when blocks are taken in pairs", () => {
  for (const index of [0, 1]) {
    const order = blockOrder(index);
    const places = (side: string) =>
      order.reduce((sum, each, place) => sum + (each === side ? place : 0), 0);
    assertEquals(places("baseline"), places("candidate"));
  }
  assertEquals(blockOrder(0)[0], "baseline");
  assertEquals(blockOrder(1)[0], "candidate");
});

Deno.test("runLiveGate() is never wrong with confidence when another process comes and goes", async () => {
  const busy = { ...QUIET, burstPerMinute: 6, burstSize: 0.5, burstSeconds: 4 };
  const rng = seededRng(12);
  let wrong = 0;
  for (let i = 0; i < 40; i++) {
    const gate = await gateOf(busy, 1, { noise: {}, ...simulatedBlocks(busy, rng, 1) });
    if ((await runLiveGate(gate)).verdict === "fail") wrong++;
  }
  assert(wrong <= 2, `${wrong} of 40`);
});
