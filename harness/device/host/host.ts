/**
 * This machine as a device: programs are child processes, files stay where they are.
 *
 * @module
 */
import { childCommand } from "../../child.ts";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import type { CommandResult, Device, Launch, RunOptions } from "../device.ts";
import type { DeviceDescription, DeviceState } from "../../record/device.ts";
import {
  DARWIN_DESCRIBE_SCRIPT,
  DARWIN_STATE_SCRIPT,
  LINUX_DESCRIBE_SCRIPT,
  LINUX_STATE_SCRIPT,
  parseDarwinDescription,
  parseDarwinState,
  parseLinuxDescription,
  parseLinuxState,
} from "./describe.ts";
import { exitError, stderrTail } from "../shell/runner_exit.ts";
import { requireSafeName } from "../names.ts";

/** Time that describing this machine, or reading its state, may take. */
const READ_LIMIT_MS = 20_000;

/** What {@linkcode openHost} may be told. */
export interface HostOptions {
  /**
   * Folder under which runs have theirs; default `posemark/runs` in the system's folder for
   * temporary files.
   */
  runsDir?: string;
}

/** Returns this machine as a {@linkcode Device} with the serial `host`. */
export function openHost(options: HostOptions = {}): Device {
  const runsDir = path.resolve(
    options.runsDir ??
      path.join(Deno.env.get("TMPDIR") ?? "/tmp", "posemark", "runs"),
  );
  const darwin = Deno.build.os === "darwin";
  let description: DeviceDescription | undefined;
  return {
    serial: "host",
    async describe() {
      if (description === undefined) {
        const output = await readScript(darwin ? DARWIN_DESCRIBE_SCRIPT : LINUX_DESCRIBE_SCRIPT);
        description = darwin ? parseDarwinDescription(output) : parseLinuxDescription(output);
      }
      return description;
    },
    async state(): Promise<DeviceState> {
      const at = new Date().toISOString();
      const output = await readScript(darwin ? DARWIN_STATE_SCRIPT : LINUX_STATE_SCRIPT);
      return darwin ? parseDarwinState(output, at) : parseLinuxState(output, at);
    },
    frequencyCapsKHz: () => null,
    async push(localPath, options = {}) {
      const info = await statFile(localPath);
      // Windows has no such bit: mode is null there.
      if (options.executable && info.mode !== null && (info.mode & 0o111) === 0) {
        throw new HarnessError(
          "device-unsuitable",
          `Cannot run "${localPath}" on this machine: found mode ${
            (info.mode & 0o777).toString(8)
          }, expected an executable file: build the runner again, or chmod +x it`,
        );
      }
      return path.resolve(localPath);
    },
    async pushTo(localPath, devicePath) {
      await copyFile(localPath, devicePath);
    },
    async pull(devicePath, localPath) {
      await copyFile(devicePath, localPath);
    },
    async runDir(runId) {
      const dir = path.join(runsDir, requireSafeName(runId, "run id"));
      await Deno.mkdir(dir, { recursive: true });
      return dir;
    },
    async run(command, options) {
      return await runChild(command, options);
    },
    async launch(launch, options) {
      return await launchChild(launch, options);
    },
    async drop() {},
    async removeRunDir(runDir) {
      const inside = path.relative(runsDir, path.resolve(runDir));
      if (inside === "" || inside.startsWith("..") || path.isAbsolute(inside)) {
        throw new RangeError(`Cannot remove "${runDir}": expected a run's folder in "${runsDir}"`);
      }
      await Deno.remove(runDir, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    },
    async [Symbol.asyncDispose]() {},
  };
}

/**
 * Returns the output of a script that only reads; throws `bad-device-output` when the shell fails.
 */
async function readScript(script: string): Promise<string> {
  const result = await runChild(["sh", "-c", script], { timeoutMs: READ_LIMIT_MS });
  if (result.exitCode === 0) return result.stdout;
  throw new HarnessError(
    "bad-device-output",
    `Cannot read what this machine is: sh exited ${result.exitCode}, expected 0`,
    { stderrTail: stderrTail(result.stderr) },
  );
}

/** Returns what the system says about a file; throws `device-unsuitable` when it is none. */
async function statFile(localPath: string): Promise<Deno.FileInfo> {
  try {
    const info = await Deno.stat(localPath);
    if (info.isFile) return info;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new HarnessError(
    "device-unsuitable",
    `Cannot use "${localPath}": found no such file, expected one that was built or prepared before: run the build again`,
  );
}

/** Copies a file; throws `no-space` when the disk is full. */
async function copyFile(from: string, to: string): Promise<void> {
  await statFile(from);
  if (path.resolve(from) === path.resolve(to)) return;
  try {
    await Deno.mkdir(path.dirname(to), { recursive: true });
    await Deno.copyFile(from, to);
  } catch (cause) {
    throw asNoSpace(cause, `Cannot copy "${from}" to "${to}"`);
  }
}

/** Returns the error as `no-space` when the disk is full, else as it is. */
function asNoSpace(cause: unknown, begin: string): unknown {
  if (!(cause instanceof Error) || !/No space left|os error 28/.test(cause.message)) return cause;
  return new HarnessError(
    "no-space",
    `${begin}: no space left on the disk: free some and run again`,
    { cause },
  );
}

/** Starts a child; throws `missing-tool` when there is no such program. */
function spawn(command: string[], piped: boolean): Deno.ChildProcess {
  const io = piped ? "piped" : "null";
  try {
    return childCommand(command[0], {
      args: command.slice(1),
      stdin: "null",
      stdout: io,
      stderr: io,
    }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "missing-tool",
      `Cannot run "${command[0]}" on this machine: found no such program: install it and run again`,
      { cause },
    );
  }
}

/**
 * Returns what `ended` gives; meanwhile kills the child at its time limit or at the caller's abort,
 * and says which it was.
 */
async function endOf<T>(
  child: Deno.ChildProcess,
  ended: Promise<T>,
  options: RunOptions,
): Promise<{ value: T; killedFor: "timeout" | "interrupted" | null }> {
  let killedFor: "timeout" | "interrupted" | null = null;
  const kill = (why: "timeout" | "interrupted") => {
    killedFor ??= why;
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended by itself a moment ago.
    }
  };
  const onAbort = () => kill("interrupted");
  const timer = setTimeout(() => kill("timeout"), options.timeoutMs);
  options.signal?.addEventListener("abort", onAbort);
  if (options.signal?.aborted) onAbort();
  try {
    return { value: await ended, killedFor };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** Returns the error of a child that we killed. */
function killedError(
  what: string,
  options: RunOptions,
  killedFor: "timeout" | "interrupted",
  stderr: string,
): HarnessError {
  const begin = `Cannot finish ${what} on this machine:`;
  if (killedFor === "interrupted") return new HarnessError("interrupted", `${begin} interrupted`);
  return new HarnessError(
    "timeout",
    `${begin} still running after ${
      options.timeoutMs / 1000
    } s, killed: use fewer iterations or images, or a longer time limit`,
    { stderrTail: stderrTail(stderr) },
  );
}

/** Runs a short command to its end. */
async function runChild(command: string[], options: RunOptions): Promise<CommandResult> {
  const child = spawn(command, true);
  const { value: output, killedFor } = await endOf(child, child.output(), options);
  const stderr = new TextDecoder().decode(output.stderr);
  if (killedFor !== null) throw killedError(`"${command[0]}"`, options, killedFor, stderr);
  return { exitCode: output.code, stdout: new TextDecoder().decode(output.stdout), stderr };
}

/**
 * Runs the program with its outputs in files of the run's folder, and returns them.
 *
 * A shell opens the files and then becomes the program (`exec`), so that the harness takes no part
 * in the writing while samples are taken.
 */
async function launchChild(launch: Launch, options: RunOptions): Promise<CommandResult> {
  const name = requireSafeName(launch.name, "launch name");
  const what = `runner "${name}"`;
  const out = path.join(launch.runDir, `${name}.out`);
  const err = path.join(launch.runDir, `${name}.err`);
  await Deno.mkdir(launch.runDir, { recursive: true });
  const redirect = 'out=$1; err=$2; shift 2; exec "$@" >"$out" 2>"$err"';
  const child = spawn(["sh", "-c", redirect, "sh", out, err, ...launch.command], false);
  const { value: status, killedFor } = await endOf(child, child.status, options);
  const stderr = new TextDecoder().decode(await readOrEmpty(err));
  if (killedFor !== null) throw killedError(what, options, killedFor, stderr);
  // Of a child that a signal killed, Deno gives 128 + its number, as a shell does.
  if (status.code !== 0) throw exitError(what, "this machine", status.code, stderr);
  const stdout = new TextDecoder().decode(await readOrEmpty(out));
  await Deno.remove(out);
  await Deno.remove(err);
  return { exitCode: 0, stdout, stderr };
}

/** Returns a file's bytes, none when it does not exist. */
async function readOrEmpty(file: string): Promise<Uint8Array> {
  return await Deno.readFile(file).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  });
}
