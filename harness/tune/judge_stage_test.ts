import { assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { Standing } from "../stats/race.ts";
import { entriesOf, type Found, refusalOf, type TuneLimits } from "./judge_stage.ts";

const LIMITS: TuneLimits = { maxApDrop: 0.01, maxMb: null, minFps: null };

function found(change: Partial<Found> = {}): Found {
  const bin = { file: "model.bin", bytes: 5_000_000, sha256: "0".repeat(64) };
  return {
    manifest: testManifest({ bin }),
    ...{ ap: 0.5, apDifference: { value: 0, low: -0.02, high: 0.02 }, refusal: null },
    ...change,
  };
}

Deno.test("refusalOf() refuses what loses accuracy, and says when the images are too few to be sure", () => {
  const losing = (value: number, low: number | null, high: number | null) =>
    refusalOf(found({ apDifference: { value, low, high } }), LIMITS);
  assertEquals(losing(-0.01, -0.05, 0.03), null);
  assertEquals(losing(-0.05, -0.08, -0.02), "it loses 0.050 AP, 0.01 is allowed");
  assertMatch(losing(-0.05, -0.12, 0.02)!, /0\.050 AP.*too few to be sure/);
  assertMatch(losing(-0.05, null, null)!, /too few to be sure/);
  assertEquals(
    refusalOf(found({ apDifference: null, ap: null }), LIMITS),
    "its accuracy is not known",
  );
});

Deno.test("refusalOf() refuses weights that are too large, and what failed before all", () => {
  assertEquals(
    refusalOf(found(), { ...LIMITS, maxMb: 4 }),
    "its weights have 5.0 MB, 4 MB are allowed",
  );
  assertEquals(refusalOf(found(), { ...LIMITS, maxMb: 5 }), null);
  const failed = found({ refusal: "parity failed", apDifference: null });
  assertEquals(refusalOf(failed, { ...LIMITS, maxMb: 1 }), "parity failed");
});

Deno.test("entriesOf() makes ratios to the anchor ratios to the base, with intervals that are wide enough", () => {
  const named = (activation: "silu" | "relu" | "hardswish" | "gelu") => {
    const { settings, ...manifest } = testManifest({ activation });
    const id = `made-up.${activation}.raw.fp32.160x96.pnnx`;
    return [id, found({ manifest: { ...manifest, settings, id } })] as const;
  };
  const contestants = new Map([named("silu"), named("relu"), named("hardswish"), named("gelu")]);
  const [anchor, leading, refused, silent] = contestants.keys();
  const standing = (id: string, ratio: Standing["ratio"]): Standing => ({
    ...{ id, isIn: true, beatenBy: null, rounds: 8, ratio, isEqual: false },
  });
  const standings = [
    standing(leading, null),
    standing(anchor, { value: 1.25, low: 1.2, high: 1.3 }),
  ];
  const entries = entriesOf(
    "sizes",
    {
      ...{ standings, found: contestants },
      aloneTimes: new Map([[refused, [Math.log(0.5)]]]),
    },
    { id: anchor, time: { value: 0.8, low: 0.75, high: 0.85 } },
    LIMITS,
  );
  const of = (id: string) => entries.find(({ key }) => id.includes(`.${key.activation}.`))!.time;
  assertEquals(entries[0].key.activation, "relu");
  assertEquals(of(anchor), { value: 0.8, low: 0.75, high: 0.85 });
  assertAlmostEquals(of(leading)!.value, 0.8 / 1.25);
  assertAlmostEquals(of(leading)!.low!, 0.75 / 1.3);
  assertAlmostEquals(of(leading)!.high!, 0.85 / 1.2);
  assertEquals(of(refused), { value: 0.4, low: null, high: null });
  assertEquals(of(silent), null);
});
