import { assertEquals } from "@std/assert";
import {
  parseAndroidState,
  parseBattery,
  parseScreenOn,
  parseThermalService,
  parseTop,
} from "./state.ts";
import { DeviceStateSchema } from "../../record/device.ts";

const RECORDINGS = new URL("../testdata/emulated/recordings/", import.meta.url);
const recording = (name: string) => Deno.readTextFileSync(new URL(name, RECORDINGS));

Deno.test("parseBattery() reads level, temperature and charging when a battery is there", () => {
  assertEquals(parseBattery(recording("phone/battery.txt")), {
    batteryPercent: 83,
    batteryTempC: 27.4,
    charging: true,
  });
  const full = "  status: 5\n  present: true\n  level: 255\n  scale: 255\n  temperature: -52\n";
  assertEquals(parseBattery(full), { batteryPercent: 100, batteryTempC: -5.2, charging: false });
});

Deno.test("parseBattery() is null when there is no battery or no such service", () => {
  const none = { batteryPercent: null, batteryTempC: null, charging: null };
  assertEquals(parseBattery("Can't find service: battery"), none);
  assertEquals(parseBattery("  present: false\n  level: 0\n  temperature: 0\n  status: 1\n"), none);
  // Samsung prints events with levels below the state.
  assertEquals(
    parseBattery("  level: 75\n[EventLogBuffer]\n08-11 18:34 level:72, temperature:345\n"),
    { batteryPercent: 75, batteryTempC: null, charging: null },
  );
});

Deno.test("parseThermalService() takes current temperatures and not cached ones, nor voltages", () => {
  const thermal = parseThermalService(recording("android14/thermalservice.txt"));
  assertEquals(thermal.thermalStatus, 0);
  assertEquals(thermal.temperatures.map(({ zone }) => zone), [
    "BIG",
    "MID",
    "LITTLE",
    "G3D",
    "battery",
    "VIRTUAL-SKIN",
  ]);
  // (28.5 - (45 - 30)) / 30
  assertEquals(thermal.thermalHeadroom, 0.45);
});

Deno.test("parseThermalService() has no headroom when Android 10 prints no thresholds", () => {
  const thermal = parseThermalService(recording("android10/thermalservice.txt"));
  assertEquals([thermal.thermalStatus, thermal.thermalHeadroom], [2, null]);
  assertEquals(thermal.temperatures.find(({ zone }) => zone === "skin"), {
    zone: "skin",
    tempC: 43.25,
  });
  assertEquals(thermal.temperatures.some(({ zone }) => zone === "usb"), false);
});

Deno.test("parseThermalService() is null when there is no such service", () => {
  assertEquals(parseThermalService("Can't find service: thermalservice"), {
    thermalStatus: null,
    thermalHeadroom: null,
    temperatures: [],
  });
});

Deno.test("parseScreenOn() follows the display before the wakefulness, and is null without both", () => {
  assertEquals(parseScreenOn(recording("phone/power.txt")), false);
  assertEquals(parseScreenOn("  mWakefulness=Awake\nDisplay Power: state=OFF"), false);
  assertEquals(parseScreenOn("  mWakefulness=Awake\n"), true);
  assertEquals(parseScreenOn("  mWakefulness=Dozing\n"), false);
  assertEquals(parseScreenOn(""), null);
});

Deno.test("parseTop() lists busy processes without top itself, and is null without a table", () => {
  assertEquals(parseTop(recording("android14/top.txt")), [
    { name: "com.example.navigation", cpuPercent: 38.4 },
    { name: "system_server", cpuPercent: 13.7 },
    { name: "surfaceflinger", cpuPercent: 3.4 },
  ]);
  assertEquals(parseTop(recording("android10/top.txt")), [
    { name: "system_server", cpuPercent: 6.6 },
    { name: "[rcu_preempt]", cpuPercent: 3.3 },
  ]);
  assertEquals(parseTop("top: Unknown option o"), null);
});

Deno.test("parseAndroidState() leaves unknown null when the phone tells nothing", () => {
  const state = DeviceStateSchema.parse(parseAndroidState("", "2026-01-01T00:00:00.000Z"));
  const { at: _at, frequenciesKHz, governors, temperatures, frequencyCapsKHz, ...rest } = state;
  assertEquals([frequenciesKHz, governors, temperatures, frequencyCapsKHz], [[], [], [], []]);
  assertEquals(new Set(Object.values(rest)), new Set([null]));
});
