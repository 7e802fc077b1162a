import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  COOL_RULES,
  coolLaunches,
  heatReasons,
  heatSources,
  heatWarning,
  throttleMarks,
  waitUntilCool,
} from "./cool_down.ts";
import { parseAndroidState } from "./adb/state.ts";
import type { DeviceState } from "../record/device.ts";
import { HarnessError } from "../errors.ts";

/** A state where nothing could be read, but for what is given. */
function state(known: Partial<DeviceState> = {}): DeviceState {
  return { ...parseAndroidState("", "2026-01-01T00:00:00.000Z"), ...known };
}

/** A phone whose state is a function of a scripted clock: no time passes in the test. */
function scriptedPhone(stateAt: (seconds: number) => Partial<DeviceState>) {
  let nowMs = 0;
  const told: string[] = [];
  return {
    told,
    seconds: () => nowMs / 1000,
    device: { serial: "hot", state: () => Promise.resolve(state(stateAt(nowMs / 1000))) },
    waiting: {
      nowMs: () => nowMs,
      sleep: (ms: number) => {
        nowMs += ms;
        return Promise.resolve();
      },
      tell: (message: string) => {
        told.push(message);
      },
    },
  };
}

Deno.test("heatReasons() is empty when cool or unknown, and names each source with numbers when hot", () => {
  const rest = state({ temperatures: [{ zone: "cpu", tempC: 35 }, { zone: "skin", tempC: 30 }] });
  assertEquals(heatReasons(state(), rest), []);
  assertEquals(heatReasons(rest, rest), []);
  const hot = state({
    thermalStatus: 2,
    batteryTempC: 40.5,
    temperatures: [{ zone: "cpu", tempC: 43.1 }, { zone: "skin", tempC: 38 }, {
      zone: "new",
      tempC: 90,
    }],
  });
  assertEquals(heatReasons(hot, rest), [
    "thermal status is moderate (2), expected none",
    "battery at 40.5 °C, expected at most 36 °C",
    "zone cpu at 43.1 °C, expected at most 43 °C (35 °C at rest)",
  ]);
  assertEquals(heatReasons(hot, null).length, 2);
});

Deno.test("heatSources() and heatWarning() say when a phone tells nothing", () => {
  assertEquals(heatSources(state()), []);
  assertEquals(heatSources(state({ thermalStatus: 0, batteryTempC: 30 })), ["status", "battery"]);
  assertEquals(heatWarning({ serial: "a", passivelyCooled: true }, state())?.code, "heat-unknown");
  assertEquals(
    heatWarning({ serial: "a", passivelyCooled: true }, state({ batteryTempC: 30 })),
    null,
  );
  assertEquals(heatWarning({ serial: "host", passivelyCooled: false }, state()), null);
});

Deno.test("throttleMarks() marks any thermal status above none and any cap below what is expected", () => {
  const core = (index: number, maxFrequencyKHz: number | null) => ({
    index,
    maxFrequencyKHz,
    minFrequencyKHz: null,
    governor: null,
    part: null,
  });
  const description = { cores: [core(0, 1_800_000), core(1, 2_800_000), core(2, null)] };
  const full = state({ thermalStatus: 0, frequencyCapsKHz: [1_800_000, 2_800_000, 900_000] });
  assertEquals(throttleMarks(full, full, description), []);
  assertEquals(throttleMarks(null, null, description), []);
  const hot = state({ thermalStatus: 1, frequencyCapsKHz: [1_800_000, 1_400_000, null] });
  assertEquals(throttleMarks(full, hot, description).map((mark) => [mark.mark, mark.reason]), [
    ["throttled", "thermal status light (1) after the launch"],
    ["throttled", "frequency capped after the launch: CPU 1 at 1400 of 2800 MHz"],
  ]);
  const pinned = state({ frequencyCapsKHz: [1_200_000, 1_400_000, null] });
  assertEquals(throttleMarks(pinned, pinned, description, [1_200_000, 1_400_000, null]), []);
  assertEquals(throttleMarks(null, pinned, description).length, 1);
  const loose = throttleMarks(pinned, pinned, description, [1_000_000, 1_400_000, null]);
  assertEquals(loose.map(({ mark }) => mark), ["unpinned", "unpinned"]);
  assertStringIncludes(loose[0].reason, "CPU 0 at 1200 of 1000 MHz");
});

Deno.test("throttleMarks() marks what a Raspberry Pi's firmware tells: now, and what came in the launch", () => {
  const told = (now: string[], sinceBoot: string[]) =>
    state({ firmwareThrottling: { now, sinceBoot } });
  const reasons = (before: DeviceState | null, after: DeviceState | null) =>
    throttleMarks(before, after, { cores: [] }).map(({ mark, reason }) => `${mark}: ${reason}`);
  const [calm, past] = [told([], []), told([], ["throttled"])];
  assertEquals([reasons(calm, calm), reasons(past, past), reasons(null, past)], [[], [], []]);
  assertEquals(reasons(calm, past), [
    "throttled: the firmware slowed the CPU down during the launch: throttled",
  ]);
  assertEquals(reasons(told(["under-voltage"], ["under-voltage"]), state()), [
    "throttled: the firmware slows the CPU down before the launch: under-voltage",
  ]);
  assertEquals(heatReasons(told(["under-voltage"], []), null), []);
  assertEquals(heatReasons(told(["throttled"], []), null).length, 1);
});

Deno.test("waitUntilCool() returns at once when the device is cool", async () => {
  const phone = scriptedPhone(() => ({ batteryTempC: 28, thermalStatus: 0 }));
  const result = await waitUntilCool(phone.device, null, COOL_RULES, phone.waiting);
  assertEquals([result.waitedMs, result.marks, phone.told], [0, [], []]);
});

Deno.test("waitUntilCool() waits until a phone that heated has cooled", async () => {
  // 42 °C, cooling a tenth of a degree a second: 36 °C after 60 s.
  const phone = scriptedPhone((seconds) => ({ batteryTempC: 42 - seconds / 10 }));
  const result = await waitUntilCool(phone.device, null, COOL_RULES, phone.waiting);
  assertEquals([result.waitedMs, result.marks], [60_000, []]);
  assertEquals(result.state.batteryTempC, 36);
  assertEquals(phone.told.length, 1);
});

Deno.test("waitUntilCool() gives up at its limit and marks the start when the phone stays hot", async () => {
  const phone = scriptedPhone(() => ({ batteryTempC: 42, thermalStatus: 3 }));
  const rules = { ...COOL_RULES, limitMs: 12_000 };
  const result = await waitUntilCool(phone.device, null, rules, phone.waiting);
  assertEquals(result.waitedMs, 12_000);
  assertEquals(result.marks.map((mark) => mark.mark), ["hot-start"]);
  assertStringIncludes(result.marks[0].reason, "battery at 42 °C");
  assertStringIncludes(result.marks[0].reason, "severe (3)");
});

Deno.test("waitUntilCool() throws interrupted when the signal aborts", async () => {
  const phone = scriptedPhone(() => ({ batteryTempC: 42 }));
  const waiting = { ...phone.waiting, signal: AbortSignal.abort() };
  const error = await assertRejects(
    () => waitUntilCool(phone.device, null, COOL_RULES, waiting),
    HarnessError,
  );
  assertEquals(error.code, "interrupted");
});

Deno.test("coolLaunches() starts from the state after the last launch while it is fresh, and reads it anew when it is not cool", async () => {
  let reads = 0;
  const phone = scriptedPhone((seconds) => {
    reads++;
    return { thermalStatus: seconds > 8 && seconds < 12 ? 1 : 0, batteryPercent: reads };
  });
  const cool = await coolLaunches(phone.device, 60_000, phone.waiting);
  const percent = async () => (await cool.beforeLaunch()).state.batteryPercent;
  assertEquals([await percent(), reads], [1, 1]);
  // nobody told a state since: it is read, once
  assertEquals([await percent(), reads], [2, 2]);
  cool.afterLaunch(state({ thermalStatus: 0, batteryPercent: 50 }));
  assertEquals([await percent(), reads], [50, 2]);
  cool.afterLaunch(state({ thermalStatus: 0, batteryPercent: 50 }));
  await phone.waiting.sleep(1000);
  assertEquals([await percent(), reads], [3, 3]);
  cool.afterLaunch(state({ thermalStatus: 2, batteryPercent: 50 }));
  const { state: waited, marks } = await cool.beforeLaunch();
  assertEquals([waited.thermalStatus, waited.batteryPercent, marks], [0, 4, []]);
  assertEquals(phone.told.length, 1);
});
