import { assert, assertEquals, assertThrows } from "@std/assert";
import type { LaunchRecord } from "../record/records.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { fitNoise } from "./noise_fit.ts";
import { type NoiseModel, PHONE_MODELS, simulatedDevice } from "./noise_model.ts";
import { seededRng } from "../stats/rng.ts";

/** Records that a device with this noise would leave. */
function recordsOf(model: NoiseModel, count: number, iterations: number): LaunchRecord[] {
  const device = simulatedDevice(model, seededRng(31));
  return Array.from({ length: count }, (_, round) => {
    const begin = device.clockSeconds;
    const seconds = device.launch(iterations, 1);
    const launch = launchFixture({
      variantId: "a",
      round,
      totalNs: seconds.map((s) => s * 1e9),
      startedAt: new Date(Date.UTC(2026, 0, 1) + begin * 1000).toISOString(),
    });
    launch.end.elapsedNs = Math.round((device.clockSeconds - begin) * 1e9);
    return launch;
  });
}

const USUAL = PHONE_MODELS.find((model) => model.name === "usual phone")!;

Deno.test("fitNoise() finds the numbers again when records come from a known model", () => {
  const truth: NoiseModel = { ...USUAL, burstPerMinute: 0, trendPerMinute: 0.01 };
  const fit = fitNoise("again", recordsOf(truth, 300, 40));
  const near = (found: number, expected: number, share: number, what: string) =>
    assert(Math.abs(found / expected - 1) < share, `${what}: ${found}, expected ${expected}`);
  assertEquals(fit.name, "again");
  near(fit.iterationSeconds, 0.04, 0.1, "iterationSeconds");
  near(fit.overheadSeconds, 0.4, 0.1, "overheadSeconds");
  near(fit.iterationSd, 0.02, 0.15, "iterationSd");
  near(fit.iterationCorrelation, 0.3, 0.4, "iterationCorrelation");
  near(
    Math.hypot(fit.launchSd, fit.wanderSd),
    Math.hypot(truth.launchSd, truth.wanderSd),
    0.4,
    "between launches",
  );
  assert(fit.outlierShare > 0.005 && fit.outlierShare < 0.05, `${fit.outlierShare}`);
  assertEquals(fit.throttlePerMinute, 0);
});

Deno.test("fitNoise() sees throttling when launches are marked so", () => {
  const launches = recordsOf({ ...USUAL, burstPerMinute: 0 }, 60, 10);
  launches.slice(20, 40).forEach((launch) => {
    launch.marks.push("throttled");
    for (const image of launch.images) {
      image.samplesNs.total = image.samplesNs.total.map((ns) => Math.round(ns * 1.3));
    }
  });
  const fit = fitNoise("hot", launches);
  assert(Math.abs(fit.throttleSize - Math.log(1.3)) < 0.06, `${fit.throttleSize}`);
  assert(fit.throttlePerMinute > 0 && fit.throttleSeconds > 10, JSON.stringify(fit));
});

Deno.test("fitNoise() has finite numbers when the records have no spread at all", () => {
  const launches = Array.from(
    { length: 8 },
    (_, round) => launchFixture({ variantId: "a", round, totalNs: [1e7, 1e7, 1e7] }),
  );
  const fit = fitNoise("still", launches);
  const { name: _, ...numbers } = fit;
  for (const [key, value] of Object.entries(numbers)) assert(Number.isFinite(value), key);
  assertEquals([fit.iterationSd, fit.launchSd, fit.wanderSd], [0, 0, 0]);
});

Deno.test("fitNoise() throws when there are too few launches", () => {
  const launches = [launchFixture({ variantId: "a", round: 0, totalNs: [1e7] })];
  assertThrows(() => fitNoise("few", launches), RangeError, "at least 8 launches");
});

Deno.test("simulatedDevice() throttles and drifts over its own clock when the model says so", () => {
  const model: NoiseModel = {
    ...USUAL,
    iterationSd: 0,
    outlierShare: 0,
    launchSd: 0,
    wanderSd: 0,
    trendPerMinute: 0,
    burstPerMinute: 0,
    throttlePerMinute: 6,
    throttleSize: 0.5,
    throttleSeconds: 10,
  };
  const device = simulatedDevice(model, seededRng(1));
  const levels = new Set<string>();
  while (device.clockSeconds < 120) {
    for (const seconds of device.launch(5, 2)) levels.add(Math.log(seconds / 0.08).toFixed(6));
  }
  assertEquals([...levels].sort(), ["0.000000", "0.500000"]);
});
