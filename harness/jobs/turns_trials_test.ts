import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { testManifest } from "../parity/testdata/manifest.ts";
import { seededRng } from "../stats/rng.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { turnsFixture } from "../stats/testdata/turns_fixture.ts";
import { turnsRow, turnsTable } from "./turns_trials.ts";

const BASE = { manifest: testManifest({ id: "a" }), dir: "" };

/** Returns launches of a and b, which takes 8 % less, by both ways; a launch takes a second. */
function seen(count: number) {
  const rng = seededRng(2);
  const time = (factor: number, sd: number) => 10e6 * factor * Math.exp(sd * rng.normal());
  const rounds = Array.from({ length: count }, (_, round) => round);
  return {
    launches: rounds.flatMap((round) =>
      ["a", "b"].map((variantId) => {
        const totalNs = [time(variantId === "a" ? 1 : 0.92, 0.02)];
        return launchFixture({ variantId, round, totalNs });
      })
    ),
    // a third contestant has its share of the time
    turns: rounds.flatMap((round) =>
      turnsFixture(round, { a: time(1, 0.003), b: time(0.92, 0.003), c: time(2, 0.003) })
    ),
  };
}

Deno.test("turnsRow() tells the ratio by both ways, with the device time of the two that are compared", () => {
  const { byTurns, alone, tenAlone, secondsToOnePercent } = turnsRow("host", BASE, "b", seen(20));
  assertAlmostEquals(byTurns.ratio, 0.92, 0.005);
  assertAlmostEquals(alone!.ratio, 0.92, 0.02);
  assert(byTurns.low! < 0.92 && byTurns.high! > 0.915);
  assertEquals([byTurns.launches, alone!.launches, alone!.seconds], [20, 20, 40]);
  assertEquals([tenAlone!.launches, tenAlone!.seconds], [10, 20]);
  assertAlmostEquals(byTurns.seconds, 20 * 2 / 3, 1e-9);
  // six launches at least, two thirds of each
  assert(secondsToOnePercent! > 3.99 && secondsToOnePercent! < 8, String(secondsToOnePercent));
});

Deno.test("turnsRow() has no ratio of launches alone where there are none, and says when ± 1 % was not reached", () => {
  const { turns } = seen(4);
  const row = turnsRow("host", BASE, "b", { launches: [], turns });
  assertEquals([row.alone, row.secondsToOnePercent], [null, null]);
  const [head, , line] = turnsTable([row]).split("\n");
  assertStringIncludes(line, "not reached");
  assertEquals(head.split("|").length, line.split("|").length);
});
