import { assertEquals } from "@std/assert";
import { EXAMPLE_SIZE, syntheticReport } from "../../harness/report/testdata/synthetic_report.ts";
import type { Report, ReportVariant } from "../../harness/report/report_json.ts";
import { answerFor, answerParts, headlineDevice } from "./answer.js";

const DEVICE = "SYNTH0001";

/** A report with the variants changed. */
function withVariants(
  change: (variant: ReportVariant, index: number) => void,
  devices = 1,
): Report {
  const report = syntheticReport({
    ...EXAMPLE_SIZE,
    devices,
    rounds: 3,
    images: 2,
    iterations: 3,
    pictures: 0,
  });
  report.variants.forEach(change);
  return report;
}

function kind(report: Report): string {
  return answerFor(report, DEVICE).kind;
}

Deno.test("answerFor() names the fastest useful variant when a speed-only one is faster still", () => {
  const report = withVariants((variant) => {
    if (variant.speedOnly && variant.ratio !== null) {
      Object.assign(variant.ratio, { value: 9, low: 8, high: 10 });
      variant.fps = 999;
    }
  });
  const answer = answerFor(report, DEVICE);
  assertEquals([answer.kind, answer.variant?.speedOnly], ["faster", false]);
});

Deno.test("answerFor() claims no difference when the interval holds 1, and none at all without an interval", () => {
  const ratio = (value: number, low: number | null, high: number | null) =>
    kind(withVariants((variant) => {
      if (variant.ratio !== null && variant.ratio.base !== variant.id) {
        Object.assign(variant.ratio, { value, low, high });
      }
    }));
  assertEquals(ratio(1.01, 0.98, 1.04), "same");
  assertEquals(ratio(0.9, 0.88, 0.93), "slower");
  assertEquals(ratio(1.4, null, null), "undecided");
});

Deno.test("answerFor() has no speed to tell when parity failed, the device is emulated or nothing finished", () => {
  const silent = (variant: ReportVariant) =>
    Object.assign(variant, { fps: null, ratio: null, rank: null });
  const failed = withVariants(silent);
  assertEquals(answerFor(failed, DEVICE).obstacle, "parity");
  const unfinished = withVariants((variant) => Object.assign(silent(variant), { latencyNs: null }));
  assertEquals(answerFor(unfinished, DEVICE).obstacle, "unfinished");
  const emulated = withVariants(silent);
  emulated.devices[0].emulated = true;
  assertEquals(answerFor(emulated, DEVICE).obstacle, "emulated");
  assertEquals(answerParts(emulated, answerFor(emulated, DEVICE)), [{
    key: "answer.none.emulated",
    values: { device: "Example Phone 8" },
  }]);
});

Deno.test("answerFor() tells time and FPS when there is one variant, or the base has no claim", () => {
  const report = withVariants(() => {});
  assertEquals(kind({ ...report, variants: report.variants.slice(0, 1) }), "single");
  assertEquals(
    kind(withVariants((variant) => {
      variant.ratio = null;
    })),
    "fastest",
  );
});

Deno.test("answerParts() never tells an accuracy when the only variant with a claim is for its speed alone", () => {
  const report = withVariants((variant) => {
    if (!variant.speedOnly && variant.ratio?.base !== variant.id) variant.fps = null;
  });
  const parts = answerParts(report, answerFor(report, DEVICE));
  assertEquals(parts.some(({ key }) => key === "answer.speedOnly"), true);
  assertEquals(parts.some(({ key }) => key.startsWith("answer.accuracy")), false);
});

Deno.test("headlineDevice() passes over a device without a claim when another one has one", () => {
  const report = withVariants((variant) => {
    if (variant.device === DEVICE) variant.fps = null;
  }, 2);
  assertEquals(headlineDevice(report), "SYNTH0002");
  assertEquals(headlineDevice({ variants: [], devices: [], base: "" }), null);
});
