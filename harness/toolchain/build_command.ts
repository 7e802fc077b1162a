/**
 * Runs the programs that a build consists of, with progress from their output and errors that show
 * the end of it.
 *
 * @module
 */
import { childCommand } from "../child.ts";
import { HarnessError } from "../errors.ts";

/** One program of a build. */
export interface BuildCommand {
  /** What it does, for errors: `build libncnn`. */
  purpose: string;
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
  signal?: AbortSignal;
  /** Called for every line that the program prints. */
  onLine?(line: string): void;
}

/** Lines at the end of the output that an error keeps. */
const TAIL_LINES = 20;

/**
 * Runs the program and returns everything that it printed, stdout and stderr in the order of
 * arrival.
 *
 * Throws `HarnessError`: `missing-tool` when it can't be started, `interrupted` when the signal
 * fires, `no-space` when its output says so, `build-failed` when it exits with another code than 0.
 */
export async function runBuildCommand(command: BuildCommand): Promise<string> {
  const { signal, onLine } = command;
  let child: Deno.ChildProcess;
  try {
    signal?.throwIfAborted();
    child = childCommand(command.command, {
      args: command.args,
      cwd: command.cwd,
      env: { LC_ALL: "C", ...command.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).spawn();
  } catch (cause) {
    if (signal?.aborted) throw interrupted(command, cause);
    throw new HarnessError(
      "missing-tool",
      `Cannot ${command.purpose}: ${command.command} can't be started (${
        (cause as Error).message
      }): \`deno task doctor\` says how to get it`,
      { cause },
    );
  }
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    onLine?.(line);
  };
  await Promise.all([eachLine(child.stdout, keep), eachLine(child.stderr, keep)]);
  const status = await child.status;
  if (signal?.aborted) throw interrupted(command, signal.reason);
  if (!status.success) throw buildFailed(command, status, lines);
  return lines.join("\n");
}

async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    lines.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
}

function interrupted(command: BuildCommand, cause: unknown): HarnessError {
  return new HarnessError(
    "interrupted",
    `Stopped while trying to ${command.purpose}: nothing half-built is kept; run again`,
    { cause },
  );
}

function buildFailed(
  command: BuildCommand,
  status: Deno.CommandStatus,
  lines: string[],
): HarnessError {
  const stderrTail = lines.filter((line) => line.trim() !== "").slice(-TAIL_LINES);
  if (lines.some((line) => /no space left on device|disk quota exceeded/i.test(line))) {
    return new HarnessError(
      "no-space",
      `Cannot ${command.purpose}: no space left: free some, or set POSEMARK_CACHE and TMPDIR to folders on another disk`,
      { stderrTail },
    );
  }
  const how = status.signal ? `was ended by ${status.signal}` : `exited ${status.code}`;
  const memory = lines.some((line) => /Killed signal|virtual memory exhausted/.test(line))
    ? " (memory may be short)"
    : "";
  return new HarnessError(
    "build-failed",
    `Cannot ${command.purpose}: ${command.command} ${how}${memory}: see its last lines below; \`deno task doctor\` checks the tools`,
    { stderrTail },
  );
}

/**
 * Returns how far a build is, from 0 to 1, by a line that ninja (`[12/111] …`) or make (`[ 10%] …`)
 * prints; null for any other line.
 */
export function buildFraction(line: string): number | null {
  const ninja = /^\[(\d+)\/(\d+)\]/.exec(line);
  if (ninja && Number(ninja[2]) > 0) return Math.min(1, Number(ninja[1]) / Number(ninja[2]));
  const make = /^\[\s*(\d+)%\]/.exec(line);
  return make ? Math.min(1, Number(make[1]) / 100) : null;
}
