import { assertEquals } from "@std/assert";
import { METRICS } from "../record/metrics.ts";
import { metricOfLaunch, pooledMetric } from "./round.ts";
import { launchFixture } from "./testdata/launch_fixture.ts";

Deno.test("metricOfLaunch() reads stage and percentile from the name when computed by hand", () => {
  const launch = launchFixture({ variantId: "a", round: 0, totalNs: [100, 200, 300, 400] });
  assertEquals(metricOfLaunch(launch, "total.p50"), 250);
  assertEquals(metricOfLaunch(launch, "total.p90"), 370);
  assertEquals(metricOfLaunch(launch, "inference.p50"), 200);
  assertEquals(metricOfLaunch(launch, "preprocess.p50"), 25);
  assertEquals(metricOfLaunch(launch, "peakRss"), 50_000_000);
});

Deno.test("metricOfLaunch() is null when the launch does not know or the clock is too coarse", () => {
  const unknown = launchFixture({ variantId: "a", round: 0, totalNs: [1], peakRssBytes: null });
  assertEquals(metricOfLaunch(unknown, "peakRss"), null);
  assertEquals(metricOfLaunch(unknown, "preprocess.p50"), null);
});

Deno.test("metricOfLaunch() tells load, first inference and memory when the runner timed them", () => {
  const told = launchFixture({
    variantId: "a",
    round: 0,
    totalNs: [100],
    coldStart: { paramNs: 1, binNs: 20, pipelineNs: 300, firstInferenceNs: 4000 },
    loadedRssBytes: 5_000,
    steadyRssBytes: null,
  });
  const names = ["load", "load.param", "load.bin", "load.pipeline", "firstInference"] as const;
  assertEquals(names.map((name) => metricOfLaunch(told, name)), [321, 1, 20, 300, 4000]);
  assertEquals([metricOfLaunch(told, "loadedRss"), metricOfLaunch(told, "steadyRss")], [
    5_000,
    null,
  ]);
  const before = launchFixture({ variantId: "a", round: 0, totalNs: [100] });
  assertEquals(names.map((name) => metricOfLaunch(before, name)), names.map(() => null));
});

Deno.test("METRICS tell bytes when the metric is memory", () => {
  assertEquals([METRICS["peakRss"].unit, METRICS["total.p99"].unit], ["bytes", "ns"]);
});

Deno.test("pooledMetric() is the location of times and the largest of memory", () => {
  const times = pooledMetric("total.p50", [100, 100, 100])!;
  assertEquals([times.value, times.low, times.high].map((ns) => Math.round(ns!)), [100, 100, 100]);
  assertEquals(pooledMetric("peakRss", [5, 9, 7]), { value: 9, low: null, high: null });
  assertEquals(pooledMetric("inference.p90", []), null);
});
