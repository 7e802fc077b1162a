import { assertEquals, assertStringIncludes } from "@std/assert";
import { junitXml } from "../formats/junit.ts";
import { DEFAULT_FARM_RULE } from "./verdict.ts";
import { ALL_PHONES, farmGateResult, farmGateText } from "./farm_result.ts";
import { type MergedShard, mergeShards } from "./merge.ts";

const RULE = { ...DEFAULT_FARM_RULE, thresholds: [{ name: "total.p50" as const, ratio: 1.05 }] };

async function merged(effects: Record<string, number | null>) {
  const shards = Object.entries(effects).map(([phone, effect], index): MergedShard => ({
    index,
    phone,
    kind: "k",
    missing: effect === null ? `shard ${index}: the phone is drained: Prolog error` : null,
    result: {
      base: "b",
      candidate: "c",
      device: phone,
      kind: "k",
      blocks: effect === null ? {} : {
        "total.p50": Array.from(
          { length: 8 },
          (_, i) => [effect - 0.001 * (i % 3), effect + 0.001],
        ),
      },
      parity: { base: null, candidate: effect === null ? null : "pass" },
      calibrationKey: null,
      reasons: [],
    },
  }));
  const verdict = await mergeShards(shards, RULE);
  const missing = new Map(
    shards.flatMap(({ index, missing }) => missing === null ? [] : [[index, missing] as const]),
  );
  return farmGateResult(verdict, {
    missing,
    seconds: 12,
    phoneCount: shards.length,
    baseline: "b",
  });
}

Deno.test("farmGateResult() has a metric over all phones first, then each phone with its share", async () => {
  const result = await merged({ A: 0, B: 0.001, C: -0.001, D: null });
  assertEquals(result.verdict, "pass");
  assertEquals(result.metrics.map(({ device, verdict }) => [device, verdict]), [
    [ALL_PHONES, "pass"],
    ["A", "pass"],
    ["B", "pass"],
    ["C", "pass"],
    ["D", "inconclusive"],
  ]);
  const weights = result.metrics.slice(1, 4).map(({ weight }) => weight!);
  assertEquals(Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-9, true);
  assertEquals([result.metrics[4].ratio, result.metrics[4].weight], [null, null]);
  assertStringIncludes(result.metrics[4].reason, "Prolog error");
  assertEquals(result.missing.map(({ index }) => index), [3]);
  assertEquals([result.blocks, result.seconds, result.device], [24, 12, "4 phones"]);
});

Deno.test("farmGateText() names the verdict, all phones, and the worst phones first", async () => {
  const text = farmGateText(await merged({ A: 0.09, B: 0.1, C: 0.08, D: 0 }), 2);
  const lines = text.split("\n");
  assertStringIncludes(lines[0], "c against b on 4 phones");
  assertStringIncludes(lines[1], ALL_PHONES);
  assertStringIncludes(lines[2], "fail");
  assertStringIncludes(text, "2 more phones in --json");
});

Deno.test("farmGateResult() is what the CI formats take", async () => {
  const gate = await merged({ A: 0.09, B: 0.1, C: 0.08 });
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
