/**
 * A gate's result with everything that formats find hard: markup, quotes, line ends, unknown
 * values.
 *
 * @module
 */
import { launchFixture } from "../../stats/testdata/launch_fixture.ts";
import { summarizeLaunches } from "../../stats/summary.ts";
import { type GateResult, type MergedResult, verdictsByName } from "../verdict.ts";
import { figuresOf, type FormatInput } from "../formats/figures.ts";

/** Name with everything that must be escaped somewhere. */
export const HARD_NAME = `silu "raw" <fp32> & 50%, a:b | c\\d`;

/** Returns the input of a failed gate on a device with a hard name. */
export function formatFixture(change: Partial<FormatInput> = {}): FormatInput {
  const launches = [0, 1, 2].flatMap((round) =>
    [["base", 30], [HARD_NAME, 33]].map(([variantId, ms]) =>
      launchFixture({
        variantId: variantId as string,
        round,
        coldStart: { paramNs: 1e6, binNs: 2e6, pipelineNs: 3e7, firstInferenceNs: 4e7 },
        loadedRssBytes: 40_000_000,
        steadyRssBytes: 45_000_000,
        totalNs: [1, 1.1, 1.2].map((share) => share * (ms as number) * 1e6 * (1 + 0.01 * round)),
      })
    )
  );
  return {
    runId: "20260101-abc",
    createdAt: "2026-01-01T12:00:00.000Z",
    gitCommit: "0123abc",
    figures: figuresOf("host", summarizeLaunches(launches, "base")),
    gate: mergedFixture(gateFixture()),
    environmentError: null,
    ...change,
  };
}

/** Returns the gates as one result in which every metric tells its candidate. */
export function mergedFixture(gate: GateResult, ...others: GateResult[]): MergedResult {
  const metrics = [gate, ...others].flatMap(({ metrics, candidate }) =>
    metrics.map((metric) => ({ ...metric, candidate }))
  );
  return { ...gate, metrics, named: verdictsByName(gate), kinds: [], missing: [], notes: [] };
}

/** Returns a failed gate: one metric fails, one is inconclusive, correctness passes. */
export function gateFixture(): GateResult {
  return {
    verdict: "fail",
    metrics: [
      {
        name: "total.p50",
        device: "host",
        ratio: 1.1,
        low: 1.08,
        high: 1.12,
        threshold: 1.05,
        detectable: 1.02,
        verdict: "fail",
        reason: "10.0% more <after> 7 blocks,\nno change is excluded: 100%",
      },
      {
        name: "total.p90",
        device: "host",
        ratio: 1.03,
        low: null,
        high: null,
        threshold: 1.1,
        detectable: null,
        verdict: "inconclusive",
        reason: "undecided",
      },
    ],
    crash: { verdict: "pass", reason: "both sides ran to their end" },
    parity: {
      verdict: "pass",
      reason: "all joints within 0.1 px",
      parity: { verdict: "pass", reason: "all joints within 0.1 px" },
      baselineParity: null,
      apDifference: null,
    },
    reasons: ["total.p50 on host: 10.0% more | really"],
    paired: true,
    device: "host",
    baseline: "git:main",
    candidate: HARD_NAME,
    blocks: 7,
    seconds: 41.25,
  };
}
