/**
 * Slurm by its command line tools (sbatch, squeue, sinfo, scancel, scontrol).
 *
 * The tools print columns that are asked for by name, alike from 20.11 to 25.05. Their JSON, which
 * differs from version to version and may be missing, is the second way.
 *
 * @module
 */
import { childCommand } from "../../child.ts";
import { HarnessError } from "../../errors.ts";
import {
  BatchRefused,
  type FarmEngine,
  type FarmNode,
  type ShardBatch,
  type TaskStatus,
} from "../engine.ts";
import { parseJobsJson, parseNodesJson, type SlurmJob, type SlurmNode } from "./json.ts";
import { nodeState, taskState } from "./states.ts";

/** Where shards run, and what the tools need. */
export interface SlurmOptions {
  /** Null: Slurm's default. */
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

/** Columns of {@linkcode parseQueue}. */
const QUEUE_COLUMNS = [
  "ArrayJobID",
  "ArrayTaskID",
  "State",
  "NodeList",
  "exit_code",
  "RestartCnt",
  "Reason",
];

/** Returns the engine behind the tools; nothing is asked of it yet. */
export function slurmEngine(options: SlurmOptions): FarmEngine {
  const run = (command: string[], script?: string, environment: Record<string, string> = {}) =>
    runTool(command, options, script, environment);
  const update = async (node: string, ...changes: string[]) =>
    void await run(["scontrol", "update", `nodename=${node}`, ...changes]);
  return {
    name: "Slurm",
    async submit(batch: ShardBatch): Promise<string> {
      const { script, offset } = batchScript(batch);
      const text = await run(
        ["sbatch", ...sbatchArguments(batch, options)],
        script,
        batch.environment,
      ).catch((error) => {
        throw submitError(error);
      });
      const jobId = /^(\d+)(;|\s|$)/.exec(text)?.[1];
      if (jobId !== undefined) return `${jobId}+${offset}`;
      throw new HarnessError(
        "farm-failed",
        `Cannot submit shards to Slurm: sbatch printed "${text.trim()}", expected a job id`,
      );
    },
    async status(batches: readonly string[]): Promise<TaskStatus[]> {
      if (batches.length === 0) return [];
      const columns = QUEUE_COLUMNS.map((name) => `${name}:|`).join(",");
      const command = ["squeue", "--noheader", "--array", "--states=all", `--Format=${columns}`];
      return await eitherWay(
        async () => parseQueue(await run(command), batches),
        async () =>
          shardsOfJobs(
            parseJobsJson(await run(["squeue", "--array", "--states=all", "--json"])),
            batches,
          ),
      );
    },
    async cancel(batches: readonly string[]): Promise<void> {
      if (batches.length === 0) return;
      await run(["scancel", "--quiet", ...batches.map((id) => `${parseBatchId(id).jobId}`)]);
    },
    nodes: () =>
      eitherWay(
        async () =>
          parseNodes(await run(["sinfo", "--Node", "--noheader", "--format=%N|%T|%f|%E"])),
        async () => farmNodes(parseNodesJson(await run(["sinfo", "--Node", "--json"]))),
      ),
    mostIndices: async () => parseMaxArraySize(await run(["scontrol", "show", "config"])),
    drain: (node, reason) => update(node, "state=drain", `reason=${reason}`),
    resume: (node) => update(node, "state=resume"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Returns what the columns tell; where they can't be read, what the JSON does, which not every
 * installation prints (it is a plugin). Throws `farm-failed` with both reasons when neither can.
 */
export async function eitherWay<T>(
  columns: () => Promise<T>,
  json: () => Promise<T>,
): Promise<T> {
  try {
    return await columns();
  } catch (first) {
    if (
      !(first instanceof HarnessError) ||
      !/Cannot read what|invalid|unrecogni[sz]ed|unknown/i.test(first.message)
    ) {
      throw first;
    }
    try {
      return await json();
    } catch (second) {
      if (!(second instanceof HarnessError) || second.code !== "farm-failed") throw second;
      const noPlugin = /serializer|json.*plugin|plugin.*json/i.test(second.message)
        ? " (this Slurm is built without its JSON plugin)"
        : "";
      throw new HarnessError(
        "farm-failed",
        `${first.message}. Nor by its JSON${noPlugin}: ${second.message}. Expected Slurm 20.11 to 25.05`,
        { cause: first },
      );
    }
  }
}

/**
 * Returns the number of indices that an array may span, from `scontrol show config` (`MaxArraySize`
 * is one more than the largest index); null when it is not told.
 */
export function parseMaxArraySize(config: string): number | null {
  const size = /^MaxArraySize\s*=\s*(\d+)/m.exec(config);
  return size === null ? null : Number(size[1]);
}

/**
 * Returns the error of a submission: as `BatchRefused` when Slurm refused the number of jobs, by a
 * limit of the user, the account or the queue.
 */
export function submitError(error: unknown): unknown {
  if (!(error instanceof HarnessError)) return error;
  const full = /MaxSubmit|temporarily unable to accept|MaxJobCount|submit limit/i;
  const large = /Invalid job array specification|array size/i;
  const said = [error.message, ...error.stderrTail].join("\n");
  if (full.test(said)) return new BatchRefused(error, true);
  return large.test(said) ? new BatchRefused(error, false) : error;
}

/** Runs a tool to its end and returns what it printed. */
async function runTool(
  command: string[],
  options: SlurmOptions,
  stdin: string | undefined,
  environment: Record<string, string>,
): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    const child = childCommand(command[0], {
      args: command.slice(1),
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      env: { ...options.environment, ...environment },
      signal: AbortSignal.timeout(options.timeoutMs),
    }).spawn();
    if (stdin !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(stdin));
      await writer.close();
    }
    output = await child.output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "missing-tool",
      `Cannot run ${
        command[0]
      }: found no such program, expected Slurm's tools. Run on the login node of the farm`,
      { cause },
    );
  }
  if (output.success) return new TextDecoder().decode(output.stdout);
  const stderr = new TextDecoder().decode(output.stderr).trim();
  const what = output.signal === null
    ? `exited ${output.code}`
    : `did not end within ${options.timeoutMs / 1000} s`;
  throw new HarnessError(
    "farm-failed",
    `Cannot ask Slurm: "${command.slice(0, 3).join(" ")}" ${what} (${stderr})`,
    { stderrTail: stderr.split("\n").slice(-5) },
  );
}

/** Returns the arguments of `sbatch` for the batch; the script goes to its standard input. */
export function sbatchArguments(batch: ShardBatch, options: SlurmOptions): string[] {
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
    ...(batch.features.length === 0 ? [] : [`--constraint=${batch.features.join("&")}`]),
    ...(batch.timeLimitMinutes === null ? [] : [`--time=${Math.ceil(batch.timeLimitMinutes)}`]),
  ];
}

/**
 * Returns the batch script of the shards, the first index, which the script adds to the task's
 * number, and the tasks as `--array` takes them; throws `RangeError` without shards.
 */
export function batchScript(batch: ShardBatch): { script: string; offset: number; array: string } {
  if (batch.indices.length === 0) throw new RangeError("Cannot submit a batch without shards");
  const offset = Math.min(...batch.indices);
  const script = [
    "#!/bin/sh",
    `POSEMARK_SHARD=$((SLURM_ARRAY_TASK_ID + ${offset}))`,
    "export POSEMARK_SHARD",
    `exec ${shellWords(batch.command)}`,
    "",
  ].join("\n");
  return { script, offset, array: arraySpec(batch.indices.map((index) => index - offset)) };
}

/**
 * Returns numbers as Slurm writes the tasks of an array, ascending.
 *
 * @example
 * ```ts
 * arraySpec([0, 1, 2, 5, 7, 8]); // "0-2,5,7-8"
 * ```
 */
export function arraySpec(tasks: readonly number[]): string {
  const sorted = [...new Set(tasks)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let first = 0; first < sorted.length;) {
    let last = first;
    while (sorted[last + 1] === sorted[last] + 1) last++;
    parts.push(first === last ? `${sorted[first]}` : `${sorted[first]}-${sorted[last]}`);
    first = last + 1;
  }
  return parts.join(",");
}

/** Returns the words quoted for a POSIX shell. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) =>
    /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}

/**
 * Returns job id and offset of a batch's id, which is Slurm's job id and what is added to a task's
 * number to get the shard's index; throws `TypeError` for another text.
 */
export function parseBatchId(id: string): { jobId: number; offset: number } {
  const parts = /^(\d+)\+(\d+)$/.exec(id);
  if (parts === null) {
    throw new TypeError(`Cannot read the batch id "${id}": expected job id + offset, as in 17+0`);
  }
  return { jobId: Number(parts[1]), offset: Number(parts[2]) };
}

/**
 * Returns the shards of these batches that the lines of `squeue` stand for; throws `farm-failed`
 * for a line of other columns.
 */
export function parseQueue(text: string, batches: readonly string[]): TaskStatus[] {
  const offsets = batchesByJob(batches);
  const statuses: TaskStatus[] = [];
  for (const cells of tableLines("squeue", text, QUEUE_COLUMNS.length)) {
    const [job, task, words, nodes, exit, restarts, reason] = cells;
    const batch = offsets.get(Number(job));
    if (batch === undefined) continue;
    statuses.push(
      taskStatus(batch, {
        task: Number(task),
        words,
        nodes,
        exitCode: exitCode(exit),
        restarts: Number(restarts),
        reason,
      }),
    );
  }
  return statuses;
}

/** Returns the shards of these batches that the jobs of `squeue --json` stand for. */
export function shardsOfJobs(
  jobs: readonly SlurmJob[],
  batches: readonly string[],
): TaskStatus[] {
  const known = batchesByJob(batches);
  return jobs.flatMap(({ arrayJobId, arrayTaskId, state, ...job }) => {
    const batch = known.get(arrayJobId);
    if (batch === undefined || arrayTaskId === null) return [];
    return [taskStatus(batch, { ...job, task: arrayTaskId, words: state })];
  });
}

/** Returns batches with the first index of each, by Slurm's job id. */
function batchesByJob(batches: readonly string[]): Map<number, { id: string; offset: number }> {
  return new Map(batches.map((id) => {
    const { jobId, offset } = parseBatchId(id);
    return [jobId, { id, offset }];
  }));
}

/** Returns what became of a task of a batch's array. */
function taskStatus(
  batch: { id: string; offset: number },
  job: {
    task: number;
    words: string | readonly string[];
    nodes: string;
    exitCode: number;
    restarts: number;
    reason: string;
  },
): TaskStatus {
  const state = taskState(job.words, job.reason);
  return {
    batch: batch.id,
    index: job.task + batch.offset,
    state,
    node: job.nodes === "" ? null : job.nodes,
    exitCode: state === "done" || state === "failed" ? job.exitCode : null,
    restarts: job.restarts,
    reason: job.reason === "" || job.reason === "None" ? null : job.reason,
  };
}

/**
 * Returns the phones that the lines of `sinfo` stand for, each once; throws `farm-failed` for a
 * line of other columns.
 */
export function parseNodes(text: string): FarmNode[] {
  const lines = [...tableLines("sinfo", text, 4)];
  return farmNodes(lines.map(([name, state, features, reason]) => ({
    name,
    state: [state],
    features: features.split(","),
    reason,
  })));
}

/** Returns the phones that the nodes stand for, each once. */
export function farmNodes(nodes: readonly SlurmNode[]): FarmNode[] {
  const known = new Map(
    nodes.map(({ name, state, features, reason }): [string, FarmNode] => [name, {
      name,
      features: features.filter((feature) => feature !== "" && feature !== "(null)"),
      state: nodeState(state),
      reason: reason === "none" || reason === "" ? null : reason,
      // A controller that crashed before it saved its state starts a job anew that still runs, and
      // drains the node that says so.
      ...(reason === "Duplicate jobid" ? { isMistaken: true } : {}),
    }]),
  );
  return [...known.values()];
}

/** Yields the cells of each line; what stands in the last one may hold the separator itself. */
function* tableLines(tool: string, text: string, columns: number): Generator<string[]> {
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const cells = line.split("|");
    if (cells.length < columns) {
      throw new HarnessError(
        "farm-failed",
        `Cannot read what ${tool} printed: found "${
          line.slice(0, 80)
        }", expected ${columns} columns. Is it Slurm 20.11 or newer?`,
      );
    }
    const last = cells.slice(columns - 1).join("|").replace(/\|\s*$/, "");
    yield [...cells.slice(0, columns - 1), last].map((cell) => cell.trim());
  }
}

/** Exit code from a wait status, or from `code:signal`. */
function exitCode(text: string): number {
  const [code, signal] = text.split(":");
  return signal === undefined ? Number(code) >> 8 & 0xff : Number(code);
}
