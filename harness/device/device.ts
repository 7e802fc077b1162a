/**
 * The device boundary: a few plain operations, implemented for this machine (`host.ts`) and over
 * adb (`adb.ts`).
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

/** What a finished command left. */
export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Options of {@linkcode Device.run} and {@linkcode Device.launch}. */
export interface RunOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/** One launch of a program that writes its standard output to a file on the device. */
export interface Launch {
  /** Program (a path on the device) and its arguments. */
  command: string[];
  /** Name of the launch, unique within the run; also names its files in the run's folder. */
  name: string;
  /** Run folder on the device; created when missing. */
  runDir: string;
}

/**
 * A machine that variants run on. Every operation has a time limit and throws `HarnessError`
 * (`device-lost`, `device-offline`, `timeout`, `no-space`, `device-unsuitable`,
 * `bad-device-output`, …).
 */
export interface Device extends AsyncDisposable {
  readonly serial: string;
  readonly kind: "host" | "adb";
  /** Returns what the device is. */
  describe(): Promise<DeviceDescription>;
  /** Returns the state now. */
  state(): Promise<DeviceState>;
  /**
   * Returns the path on the device of a file with this content: pushed once, recognised by its hash
   * later. On the host the local path itself.
   */
  push(
    localPath: string,
    options?: { executable?: boolean; signal?: AbortSignal },
  ): Promise<string>;
  /** Removes pushed files from the device, to make room; on the host nothing. */
  drop(devicePaths: readonly string[]): Promise<void>;
  /**
   * Copies a local file to this very path on the device (a file of the run's folder): no
   * recognition by hash.
   */
  pushTo(localPath: string, devicePath: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Writes a file of the device to a local path. */
  pull(devicePath: string, localPath: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Returns a path for the run's folder on the device; creates it. */
  runDir(runId: string): Promise<string>;
  /** Runs a short command to its end. */
  run(command: string[], options: RunOptions): Promise<CommandResult>;
  /**
   * Starts the program detached, waits for its end, and returns its standard output as text,
   * complete and verified (the program's own end marker is checked by the caller). Over adb the
   * program survives a lost link: after a reconnect the wait goes on. Throws `runner-failed` with
   * the last stderr lines when it exits non-zero or is killed, `device-lost` when the device was
   * rebooted meanwhile (run it again), and `device-offline` when the link stayed lost for longer
   * than the limit.
   */
  launch(launch: Launch, options: RunOptions): Promise<CommandResult>;
  /** Removes the run's folder from the device. */
  removeRunDir(runDir: string): Promise<void>;
}
