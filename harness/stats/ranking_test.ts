import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import type { LaunchRecord } from "../record/records.ts";
import { launchFixture } from "./testdata/launch_fixture.ts";
import { isUseless, orderChanges, rankVariants } from "./ranking.ts";
import { seededRng } from "./rng.ts";
import { summarizeLaunches } from "./summary.ts";

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
  const { variants, pairs } = rankVariants("host", launches, {
    unranked: new Map([["wrong", "parity failed"]]),
  });
  assertEquals(variants, [
    { variantId: "right", rank: { best: 1, worst: 1 }, unranked: null },
    { variantId: "wrong", rank: null, unranked: "parity failed" },
  ]);
  assertEquals(pairs, []);
});

Deno.test("rankVariants() gives no rank when there is one round, and says why", () => {
  const { variants, pairs } = rankVariants("host", rounds("host", 1, { b: 90, a: 10 }));
  assertEquals(variants.map((v) => [v.variantId, v.rank]), [["b", null], ["a", null]]);
  assertStringIncludes(variants[0].unranked!, "too few");
  assertEquals(pairs.map(({ certain }) => certain), [false]);
});

Deno.test("rankVariants() gives all the same places, as they were asked for, when no order is known", () => {
  const launches = rounds("host", 8, { c: 30, a: 29.99, b: 30.01 });
  const { variants } = rankVariants("host", launches);
  assertEquals(variants.map((v) => v.variantId), ["c", "a", "b"]);
  assert(variants.every(({ rank }) => rank?.best === 1 && rank.worst === 3));
});

Deno.test("rankVariants() gives no rank to one whose ratios say nothing, and ranks the others", () => {
  const rng = seededRng(2);
  const launches = rounds("host", 8, { a: 30, b: 33, wild: 31 }, 0.002).map((launch) => {
    if (launch.variantId !== "wild") return launch;
    const share = Math.exp(0.5 * rng.normal());
    return launchFixture({
      variantId: "wild",
      round: launch.round,
      totalNs: launch.images[0].samplesNs.total.map((ns) => ns * share),
    });
  });
  const { variants } = rankVariants("host", launches);
  assertEquals(variants.map((v) => [v.variantId, v.rank?.best ?? null]), [
    ["a", 1],
    ["b", 2],
    ["wild", null],
  ]);
  assertStringIncludes(variants[2].unranked!, "differ too much");
});

Deno.test("rankVariants() has the order of times as the order of places when launches are noisy and of two speeds", () => {
  const rng = seededRng(19);
  for (let i = 0; i < 30; i++) {
    const launches = Array.from(
      { length: 8 },
      (_, round) =>
        ["a", "b", "c", "d", "e"].map((variantId, v) => {
          const state = rng.uniform() < 0.3 ? 1.45 : 1;
          const ns = (20 + 2 * v) * 1e6 * state * Math.exp((v === 2 ? 0.1 : 0.01) * rng.normal());
          return launchFixture({ variantId, round, totalNs: [ns, ns] });
        }),
    ).flat();
    const { variants } = rankVariants("host", launches);
    const times = new Map(
      summarizeLaunches(launches, "a").map(({ variantId, timeNs }) => [variantId, timeNs.value]),
    );
    const byTime = variants.filter(({ rank }) => rank !== null).toSorted((one, other) =>
      times.get(one.variantId)! - times.get(other.variantId)!
    );
    for (const [at, { rank }] of byTime.entries()) {
      if (at === 0) continue;
      const before = byTime[at - 1].rank!;
      assert(before.best <= rank!.best && before.worst <= rank!.worst, JSON.stringify(byTime));
    }
  }
});

Deno.test("isUseless() is true when an interval is wide and holds more than the effect", () => {
  assertEquals(
    [
      { value: 1.05, low: 0.6, high: 1.8 },
      { value: 1.05, low: 0.98, high: 1.12 },
      { value: 3, low: 2, high: 4.5 },
      { value: 1.5, low: null, high: null },
    ].map(isUseless),
    [true, false, false, true],
  );
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
