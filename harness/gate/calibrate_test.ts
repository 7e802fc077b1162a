import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { PHONE_MODELS } from "../simulate/noise_model.ts";
import { seededRng } from "../stats/rng.ts";
import { deviceNoise } from "../stats/detectable.ts";
import { type CalibrationRun, knownNoise, resolutions, runCalibration } from "./calibrate.ts";
import { simulatedBlocks } from "./testdata/gate_fixture.ts";

function runOf(change: Partial<CalibrationRun> = {}): CalibrationRun {
  return {
    device: "host",
    metrics: ["total.p50", "peakRss"],
    blockCount: 16,
    ...simulatedBlocks(PHONE_MODELS[0], seededRng(2), 1),
    ...change,
  };
}

Deno.test("runCalibration() gives two log ratios per block and the time of one", async () => {
  let heard = 0;
  const { blocks, secondsPerBlock } = await runCalibration(runOf({ onBlock: () => heard++ }));
  assertEquals([blocks["total.p50"]!.length, blocks["total.p50"]![0].length, heard], [16, 2, 16]);
  assert(blocks["total.p50"]!.flat().every((value) => Math.abs(value) < 0.1));
  assertEquals(blocks["peakRss"]!.flat(), new Array(32).fill(0));
  assert(secondsPerBlock > 2 && secondsPerBlock < 5, `${secondsPerBlock}`);
});

Deno.test("resolutions() shrink when the budget grows", async () => {
  const found = resolutions(await runCalibration(runOf()), [5, 20, 60, 180]);
  const times = found.filter(({ metric }) => metric === "total.p50").map((r) => r.detectable);
  // 5 s: one block, fewer than any verdict needs
  assertEquals(times[0], null);
  assert(times[1]! > times[2]! && times[2]! > times[3]! && times[3]! > 1, JSON.stringify(times));
});

Deno.test("runCalibration() leaves a metric out when a launch does not tell it", async () => {
  const launch = launchFixture({ variantId: "a", round: 0, totalNs: [1e7], peakRssBytes: null });
  const sides = { baseline: [launch, launch], candidate: [launch, launch] };
  const { blocks } = await runCalibration(runOf({ runBlock: () => Promise.resolve(sides) }));
  assertEquals(Object.keys(blocks), ["total.p50"]);
});

Deno.test("runCalibration() keeps what it has when the device gets hot late, and throws when early", async () => {
  const hotAfter = (blocks: number) => {
    let done = 0;
    return runOf({ onBlock: () => done++, stopReason: () => done >= blocks ? "it is hot" : null });
  };
  assertEquals((await runCalibration(hotAfter(10))).blocks["total.p50"]!.length, 10);
  const error = await assertRejects(
    () => runCalibration(hotAfter(3)),
    HarnessError,
    "stopped after 3 blocks, since it is hot",
  );
  assertEquals(error.code, "device-hot");
});

Deno.test("runCalibration() throws when fewer than 8 blocks are asked for", async () => {
  await assertRejects(() => runCalibration(runOf({ blockCount: 7 })), RangeError, "at least 8");
});

Deno.test("knownNoise() is the noise of the blocks, none when they are few, and says whose workload it is", () => {
  const blocks = [0.01, -0.02, 0.01, 0, 0.02, -0.01, 0.01, -0.01].map((value) => [value, -value]);
  const of = (blocks: number[][], isOfWorkload = true) =>
    knownNoise({ secondsPerBlock: 3, blocks: { "total.p50": blocks }, isOfWorkload }, "R5CT10");
  const known = of(blocks);
  assertEquals(known, {
    noise: { "total.p50": deviceNoise(blocks) },
    secondsPerBlock: 3,
    notes: [],
  });
  assertEquals(of(blocks.slice(1)).noise, {});
  assertStringIncludes(of(blocks, false).notes[0], '"R5CT10" was calibrated with another variant');
  assertEquals(knownNoise(null, "R5CT10"), { noise: {}, secondsPerBlock: null, notes: [] });
});
