/**
 * What a link to a device must do: a few operations, each once. What a lost link needs, locks,
 * files and launches are built on them.
 *
 * @module
 */
import type { CommandResult } from "../device.ts";
import type { Source } from "./push_source.ts";

/** Limits of an operation. */
export interface Limit {
  /** Longest time without progress; an operation that reports none has this time in all. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * A link to one device with a POSIX shell.
 *
 * Every operation throws `HarnessError`: `device-lost`, `device-offline`, `device-not-found` or
 * `timeout` when the link may come back by itself; other codes when it won't.
 */
export interface ShellLink {
  /** Name of the device in records and messages. */
  readonly serial: string;
  /** Brings the link up, waiting a moment for a device that is still connecting. */
  open(limit: Limit): Promise<void>;
  /** Makes a fresh connection where that may help; `attempt` counts from 1 since it was lost. */
  reopen(attempt: number, limit: Limit): Promise<void>;
  /**
   * Returns how a shell line ended, both outputs apart. An answer that breaks off throws
   * `device-lost`.
   *
   * @param what for messages: "read the state"
   */
  once(what: string, line: string, limit: Limit): Promise<CommandResult>;
  /** Writes bytes to a path on the device; not verified, not repeated. */
  send(
    what: string,
    source: Source,
    devicePath: string,
    mode: number,
    limit: Limit,
  ): Promise<void>;
  /** Returns a file's bytes as they arrive; not verified. */
  fetch(what: string, devicePath: string, limit: Limit): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends what the link keeps open; absent where it keeps nothing. */
  close?(): Promise<void>;
}
