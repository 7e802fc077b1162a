import { assertAlmostEquals, assertEquals } from "@std/assert";
import { launchFixture } from "./testdata/launch_fixture.ts";
import { orderChanges, rankVariants } from "./ranking.ts";
import { burstAndSustained, sustainedLoad } from "./sustained.ts";

function load(variantId: string, medianMs: number[]) {
  return medianMs.map((ms, round) =>
    launchFixture({ variantId, round, totalNs: [ms * 1e6, ms * 1e6, ms * 1e6] })
  );
}

Deno.test("sustainedLoad() finds burst, sustained throughput and when throttling began", () => {
  // launches begin every 2 s; the outlier at 6 is alone
  const ms = [20, 20, 20, 20, 20, 20, 40, 20, 25, 25, 25, 25];
  const found = sustainedLoad(load("a", ms))!;
  assertEquals([found.burstFps, found.sustainedFps, found.throttledAtSeconds], [50, 40, 16]);
  assertEquals(found.series[8], { atSeconds: 16, fps: 40 });
});

Deno.test("sustainedLoad() has no throttling when the throughput holds", () => {
  const found = sustainedLoad(load("a", new Array(12).fill(20)))!;
  assertEquals(found.throttledAtSeconds, null);
  assertAlmostEquals(found.sustainedFps, found.burstFps, 1e-9);
});

Deno.test("sustainedLoad() is null when the launches are too few to have a beginning and an end", () => {
  assertEquals(sustainedLoad(load("a", [20, 20, 20])), null);
  assertEquals(sustainedLoad([]), null);
});

Deno.test("burstAndSustained() shows that the order turns when one variant throttles", () => {
  const hot = [...new Array(6).fill(20), ...new Array(12).fill(30)];
  const steady = new Array(18).fill(25);
  const { burst, sustained } = burstAndSustained([...load("hot", hot), ...load("steady", steady)]);
  assertEquals([burst.length, sustained.length], [10, 12]);
  const rankings = [rankVariants("burst", burst), rankVariants("sustained", sustained)];
  assertEquals(orderChanges(rankings), [
    { variantId: "hot", other: "steady", first: "burst", second: "sustained" },
  ]);
});
