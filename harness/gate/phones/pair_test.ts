import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { planRun, planShards, shardCount } from "../../farm/plan.ts";
import { seededRng } from "../../stats/rng.ts";
import { gateRules } from "../config.ts";
import { type DeviceEvidence, joinEvidence, noEvidence } from "../evidence.ts";
import { junitXml } from "../formats/junit.ts";
import { judgeGate } from "../judge_gate.ts";
import { ALL_PHONES, gateText } from "../merge.ts";
import { RIGHT } from "../testdata/gate_fixture.ts";
import type { Verdict } from "../verdict.ts";
import { DEFAULT_FARM_RULE } from "./verdict.ts";

/** Blocks of two rounds about these values. */
const twice = (blocks: number[]) => blocks.map((block) => [block - 0.0005, block + 0.0005]);

const flat = (value: number) => Array.from({ length: 8 }, (_, i) => value + 0.001 * (i % 3 - 1));

/** Correctness with these verdicts. */
const keypoints = (candidate: Verdict, baselineParity: Verdict | null = "pass") => ({
  parity: { verdict: candidate, reason: `they ${candidate}` },
  baselineParity,
  apDifference: null,
});

/** What a phone showed of a pair. */
function phone(
  device: string,
  blocks: number[],
  change: Partial<DeviceEvidence> = {},
  candidate = "c",
): DeviceEvidence {
  const sides = {
    baseline: { id: "b", name: "b" },
    candidate: { id: candidate, name: candidate },
  };
  return {
    ...noEvidence(device, "k", sides),
    blocks: { "total.p50": twice(blocks) },
    blockCount: blocks.length,
    seconds: blocks.length / 2,
    keys: { shape: "96x96" },
    correctness: RIGHT,
    ...change,
  };
}

function judge(
  evidence: DeviceEvidence[],
  thresholdsPercent: Record<string, number> = { "total.p50": 5 },
  devices: Record<string, { thresholdsPercent: Record<string, number> }> = {},
) {
  const config = { gate: { thresholdsPercent, devices } };
  const rulesOf = (device: string | null, candidate: string) =>
    gateRules(config, device, candidate, 1);
  return judgeGate(evidence, rulesOf, DEFAULT_FARM_RULE);
}

Deno.test("judgeGate() over phones takes pieces of one phone together and gives one verdict over phones", () => {
  const result = judge([
    joinEvidence(phone("A", flat(0).slice(0, 4)), phone("A", flat(0).slice(4))),
    phone("B", flat(0.001)),
    phone("C", flat(-0.001)),
  ]);
  assertEquals(result.verdict, "pass");
  assertEquals(result.metrics.map(({ device, verdict }) => [device, verdict]), [
    [ALL_PHONES, "pass"],
    ["A", "pass"],
    ["B", "pass"],
    ["C", "pass"],
  ]);
  assertStringIncludes(result.metrics[1].reason, "after 8 blocks, without a calibration");
  const weights = result.metrics.slice(1).map(({ weight }) => weight!);
  assertAlmostEquals(weights.reduce((a, b) => a + b), 1, 1e-9);
  assertEquals([result.blocks, result.seconds, result.device], [24, 12, "3 phones"]);
});

Deno.test("judgeGate() over phones says of a missing phone why, and decides without it when enough are left", () => {
  const gone = phone("D", [], {
    correctness: noEvidence("D", "k", phone("D", [])).correctness,
    keys: null,
    missing: "shard 3: given back 5 times: device-hot",
  });
  const result = judge([phone("A", flat(0)), phone("B", flat(0)), phone("C", flat(0)), gone]);
  const missing = result.metrics[4];
  assertEquals([result.verdict, missing.verdict, missing.ratio, missing.weight], [
    "pass",
    "inconclusive",
    null,
    null,
  ]);
  assertStringIncludes(missing.reason, "device-hot");
  assertStringIncludes(result.reasons.join(), '"D"');
  assertEquals(result.missing.map(({ device }) => device), ["D"]);
});

Deno.test("judgeGate() over phones never lets speed buy correctness", () => {
  const all = (value: number, wrong: DeviceEvidence["correctness"], on: string[]) =>
    judge(
      ["A", "B", "C"].map((name) =>
        phone(name, flat(value), { correctness: on.includes(name) ? wrong : RIGHT })
      ),
    );
  const wrong = all(-0.2, keypoints("fail"), ["A", "B", "C"]);
  assertEquals([wrong.verdict, wrong.metrics[0].verdict], ["fail", "pass"]);
  // one phone of a kind whose others are right is suspect itself
  assertEquals(all(0, keypoints("fail"), ["A"]).verdict, "inconclusive");
  assertEquals(all(0, keypoints("fail", "fail"), ["A", "B", "C"]).verdict, "inconclusive");
});

Deno.test("judgeGate() over phones is inconclusive when nothing came back, and judges each pair for itself", () => {
  const correctness = noEvidence("A", "k", phone("A", [])).correctness;
  assertEquals(judge([phone("A", [], { correctness, keys: null })]).verdict, "inconclusive");
  const result = judge(["A", "B", "C"].flatMap((name) => [
    phone(name, flat(0)),
    phone(name, flat(0.1), {}, "slow"),
  ]));
  assertEquals(
    result.metrics.filter(({ device }) => device === ALL_PHONES)
      .map(({ candidate, verdict }) => [candidate, verdict]),
    [["c", "pass"], ["slow", "fail"]],
  );
  assertEquals(result.verdict, "fail");
});

Deno.test("judgeGate() over phones takes the noise of a phone's calibration", () => {
  const noise = { "total.p50": { sd: 0.08, blocks: [] } };
  const quiet = [0, 0, 0, 0, 0, 0, 0, 0];
  const result = judge(["A", "B", "C"].map((name) => phone(name, quiet, { noise })));
  assertEquals(result.metrics[1].reason.includes("without a calibration"), false);
  // three standard errors of 0.02 reach further than those of blocks that agree
  const [bounded, free] = [result, judge(["A", "B", "C"].map((name) => phone(name, quiet)))]
    .map(({ metrics: [all] }) => Math.log(all.high!));
  assertEquals(bounded > 10 * free, true, `${bounded} and ${free}`);
});

Deno.test("judgeGate() over phones shares the false alarm rate among metrics, and fails by any of them", () => {
  const thresholds = { "total.p50": 5, "peakRss": 10 };
  const all = (memory: number) =>
    judge(
      ["A", "B", "C"].map((name) =>
        phone(name, [], {
          blocks: { "total.p50": twice(flat(0)), peakRss: twice(flat(memory)) },
        })
      ),
      thresholds,
    );
  assertEquals(
    all(0.2).metrics.filter(({ device }) => device === ALL_PHONES)
      .map(({ name, verdict }) => [name, verdict]),
    [["total.p50", "pass"], ["peakRss", "fail"]],
  );
  assertEquals([all(0.2).verdict, all(0).verdict], ["fail", "pass"]);
});

Deno.test("judgeGate() over phones judges a phone with another threshold by itself", () => {
  const phones = ["A", "B", "C"].map((name) => phone(name, flat(0)));
  const slow = phone("D", flat(0.1));
  const own = (percent: number) => ({ D: { thresholdsPercent: { "total.p50": percent } } });
  const tolerant = judge([...phones, slow], undefined, own(30));
  assertEquals([tolerant.verdict, tolerant.metrics.length], ["pass", 5]);
  const strict = judge([...phones, slow], undefined, own(9));
  assertEquals([strict.verdict, strict.metrics[0].verdict], ["fail", "pass"]);
  assertEquals([strict.metrics[4].device, strict.metrics[4].threshold], ["D", 1.09]);
});

Deno.test("planning and judging 1,000 phones × 100 variants takes seconds and bounded memory", () => {
  const nodes = Array.from({ length: 1000 }, (_, i) => ({
    name: `p${i}`,
    features: [`phone.p${i}`, `soc.s${i % 20}`],
    state: "idle" as const,
    reason: null,
  }));
  const pairs = Array.from({ length: 100 }, (_, i) => ({ base: "base", candidate: `v${i}` }));
  const rng = seededRng(3);
  const startedAt = performance.now();
  const plan = planRun(nodes, new Map(), pairs, null);
  assertEquals(shardCount(plan), 100_000);
  const evidence = [...planShards(plan)].map(({ index, phone: device, candidate }) => {
    // Variant 7 is 8% slower; phone 13 is sick; one shard in 500 is missing.
    const truth = (candidate === "v7" ? Math.log(1.08) : 0) + (device === "p13" ? 0.3 : 0);
    const gone = index % 500 === 499;
    const blocks = Array.from(
      { length: 8 },
      () => [0, 1].map(() => truth + 0.014 * rng.normal()),
    );
    return phone(device!, [], {
      kind: `soc.s${Number(device!.slice(1)) % 20}`,
      blocks: gone ? {} : { "total.p50": blocks },
      correctness: gone ? noEvidence("", "", phone("", [])).correctness : RIGHT,
      missing: gone ? "the phone was cut" : null,
    }, candidate);
  });
  const result = judge(evidence);
  const seconds = (performance.now() - startedAt) / 1000;
  const over = result.metrics.filter(({ device }) => device === ALL_PHONES);
  assertEquals(
    over.filter(({ verdict }) => verdict === "fail").map(({ candidate }) => candidate),
    ["v7"],
  );
  assertEquals(over.filter(({ verdict }) => verdict === "pass").length, 99);
  assertEquals(result.metrics.find(({ device }) => device === "p13")?.outlying, true);
  const heap = Deno.memoryUsage().heapUsed;
  assertEquals(seconds < 60, true, `${seconds} s`);
  assertEquals(heap < 500e6, true, `${heap} bytes`);
});

Deno.test("gateText() over phones names the verdict, all phones, and the worst phones first", () => {
  const text = gateText(
    judge([
      phone("A", flat(0.09)),
      phone("B", flat(0.1)),
      phone("C", flat(0.08)),
      phone("D", flat(0)),
    ]),
    2,
  );
  const lines = text.split("\n");
  assertStringIncludes(lines[0], "c against b on 4 phones");
  assertStringIncludes(lines[1], ALL_PHONES);
  assertStringIncludes(lines[2], "fail");
  assertStringIncludes(text, "2 more phones in --json");
});

Deno.test("judgeGate() over phones is what the CI formats take", () => {
  const gate = judge([phone("A", flat(0.09)), phone("B", flat(0.1)), phone("C", flat(0.08))]);
  const xml = junitXml({
    gate,
    environmentError: null,
    createdAt: "2026-11-24T00:00:00Z",
    runId: "r",
    gitCommit: null,
    figures: [],
  });
  assertEquals(gate.verdict, "fail");
  assertEquals(xml.match(/<testcase /g)?.length, 5);
  assertStringIncludes(xml, "<failure");
});
