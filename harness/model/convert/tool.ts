/**
 * Runs a converter: its output is kept as it was printed, its failure becomes an error that shows
 * the end of it.
 *
 * @module
 */
import { childCommand } from "../../child.ts";
import { HarnessError } from "../../errors.ts";

/** A converter's run: what to start, where, and what to say when it fails. */
export interface ToolRun {
  /** The tool's name in errors, for instance `pnnx`. */
  name: string;
  command: string;
  args: string[];
  cwd: string;
  /** Variables on top of this process's own. */
  env?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * Returns what the tool printed, stdout and stderr as one text in that order, each as it was
 * printed.
 *
 * Throws `HarnessError`: `missing-tool` when it can't be started, `interrupted` when the signal
 * fired, `convert-failed` when it exits with another code than 0.
 */
export async function runTool(run: ToolRun): Promise<string> {
  const { name, command, args, cwd, env, signal } = run;
  let output: Deno.CommandOutput;
  try {
    signal?.throwIfAborted();
    output = await childCommand(command, { args, cwd, env, signal, stdin: "null" }).output();
  } catch (cause) {
    if (signal?.aborted) throw interrupted(name, cause);
    throw new HarnessError(
      "missing-tool",
      `Cannot start ${name} (${command}): ${
        (cause as Error).message
      }: run \`deno task doctor\`, or delete the cache folder's copy of it to get it again`,
      { cause },
    );
  }
  if (signal?.aborted) throw interrupted(name, signal.reason);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const log = decode(output.stdout) + decode(output.stderr);
  if (output.success) return log;
  const how = output.signal ? `was ended by ${output.signal}` : `exited ${output.code}`;
  throw convertFailed(name, `it ${how}`, log);
}

/** Returns the `convert-failed` error of a tool, with the last lines of its log. */
export function convertFailed(name: string, found: string, log: string): HarnessError {
  const stderrTail = log.split("\n").filter((line) => line.trim() !== "").slice(-12);
  return new HarnessError(
    "convert-failed",
    `Cannot convert the model with ${name}: ${found}: see the log's last lines below, and try --converter ${
      name === "pnnx" ? "onnx2ncnn" : "pnnx"
    }`,
    { stderrTail },
  );
}

function interrupted(name: string, cause: unknown): HarnessError {
  return new HarnessError(
    "interrupted",
    `${name} was interrupted: run the same command again, finished variants are kept`,
    { cause },
  );
}
