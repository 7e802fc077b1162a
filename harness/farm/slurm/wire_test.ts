import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import type { ShardBatch } from "../engine.ts";
import {
  arraySpec,
  batchId,
  batchScript,
  parseArraySpec,
  parseBatchId,
  parseJobs,
  parseNodes,
  parseSubmission,
  shellWords,
  slurmErrors,
  submissionBody,
} from "./wire.ts";

const BATCH: ShardBatch = {
  name: "gate",
  runId: "r1",
  indices: [12, 10, 11, 15],
  features: ["soc.x", "android.14"],
  command: ["/opt/posemark shard", "it's"],
  environment: { POSEMARK_RUN: "r1" },
  timeLimitMinutes: 2.5,
};
const PLACE = { partition: "phones", workDir: "/tmp", outputPattern: "/dev/null" };

Deno.test("arraySpec() writes runs as ranges, and parseArraySpec() reads them back", () => {
  assertEquals(arraySpec([8, 0, 1, 2, 5, 7, 5]), "0-2,5,7-8");
  assertEquals(parseArraySpec("0-2,5,7-8"), [0, 1, 2, 5, 7, 8]);
  assertEquals(parseArraySpec("[1-7:3]%2"), [1, 4, 7]);
  assertThrows(() => parseArraySpec("1-x"), HarnessError, "1-x");
});

Deno.test("batchId() and parseBatchId() are inverse, another text is refused", () => {
  assertEquals(parseBatchId(batchId(17, 4000)), { jobId: 17, offset: 4000 });
  assertThrows(() => parseBatchId("17"), TypeError);
});

Deno.test("shellWords() quotes what a shell would take apart", () => {
  assertEquals(shellWords(["a-b/c", "x y", "it's", "$(rm)"]), `a-b/c 'x y' 'it'\\''s' '$(rm)'`);
});

Deno.test("batchScript() adds the smallest index to the task's number", () => {
  const { script, offset, array } = batchScript(BATCH);
  assertEquals([offset, array], [10, "0-2,5"]);
  assertStringIncludes(script, "SLURM_ARRAY_TASK_ID + 10");
  assertStringIncludes(script, `exec '/opt/posemark shard' 'it'\\''s'`);
  assertThrows(() => batchScript({ ...BATCH, indices: [] }), RangeError);
});

Deno.test("submissionBody() has the environment as the plugin's version wants it", () => {
  // deno-lint-ignore no-explicit-any
  const old = submissionBody(BATCH, { ...PLACE, version: 38 }) as any;
  assertEquals(old.job.environment.POSEMARK_RUN, "r1");
  assertEquals([old.job.array, old.job.constraints, old.job.time_limit, old.job.requeue], [
    "0-2,5",
    "soc.x&android.14",
    3,
    true,
  ]);
  // deno-lint-ignore no-explicit-any
  const fresh = submissionBody(BATCH, { ...PLACE, version: 41 }) as any;
  assertEquals(fresh.job.environment.includes("POSEMARK_RUN=r1"), true);
  assertEquals(fresh.job.time_limit, { set: true, infinite: false, number: 3 });
  assertEquals([typeof fresh.script, typeof fresh.job.script], ["undefined", "string"]);
});

Deno.test("parseJobs() reads waiting tasks as a range, and states, nodes and exit codes", () => {
  const answer = {
    jobs: [
      {
        job_id: 5,
        array_job_id: 5,
        array_task_id: null,
        array_task_string: "2-3",
        job_state: "PENDING",
        nodes: "",
        exit_code: 0,
        restart_cnt: 0,
        state_reason: "Resources",
      },
      {
        job_id: 6,
        array_job_id: 5,
        array_task_id: 0,
        array_task_string: "",
        job_state: "FAILED",
        nodes: "p1",
        exit_code: 512,
        restart_cnt: 0,
        state_reason: "NonZeroExitCode",
      },
      {
        job_id: 7,
        array_job_id: 5,
        array_task_id: 1,
        array_task_string: "",
        job_state: "PENDING",
        nodes: "",
        exit_code: 0,
        restart_cnt: 5,
        state_reason: "JobHoldMaxRequeue",
      },
      {
        job_id: 9,
        array_job_id: 0,
        array_task_id: null,
        array_task_string: "",
        job_state: "RUNNING",
        nodes: "p2",
        exit_code: 0,
        restart_cnt: 0,
        state_reason: "None",
      },
      { job_id: 99, array_job_id: 98, array_task_id: 1, job_state: "RUNNING" },
    ],
  };
  const statuses = parseJobs(answer, ["5+100", "9+0"]);
  assertEquals(statuses.map((s) => [s.batch, s.index, s.state, s.node, s.exitCode, s.restarts]), [
    ["5+100", 102, "waiting", null, null, 0],
    ["5+100", 103, "waiting", null, null, 0],
    ["5+100", 100, "failed", "p1", 2, 0],
    ["5+100", 101, "held", null, null, 5],
    ["9+0", 0, "running", "p2", null, 0],
  ]);
});

Deno.test("parseJobs() reads numbers, states and exit codes of newer plugins", () => {
  const number = (number: number, set = true) => ({ set, infinite: false, number });
  const statuses = parseJobs({
    jobs: [{
      job_id: 6,
      array_job_id: number(5),
      array_task_id: number(3),
      array_task_string: "",
      job_state: ["COMPLETED"],
      nodes: "p1",
      exit_code: { status: ["SUCCESS"], return_code: number(0) },
      restart_cnt: 1,
      state_reason: "None",
    }, {
      job_id: 7,
      array_job_id: number(0),
      array_task_id: number(0, false),
      job_state: ["PENDING", "REQUEUE_HOLD"],
      exit_code: { return_code: number(75) },
    }],
  }, ["5+0", "7+9"]);
  assertEquals(statuses.map((s) => [s.index, s.state, s.exitCode, s.restarts, s.reason]), [
    [3, "done", 0, 1, null],
    [9, "held", null, 0, null],
  ]);
});

Deno.test("parseNodes() tells idle, busy, draining, drained and down apart", () => {
  const node = (name: string, state: unknown, flags: string[] = [], reason = "") => ({
    name,
    features: "a,b",
    state,
    state_flags: flags,
    reason,
  });
  const nodes = parseNodes({
    nodes: [
      node("p1", "idle"),
      node("p2", "allocated"),
      node("p3", "idle", ["DRAIN"], "Prolog error"),
      node("p4", "allocated", ["DRAIN"]),
      node("p5", ["DOWN", "NOT_RESPONDING"]),
      { ...node("p6", ["IDLE"]), features: ["x"] },
      node("p7", ["IDLE", "NOT_RESPONDING"]),
      node("p8", "idle", ["DRAIN"], "Duplicate jobid"),
    ],
  });
  assertEquals(nodes.map((n) => n.state), [
    "idle",
    "busy",
    "drained",
    "draining",
    "down",
    "idle",
    "unknown",
    "drained",
  ]);
  assertEquals(nodes.filter((n) => n.isMistaken).map((n) => n.name), ["p8"]);
  assertEquals([nodes[0].features, nodes[5].features], [["a", "b"], ["x"]]);
  assertEquals([nodes[0].reason, nodes[2].reason], [null, "Prolog error"]);
});

Deno.test("parseJobs(), parseNodes() and parseSubmission() refuse another answer by its key", () => {
  assertThrows(() => parseJobs({ jobs: [{ job_id: "5" }] }, []), HarnessError, "jobs.0.job_id");
  assertThrows(() => parseNodes({ node: [] }), HarnessError, '"nodes"');
  const refusal = {
    errors: [{ description: "Batch job submission failed", error: "Invalid feature" }],
  };
  assertThrows(() => parseSubmission(refusal), HarnessError, "Invalid feature");
});

Deno.test("slurmErrors() says each reason once, and nothing of an answer without errors", () => {
  assertEquals(slurmErrors({ errors: [{ error: "a", description: "a" }, { error: "b" }] }), "a; b");
  assertEquals(slurmErrors({}), "");
});
