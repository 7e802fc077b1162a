/**
 * What a record says about a device: its description, constant during a run, and its state at one
 * moment.
 *
 * @module
 */
import { z } from "zod";

/** Schema of one CPU core as the system describes it; what can't be read is null. */
export const CoreSchema = z.strictObject({
  index: z.int(),
  maxFrequencyKHz: z.int().nullable(),
  minFrequencyKHz: z.int().nullable(),
  governor: z.string().nullable(),
  /** MIDR part number or model name, for instance `0xd0b` (Cortex-A76). */
  part: z.string().nullable(),
});

/** Schema of what a device is: constant during a run. */
export const DeviceDescriptionSchema = z.strictObject({
  /** Key in records: `host`, or the serial. */
  serial: z.string(),
  kind: z.enum(["host", "adb"]),
  /** True for a phone emulated for tests: its times enter no statistics, rank or gate. */
  emulated: z.boolean(),
  model: z.string().nullable(),
  manufacturer: z.string().nullable(),
  /** SoC, or the CPU's model name on the host. */
  soc: z.string().nullable(),
  /** Android version, or the host's operating system. */
  os: z.string().nullable(),
  /** `ro.build.fingerprint`, or the kernel version on the host. */
  buildFingerprint: z.string().nullable(),
  kernel: z.string().nullable(),
  abi: z.string(),
  cores: z.array(CoreSchema),
  /**
   * CPUs with maximum frequency ≥ (min+max)/2, as ncnn counts big cores; hexadecimal mask, null
   * when unknown.
   */
  bigCoreMask: z.string().nullable(),
  memoryBytes: z.int().nullable(),
  /**
   * CPU features that matter to ncnn, for instance `asimdhp`, `asimddp`, `i8mm`, `bf16`, `sve`;
   * `avx2`, `f16c`, `fma` on x86.
   */
  cpuFeatures: z.array(z.string()),
  rooted: z.boolean().nullable(),
});
/** See {@linkcode DeviceDescriptionSchema}. */
export type DeviceDescription = z.infer<typeof DeviceDescriptionSchema>;

/** Schema of the state of a device at one moment; what can't be read is null. */
export const DeviceStateSchema = z.strictObject({
  /** Host clock, ISO 8601. */
  at: z.string(),
  /** Current frequency per core, kHz. */
  frequenciesKHz: z.array(z.int().nullable()),
  governors: z.array(z.string().nullable()),
  /**
   * Highest frequency that the system allows each core now, kHz: below the core's maximum it is
   * capped. Absent where the source has none.
   */
  frequencyCapsKHz: z.array(z.int().nullable()).optional(),
  /** Thermal zones that could be read, degrees Celsius. */
  temperatures: z.array(z.strictObject({ zone: z.string(), tempC: z.number() })),
  /** Android's thermal status, 0 (none) to 6 (shutdown). */
  thermalStatus: z.int().nullable(),
  /** Android's thermal headroom, 1.0 is the threshold of severe throttling. */
  thermalHeadroom: z.number().nullable(),
  batteryPercent: z.number().nullable(),
  batteryTempC: z.number().nullable(),
  charging: z.boolean().nullable(),
  screenOn: z.boolean().nullable(),
  /** Busiest processes: name and share of one core in percent. */
  topProcesses: z.array(z.strictObject({ name: z.string(), cpuPercent: z.number() })).nullable(),
  freeMemoryBytes: z.int().nullable(),
  /** Load average over one minute. */
  load1: z.number().nullable(),
  /** Time since boot: a smaller value than before means that the device was rebooted. */
  uptimeSeconds: z.number().nullable(),
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
