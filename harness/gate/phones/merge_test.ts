import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { phoneFixture } from "../testdata/gate_fixture.ts";
import type { AnyRecord, ParityRecord } from "../../record/records.ts";
import { failureRecord, runRecord } from "../../run/testdata/records.ts";
import { launchFixture } from "../../stats/testdata/launch_fixture.ts";
import { seededRng } from "../../stats/rng.ts";
import { DEFAULT_FARM_RULE } from "./verdict.ts";
import { type MergedShard, mergeShards } from "./merge.ts";
import { type Pair, planRun, planShards, shardCount } from "../../farm/plan.ts";
import { judgeBlocks, type ShardResult, shardResult } from "./shard_result.ts";

const RULE = { ...DEFAULT_FARM_RULE, thresholds: [{ name: "total.p50" as const, ratio: 1.05 }] };
const ONE = { ...DEFAULT_FARM_RULE, threshold: 1.05 };
const METRICS = ["total.p50"] as const;
const PAIR: Pair = { base: "b", candidate: "c" };

/** Records of a phone: rounds of base and candidate with these total times. */
function records(times: [base: number, candidate: number][], marks: string[] = []): AnyRecord[] {
  return [
    runRecord({ devices: [phoneFixture("A")] }),
    ...times.flatMap(([base, candidate], round) => [
      launchFixture({ variantId: "b", round, totalNs: [base], device: "A", marks }),
      launchFixture({ variantId: "c", round, totalNs: [candidate], device: "A", marks }),
    ]),
  ];
}

function result(blocks: number[], change: Partial<ShardResult> = {}): ShardResult {
  return {
    ...PAIR,
    device: null,
    kind: "k",
    blocks: { "total.p50": twice(blocks) },
    parity: { base: "pass", candidate: "pass" },
    calibrationKey: null,
    reasons: [],
    ...change,
  };
}

function shards(results: [string, ShardResult, string | null][]): MergedShard[] {
  return results.map(([phone, result, missing], index) => ({
    index,
    phone,
    kind: "k",
    result,
    missing,
  }));
}

/** Blocks of two rounds about these values. */
const twice = (blocks: number[]) => blocks.map((block) => [block - 0.0005, block + 0.0005]);

const flat = (value: number) => Array.from({ length: 8 }, (_, i) => value + 0.001 * (i % 3 - 1));

Deno.test("shardResult() pairs the sides by round within blocks of two, and drops half blocks", () => {
  const found = shardResult(records([[100, 110], [100, 121], [100, 130]]), PAIR, METRICS);
  assertEquals(found.blocks["total.p50"]?.length, 1);
  const [block] = found.blocks["total.p50"]!;
  assertAlmostEquals(block[0], Math.log(1.1), 1e-12);
  assertAlmostEquals(block[1], Math.log(1.21), 1e-12);
  assertEquals([found.device, found.kind], ["A", "soc.s model.m"]);
});

Deno.test("shardResult() does not count times of an emulated phone and says so", () => {
  const emulated = records([[100, 110], [100, 121]], ["emulated"]);
  const found = shardResult(emulated, PAIR, METRICS);
  assertEquals(found.blocks, {});
  assertStringIncludes(found.reasons.join(), "4 launches left out");
  assertEquals(
    shardResult(emulated, PAIR, METRICS, { countEmulated: true }).blocks["total.p50"]?.length,
    1,
  );
});

Deno.test("shardResult() tells failures and throttling, and has nothing of an empty shard", () => {
  const found = shardResult(
    [...records([[100, 100]], ["throttled"]), failureRecord(1)],
    PAIR,
    METRICS,
  );
  assertStringIncludes(found.reasons.join(), "runner-failed");
  assertStringIncludes(found.reasons.join(), "throttled in 1 rounds");
  assertEquals(shardResult([], PAIR, METRICS), {
    ...PAIR,
    device: null,
    kind: null,
    blocks: {},
    parity: { base: null, candidate: null },
    calibrationKey: null,
    reasons: [],
  });
});

Deno.test("shardResult() has parity inconclusive when an image has no record", () => {
  const manifest = { id: "c", speedOnly: false };
  const image = { id: "i", file: "i.jpg", widthPx: 1, heightPx: 1, sha256: "", cocoImageId: null };
  const run = runRecord({ devices: [phoneFixture("A")], images: [image] });
  const found = shardResult(
    [{ ...run, variants: [manifest] } as unknown as AnyRecord],
    PAIR,
    METRICS,
  );
  assertEquals(found.parity, { base: null, candidate: "inconclusive" });
  const parity = {
    kind: "parity",
    variantId: "c",
    imageId: "i",
    matches: [],
    stages: [{
      stage: "network",
      verdict: "fail",
      unit: "",
      maxAbsDiff: 1,
      tolerance: 0,
      reason: "",
    }],
    unmatchedReference: [],
    unmatchedCandidate: [],
    explainedUnmatched: 0,
  } as unknown as ParityRecord;
  const wrong = shardResult(
    [{ ...run, variants: [manifest] } as unknown as AnyRecord, parity],
    PAIR,
    METRICS,
  );
  assertEquals(wrong.parity.candidate, "fail");
});

Deno.test("judgeBlocks() gives the same verdict with and without bounds", () => {
  for (const value of [0, 0.02, 0.1]) {
    const options = { calibratedSd: null };
    const quick = judgeBlocks(twice(flat(value)), ONE, { ...options, bounds: false });
    const full = judgeBlocks(twice(flat(value)), ONE, { ...options, bounds: true });
    assertEquals(quick.verdict, full.verdict);
    assertEquals([quick.low, full.low !== null], [null, true]);
  }
});

Deno.test("mergeShards() takes shards of one phone together and gives one verdict over phones", async () => {
  const merged = await mergeShards(
    shards([
      ["A", result(flat(0).slice(0, 4)), null],
      ["A", result(flat(0).slice(4)), null],
      ["B", result(flat(0.001)), null],
      ["C", result(flat(-0.001)), null],
    ]),
    RULE,
  );
  assertEquals(merged.verdict, "pass");
  assertEquals(merged.pairs[0].metrics[0].phones.map((p) => [p.device, p.blockCount, p.verdict]), [
    ["A", 8, "pass"],
    ["B", 8, "pass"],
    ["C", 8, "pass"],
  ]);
});

Deno.test("mergeShards() says of a missing phone why, and decides without it when enough are left", async () => {
  const merged = await mergeShards(
    shards([
      ["A", result(flat(0)), null],
      ["B", result(flat(0)), null],
      ["C", result(flat(0)), null],
      ["D", result([]), "shard 3 was given back 5 times: device-hot"],
    ]),
    RULE,
  );
  const missing = merged.pairs[0].metrics[0].phones[3];
  assertEquals([merged.verdict, missing.verdict, missing.ratio], ["pass", "inconclusive", null]);
  assertStringIncludes(missing.reason!, "device-hot");
  assertStringIncludes(merged.reasons.join(), '"D"');
});

Deno.test("mergeShards() never lets speed buy correctness", async () => {
  const wrong = { base: "pass", candidate: "fail" } as const;
  const all = shards(["A", "B", "C"].map((p) => [p, result(flat(-0.2), { parity: wrong }), null]));
  const merged = await mergeShards(all, RULE);
  assertEquals([merged.verdict, merged.pairs[0].metrics[0].over.verdict], ["fail", "pass"]);
  // One phone of a kind whose others are right is suspect itself.
  const suspect = await mergeShards(
    shards(
      ["A", "B", "C"].map((p) => [p, result(flat(0), p === "A" ? { parity: wrong } : {}), null]),
    ),
    RULE,
  );
  assertEquals(suspect.verdict, "inconclusive");
  const both = { base: "fail", candidate: "fail" } as const;
  const already = await mergeShards(
    shards(["A", "B", "C"].map((p) => [p, result(flat(0), { parity: both }), null])),
    RULE,
  );
  assertEquals(already.verdict, "inconclusive");
});

Deno.test("mergeShards() is inconclusive when nothing came back, and judges each pair for itself", async () => {
  assertEquals((await mergeShards([], RULE)).verdict, "inconclusive");
  const second = { base: "b", candidate: "slow" };
  const merged = await mergeShards(
    shards(["A", "B", "C"].flatMap((p): [string, ShardResult, null][] => [
      [p, result(flat(0)), null],
      [p, result(flat(0.1), second), null],
    ])),
    RULE,
  );
  assertEquals(merged.pairs.map((pair) => [pair.candidate, pair.verdict]), [["c", "pass"], [
    "slow",
    "fail",
  ]]);
  assertEquals(merged.verdict, "fail");
});

Deno.test("mergeShards() asks once for the calibration of each phone and takes its noise", async () => {
  const asked: string[] = [];
  const quiet = [0, 0, 0, 0, 0, 0, 0, 0];
  const key = (device: string) => ({
    device,
    buildFingerprint: "b",
    settings: { threads: 4, powersave: 2, coreMask: null },
  });
  const all = ["n1", "n1", "n2", "n3"].map((p): [string, ShardResult, null] => [
    p,
    result(quiet, { calibrationKey: key(`serial-${p}`) }),
    null,
  ]);
  const merged = await mergeShards(shards(all), RULE, ({ device }) => {
    asked.push(device);
    return Promise.resolve({ "total.p50": { sd: 0.08, blocks: [] } });
  });
  assertEquals(asked, ["serial-n1", "serial-n2", "serial-n3"]);
  const [, second] = merged.pairs[0].metrics[0].phones;
  assertEquals(second.calibrated, true);
  assertAlmostEquals(second.effect!.standardError, 0.04 / Math.sqrt(2) / Math.sqrt(8), 1e-12);
});

Deno.test("planning and merging 1,000 phones × 100 variants takes seconds and bounded memory", async () => {
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
  let largestHeap = 0;
  function* simulated(): Generator<MergedShard> {
    for (const { index, phone, base, candidate } of planShards(plan)) {
      // Variant 7 is 8% slower; phone 13 is sick; one shard in 500 is missing.
      const truth = (candidate === "v7" ? Math.log(1.08) : 0) + (phone === "p13" ? 0.3 : 0);
      const kind = `soc.s${Number(phone!.slice(1)) % 20}`;
      const gone = index % 500 === 499;
      const blocks = gone
        ? []
        : Array.from({ length: 8 }, () => [0, 1].map(() => truth + 0.014 * rng.normal()));
      if (index % 10_000 === 0) largestHeap = Math.max(largestHeap, Deno.memoryUsage().heapUsed);
      const parity = { base: null, candidate: gone ? null : "pass" as const };
      yield {
        index,
        phone,
        kind,
        missing: gone ? "the phone was cut" : null,
        result: {
          base,
          candidate,
          device: phone,
          kind,
          blocks: { "total.p50": blocks },
          parity,
          calibrationKey: null,
          reasons: [],
        },
      };
    }
  }
  const merged = await mergeShards(simulated(), RULE);
  const seconds = (performance.now() - startedAt) / 1000;
  assertEquals(
    merged.pairs.filter((pair) => pair.verdict === "fail").map((pair) => pair.candidate),
    ["v7"],
  );
  assertEquals(merged.pairs.filter((pair) => pair.verdict === "pass").length, 99);
  assertEquals(
    merged.pairs[0].metrics[0].over.phones.find((p) => p.device === "p13")?.outlying,
    true,
  );
  assertEquals(seconds < 60, true, `${seconds} s`);
  assertEquals(largestHeap < 500e6, true, `${largestHeap} bytes`);
});

Deno.test("mergeShards() shares the false alarm rate among metrics, and fails by any of them", async () => {
  const two = {
    ...DEFAULT_FARM_RULE,
    thresholds: [{ name: "total.p50" as const, ratio: 1.05 }, {
      name: "peakRss" as const,
      ratio: 1.1,
    }],
  };
  const blocks = (memory: number) => ({
    "total.p50": twice(flat(0)),
    peakRss: twice(flat(memory)),
  });
  const all = (memory: number) =>
    shards(["A", "B", "C"].map((p) => [p, { ...result([]), blocks: blocks(memory) }, null]));
  const merged = await mergeShards(all(0.2), two);
  assertEquals(merged.pairs[0].metrics.map(({ name, over }) => [name, over.verdict]), [
    ["total.p50", "pass"],
    ["peakRss", "fail"],
  ]);
  assertEquals([merged.verdict, (await mergeShards(all(0), two)).verdict], ["fail", "pass"]);
});
