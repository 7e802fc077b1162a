/**
 * What `squeue --json` and `sinfo --json` print, in the layouts that Slurm has had: pure.
 *
 * - to 22.05: `sinfo` prints every node as the REST interface does (`nodes[]`, states as text);
 *   numbers are plain
 * - from 23.02: `sinfo` prints groups of nodes (`sinfo[]`); a number may be
 *   `{ "set": true, "infinite": false, "number": 5 }`
 * - from 23.11: states are lists
 *
 * Source: https://slurm.schedmd.com/rest_api.html and its versions, `src/plugins/data_parser`.
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../../errors.ts";

/** A job as both tools' outputs tell it; what is not told is empty. */
export interface SlurmJob {
  arrayJobId: number;
  /** Null for a job that is no task of an array. */
  arrayTaskId: number | null;
  state: string[];
  nodes: string;
  /** Of a process, 0 to 255. */
  exitCode: number;
  restarts: number;
  reason: string;
}

/** A node as both tools' outputs tell it; what is not told is empty. */
export interface SlurmNode {
  name: string;
  state: string[];
  features: string[];
  reason: string;
}

/** A number in each of its layouts; null where it is not set. */
const NumberSchema = z.union([
  z.number(),
  z.object({ set: z.boolean().default(true), number: z.number() })
    .transform(({ set, number }) => set ? number : null),
  z.null(),
]);

/** A list, or the text that older versions join by commas. */
const ListSchema = z.union([z.array(z.string()), z.string().transform((text) => text.split(","))])
  .transform((words) => words.map((word) => word.trim()).filter((word) => word !== ""));

/** A wait status, or its parts. */
const ExitSchema = z.union([
  NumberSchema.transform((status) => (status ?? 0) >> 8 & 0xff),
  z.object({ return_code: NumberSchema }).transform(({ return_code }) => return_code ?? 0),
]);

const JobsSchema = z.object({
  jobs: z.array(
    z.object({
      array_job_id: NumberSchema,
      array_task_id: NumberSchema,
      job_state: ListSchema,
      nodes: z.string().nullish(),
      exit_code: ExitSchema.nullish(),
      restart_cnt: NumberSchema.nullish(),
      state_reason: z.string().nullish(),
    }).transform((job): SlurmJob => ({
      arrayJobId: job.array_job_id ?? 0,
      arrayTaskId: job.array_task_id,
      state: job.job_state,
      nodes: job.nodes ?? "",
      exitCode: job.exit_code ?? 0,
      restarts: job.restart_cnt ?? 0,
      reason: job.state_reason ?? "",
    })),
  ),
});

/** To 22.05, and `scontrol show nodes --json` of all versions. */
const NodesSchema = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      state: ListSchema,
      state_flags: ListSchema.nullish(),
      active_features: ListSchema.nullish(),
      features: ListSchema.nullish(),
      reason: z.string().nullish(),
    }).transform((node): SlurmNode => ({
      name: node.name,
      state: [...node.state, ...node.state_flags ?? []],
      features: node.active_features ?? node.features ?? [],
      reason: node.reason ?? "",
    })),
  ),
});

/** From 23.02. */
const GroupsSchema = z.object({
  sinfo: z.array(
    z.object({
      nodes: z.object({ nodes: z.array(z.string()) }),
      node: z.object({ state: ListSchema }),
      features: z.object({ active: ListSchema, total: ListSchema.nullish() }),
      reason: z.union([
        z.string(),
        z.object({ description: z.string().nullish() })
          .transform(({ description }) => description ?? ""),
      ]).nullish(),
    }),
  ),
}).transform(({ sinfo }) => ({
  nodes: sinfo.flatMap(({ nodes, node, features, reason }) =>
    nodes.nodes.map((name): SlurmNode => ({
      name,
      state: node.state,
      features: features.active,
      reason: reason ?? "",
    }))
  ),
}));

/** Returns the jobs of `squeue --json`; throws `farm-failed` for another layout. */
export function parseJobsJson(text: string): SlurmJob[] {
  return read("squeue", JobsSchema, text).jobs;
}

/** Returns the nodes of `sinfo --json`; throws `farm-failed` for another layout. */
export function parseNodesJson(text: string): SlurmNode[] {
  return read("sinfo", z.union([GroupsSchema, NodesSchema]), text).nodes;
}

function read<T>(tool: string, schema: z.ZodType<T>, text: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw unreadable(tool, `text that is no JSON (${(cause as Error).message})`, cause);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  throw unreadable(
    tool,
    `a layout that is not known (${path.join(".")}: ${message})`,
    parsed.error,
  );
}

function unreadable(tool: string, found: string, cause: unknown): HarnessError {
  return new HarnessError(
    "farm-failed",
    `Cannot read what ${tool} --json printed: found ${found}, expected that of Slurm 21.08 to 25.05`,
    { cause },
  );
}
