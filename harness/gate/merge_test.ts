import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { gateFixture } from "./testdata/format_fixture.ts";
import type { GateResult } from "./verdict.ts";
import { gateText, mergeGateResults } from "./merge.ts";

function passed(change: Partial<GateResult> = {}): GateResult {
  const { metrics, parity, ...rest } = gateFixture();
  return {
    ...rest,
    verdict: "pass",
    candidate: "other",
    device: "phone",
    metrics: [{ ...metrics[0], device: "phone", verdict: "pass" }],
    parity: { ...parity, verdict: "inconclusive", reason: "too few images" },
    reasons: ["fine"],
    ...change,
  };
}

Deno.test("mergeGateResults() leaves a single result as it is, its metrics with the candidate", () => {
  const one = gateFixture();
  const merged = mergeGateResults([one]);
  const { kinds: _kinds, missing: _missing, notes: _notes, named, ...rest } = merged;
  const { speed, keypoints, crash } = named;
  assertEquals([speed, keypoints, crash].map(({ verdict }) => verdict), ["fail", "pass", "pass"]);
  assertEquals({ ...rest, metrics: one.metrics }, one);
  assertEquals(merged.metrics.map(({ candidate }) => candidate), [one.candidate, one.candidate]);
});

Deno.test("mergeGateResults() takes the worst verdict, all metrics and the reasons of the worst", () => {
  const failed = gateFixture();
  const merged = mergeGateResults([passed(), failed]);
  assertEquals(merged.verdict, "fail");
  assertEquals(merged.metrics.map(({ device }) => device), ["phone", "host", "host"]);
  assertEquals(merged.reasons.length, failed.reasons.length);
  assertStringIncludes(merged.reasons[0], `${failed.candidate} on host: `);
  assertEquals([merged.blocks, merged.seconds], [14, 82.5]);
  assertEquals(merged.device, "phone, host");
  assertEquals(merged.parity.verdict, "inconclusive");
  assertStringIncludes(merged.parity.reason, "other on phone: too few images");
});

Deno.test("mergeGateResults() refuses no result at all", () => {
  assertThrows(() => mergeGateResults([]), RangeError);
});

Deno.test("gateText() tells verdict, figures, correctness and what was never calibrated", () => {
  const text = gateText(mergeGateResults([gateFixture(), passed()]));
  const lines = text.split("\n");
  assertStringIncludes(lines[0], "FAIL: ");
  assertStringIncludes(lines[1], "total.p50 on host");
  assertStringIncludes(lines[1], "×1.100 (1.080 to 1.120), threshold ×1.050, detectable ×1.020");
  assertStringIncludes(lines[2], "not calibrated");
  assertStringIncludes(lines[3], "phone, other: ");
  assertStringIncludes(lines[4], "fail         speed");
  assertStringIncludes(lines[5], "keypoints: ");
  assertStringIncludes(lines[6], "crash: ");
});
