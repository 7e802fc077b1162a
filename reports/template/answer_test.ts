import { assertEquals } from "@std/assert";
import { EXAMPLE_SIZE, syntheticReport } from "../../harness/report/testdata/synthetic_report.ts";
import { NEAR_ZERO_AP as RULE } from "../../harness/parity/ap_verdict.ts";
import type { Report, ReportVariant } from "../../harness/report/report_json.ts";
import { answerFor, answerParts, failureCause, headlineDevice, NEAR_ZERO_AP } from "./answer.js";

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
    if (variant.variant.speedOnly && variant.ratio !== null) {
      Object.assign(variant.ratio, { value: 9, low: 8, high: 10 });
      variant.fps = 999;
    }
  });
  const answer = answerFor(report, DEVICE);
  assertEquals([answer.kind, answer.variant?.variant.speedOnly], ["faster", false]);
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
  assertEquals(ratio(1.4, null, null), "open");
});

Deno.test("answerFor() prefers what is certain to a larger value when intervals differ in width", () => {
  const best = (ratios: [number, number | null, number | null][]) => {
    const report = withVariants((variant, i) => {
      variant.variant.speedOnly = false;
      variant.accuracy = null;
      variant.quality = { converted: "right", accurate: "not-judged" };
      if (i > 0) variant.ratio = null;
      const ratio = ratios[i - 1];
      if (ratio === undefined) return;
      const [value, low, high] = ratio;
      Object.assign(variant, {
        fps: 20 * value,
        ratio: { value, low, high, base: "b", useless: false },
      });
    });
    const { variant, kind } = answerFor(report, DEVICE);
    return [report.variants.indexOf(variant!) - 1, kind];
  };
  assertEquals(best([[1.46, 1.44, 1.48], [1.5, 0.9, 2.5]]), [0, "faster"]);
  assertEquals(best([[1.46, 1.44, 1.48], [1.5, null, null]]), [0, "faster"]);
  assertEquals(best([[1.46, 1.44, 1.48], [1.5, 1.2, 1.8]]), [1, "faster"]);
  assertEquals(best([[0.97, 0.96, 0.98], [0.95, 0.5, 1.5]]), [1, "same"]);
  assertEquals(best([[1.1, null, null], [1.2, null, null]]), [1, "open"]);
});

/** Takes a variant's claim to its speed. */
const silence = (variant: ReportVariant) =>
  Object.assign(variant, { fps: null, ratio: null, rank: null });

Deno.test("answerFor() gives the reason that holds for all when no variant has a speed", () => {
  const obstacle = (change: (variant: ReportVariant, index: number) => void) => {
    const report = withVariants((variant, index) => {
      silence(variant);
      variant.parity.verdict = "pass";
      change(variant, index);
    });
    return answerFor(report, DEVICE).obstacle;
  };
  assertEquals(obstacle(({ parity }) => parity.verdict = "fail"), "parity");
  assertEquals(obstacle((variant) => variant.latencyNs = null), "unfinished");
  assertEquals(obstacle(() => {}), "testBuild");
  assertEquals(
    obstacle((variant, i) => i === 0 ? variant.parity.verdict = "fail" : variant.rounds = 0),
    "mixed",
  );
  const emulated = withVariants(silence);
  emulated.devices[0].emulated = true;
  assertEquals(answerFor(emulated, DEVICE).obstacle, "emulated");
  const parts = answerParts(emulated, answerFor(emulated, DEVICE));
  assertEquals(parts[0], { key: "answer.none.emulated", values: { device: "Example Phone 8" } });
});

/** Keys of the sentence for the first `count` variants, changed. */
function keysOf(count: number, change: (variant: ReportVariant, index: number) => void) {
  const report = withVariants(change);
  report.variants.length = count;
  const keys = answerParts(report, answerFor(report, DEVICE)).map(({ key }) => key);
  return keys.filter((key) => !/interval|keypoints|accuracy/.test(key));
}

Deno.test("answerParts() tells time and FPS, and why there is no ratio, when there is nothing to compare with", () => {
  assertEquals(keysOf(1, () => {}), ["answer.single"]);
  // the base is the only one: there is no ratio to miss
  assertEquals(keysOf(2, (variant, i) => i === 1 && silence(variant)), ["answer.only"]);
  assertEquals(
    keysOf(2, (variant, i) => {
      if (i === 0) silence(variant).parity.verdict = "fail";
      if (i === 1) Object.assign(variant.ratio!, { value: 0.95, low: 0.94, high: 0.96 });
    }),
    ["answer.only", "answer.base.parity", "answer.failed.end-to-end"],
  );
  assertEquals(
    keysOf(3, (variant, i) => i === 0 && (silence(variant).latencyNs = null)),
    ["answer.fastest", "answer.base.unfinished"],
  );
  assertEquals(
    keysOf(3, (variant, i) => i > 0 ? variant.ratio = null : variant.fps = 1),
    ["answer.fastest", "answer.base.noRatio"],
  );
});

Deno.test("answerParts() names a faster variant that is there for its speed alone when it says that none beats the base", () => {
  const keys = (speedOnlyFps: number) =>
    keysOf(3, (variant, i) => {
      if (i === 0) variant.fps = 20;
      if (i === 1) Object.assign(variant.ratio!, { value: 0.95, low: 0.94, high: 0.96 });
      if (i === 2) {
        variant.variant.speedOnly = true;
        variant.fps = speedOnlyFps;
      }
    });
  assertEquals(keys(30), ["answer.slower", "answer.fasterSpeedOnly"]);
  assertEquals(keys(10), ["answer.slower"]);
});

Deno.test("answerFor() takes the fastest within the AP budget, and tells which are faster but worse or not judged", () => {
  const faster = (variant: ReportVariant, value: number) =>
    Object.assign(variant, {
      fps: 20 * value,
      ratio: { value, low: value - 0.01, high: value + 0.01, base: "b", useless: false },
    });
  const report = withVariants((variant, i) => {
    if (i > 3) silence(variant);
    if (i === 1) faster(variant, 1.2).quality = { converted: "right", accurate: "right" };
    if (i === 2) faster(variant, 1.9).quality = { converted: "right", accurate: "lossy" };
    if (i === 3) faster(variant, 1.5).quality = { converted: "right", accurate: "not-judged" };
  });
  const answer = answerFor(report, DEVICE);
  const at = (variant: ReportVariant | null) => report.variants.indexOf(variant!);
  assertEquals([answer.kind, at(answer.variant)], ["faster", 1]);
  assertEquals([answer.worse.map(at), answer.unjudged.map(at)], [[2], [3]]);
  const keys = answerParts(report, answer).map(({ key }) => key);
  assertEquals(keys.filter((key) => /worse|unjudged/.test(key)), [
    "answer.worse",
    "answer.unjudged",
  ]);

  report.variants[1].quality.accurate = "lossy";
  const stay = answerFor(report, DEVICE);
  assertEquals([stay.kind, at(stay.variant), stay.ratio], ["base", 0, null]);
  assertEquals(stay.worse.map(at), [2, 1]);
});

Deno.test("answerFor() tells no ratio when its interval is useless", () => {
  const report = withVariants((variant) => {
    if (variant.ratio === null || variant.ratio.base === variant.id) return;
    Object.assign(variant.ratio, { value: 1.05, low: 0.6, high: 1.8, useless: true });
  });
  const answer = answerFor(report, DEVICE);
  assertEquals([answer.kind, answer.ratio], ["open", null]);
  assertEquals(answerParts(report, answer)[0].values.low, "0.60");
});

Deno.test("failureCause() is what the stage looks like, without its figures", () => {
  const report = withVariants(() => {});
  const { parity } = report.variants[0];
  parity.firstFailedStage = "preprocess";
  parity.stages[0].reason =
    "2 of 6 images, worst 004_bus: red and blue are swapped: 134022 of 307200 values differ; the letterbox is defined bit for bit";
  assertEquals(failureCause(parity), "red and blue are swapped");
});

Deno.test("answerParts() never tells an accuracy when the only variant with a claim is for its speed alone", () => {
  const report = withVariants((variant) => {
    if (!variant.variant.speedOnly && variant.ratio?.base !== variant.id) variant.fps = null;
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

Deno.test("answerParts() says that a variant finds next to nothing where the rule of the harness does", () => {
  assertEquals(NEAR_ZERO_AP, RULE);
  const keys = (ap: number) => {
    const report = withVariants((variant) => {
      if (variant.accuracy !== null) variant.accuracy.ap = ap;
    });
    return answerParts(report, answerFor(report, DEVICE)).map(({ key }) => key);
  };
  assertEquals(keys(RULE).includes("answer.findsNothing"), false);
  assertEquals(keys(RULE - 0.01).includes("answer.findsNothing"), true);
});
