import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { machineStates, type StateSample } from "./machine_states.ts";
import { seededRng } from "./rng.ts";

const rng = seededRng(8);

/** Launches of variants by turns, two seconds apart. */
function launches(
  variants: number,
  rounds: number,
  timeMs: (at: number) => number,
  stealShare: number | null = null,
): StateSample[] {
  return Array.from({ length: variants * rounds }, (_, i) => ({
    group: `v${i % variants}`,
    atMs: 2000 * i,
    value: (1 + 0.3 * (i % variants)) * timeMs(i),
    stealShare,
  }));
}

const between = (low: number, high: number) => low + (high - low) * rng.uniform();

Deno.test("machineStates() finds two speeds when launches lie at 25 to 29 and 37 to 43 ms", () => {
  const truth: string[] = [];
  const samples = launches(6, 10, () => {
    const isSlow = rng.uniform() < 0.3;
    truth.push(isSlow ? "slow" : "fast");
    return isSlow ? between(37, 43) : between(25, 29);
  });
  const { speeds, stateOf, drift } = machineStates(samples);
  assertAlmostEquals(speeds!.ratio, 40 / 27, 0.06);
  assertEquals(stateOf, truth);
  assertEquals(speeds!.slowLaunches, truth.filter((state) => state === "slow").length);
  assertEquals(speeds!.fastLaunches + speeds!.slowLaunches, 60);
  assertEquals(drift, null);
});

Deno.test("machineStates() finds two speeds of which one came for good after half of the run", () => {
  const samples = launches(2, 12, (i) => i < 12 ? between(30, 30.5) : between(36, 36.6));
  const { speeds, stateOf } = machineStates(samples);
  assertAlmostEquals(speeds!.ratio, 1.2, 0.02);
  assertEquals(stateOf, samples.map((_, i) => i < 12 ? "fast" : "slow"));
});

Deno.test("machineStates() leaves the state open where a variant was seen in one alone", () => {
  const samples = launches(3, 10, (i) => i % 3 !== 2 && i % 2 === 0 ? 40 : 27 + (i % 5) / 10);
  const { stateOf } = machineStates(samples);
  assertEquals(stateOf.slice(0, 6), ["slow", "fast", null, "fast", "slow", null]);
});

Deno.test("machineStates() finds drift when the launches get slower, and no two speeds", () => {
  const { speeds, drift } = machineStates(
    launches(3, 10, (i) => 30 * Math.exp(0.08 * i / 29 + 0.005 * rng.normal())),
  );
  assertEquals(speeds, null);
  assertAlmostEquals(drift!.ratio, Math.exp(0.08), 0.02);
  const { drift: cooling } = machineStates(
    launches(3, 10, (i) => 30 * Math.exp(-0.08 * i / 29 + 0.005 * rng.normal())),
  );
  assert(cooling!.ratio < 0.95);
});

Deno.test("machineStates() tells stolen time when the kernel told it, and how many launches did", () => {
  const quiet = () => 30;
  assertEquals(machineStates(launches(1, 4, quiet, 0.0001)).steal, null);
  assertEquals(machineStates(launches(1, 4, quiet)).stealKnown, 0);
  const stolen = launches(1, 4, quiet, 0.01);
  stolen[3].stealShare = 0.09;
  const { steal, stealKnown } = machineStates(stolen);
  assertAlmostEquals(steal!.meanShare, 0.03, 1e-9);
  assertEquals([steal!.mostShare, stealKnown], [0.09, 4]);
});

Deno.test("machineStates() says nothing of a quiet machine, nor of a few launches or none", () => {
  let told = 0;
  for (const [variants, rounds] of [[1, 8], [2, 5], [2, 10], [6, 5], [6, 10]]) {
    for (let i = 0; i < 40; i++) {
      const { speeds, drift } = machineStates(
        launches(variants, rounds, () => 30 * Math.exp(0.015 * rng.normal())),
      );
      if (speeds !== null || drift !== null) told++;
    }
  }
  assert(told <= 2, `${told} of 200`);
  assertEquals(machineStates(launches(2, 1, () => between(20, 60))).speeds, null);
  assertEquals(machineStates([]), {
    speeds: null,
    drift: null,
    steal: null,
    stealKnown: 0,
    stateOf: [],
  });
});

Deno.test("machineStates() rarely takes wide noise or an outlier for two speeds", () => {
  const noises = {
    normal: () => 0.1 * rng.normal(),
    uniform: () => between(-0.2, 0.2),
    stalls: () => 0.02 * rng.normal() + (rng.uniform() < 0.03 ? 1 : 0),
  };
  for (const [name, noise] of Object.entries(noises)) {
    let told = 0;
    for (let i = 0; i < 60; i++) {
      const { speeds } = machineStates(launches(3, 10, () => 30 * Math.exp(noise())));
      if (speeds !== null) told++;
    }
    assert(told <= 4, `${name}: ${told} of 60`);
  }
});
