import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import type { LaunchRecord } from "../record/records.ts";
import { launchFixture } from "./testdata/launch_fixture.ts";
import { orderChanges, rankVariants } from "./ranking.ts";
import { seededRng } from "./rng.ts";

/** Rounds of variants with these medians (milliseconds), noise and heat that hits all alike. */
function rounds(
  device: string,
  count: number,
  variants: Record<string, number>,
  sd = 0.005,
): LaunchRecord[] {
  const rng = seededRng(6);
  return Array.from({ length: count }, (_, round) => {
    const heat = 1 + 0.05 * rng.uniform();
    return Object.entries(variants).map(([variantId, ms]) => {
      const ns = ms * 1e6 * heat * Math.exp(sd * rng.normal());
      return launchFixture({ variantId, round, device, totalNs: [ns, ns, ns] });
    });
  }).flat();
}

Deno.test("rankVariants() gives every variant its place when the differences are clear", () => {
  const ranking = rankVariants("host", rounds("host", 10, { slow: 60, fast: 30, middle: 40 }));
  assertEquals(ranking.variants.map((v) => [v.variantId, v.rank]), [
    ["fast", { best: 1, worst: 1 }],
    ["middle", { best: 2, worst: 2 }],
    ["slow", { best: 3, worst: 3 }],
  ]);
  assertEquals(ranking.undecided, []);
  const pair = ranking.pairs.find((p) => p.faster === "fast" && p.slower === "slow")!;
  assertAlmostEquals(pair.ratio, 2, 0.02);
  assert(pair.low! < pair.ratio && pair.ratio < pair.high! && pair.low! > 1);
});

Deno.test("rankVariants() says where it can't rank when two are alike", () => {
  const launches = rounds("host", 10, { a: 30, b: 30.01, slow: 60 });
  const { variants, undecided } = rankVariants("host", launches);
  const places = Object.fromEntries(variants.map((v) => [v.variantId, v.rank]));
  assertEquals(places, {
    a: { best: 1, worst: 2 },
    b: { best: 1, worst: 2 },
    slow: { best: 3, worst: 3 },
  });
  assertEquals(undecided.length, 1);
  assertStringIncludes(undecided[0], "can't be ranked");
});

Deno.test("rankVariants() gives no rank when parity failed, however fast the variant is", () => {
  const launches = rounds("host", 10, { wrong: 10, right: 30 });
  const { variants, pairs } = rankVariants("host", launches, new Map([["wrong", "parity failed"]]));
  assertEquals(variants, [
    { variantId: "right", rank: { best: 1, worst: 1 }, unranked: null },
    { variantId: "wrong", rank: null, unranked: "parity failed" },
  ]);
  assertEquals(pairs, []);
});

Deno.test("rankVariants() ranks nothing for certain when there is one round", () => {
  const { variants, undecided } = rankVariants("host", rounds("host", 1, { a: 10, b: 90 }));
  assertEquals(variants.map((v) => v.rank), [{ best: 1, worst: 2 }, { best: 1, worst: 2 }]);
  assertStringIncludes(undecided[0], "too few");
});

Deno.test("rankVariants() claims a wrong order in at most 5% when four variants are the same", () => {
  const rng = seededRng(41);
  let wrong = 0;
  for (let i = 0; i < 300; i++) {
    const launches = Array.from(
      { length: 12 },
      (_, round) =>
        ["a", "b", "c", "d"].map((variantId) => {
          const ns = 3e7 * Math.exp(0.02 * rng.normal());
          return launchFixture({ variantId, round, totalNs: [ns] });
        }),
    ).flat();
    if (rankVariants("host", launches).pairs.some((pair) => pair.certain)) wrong++;
  }
  assert(wrong <= 22, `${wrong} of 300`);
});

Deno.test("rankVariants() has nothing to say when there are no launches", () => {
  assertEquals(rankVariants("host", []), {
    device: "host",
    variants: [],
    pairs: [],
    undecided: [],
  });
});

Deno.test("orderChanges() finds what is faster on one phone and slower on the other", () => {
  const first = rankVariants("A", rounds("A", 10, { x: 30, y: 40, z: 90 }));
  const second = rankVariants("B", rounds("B", 10, { x: 50, y: 40, z: 90 }));
  assertEquals(orderChanges([first, second]), [
    { variantId: "x", other: "y", first: "A", second: "B" },
  ]);
  assertEquals(orderChanges([first, first]), []);
});

Deno.test("orderChanges() keeps still when the order on one device is not certain", () => {
  const first = rankVariants("A", rounds("A", 10, { x: 30, y: 40 }));
  const second = rankVariants("B", rounds("B", 10, { x: 40.1, y: 40 }, 0.05));
  assertEquals(orderChanges([first, second]), []);
});
