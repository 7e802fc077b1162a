import { assertEquals } from "@std/assert";
import { reportExitCode } from "./build_report.ts";
import type { Report, ReportVariant } from "./report_json.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";

Deno.test("reportExitCode() says environment when a variant finished no round, though its keypoints are right", () => {
  const whole = syntheticReport({ ...EXAMPLE_SIZE, rounds: 2, images: 2, pictures: 0 });
  const [first, ...rest] = whole.variants.map((variant): ReportVariant => ({
    ...variant,
    rounds: 2,
    precision: { ...variant.precision, effective: "fp32" },
    parity: { ...variant.parity, verdict: "pass" },
  }));
  const codeOf = (change: Partial<ReportVariant>) => {
    const report: Report = { ...whole, variants: [{ ...first, ...change }, ...rest] };
    return reportExitCode(report);
  };
  assertEquals(codeOf({}), 0);
  assertEquals(codeOf({ rounds: 0 }), 3);
  assertEquals(codeOf({ precision: { ...first.precision, effective: null } }), 3);
  assertEquals(codeOf({ parity: { ...first.parity, verdict: "inconclusive" } }), 4);
  assertEquals(codeOf({ rounds: 0, parity: { ...first.parity, verdict: "fail" } }), 1);
});
