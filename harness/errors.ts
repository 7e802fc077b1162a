/**
 * The one error that a user can meet, with a stable code and the exit code that follows from it.
 *
 * @module
 */

/** Exit codes of every command (CONVENTIONS.md): a farm retries 3 and 4 only. */
export const EXIT = {
  pass: 0,
  failure: 1,
  usage: 2,
  environment: 3,
  inconclusive: 4,
} as const;

/**
 * What an error ends.
 *
 * - `launch`: one launch; it is put on record, and the same or the next one may go well.
 * - `device`: everything on this device, for as long as somebody does something about it; other
 *   devices go on.
 * - `run`: what was asked; the cause would meet every device, or lies in the request.
 */
export type Ends = "launch" | "device" | "run";

/** Stable error codes: the exit code of each, and what it ends. */
export const ERRORS = {
  // what was asked is wrong
  "bad-option": { exit: EXIT.usage, ends: "run" },
  "bad-config": { exit: EXIT.usage, ends: "run" },
  "bad-model": { exit: EXIT.usage, ends: "run" },
  "bad-param": { exit: EXIT.usage, ends: "run" },
  "bad-image": { exit: EXIT.usage, ends: "run" },
  "bad-annotations": { exit: EXIT.usage, ends: "run" },
  "bad-detections": { exit: EXIT.usage, ends: "run" },
  "bad-record": { exit: EXIT.usage, ends: "run" },
  "not-comparable": { exit: EXIT.usage, ends: "run" },
  "output-exists": { exit: EXIT.usage, ends: "run" },
  // the machine, the network or the device is in the way
  "missing-tool": { exit: EXIT.environment, ends: "run" },
  "download-failed": { exit: EXIT.environment, ends: "run" },
  "hash-mismatch": { exit: EXIT.environment, ends: "run" },
  "no-space": { exit: EXIT.environment, ends: "run" },
  "build-failed": { exit: EXIT.environment, ends: "run" },
  "convert-failed": { exit: EXIT.environment, ends: "run" },
  "interrupted": { exit: EXIT.environment, ends: "run" },
  "store-failed": { exit: EXIT.environment, ends: "run" },
  "farm-failed": { exit: EXIT.environment, ends: "run" },
  // ncnn refuses the graph or its weights, or can't run it at this size
  "model-refused": { exit: EXIT.usage, ends: "launch" },
  "runner-failed": { exit: EXIT.environment, ends: "launch" },
  "bad-device-output": { exit: EXIT.environment, ends: "launch" },
  "timeout": { exit: EXIT.environment, ends: "launch" },
  // the device was rebooted meanwhile: the same launch may go well now
  "device-lost": { exit: EXIT.environment, ends: "launch" },
  "device-not-found": { exit: EXIT.environment, ends: "device" },
  "device-unauthorized": { exit: EXIT.environment, ends: "device" },
  "device-offline": { exit: EXIT.environment, ends: "device" },
  "device-busy": { exit: EXIT.environment, ends: "device" },
  // it was waited for as long as the user allows
  "device-hot": { exit: EXIT.environment, ends: "device" },
  "device-unsuitable": { exit: EXIT.environment, ends: "device" },
} as const satisfies Record<string, { exit: number; ends: Ends }>;

/** A stable error code: scripts may match on it. */
export type ErrorCode = keyof typeof ERRORS;

/**
 * An error that a user can meet.
 *
 * The message says what could not be done, to which thing, what was found, what was expected and
 * what to do next: `Cannot push the runner to device "R5CT10": adb exited 1 (device unauthorized):
 * accept the prompt on the phone and run again`.
 */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
  /** Stable code. */
  readonly code: ErrorCode;
  /** Last lines that the child process wrote to stderr; empty when there was no child. */
  readonly stderrTail: string[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; stderrTail?: string[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.stderrTail = options.stderrTail ?? [];
  }

  /** The process exit code that this error leads to: 2 for usage, 3 for the environment. */
  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** Returns whether the error ended one launch only, after which the next may go well. */
export function isLaunchFailure(error: unknown): error is HarnessError {
  return error instanceof HarnessError && ERRORS[error.code].ends === "launch";
}

/** Returns whether the error ended what runs on a device: one launch of it, or all. */
export function isDeviceFailure(error: unknown): error is HarnessError {
  return error instanceof HarnessError && ERRORS[error.code].ends !== "run";
}

/** A warning: data in the record, with advice, shown by the report. */
export interface Warning {
  /** Stable code, for instance `more-threads-than-cores`. */
  code: string;
  /** What was seen, in one sentence. */
  message: string;
  /** What the reader should do about it, in one sentence. */
  advice: string;
}
