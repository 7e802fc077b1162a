/**
 * What a record says about a device: its description, constant during a run, and its state at one
 * moment.
 *
 * @module
 */
import { z } from "zod";

/** Schema of one CPU core as the system describes it; what can't be read is null. */
export const CoreSchema = z.strictObject({
  index: z.int().describe("Number of the CPU, from 0."),
  maxFrequencyKHz: z.int().nullable().describe("Highest frequency, kHz."),
  minFrequencyKHz: z.int().nullable().describe("Lowest frequency, kHz."),
  governor: z.string().nullable().describe("Frequency governor, for instance `schedutil`."),
  part: z.string().nullable().describe(
    "MIDR part number or model name, for instance `0xd0b` (Cortex-A76).",
  ),
});

/** Targets that runners are built for: this machine, phones, boards. */
export const TARGETS = ["host", "aarch64-android", "aarch64-linux", "x86_64-linux"] as const;
/** See {@linkcode TARGETS}. */
export type Target = typeof TARGETS[number];

/** What a device can, by how it is reached: what is asked instead of its kind. */
export const ABILITIES = {
  host: { target: "host", defaultPowersave: 0, passivelyCooled: false },
  adb: { target: "aarch64-android", defaultPowersave: 2, passivelyCooled: true },
  arm64Board: { target: "aarch64-linux", defaultPowersave: 2, passivelyCooled: true },
  x86Board: { target: "x86_64-linux", defaultPowersave: 2, passivelyCooled: false },
} as const;

/** A description of version 0.1.0, which says what the device is and not what it can, with both. */
function withAbilities(value: unknown): unknown {
  if (typeof value !== "object" || value === null || "target" in value) return value;
  const kind = "kind" in value && value.kind === "host" ? "host" : "adb";
  return { ...value, ...ABILITIES[kind] };
}

const DescriptionObject = z.strictObject({
  serial: z.string().describe("Key in records: `host`, the serial, or a board's address."),
  kind: z.string().describe("How the device is reached, for people: `host`, `adb`, `ssh`."),
  target: z.enum(TARGETS).describe("What a program must be built for to run there."),
  defaultPowersave: z.int().describe(
    "ncnn's powersave unless the user asks for one: 0 all cores, 2 the big ones.",
  ),
  passivelyCooled: z.boolean().describe(
    "True where heat slows the device down within minutes, so that an unknown temperature is worth a warning.",
  ),
  emulated: z.boolean().describe(
    "True for an emulated phone or board: its times enter no statistics, rank or gate.",
  ),
  model: z.string().nullable().describe("Model, for instance `Pixel 8`; null when unknown."),
  manufacturer: z.string().nullable().describe("Manufacturer; null when unknown."),
  soc: z.string().nullable().describe("SoC, or the CPU's model name on the host."),
  os: z.string().nullable().describe("Android version, or the host's operating system."),
  buildFingerprint: z.string().nullable().describe(
    "`ro.build.fingerprint`, or the kernel version on the host.",
  ),
  kernel: z.string().nullable().describe("Version of the kernel; null when unknown."),
  abi: z.string().describe("ABI of programs, for instance `arm64-v8a`."),
  cores: z.array(CoreSchema).describe("CPUs that are online, by number."),
  offlineCpus: z.array(z.int()).optional().describe(
    "CPUs that are there and switched off, by number; absent in records of before.",
  ),
  bigCoreMask: z.string().nullable().describe(
    "CPUs with maximum frequency ≥ (min+max)/2, as ncnn counts big cores; hexadecimal mask, null when unknown.",
  ),
  memoryBytes: z.int().nullable().describe("Memory, bytes; null when unknown."),
  cpuFeatures: z.array(z.string()).describe(
    "CPU features that matter to ncnn, for instance `asimdhp`, `asimddp`, `i8mm`, `bf16`, `sve`; `avx2`, `f16c`, `fma` on x86.",
  ),
  rooted: z.boolean().nullable().describe("True when a root shell can be had; null when unknown."),
});

/** Schema of what a device is and can: constant during a run. */
export const DeviceDescriptionSchema = z.preprocess(withAbilities, DescriptionObject);
/** See {@linkcode DeviceDescriptionSchema}. */
export type DeviceDescription = z.infer<typeof DeviceDescriptionSchema>;

/** Schema of the state of a device at one moment; what can't be read is null. */
export const DeviceStateSchema = z.strictObject({
  at: z.string().describe("Host clock, ISO 8601."),
  frequenciesKHz: z.array(z.int().nullable()).describe(
    "Current frequency by number of the CPU, kHz; null where it can't be read.",
  ),
  governors: z.array(z.string().nullable()).describe(
    "Frequency governor by number of the CPU; null where it can't be read.",
  ),
  frequencyCapsKHz: z.array(z.int().nullable()).optional().describe(
    "Highest frequency that the system allows each core now, kHz: below the core's maximum it is capped. Absent where the source has none.",
  ),
  temperatures: z.array(
    z.strictObject({
      zone: z.string().describe("Name of the thermal zone."),
      tempC: z.number().describe("Temperature, degrees Celsius."),
    }),
  ).describe("Thermal zones that could be read, degrees Celsius."),
  firmwareThrottling: z.strictObject({
    now: z.array(z.string()).describe("Reasons that hold now, for instance `under-voltage`."),
    sinceBoot: z.array(z.string()).describe("Reasons that held at some time since boot."),
  }).nullable().optional().describe(
    "Why the firmware slows the CPU down (Raspberry Pi, `vcgencmd get_throttled`); null where it does not tell. Absent where nobody asked.",
  ),
  stealSeconds: z.number().nullable().optional().describe(
    "Time since boot that other virtual machines took from this one, summed over its CPUs, seconds; null when unknown. Absent where nobody asked.",
  ),
  thermalStatus: z.int().nullable().describe("Android's thermal status, 0 (none) to 6 (shutdown)."),
  thermalHeadroom: z.number().nullable().describe(
    "Android's thermal headroom, 1.0 is the threshold of severe throttling.",
  ),
  batteryPercent: z.number().nullable().describe(
    "Charge of the battery, percent; null without one.",
  ),
  batteryTempC: z.number().nullable().describe(
    "Temperature of the battery, degrees Celsius; null without one.",
  ),
  charging: z.boolean().nullable().describe(
    "True while the battery is charged; null when unknown.",
  ),
  screenOn: z.boolean().nullable().describe("True when the screen is on; null when unknown."),
  topProcesses: z.array(
    z.strictObject({
      name: z.string().describe("Name of the process."),
      cpuPercent: z.number().describe("Share of one core, percent."),
    }),
  ).nullable().describe("Busiest processes: name and share of one core in percent."),
  freeMemoryBytes: z.int().nullable().describe(
    "Memory that is available, bytes; null when unknown.",
  ),
  load1: z.number().nullable().describe("Load average over one minute."),
  uptimeSeconds: z.number().nullable().describe(
    "Time since boot, seconds: a smaller value than before means that the device was rebooted.",
  ),
});
/** See {@linkcode DeviceStateSchema}. */
export type DeviceState = z.infer<typeof DeviceStateSchema>;

/** Returns a state of which nothing is known. */
export function unknownState(at: string): DeviceState {
  return {
    at,
    frequenciesKHz: [],
    governors: [],
    temperatures: [],
    thermalStatus: null,
    thermalHeadroom: null,
    batteryPercent: null,
    batteryTempC: null,
    charging: null,
    screenOn: null,
    topProcesses: null,
    freeMemoryBytes: null,
    load1: null,
    uptimeSeconds: null,
  };
}
