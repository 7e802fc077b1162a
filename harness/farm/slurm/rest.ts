/**
 * Slurm over its REST API (slurmrestd), with a JSON web token.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { FarmEngine, FarmNode, ShardBatch, TaskStatus } from "../engine.ts";
import { redact, type Secret } from "../../secret.ts";
import {
  batchId,
  batchScript,
  parseBatchId,
  parseJobs,
  parseNodes,
  parseSubmission,
  slurmErrors,
  submissionBody,
} from "./wire.ts";

/** How to reach slurmrestd, and where shards run. */
export interface SlurmRestOptions {
  /** Address without a path, for instance `http://login:6820`. */
  address: URL;
  /** User that the token is for. */
  user: string;
  token: Secret;
  /** API version in the path, for instance `v0.0.38`. */
  apiVersion: string;
  partition: string | null;
  /** Working folder of a shard on the phone's host. */
  workDir: string;
  /** File for a shard's output on the phone's host, with Slurm's patterns (`%A` job, `%a` task). */
  outputPattern: string;
  /** Longest time for one request. */
  timeoutMs: number;
}

/**
 * Errors of Slurm 2017 ("invalid job id"): the controller has forgotten the job (`MinJobAge`) or
 * never knew it.
 */
const UNKNOWN_JOB = /invalid job id|unable to find jobid/i;

/** Returns the engine behind a slurmrestd; nothing is asked of it yet. */
export function slurmRest(options: SlurmRestOptions): FarmEngine {
  const version = Number(/^v0\.0\.(\d+)$/.exec(options.apiVersion)?.[1] ?? NaN);
  if (Number.isNaN(version)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use --slurm-api "${options.apiVersion}": expected a version such as v0.0.38 ` +
        `(the paths of slurmrestd's /openapi show which ones it has)`,
    );
  }

  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const where = `${method} ${options.address.origin}/slurm/${options.apiVersion}${path}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${options.address.origin}/slurm/${options.apiVersion}${path}`, {
        method,
        headers: {
          "X-SLURM-USER-NAME": options.user,
          "X-SLURM-USER-TOKEN": options.token.reveal(),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(options.timeoutMs),
        redirect: "error",
      });
      text = await response.text();
    } catch (cause) {
      const message = redact((cause as Error).message, [options.token]);
      // The cause could hold the headers: only its message, cleaned, goes on.
      throw new HarnessError(
        "farm-failed",
        `Cannot reach Slurm (${where}): ${message}. Is slurmrestd running, and the address of --slurm-rest right?`,
      );
    }
    let answer: unknown = null;
    try {
      answer = text === "" ? {} : JSON.parse(text);
    } catch {
      // Below: what is not JSON has no reason in it.
    }
    const reason = redact(slurmErrors(answer), [options.token]);
    if (response.status === 401 || /authentication|protocol authentication/i.test(reason)) {
      throw new HarnessError(
        "farm-failed",
        `Cannot ask Slurm (${where}): it did not accept the token for user "${options.user}" (${
          reason || response.status
        }). ` +
          `Make a new one by "scontrol token lifespan=3600" and put it in POSEMARK_SLURM_TOKEN`,
      );
    }
    if (!response.ok || reason !== "" || answer === null) {
      const found = reason || redact(text.replace(/\s+/g, " ").slice(0, 200), [options.token]);
      throw new HarnessError(
        "farm-failed",
        `Cannot ask Slurm (${where}): it answered ${response.status} (${
          found || "an empty text"
        })` +
          hintOf(response.status, reason, options.apiVersion),
      );
    }
    return answer;
  };

  const updateNode = async (node: string, change: Record<string, unknown>) => {
    if (version < 39) {
      throw new HarnessError(
        "farm-failed",
        `Cannot change node "${node}" over Slurm's REST API ${options.apiVersion}: it has no call for that before v0.0.39. ` +
          `Run "scontrol update nodename=${node} state=..." on the login node, or leave out --slurm-rest there`,
      );
    }
    await request("POST", `/node/${encodeURIComponent(node)}`, change);
  };

  return {
    name: `Slurm at ${options.address.origin}`,
    async submit(batch: ShardBatch): Promise<string> {
      const body = submissionBody(batch, { ...options, version });
      return batchId(
        parseSubmission(await request("POST", "/job/submit", body)),
        batchScript(batch).offset,
      );
    },
    async status(batches: readonly string[]): Promise<TaskStatus[]> {
      if (batches.length === 0) return [];
      if (batches.length > 8) return parseJobs(await request("GET", "/jobs"), batches);
      const statuses: TaskStatus[] = [];
      for (const batch of batches) {
        try {
          statuses.push(
            ...parseJobs(await request("GET", `/job/${parseBatchId(batch).jobId}`), [batch]),
          );
        } catch (error) {
          if (!(error instanceof HarnessError && UNKNOWN_JOB.test(error.message))) throw error;
        }
      }
      return statuses;
    },
    async cancel(batches: readonly string[]): Promise<void> {
      for (const batch of batches) {
        try {
          await request("DELETE", `/job/${parseBatchId(batch).jobId}`);
        } catch (error) {
          if (!(error instanceof HarnessError && UNKNOWN_JOB.test(error.message))) throw error;
        }
      }
    },
    async nodes(): Promise<FarmNode[]> {
      return parseNodes(await request("GET", "/nodes"));
    },
    drain: (node, reason) => updateNode(node, { state: ["DRAIN"], reason }),
    resume: (node) => updateNode(node, { state: ["RESUME"] }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Returns what to do about an answer that says little itself. */
function hintOf(status: number, reason: string, apiVersion: string): string {
  if (status === 404) return `. Does it have ${apiVersion} (--slurm-api)?`;
  // slurmrestd 22.05 says no more when the controller refuses a token that can't be read
  return reason === "Unspecified error"
    ? `. Is the token whole and not expired? "scontrol token lifespan=3600" makes a new one for POSEMARK_SLURM_TOKEN; slurmctld's log says more`
    : "";
}
