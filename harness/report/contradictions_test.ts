import { assert, assertEquals } from "@std/assert";
import type { Report } from "./report_json.ts";
import { contradictionsIn } from "./testdata/contradictions.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";
import { syntheticComparison } from "./testdata/synthetic_history.ts";

const SMALL = { ...EXAMPLE_SIZE, images: 2, pictures: 0 };

Deno.test("a report does not contradict itself, whatever its rounds and devices", () => {
  for (
    const report of [
      syntheticReport(SMALL),
      ...[1, 2, 3, 6].map((rounds) => syntheticReport({ ...SMALL, seed: rounds, rounds })),
      syntheticReport({ ...SMALL, devices: 3, rounds: 7, iterations: 2 }),
      syntheticComparison().report,
    ]
  ) assertEquals(contradictionsIn(report), []);
});

Deno.test("contradictionsIn() finds each number that is told otherwise elsewhere", () => {
  const report = syntheticReport(SMALL);
  const finds = (change: (report: Report) => void, expected: RegExp) => {
    const changed = structuredClone(report);
    change(changed);
    const found = contradictionsIn(changed);
    assert(found.some((text) => expected.test(text)), `${expected}: ${found}`);
  };
  finds(({ variants: [, one] }) => one.timeNs = one.latencyNs!.total.p50, /interval of/);
  finds(({ variants: [, one] }) => one.fps! *= 1.01, /FPS/);
  finds(({ variants: [, one] }) => one.ratio!.value *= 1.01, /quotient/);
  finds(({ variants: [, one] }) => one.medianTotalNs!.high = one.timeNs! - 1, /not within/);
  finds(({ variants: [, one] }) => one.ratio!.useless = true, /useless/);
  finds(({ variants: [one] }) => one.rank = { best: 1, worst: 1 }, /places are/);
  finds(({ variants: [one] }) => one.rank = null, /reason for none/);
  finds(({ variants: [one] }) => one.benchncnn!.ratio = 2, /benchncnn/);
  finds(({ variants: [one] }) => one.parity.matched = 0, /nobody was matched/);
  finds(({ rankings: [one] }) => one.pairs[0].ratio = 9, /the times say/);
  finds(({ rankings: [one] }) => one.variants[0].rank = null, /two ranks/);
});
