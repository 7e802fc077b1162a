/**
 * How a phone is at one moment: a script that reads it, and pure readers of what Android's services
 * print.
 *
 * Formats: `recordings/README.md` of the emulated phone. A source that is missing or says something
 * else is null.
 *
 * @module
 */
import type { DeviceState } from "../../record/device.ts";
import {
  FREQUENCY_AND_ZONE_LINES,
  memInfoBytes,
  parseFrequencies,
  parseLoad1,
  parseThermalZones,
  parseUptimeSeconds,
} from "../shell/proc.ts";
import { integerOrNull, SECTION_PRELUDE, splitSections } from "../shell/sections.ts";

/**
 * Script that reads the state of a phone without rights; `top` takes a quarter of a second of it.
 */
export const ANDROID_STATE_SCRIPT = `${SECTION_PRELUDE}
section uptime; cat /proc/uptime
section loadavg; cat /proc/loadavg
section meminfo; cat /proc/meminfo
${FREQUENCY_AND_ZONE_LINES}
section battery; dumpsys battery
section thermal; dumpsys thermalservice
section power; dumpsys power | grep -e mWakefulness= -e 'Display Power: state='
section top; top -b -n 1 -m 10 -o PID,USER,%CPU,ARGS
section end
exit 0
`;

/** Battery as `dumpsys battery` prints it. */
export type Battery = Pick<DeviceState, "batteryPercent" | "batteryTempC" | "charging">;

/**
 * Returns the battery of `dumpsys battery`: level in percent of its scale, temperature (given in
 * tenths), and whether it is charging (status 2, `BatteryManager.BATTERY_STATUS_CHARGING`).
 */
export function parseBattery(text: string): Battery {
  const value = (key: string) =>
    integerOrNull(new RegExp(`^\\s+${key}: (-?\\d+)\\s*$`, "m").exec(text)?.[1]);
  const [level, scale, tenths, status] = ["level", "scale", "temperature", "status"].map(value);
  // Devices without a battery (boards, some emulators) say `present: false` and give made-up
  // values.
  const present = !/^\s+present: false\s*$/m.test(text);
  return {
    batteryPercent: present && level !== null && level >= 0
      ? Math.round(1000 * level / (scale ?? 100)) / 10
      : null,
    batteryTempC: present && tenths !== null && tenths > -400 && tenths < 1500 ? tenths / 10 : null,
    charging: present && status !== null && status >= 2 && status <= 5 ? status === 2 : null,
  };
}

/** What `dumpsys thermalservice` says. */
export type Thermal = Pick<DeviceState, "thermalStatus" | "thermalHeadroom" | "temperatures">;

/** `Temperature.TYPE_SKIN` of Android. */
const TYPE_SKIN = 3;
/** `Temperature.TYPE_BCL_VOLTAGE`, `_CURRENT` and `_PERCENTAGE`: not temperatures at all. */
const NOT_TEMPERATURES = [6, 7, 8];
/** Index of `THROTTLING_SEVERE` among the thresholds. */
const SEVERE = 3;

/**
 * Returns the thermal status, the temperatures that the HAL gives now (not the cached ones), and
 * the headroom.
 *
 * Headroom of a skin sensor is (temperature − (severe threshold − 30)) / 30, the largest counts:
 * 1.0 is the threshold of severe throttling (AOSP
 * `ThermalManagerService.TemperatureWatcher.normalizeTemperature`, without its forecast). Null
 * before Android 11, which prints no thresholds.
 */
export function parseThermalService(text: string): Thermal {
  const status = /^\s*Thermal Status: (\d)\s*$/m.exec(text);
  const begin = text.indexOf("Current temperatures from HAL:");
  const rest = begin < 0 ? "" : text.slice(begin);
  const end = rest.search(/^Current cooling devices|^Temperature static thresholds/m);
  const current = end < 0 ? rest : rest.slice(0, end);
  const temperatures: Thermal["temperatures"] = [];
  const skin = new Map<string, number>();
  for (
    const match of current.matchAll(
      /Temperature\{mValue=(-?[\d.]+), mType=(-?\d+), mName=([^,}]*), mStatus=\d+\}/g,
    )
  ) {
    const [tempC, type, zone] = [Number(match[1]), Number(match[2]), match[3]];
    // A sensor that is off reads 0, or far below.
    if (NOT_TEMPERATURES.includes(type) || !(tempC > -40 && tempC < 200) || tempC === 0) continue;
    temperatures.push({ zone, tempC });
    if (type === TYPE_SKIN) skin.set(zone, tempC);
  }
  let headroom: number | null = null;
  for (
    const match of text.matchAll(
      /TemperatureThreshold\{[^}]*mType=3, mName=([^,}]*), mHotThrottlingThresholds=\[([^\]]*)\]/g,
    )
  ) {
    const tempC = skin.get(match[1]);
    const severeC = Number(match[2].split(",")[SEVERE]);
    if (tempC === undefined || !Number.isFinite(severeC)) continue;
    const own = Math.max(0, (tempC - (severeC - 30)) / 30);
    headroom = Math.max(headroom ?? 0, Math.round(own * 1000) / 1000);
  }
  return {
    thermalStatus: status ? Number(status[1]) : null,
    thermalHeadroom: headroom,
    temperatures,
  };
}

/** Returns whether the screen is on, from `dumpsys power`; null when it does not say. */
export function parseScreenOn(text: string): boolean | null {
  const display = /^Display Power: state=(\w+)/m.exec(text);
  if (display) return display[1] === "ON" || display[1] === "VR";
  const wakefulness = /mWakefulness=(\w+)/.exec(text);
  return wakefulness ? wakefulness[1] === "Awake" : null;
}

/**
 * Returns the busiest processes of toybox `top -b -o PID,USER,%CPU,ARGS`, without `top` itself and
 * idle ones; null when there is no table.
 */
export function parseTop(text: string, atMost = 5): DeviceState["topProcesses"] {
  // deno-lint-ignore no-control-regex
  const lines = text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").split("\n");
  const header = lines.findIndex((line) => /^\s*PID\s+USER\s+%CPU/.test(line));
  if (header < 0) return null;
  const rows: { name: string; cpuPercent: number }[] = [];
  for (const line of lines.slice(header + 1)) {
    const match = /^\s*\d+\s+\S+\s+(\d+(?:\.\d+)?)\s+(\S+)/.exec(line);
    if (!match || Number(match[1]) === 0 || match[2] === "top") continue;
    rows.push({ name: match[2], cpuPercent: Number(match[1]) });
  }
  return rows.sort((a, b) => b.cpuPercent - a.cpuPercent).slice(0, atMost);
}

/**
 * Returns the state of a phone from the output of {@linkcode ANDROID_STATE_SCRIPT}.
 *
 * @param at host clock when the script began, ISO 8601: the phone's own clock is not trusted
 */
export function parseAndroidState(output: string, at: string): DeviceState {
  const sections = splitSections(output);
  const section = (name: string) => sections.get(name) ?? "";
  const thermal = parseThermalService(section("thermal"));
  const zones = parseThermalZones(section("zones"));
  return {
    at,
    ...parseFrequencies(section("frequencies")),
    ...parseBattery(section("battery")),
    thermalStatus: thermal.thermalStatus,
    thermalHeadroom: thermal.thermalHeadroom,
    // A zone of the kernel and a sensor of the HAL may share a name: the kernel's stands.
    temperatures: [
      ...zones,
      ...thermal.temperatures.filter(({ zone }) => !zones.some((own) => own.zone === zone)),
    ],
    screenOn: parseScreenOn(section("power")),
    topProcesses: parseTop(section("top")),
    freeMemoryBytes: memInfoBytes(section("meminfo"), "MemAvailable"),
    load1: parseLoad1(section("loadavg")),
    uptimeSeconds: parseUptimeSeconds(section("uptime")),
  };
}
