/**
 * Slurm's JSON (slurmrestd, `squeue --json`, `sinfo --json`) in and out: pure.
 *
 * Shapes were taken from slurmrestd 22.05 (`/openapi`, plugin v0.0.38). Newer plugins write numbers
 * as `{set, infinite, number}`, states as lists and exit codes as objects (release notes of 23.02
 * and 23.11): both are read.
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../../errors.ts";
import type { FarmNode, ShardBatch, TaskStatus } from "../engine.ts";

/** A number as old and new plugins write it; null when it is not set. */
const SlurmNumber = z.union([
  z.number(),
  z.object({ set: z.boolean(), number: z.number() }).transform((value) =>
    value.set ? value.number : null
  ),
  z.null(),
]);

/** A state as old (one word) and new plugins (a list) write it. */
const SlurmWords = z.union([z.string().transform((word) => [word]), z.array(z.string())]);

/**
 * An exit code as old plugins (wait status) and new ones (object) write it; null when there is
 * none.
 */
const SlurmExit = z.union([
  z.number().transform((status) => status >> 8 & 0xff),
  z.object({ return_code: SlurmNumber }).transform((value) => value.return_code),
  z.null(),
]);

const JobSchema = z.object({
  job_id: z.number(),
  array_job_id: SlurmNumber.optional(),
  array_task_id: SlurmNumber.optional(),
  array_task_string: z.string().nullish(),
  job_state: SlurmWords,
  nodes: z.string().nullish(),
  exit_code: SlurmExit.optional(),
  restart_cnt: z.number().optional(),
  state_reason: z.string().nullish(),
});

const NodeSchema = z.object({
  name: z.string(),
  features: z.union([
    z.string().transform((text) => text.split(",").filter((feature) => feature !== "")),
    z.array(z.string()),
  ]),
  state: SlurmWords,
  state_flags: z.array(z.string()).optional(),
  reason: z.string().nullish(),
});

const ErrorSchema = z.object({
  error: z.string().nullish(),
  description: z.string().nullish(),
});

/**
 * Returns the reasons that an answer of Slurm gives in its `errors`, in one line; "" when there are
 * none.
 */
export function slurmErrors(answer: unknown): string {
  const errors = z.object({ errors: z.array(ErrorSchema) }).safeParse(answer);
  if (!errors.success) return "";
  const words = errors.data.errors.flatMap((error) => [error.description, error.error]);
  return [...new Set(words.filter((word) => word))].join("; ");
}

/**
 * Returns the id of the job that was submitted; throws `farm-failed` when the answer holds none.
 */
export function parseSubmission(answer: unknown): number {
  const result = z.object({ job_id: z.int().positive() }).safeParse(answer);
  if (result.success) return result.data.job_id;
  throw new HarnessError(
    "farm-failed",
    `Cannot submit shards to Slurm: it answered without a job id (${
      slurmErrors(answer) || JSON.stringify(answer)?.slice(0, 200)
    })`,
  );
}

/**
 * Id of a batch: Slurm's job id, and what is added to an array's task id to get the shard's index.
 */
export function batchId(jobId: number, offset: number): string {
  return `${jobId}+${offset}`;
}

/** Returns job id and offset of a batch id; throws `TypeError` for another text. */
export function parseBatchId(id: string): { jobId: number; offset: number } {
  const parts = /^(\d+)\+(\d+)$/.exec(id);
  if (parts === null) {
    throw new TypeError(`Cannot read the batch id "${id}": expected job id + offset, as in 17+0`);
  }
  return { jobId: Number(parts[1]), offset: Number(parts[2]) };
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

/**
 * Returns the tasks that an array's text names, as in `3-9,12%4` or `1-9:2`; throws `farm-failed`
 * for another text.
 */
export function parseArraySpec(text: string): number[] {
  const tasks: number[] = [];
  for (const part of text.replace(/%\d+$/, "").replace(/^\[|\]$/g, "").split(",")) {
    const range = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part.trim());
    if (range === null) {
      throw new HarnessError("farm-failed", `Cannot read Slurm's list of tasks "${text}"`);
    }
    const last = Number(range[2] ?? range[1]);
    for (let task = Number(range[1]); task <= last; task += Number(range[3] ?? 1)) tasks.push(task);
  }
  return tasks;
}

/** Returns the words quoted for a POSIX shell. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) =>
    /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}

/**
 * Returns the batch script of the shards and the first index, which the script adds to the task's
 * number.
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

/** Returns features as Slurm's `--constraint` takes them, all of them needed. */
export function constraint(features: readonly string[]): string {
  return features.join("&");
}

/**
 * Returns the body of `POST /job/submit`.
 *
 * `version` is the number of the plugin (38 for v0.0.38): from 39 on the environment is a list of
 * `NAME=value`.
 */
export function submissionBody(
  batch: ShardBatch,
  options: { partition: string | null; workDir: string; outputPattern: string; version: number },
): unknown {
  const { script, array } = batchScript(batch);
  const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", ...batch.environment };
  const job: Record<string, unknown> = {
    name: batch.name,
    array,
    requeue: true,
    environment: options.version >= 39
      ? Object.entries(environment).map(([name, value]) => `${name}=${value}`)
      : environment,
    current_working_directory: options.workDir,
    standard_output: options.outputPattern,
    standard_error: options.outputPattern,
    comment: `posemark ${batch.runId}`,
  };
  if (options.partition !== null) job.partition = options.partition;
  if (batch.features.length > 0) job.constraints = constraint(batch.features);
  if (batch.timeLimitMinutes !== null) {
    const number = Math.ceil(batch.timeLimitMinutes);
    job.time_limit = options.version >= 39 ? { set: true, infinite: false, number } : number;
  }
  return options.version >= 41 ? { job: { ...job, script } } : { script, job };
}

/**
 * Returns the shards that the `jobs` of an answer stand for; jobs of other batches are left out.
 */
export function parseJobs(answer: unknown, batches: readonly string[]): TaskStatus[] {
  const result = z.object({ jobs: z.array(JobSchema) }).safeParse(answer);
  if (!result.success) throw unreadable("jobs", result.error);
  const offsets = new Map(batches.map((id) => {
    const { jobId, offset } = parseBatchId(id);
    return [jobId, { id, offset }];
  }));
  const statuses: TaskStatus[] = [];
  for (const job of result.data.jobs) {
    const batch = offsets.get(job.array_job_id || job.job_id);
    if (batch === undefined) continue;
    const state = taskState(job.job_state, job.state_reason ?? "");
    const task = job.array_task_id ?? null;
    const tasks = job.array_task_string ? parseArraySpec(job.array_task_string) : [task ?? 0];
    for (const number of tasks) {
      statuses.push({
        batch: batch.id,
        index: number + batch.offset,
        state,
        node: job.nodes ? job.nodes : null,
        exitCode: state === "done" || state === "failed" ? job.exit_code ?? null : null,
        restarts: job.restart_cnt ?? 0,
        reason: !job.state_reason || job.state_reason === "None" ? null : job.state_reason,
      });
    }
  }
  return statuses;
}

/** Returns the phones of an answer's `nodes`. */
export function parseNodes(answer: unknown): FarmNode[] {
  const result = z.object({ nodes: z.array(NodeSchema) }).safeParse(answer);
  if (!result.success) throw unreadable("nodes", result.error);
  return result.data.nodes.map((node) => {
    const words = new Set([...node.state, ...node.state_flags ?? []].map((w) => w.toUpperCase()));
    return {
      name: node.name,
      features: node.features,
      state: nodeState(words),
      reason: node.reason ? node.reason : null,
      // A controller that crashed before it saved its state starts a job anew that still runs, and
      // drains the node that says so.
      ...(node.reason === "Duplicate jobid" ? { isMistaken: true } : {}),
    };
  });
}

/** State of a shard from Slurm's words for a job. */
function taskState(words: readonly string[], reason: string): TaskStatus["state"] {
  const has = (...names: string[]) => names.some((name) => words.includes(name));
  if (has("REQUEUE_HOLD", "SPECIAL_EXIT")) return "held";
  if (has("PENDING", "REQUEUED", "REQUEUE_FED", "RESV_DEL_HOLD")) {
    return /^Job(Held|Hold)|held/i.test(reason) ? "held" : "waiting";
  }
  if (
    has("RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT")
  ) {
    return "running";
  }
  if (has("COMPLETED")) return "done";
  return has("CANCELLED") ? "cancelled" : "failed";
}

/** State of a phone from Slurm's words for a node, upper case. */
function nodeState(words: ReadonlySet<string>): FarmNode["state"] {
  const busy = words.has("ALLOCATED") || words.has("MIXED") || words.has("COMPLETING");
  if (words.has("DOWN") || words.has("FAIL")) return "down";
  if (words.has("DRAINING")) return "draining";
  if (words.has("DRAIN") || words.has("DRAINED")) return busy ? "draining" : "drained";
  if (busy) return "busy";
  // A node that was just resumed has not answered yet.
  if (words.has("NOT_RESPONDING")) return "unknown";
  return words.has("IDLE") ? "idle" : "unknown";
}

function unreadable(what: string, error: z.ZodError): HarnessError {
  const issue = error.issues[0];
  return new HarnessError(
    "farm-failed",
    `Cannot read Slurm's ${what}: key "${issue.path.join(".")}": ${issue.message}. ` +
      `Is the API version right (--slurm-api)?`,
  );
}
