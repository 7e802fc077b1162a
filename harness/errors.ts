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

/** Stable error codes and the exit code of each. */
export const ERROR_EXIT = {
  // what was asked is wrong
  "bad-option": EXIT.usage,
  "bad-config": EXIT.usage,
  "bad-model": EXIT.usage,
  "bad-param": EXIT.usage,
  "bad-image": EXIT.usage,
  "bad-annotations": EXIT.usage,
  "bad-detections": EXIT.usage,
  "bad-record": EXIT.usage,
  "not-comparable": EXIT.usage,
  "output-exists": EXIT.usage,
  // the machine, the network or the device is in the way
  "missing-tool": EXIT.environment,
  "download-failed": EXIT.environment,
  "hash-mismatch": EXIT.environment,
  "no-space": EXIT.environment,
  "build-failed": EXIT.environment,
  "convert-failed": EXIT.environment,
  "runner-failed": EXIT.environment,
  "timeout": EXIT.environment,
  "interrupted": EXIT.environment,
  "device-not-found": EXIT.environment,
  "device-unauthorized": EXIT.environment,
  "device-offline": EXIT.environment,
  "device-lost": EXIT.environment,
  "device-busy": EXIT.environment,
  "device-hot": EXIT.environment,
  "device-unsuitable": EXIT.environment,
  "bad-device-output": EXIT.environment,
  "store-failed": EXIT.environment,
  "farm-failed": EXIT.environment,
} as const;

/** A stable error code: scripts may match on it. */
export type ErrorCode = keyof typeof ERROR_EXIT;

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
    return ERROR_EXIT[this.code];
  }
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
