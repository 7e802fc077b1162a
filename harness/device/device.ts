/**
 * The device boundary: a few plain operations, implemented for this machine (`host.ts`) and over
 * adb (`adb.ts`).
 *
 * @module
 */
import type { DeviceDescription, DeviceState } from "../record/device.ts";

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
  /** Returns what the device is. */
  describe(): Promise<DeviceDescription>;
  /** Returns the state now. */
  state(): Promise<DeviceState>;
  /**
   * Returns the highest frequency per core that is to be expected, kHz, where it was pinned; null:
   * the cores' maxima.
   */
  frequencyCapsKHz(): readonly (number | null)[] | null;
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
