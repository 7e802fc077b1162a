import { assert, assertEquals } from "@std/assert";
import { DEFAULT_GATE_CONFIG, gateRules } from "./config.ts";
import { futileStop } from "./futility.ts";

/** Blocks whose rounds lie this far to both sides of the mean, in turns. */
const blocksOf = (mean: number, spread: number, count: number) =>
  Array.from({ length: count }, (_, i) => [mean + spread * (1 + i % 3 / 10), mean - spread]);

const rules = {
  ...gateRules(DEFAULT_GATE_CONFIG, "host", "new", 1),
  thresholds: [{ name: "total.p50" as const, ratio: 1.02 }, {
    name: "peakRss" as const,
    ratio: 1.02,
  }],
  budgetSeconds: 60,
};
const evidence = (mean: number, spread: number) => ({
  blocks: { "total.p50": blocksOf(mean, spread, 6), "peakRss": blocksOf(0, 0.001, 6) },
  noise: {},
  blockCount: 6,
});

Deno.test("futileStop() names the budget that would do when noise is far above the threshold", () => {
  const stop = futileStop(evidence(0, 0.3), ["total.p50"], rules, 12);
  assert(/budget of 60 s will not decide it; \d{3,} s would do/.test(stop ?? ""), String(stop));
});

Deno.test("futileStop() goes on while one open metric may be decided, and where the budget is spent", () => {
  assertEquals(futileStop(evidence(0, 0.3), ["total.p50", "peakRss"], rules, 12), null);
  assertEquals(futileStop(evidence(0, 0.01), ["total.p50"], rules, 12), null);
  assertEquals(futileStop(evidence(0, 0.3), ["total.p50"], rules, 59), null);
  assertEquals(futileStop(evidence(0, 0.3), [], rules, 12), null);
});
