/**
 * How a program ended, said in words: exit codes and signals to one `HarnessError`.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { printable } from "../../text/printable.ts";

/** Signals by number that kill runners, as Linux numbers them on arm64 and x86. */
const SIGNALS: Record<number, { name: string; meaning: string }> = {
  1: { name: "SIGHUP", meaning: "its terminal or session went away" },
  2: { name: "SIGINT", meaning: "it was interrupted" },
  4: {
    name: "SIGILL",
    meaning:
      "it ran an instruction that this CPU does not have: build without that extension, or report a bug of the CPU dispatch",
  },
  6: { name: "SIGABRT", meaning: "it aborted itself" },
  7: { name: "SIGBUS", meaning: "it read a mapped file that was cut off, or bad memory" },
  8: { name: "SIGFPE", meaning: "an arithmetic error" },
  9: {
    name: "SIGKILL",
    meaning:
      "it was killed: by the system for want of memory, or by somebody; use a smaller input or model, or close other programs",
  },
  11: { name: "SIGSEGV", meaning: "it accessed memory that is not its own: a bug in the runner" },
  13: { name: "SIGPIPE", meaning: "its output was closed" },
  15: { name: "SIGTERM", meaning: "it was asked to end" },
  24: { name: "SIGXCPU", meaning: "it used up its CPU limit" },
  25: { name: "SIGXFSZ", meaning: "it reached the limit of a file's size" },
  31: { name: "SIGSYS", meaning: "a system call that the sandbox forbids" },
};

/**
 * Returns the name of the signal that a shell's exit code above 128 stands for, for instance
 * `SIGILL` for 132; null when it stands for none.
 */
export function signalOfExitCode(exitCode: number): string | null {
  if (exitCode <= 128 || exitCode > 192) return null;
  return SIGNALS[exitCode - 128]?.name ?? `signal ${exitCode - 128}`;
}

/** The runner's exit code for a fault of the model; see `runner-cpp/README.md`. */
const MODEL_FAULT = 4;

const RUNNER = "posemark-runner: ";

/** Returns the runner's own reason, with what ncnn said of it before. */
function modelReason(tail: readonly string[]): string {
  const reason = tail.findLast((line) => line.startsWith(RUNNER))!.slice(RUNNER.length);
  const ncnn = tail.filter((line) => !line.startsWith(RUNNER)).slice(-2);
  return ncnn.length === 0 ? reason : `${reason}; ncnn says: ${ncnn.join("; ")}`;
}

/** Returns the last lines of a child's stderr, control characters made visible. */
export function stderrTail(stderr: string, atMost = 10): string[] {
  return stderr.split("\n").map((line) => shortly(line.trimEnd())).filter(Boolean)
    .slice(-atMost);
}

/** Returns a device's words as {@linkcode printable}, at most 500 characters. */
export function shortly(text: string): string {
  const safe = printable(text);
  return safe.length > 500 ? `${safe.slice(0, 500)}…` : safe;
}

/**
 * Returns the error of a launch that ended with this exit code, a shell's: 126 and 127 could not
 * start, above 128 was killed.
 *
 * The code is `device-unsuitable` when the device can't start such a program at all (126: noexec or
 * another architecture), `model-refused` when the runner says that the model is at fault, else
 * `runner-failed`.
 *
 * @param what for instance `runner "silu.fp32.round3"`
 * @param where for instance `device "R5CT10"`
 */
export function exitError(
  what: string,
  where: string,
  exitCode: number,
  stderr: string,
): HarnessError {
  const tail = stderrTail(stderr);
  const said = tail.length > 0 ? ` (${tail[tail.length - 1]})` : "";
  const begin = `Cannot finish ${what} on ${where}:`;
  const signal = signalOfExitCode(exitCode);
  if (signal !== null) {
    const meaning = SIGNALS[exitCode - 128]?.meaning ?? "it was killed";
    return new HarnessError(
      "runner-failed",
      `${begin} killed by ${signal}, exit code ${exitCode}: ${meaning}${said}`,
      { stderrTail: tail },
    );
  }
  if (exitCode === 126) {
    const elf = /exec format|not executable: .*ELF|cannot execute binary/i.test(stderr);
    return new HarnessError(
      "device-unsuitable",
      `${begin} exit code 126, the program could not be started${said}: expected ${
        elf
          ? "a program for this CPU: build the runner for the device's ABI"
          : "a folder that allows programs (not mounted noexec, as /sdcard is) and the executable bit: use /data/local/tmp"
      }`,
      { stderrTail: tail },
    );
  }
  if (exitCode === 127) {
    return new HarnessError(
      "runner-failed",
      `${begin} exit code 127, the program or its dynamic loader is missing${said}: expected a statically linked program; run again, it will be pushed anew`,
      { stderrTail: tail },
    );
  }
  if (exitCode === MODEL_FAULT && tail.some((line) => line.startsWith(RUNNER))) {
    return new HarnessError("model-refused", `${begin} ${modelReason(tail)}`, { stderrTail: tail });
  }
  return new HarnessError(
    "runner-failed",
    `${begin} exit code ${exitCode}${said}, expected 0: see the last lines of its stderr`,
    { stderrTail: tail },
  );
}
