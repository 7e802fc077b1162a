/**
 * Slurm by its command line tools (sbatch, squeue, sinfo, scancel, scontrol), where they are
 * installed.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { FarmEngine, FarmNode, ShardBatch, TaskStatus } from "../engine.ts";
import { batchId, batchScript, constraint, parseBatchId, parseJobs, parseNodes } from "./wire.ts";

/** Where shards run, and what the tools need. */
export interface SlurmCliOptions {
  partition: string | null;
  /** Working folder of a shard on the phone's host. */
  workDir: string;
  /** File for a shard's output on the phone's host, with Slurm's patterns (`%A` job, `%a` task). */
  outputPattern: string;
  /** Environment of the tools, for instance `SLURM_CONF`. */
  environment: Record<string, string>;
  /** Longest time for one command. */
  timeoutMs: number;
}

/** Returns the arguments of `sbatch` for the batch; the script goes to its standard input. */
export function sbatchArguments(batch: ShardBatch, options: SlurmCliOptions): string[] {
  const names = Object.keys(batch.environment);
  return [
    "--parsable",
    `--job-name=${batch.name}`,
    `--array=${batchScript(batch).array}`,
    "--requeue",
    `--chdir=${options.workDir}`,
    `--output=${options.outputPattern}`,
    `--error=${options.outputPattern}`,
    `--comment=posemark ${batch.runId}`,
    // Only what the shard needs: the caller's environment may hold tokens.
    `--export=${["PATH", ...names].join(",")}`,
    ...(options.partition === null ? [] : [`--partition=${options.partition}`]),
    ...(batch.features.length === 0 ? [] : [`--constraint=${constraint(batch.features)}`]),
    ...(batch.timeLimitMinutes === null ? [] : [`--time=${Math.ceil(batch.timeLimitMinutes)}`]),
  ];
}

/** Returns the engine behind the tools; nothing is asked of it yet. */
export function slurmCli(options: SlurmCliOptions): FarmEngine {
  const run = async (
    command: string[],
    input: { stdin?: string; environment?: Record<string, string> } = {},
  ): Promise<string> => {
    const shown = command.slice(0, 3).join(" ");
    let output: Deno.CommandOutput;
    try {
      const child = new Deno.Command(command[0], {
        args: command.slice(1),
        stdin: input.stdin === undefined ? "null" : "piped",
        stdout: "piped",
        stderr: "piped",
        env: { ...options.environment, ...input.environment },
        signal: AbortSignal.timeout(options.timeoutMs),
      }).spawn();
      if (input.stdin !== undefined) {
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(input.stdin));
        await writer.close();
      }
      output = await child.output();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new HarnessError(
        "missing-tool",
        `Cannot run ${
          command[0]
        }: it is not installed here. Run on the login node of the farm, or name slurmrestd by --slurm-rest`,
        { cause },
      );
    }
    const stderr = new TextDecoder().decode(output.stderr).trim();
    if (!output.success) {
      const what = output.signal === null
        ? `exited ${output.code}`
        : `did not end within ${options.timeoutMs / 1000} s`;
      throw new HarnessError("farm-failed", `Cannot ask Slurm: "${shown}" ${what} (${stderr})`, {
        stderrTail: stderr.split("\n").slice(-5),
      });
    }
    return new TextDecoder().decode(output.stdout);
  };

  const runJson = async (command: string[]): Promise<unknown> => {
    const text = await run(command);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new HarnessError(
        "farm-failed",
        `Cannot read what "${
          command.join(" ")
        }" printed: found text that is not JSON, expected Slurm 21.08 or newer with its JSON plugins`,
        { cause },
      );
    }
  };

  return {
    name: "Slurm",
    async submit(batch: ShardBatch): Promise<string> {
      const { script, offset } = batchScript(batch);
      const text = await run(["sbatch", ...sbatchArguments(batch, options)], {
        stdin: script,
        environment: batch.environment,
      });
      const jobId = Number(/^(\d+)(;|\s|$)/.exec(text)?.[1] ?? NaN);
      if (Number.isNaN(jobId)) {
        throw new HarnessError(
          "farm-failed",
          `Cannot submit shards to Slurm: sbatch printed "${text.trim()}", expected a job id`,
        );
      }
      return batchId(jobId, offset);
    },
    async status(batches: readonly string[]): Promise<TaskStatus[]> {
      if (batches.length === 0) return [];
      return parseJobs(await runJson(["squeue", "--json"]), batches);
    },
    async cancel(batches: readonly string[]): Promise<void> {
      if (batches.length === 0) return;
      await run(["scancel", "--quiet", ...batches.map((id) => `${parseBatchId(id).jobId}`)]);
    },
    async nodes(): Promise<FarmNode[]> {
      return parseNodes(await runJson(["sinfo", "--json"]));
    },
    async drain(node: string, reason: string): Promise<void> {
      await run(["scontrol", "update", `nodename=${node}`, "state=drain", `reason=${reason}`]);
    },
    async resume(node: string): Promise<void> {
      await run(["scontrol", "update", `nodename=${node}`, "state=resume"]);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
