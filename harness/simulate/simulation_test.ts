import { assert, assertEquals, assertRejects } from "@std/assert";
import { PHONE_MODELS } from "./noise_model.ts";
import { FULL_SIMULATION, simulateModel } from "./simulation.ts";
import { simulationTable } from "./table.ts";

const SMALL = {
  ...FULL_SIMULATION,
  calibrations: 4,
  gatesPerCalibration: 40,
  otherExperiments: 20,
};

Deno.test("simulateModel() shows at most 5% false alarms and 10% misses for the claimed change when the device throttles", async () => {
  const throttling = PHONE_MODELS.find((model) => model.name === "throttling phone")!;
  const rows = await simulateModel(throttling, SMALL);
  assertEquals(rows.length, 4);
  const [paired] = rows;
  assertEquals(paired.method, "paired sequential");
  assert(paired.falseAlarms <= 0.05, `false alarms ${paired.falseAlarms}`);
  assert(paired.misses <= 0.1, `misses ${paired.misses}`);
  assert(paired.ratio > 1 && paired.ratio < 1.2, `ratio ${paired.ratio}`);
  const mlperf = rows.find((row) => row.method.startsWith("MLPerf"))!;
  assert(mlperf.seconds > 120, "two runs of 60 s each");
  assert(mlperf.seconds > 3 * paired.seconds, `${paired.seconds} of ${mlperf.seconds}`);
});

Deno.test("simulateModel() repeats its figures when the seed is the same", async () => {
  const tiny = { ...SMALL, calibrations: 1, gatesPerCalibration: 3, otherExperiments: 2 };
  const quiet = PHONE_MODELS[0];
  assertEquals(await simulateModel(quiet, tiny), await simulateModel(quiet, tiny));
});

Deno.test("simulateModel() has no rows when the noise leaves nothing to be claimed", async () => {
  const hopeless = { ...PHONE_MODELS[0], name: "hopeless", launchSd: 3 };
  assertEquals(await simulateModel(hopeless, { ...SMALL, calibrations: 1 }), []);
});

Deno.test("simulateModel() ends when a device seems to get faster for ever, and when it is interrupted", async () => {
  const drifting = { ...PHONE_MODELS[0], name: "drifting", trendPerMinute: 0.5 };
  const tiny = { ...SMALL, calibrations: 2, gatesPerCalibration: 2, otherExperiments: 2 };
  assertEquals((await simulateModel(drifting, tiny)).length, 4);
  const stop = new AbortController();
  const running = simulateModel(PHONE_MODELS[0], SMALL, stop.signal);
  stop.abort(new Error("enough"));
  await assertRejects(() => running, Error, "enough");
});

Deno.test("simulationTable() writes one Markdown line per row when a design never reaches the rates", () => {
  const table = simulationTable([{
    model: "m",
    method: "x",
    ratio: 1.02,
    falseAlarms: 0.01,
    misses: 0.125,
    seconds: 12.4,
    secondsAtEqualErrors: null,
  }]);
  assertEquals(table.split("\n").at(-1), "| m | x | 2.0% | 1.0% | 12.5% | 12 | never |");
});
