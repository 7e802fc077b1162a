import { assertEquals } from "@std/assert";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { metricOfLaunch, metricUnit } from "./metric.ts";

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

Deno.test("metricUnit() is bytes when the metric is memory", () => {
  assertEquals([metricUnit("peakRss"), metricUnit("total.p99")], ["bytes", "ns"]);
});
