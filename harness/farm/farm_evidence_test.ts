import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { HarnessError } from "../errors.ts";
import { csvText } from "../gate/formats/csv.ts";
import { githubActionBenchmarkJson } from "../gate/formats/github_action_benchmark.ts";
import { bencherJson } from "../gate/formats/bencher.ts";
import { deviceFixture, parityFixture, phoneFixture } from "../gate/testdata/gate_fixture.ts";
import { PAIR, type PairChange, pairRecords } from "../gate/testdata/pair_records.ts";
import type { AnyRecord } from "../record/records.ts";
import { failureRecord, runRecord } from "../run/testdata/records.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { turnsFixture } from "../stats/testdata/turns_fixture.ts";
import { openStore } from "../store/open_store.ts";
import { type FarmGateOutcome, type FarmGateRequest, judgeOnFarm } from "./farm_gate.ts";
import { type EvidenceRequest, shardEvidence } from "./farm_evidence.ts";
import { farmGateRequest } from "./testdata/farm_gate_request.ts";

const SHORT = { base: "b", candidate: "c" };
const REQUEST: EvidenceRequest = {
  names: {},
  metrics: ["total.p50"],
  config: null,
  annotations: null,
};

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

const evidenceOf = (records: AnyRecord[], request = REQUEST) =>
  shardEvidence(records, SHORT, { device: "A", kind: "unknown" }, request).evidence;

Deno.test("shardEvidence() pairs the sides by round within blocks of two, and drops half blocks", () => {
  const found = evidenceOf(records([[100, 110], [100, 121], [100, 130]]));
  assertEquals([found.blocks["total.p50"]?.length, found.blockCount, found.seconds], [1, 1, 4]);
  const [block] = found.blocks["total.p50"]!;
  assertAlmostEquals(block[0], Math.log(1.1), 1e-12);
  assertAlmostEquals(block[1], Math.log(1.21), 1e-12);
  assertEquals([found.device, found.kind], ["A", "soc.s model.m"]);
});

Deno.test("shardEvidence() takes ratios of time from shared launches, and memory from launches alone", () => {
  const alone = records([[100, 150], [100, 150], [100, 150], [100, 150]]);
  const turns = [0, 1, 2, 3].flatMap((round) =>
    turnsFixture(round, { b: 100, c: 110 + round }, { device: "A" })
  );
  const metrics = ["total.p50", "peakRss"] as const;
  const found = shardEvidence(
    [...alone, ...turns],
    SHORT,
    { device: "A", kind: "unknown" },
    { ...REQUEST, metrics },
  );
  const { blocks, seconds, keys } = found.evidence;
  assertEquals(
    blocks["total.p50"]?.map((block) => block.map((log) => Math.round(100 * Math.exp(log)))),
    [[110, 111], [112, 113]],
  );
  assertEquals(blocks.peakRss, [[0, 0], [0, 0]]);
  // 8 launches alone, 4 shared ones
  assertEquals(seconds, 12);
  assertStringIncludes(keys!.turns, "b c");
  assertEquals(found.calibration?.settings.turns, 1);
  // one shared launch is no block
  const few = evidenceOf([...alone, ...turns.slice(0, 2)]);
  assertEquals([few.blockCount, few.keys!.turns], [2, undefined]);
});

Deno.test("shardEvidence() does not count times of an emulated phone and says so", () => {
  const found = evidenceOf(records([[100, 110], [100, 121]], ["emulated"]));
  assertEquals([found.blocks, found.keys], [{}, null]);
  assertStringIncludes(found.notes.join(), "4 launches left out");
});

Deno.test("shardEvidence() tells failures and throttling, and has nothing of an empty shard", () => {
  const found = evidenceOf([...records([[100, 100]], ["throttled"]), failureRecord(1)]);
  assertStringIncludes(found.notes.join(), "runner-failed");
  assertStringIncludes(found.notes.join(), "throttled in 1 rounds");
  const nothing = evidenceOf([]);
  assertEquals([nothing.blocks, nothing.correctness.parity, nothing.keys, nothing.notes], [
    {},
    null,
    null,
    [],
  ]);
});

Deno.test("shardEvidence() has parity inconclusive when an image has no record, and wrong when one is wrong", () => {
  const parityOf = (list: AnyRecord[]) =>
    shardEvidence(list, PAIR, { device: "host", kind: "k" }, REQUEST).evidence.correctness
      .parity?.verdict;
  const all = pairRecords();
  assertEquals(parityOf(all), "pass");
  assertEquals(parityOf(pairRecords({ unchecked: 1 })), "inconclusive");
  const wrong = parityFixture("run1", "host", PAIR.candidate, "fail", { imageId: "image6" });
  assertEquals(parityOf([...all.slice(0, -1), wrong]), "fail");
});

Deno.test("shardEvidence() counts the blocks that the budget lets begin, and three in any case", () => {
  const rounds = Array.from({ length: 12 }, (): [number, number] => [100, 100]);
  const of = (budgetSeconds: number) =>
    evidenceOf(records(rounds), { ...REQUEST, config: { gate: { budgetSeconds } } });
  assertEquals([of(1000).blockCount, of(1000).stopped], [6, null]);
  assertEquals([of(17).blockCount, of(1).blockCount], [4, 3]);
  assertStringIncludes(of(17).stopped!, "budget of 17 s is spent");
  assertStringIncludes(of(17).notes.join(), "2 blocks left out");
});

/** The gate over three phones of a farm, of which one may be another. */
async function gate(
  changes: PairChange[],
  change: Partial<FarmGateRequest> = {},
): Promise<FarmGateOutcome> {
  await using store = await openStore(":memory:");
  const shards = changes.map((each, index) => {
    const phone = "ABCDEF"[index];
    return { phone, records: pairRecords({ device: deviceFixture(phone), ...each }) };
  });
  const { request, end } = await farmGateRequest(store, shards, change);
  return await judgeOnFarm(request, end);
}

Deno.test("a gate on a farm fails a loss of AP that was put in, whatever the speed, unless it is not gated", async () => {
  const { result } = await gate(Array.from({ length: 3 }, () => ({ found: 3, factor: 0.8 })));
  assertEquals([result.verdict, result.metrics[0].verdict], ["fail", "pass"]);
  assertStringIncludes(result.parity.reason, "AP changed by");
  assert(result.parity.apDifference!.value < -0.3);
  const config = { gate: { maxApDrop: null } };
  const ungated = await gate(Array.from({ length: 3 }, () => ({ found: 3 })), { config });
  assertEquals(ungated.result.verdict, "pass");
  const missing = await gate([{}, {}, {}], {
    config: { gate: { maxApDrop: 0.01 } },
    annotations: null,
  });
  assertEquals(missing.result.verdict, "inconclusive", "what is asked for can't be told");
});

Deno.test("a gate on a farm refuses another build on one phone and names phone and key", async () => {
  for (const other of [true, "candidate"] as const) {
    const error = await assertRejects(() => gate([{}, { debugBuild: other }, {}]), HarnessError);
    assertEquals([error.code, error.exitCode], ["not-comparable", 2]);
    assertStringIncludes(error.message, 'phone "B"');
    assertStringIncludes(error.message, "runner.debugBuild");
  }
});

Deno.test("a gate on a farm gives every format its rows", async () => {
  const { figures, result, runId } = await gate([{}, {}, {}], { wantsFigures: true });
  const input = {
    runId,
    createdAt: "2026-11-24T00:00:00Z",
    gitCommit: null,
    figures,
    gate: result,
    environmentError: null,
  };
  const medians = csvText(input).split("\r\n").filter((line) => line.includes("total.p50"));
  assertEquals(medians.length, 6, "three phones, both sides");
  assertStringIncludes(medians[0], ",A,base,total.p50,ns,");
  assertEquals(Object.keys(JSON.parse(bencherJson(input))).length, 6);
  assertEquals(JSON.parse(githubActionBenchmarkJson(input)).length > 6, true);
});

Deno.test("a gate on a farm goes on without a phone that gave nothing, and names it", async () => {
  await using store = await openStore(":memory:");
  const shards = ["A", "B", "C", "D"].map((phone) => ({
    phone,
    records: phone === "D" ? null : pairRecords({ device: deviceFixture(phone) }),
  }));
  const { request, end } = await farmGateRequest(store, shards);
  const { result } = await judgeOnFarm(request, end);
  assertEquals([result.verdict, result.device], ["pass", "4 phones"]);
  assertEquals(result.missing, [
    { candidate: PAIR.candidate, device: "D", reason: "shard 3: D is drained" },
  ]);
  assertStringIncludes(result.reasons.join(), "D is drained");
});
