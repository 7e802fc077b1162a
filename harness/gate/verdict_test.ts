import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type GateCorrectness,
  gateExitCode,
  type GateMetric,
  judgeCorrectness,
  overallVerdict,
  type Verdict,
  worst,
} from "./verdict.ts";
import { RIGHT } from "./testdata/gate_fixture.ts";

function metric(verdict: Verdict): GateMetric {
  return {
    name: "total.p50",
    device: "host",
    ratio: 0.7,
    low: 0.69,
    high: 0.71,
    threshold: 1.05,
    detectable: 1.01,
    verdict,
    reason: `metric says ${verdict}`,
  };
}

const UNGATED = { maxApDrop: null, isApRequired: false };
const GATED = { maxApDrop: 0.02, isApRequired: true };

Deno.test("overallVerdict() fails when parity fails, however much faster the candidate is", () => {
  const parity = judgeCorrectness(
    {
      parity: { verdict: "fail", reason: "decode differs first" },
      baselineParity: null,
      apDifference: null,
    },
    UNGATED,
  );
  const { verdict, reasons } = overallVerdict([metric("pass")], parity);
  assertEquals(verdict, "fail");
  assertEquals(reasons, ["correctness: decode differs first"]);
});

Deno.test("overallVerdict() takes the worst when metrics differ", () => {
  const parity = judgeCorrectness(RIGHT, UNGATED);
  const of = (...verdicts: Verdict[]) => overallVerdict(verdicts.map(metric), parity).verdict;
  assertEquals(of("pass", "pass"), "pass");
  assertEquals(of("pass", "inconclusive"), "inconclusive");
  assertEquals(of("inconclusive", "fail"), "fail");
});

Deno.test("overallVerdict() is inconclusive when nothing was measured or parity was not judged", () => {
  assertEquals(overallVerdict([], judgeCorrectness(RIGHT, UNGATED)).verdict, "inconclusive");
  const absent = judgeCorrectness(
    { parity: null, baselineParity: null, apDifference: null },
    UNGATED,
  );
  assertEquals(overallVerdict([metric("pass")], absent).verdict, "inconclusive");
});

Deno.test("judgeCorrectness() fails when a loss of AP is certain and large", () => {
  const ap = (value: number, low: number | null, high: number | null) =>
    judgeCorrectness({
      parity: RIGHT.parity,
      baselineParity: null,
      apDifference: { value, low, high },
    }, GATED);
  assertEquals(ap(-0.03, -0.05, -0.01).verdict, "fail");
  assertEquals(ap(-0.005, -0.015, 0.005).verdict, "pass");
  // certain but small: nothing excludes the threshold, and nothing makes it likely
  assertEquals(ap(-0.008, -0.021, -0.001).verdict, "inconclusive");
  assertEquals(ap(-0.03, null, null).verdict, "inconclusive");
});

Deno.test("judgeCorrectness() is inconclusive when AP is gated and there are no annotations", () => {
  const judged = judgeCorrectness(RIGHT, GATED);
  assertEquals(judged.verdict, "inconclusive");
  assertStringIncludes(judged.reason, "images in COCO format");
  assertEquals(judgeCorrectness(RIGHT, UNGATED).verdict, "pass");
});

Deno.test("judgeCorrectness() judges an AP that is not required only when it is known", () => {
  const judged = (apDifference: GateCorrectness["apDifference"]) =>
    judgeCorrectness({ ...RIGHT, apDifference }, { ...GATED, isApRequired: false }).verdict;
  assertEquals(judged(null), "pass");
  assertEquals(judged({ value: -0.3, low: -0.4, high: -0.2 }), "fail");
  assertEquals(judged({ value: 0, low: -0.3, high: 0.3 }), "inconclusive");
});

Deno.test("gateExitCode() follows the verdict when it ends the process", () => {
  assertEquals((["pass", "fail", "inconclusive"] as const).map(gateExitCode), [0, 1, 4]);
});

Deno.test("worst() is inconclusive when there are no verdicts", () => {
  assertEquals(worst([]), "inconclusive");
});
