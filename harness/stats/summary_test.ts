import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { LaunchRecordSchema } from "../record/records.ts";
import { launchFixture } from "./testdata/launch_fixture.ts";
import { launchQuantileNs } from "./round.ts";
import { seededRng } from "./rng.ts";
import { summarizeLaunches } from "./summary.ts";

const MS = 1_000_000;

/**
 * Rounds of a base and a variant, the variant `speedUp` times as fast, both slowed alike by the
 * round.
 */
function pairedLaunches(rounds: number, speedUp: number, heat: (round: number) => number) {
  return Array.from({ length: rounds }, (_, round) => {
    const baseNs = [30, 31, 32].map((ms) => ms * MS * heat(round));
    return [
      launchFixture({ variantId: "base", round, totalNs: baseNs }),
      launchFixture({ variantId: "fast", round, totalNs: baseNs.map((ns) => ns / speedUp) }),
    ];
  }).flat();
}

Deno.test("launchFixture() makes records that the strict schema takes when written out", () => {
  const launch = launchFixture({ variantId: "a", round: 0, totalNs: [1, 2] });
  assertEquals(LaunchRecordSchema.parse(JSON.parse(JSON.stringify(launch))), launch);
});

Deno.test("summarizeLaunches() gives percentiles, FPS and counts when computed by hand", () => {
  const [summary] = summarizeLaunches([
    launchFixture({ variantId: "a", round: 0, totalNs: [10 * MS, 20 * MS], peakRssBytes: 7 }),
    launchFixture({ variantId: "a", round: 1, totalNs: [30 * MS, 40 * MS], peakRssBytes: 9 }),
  ], "a");
  assertEquals(summary.roundCount, 2);
  assertEquals(summary.sampleCount, 4);
  assertEquals(summary.latencyNs.total.p50, 25 * MS);
  assertAlmostEquals(summary.latencyNs.total.p90, 37 * MS, 1e-3);
  assertEquals(summary.latencyNs.inference.p50, 20 * MS);
  assertEquals(summary.latencyNs.total.mad, 10 * MS);
  // the location of the launches' medians, not the median of all samples
  assertAlmostEquals(summary.timeNs.value, Math.sqrt(15 * 35) * MS, 1);
  assertEquals(summary.fps, 1e9 / summary.timeNs.value);
  assertEquals(summary.figures["total.p50"], summary.timeNs);
  assertEquals(summary.roundMediansNs, [{ round: 0, medianNs: 15 * MS }, {
    round: 1,
    medianNs: 35 * MS,
  }]);
  assertEquals(summary.ratio, { value: 1, low: 1, high: 1, base: "a" });
  assertEquals(summary.figures.peakRss?.value, 9);
});

Deno.test("summarizeLaunches() finds the speed-up when drift hits both variants alike", () => {
  const launches = pairedLaunches(8, 1.42, (round) => 1 + 0.1 * round);
  const fast = summarizeLaunches(launches, "base").find((s) => s.variantId === "fast")!;
  assertAlmostEquals(fast.ratio!.value, 1.42, 1e-6);
  assertAlmostEquals(fast.ratio!.low!, 1.42, 1e-6);
  assertEquals(fast.ratio!.base, "base");
});

Deno.test("summarizeLaunches() has a ratio below 1 when the variant is slower", () => {
  const slow = summarizeLaunches(pairedLaunches(6, 0.5, () => 1), "base")[1];
  assertAlmostEquals(slow.ratio!.value, 0.5, 1e-6);
});

Deno.test("summarizeLaunches() has no interval and says so when there is one round", () => {
  const fast = summarizeLaunches(pairedLaunches(1, 2, () => 1), "base")[1];
  assertEquals([fast.ratio!.low, fast.ratio!.high, fast.timeNs.low], [null, null, null]);
  assert(fast.warnings.some((w) => w.code === "few-rounds" && w.message.includes("One round")));
  assert(fast.warnings.some((w) => w.code === "few-samples"));
});

Deno.test("summarizeLaunches() has no ratio when the base did not run", () => {
  const [only] = summarizeLaunches(
    [launchFixture({ variantId: "a", round: 0, totalNs: [1 * MS] })],
    "gone",
  );
  assertEquals(only.ratio, null);
});

Deno.test("summarizeLaunches() pairs the rounds that both have when one is missing", () => {
  const launches = pairedLaunches(6, 1.5, (round) => 1 + round).filter((l) =>
    !(l.variantId === "fast" && l.round === 2)
  );
  const fast = summarizeLaunches(launches, "base")[1];
  assertAlmostEquals(fast.ratio!.value, 1.5, 1e-6);
  assertEquals(fast.roundCount, 5);
  assert(
    fast.warnings.some((w) => w.code === "missing-rounds" && w.message.startsWith("1 of the 6")),
  );
});

Deno.test("summarizeLaunches() lets the last launch count when a round was run again", () => {
  const launches = [
    launchFixture({ variantId: "a", round: 0, totalNs: [90 * MS] }),
    launchFixture({ variantId: "a", round: 0, totalNs: [10 * MS] }),
  ];
  const [summary] = summarizeLaunches(launches, "a");
  assertEquals(summary.latencyNs.total.p50, 10 * MS);
  assert(summary.warnings.some((w) => w.code === "repeated-launch"));
});

Deno.test("summarizeLaunches() keeps throttled launches and tells the ratio without them", () => {
  const launches = pairedLaunches(7, 2, () => 1);
  const throttled = launches[launches.length - 1];
  throttled.marks.push("throttled");
  throttled.images[0].samplesNs.total = throttled.images[0].samplesNs.total.map((ns) => ns * 2);
  const fast = summarizeLaunches(launches, "base")[1];
  assertEquals(fast.roundCount, 7);
  const warning = fast.warnings.find((w) => w.code === "throttled")!;
  assert(
    warning.message.startsWith("1 of 7") && warning.message.includes("2.000"),
    warning.message,
  );
});

Deno.test("summarizeLaunches() warns of noise when the samples of a round spread widely", () => {
  const codes = (totalNs: number[]) =>
    summarizeLaunches([launchFixture({ variantId: "a", round: 0, totalNs })], "a")[0].warnings
      .map((w) => w.code);
  assert(codes([10, 13, 16, 19, 22].map((ms) => ms * MS)).includes("noisy"));
  assert(!codes([10, 10.01, 10.02, 10.03].map((ms) => ms * MS)).includes("noisy"));
});

Deno.test("summarizeLaunches() returns nothing when there are no launches", () => {
  assertEquals(summarizeLaunches([], "base"), []);
});

Deno.test("summarizeLaunches() throws when launches of two devices are mixed", () => {
  const launches = ["host", "R5CT10"].map((device) =>
    launchFixture({ variantId: "a", round: 0, totalNs: [1 * MS], device })
  );
  assertThrows(() => summarizeLaunches(launches, "a"), RangeError, "R5CT10");
});

Deno.test("summarizeLaunches() throws when a launch has no samples or no time passed", () => {
  const empty = launchFixture({ variantId: "a", round: 3, totalNs: [[]] });
  assertThrows(() => summarizeLaunches([empty], "a"), HarnessError, "round 3: found no samples");
  const zero = launchFixture({ variantId: "a", round: 3, totalNs: [0, 0] });
  const stopped = assertThrows(() => summarizeLaunches([zero], "a"), HarnessError, "above zero");
  assertEquals(stopped.code, "bad-record");
});

Deno.test("launchQuantileNs() weighs the medians of each input size when sizes differ", () => {
  const launch = launchFixture({
    variantId: "a",
    round: 0,
    totalNs: [[1, 1, 1], [16]],
    inputWidthPx: [320, 640],
  });
  // geometric mean with weights 3 and 1: 16^(1/4)
  assertAlmostEquals(launchQuantileNs(launch, "total", 0.5), 2, 1e-12);
});

Deno.test("launchQuantileNs() takes a launch with more iterations than a call takes arguments", () => {
  const totalNs = Array.from({ length: 200_001 }, (_, index) => index);
  assertEquals(
    launchQuantileNs(launchFixture({ variantId: "a", round: 0, totalNs }), "total", 0.5),
    100_000,
  );
});

Deno.test("summarizeLaunches() covers the true ratio in 95% when rounds are noisy and drift", () => {
  const rng = seededRng(5);
  const repetitions = 500;
  let covered = 0;
  for (let i = 0; i < repetitions; i++) {
    const launches = Array.from({ length: 10 }, (_, round) => {
      const heat = 1 + 0.02 * round + 0.05 * rng.uniform();
      return ["base", "fast"].map((variantId) => {
        const launchNoise = Math.exp(0.02 * rng.normal());
        const center = 30 * MS * heat * launchNoise / (variantId === "fast" ? 1.3 : 1);
        const totalNs = Array.from(
          { length: 9 },
          () => center * Math.exp(0.03 * rng.normal() + (rng.uniform() < 0.05 ? 0.5 : 0)),
        );
        return launchFixture({ variantId, round, totalNs });
      });
    }).flat();
    const { low, high } = summarizeLaunches(launches, "base")[1].ratio!;
    if (low! <= 1.3 && high! >= 1.3) covered++;
  }
  const share = covered / repetitions;
  assert(share > 0.92 && share < 0.99, `${share}`);
});
