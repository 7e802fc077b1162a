import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import type { TaskStatus } from "../engine.ts";
import { parseJobsJson, parseNodesJson } from "./json.ts";
import { eitherWay, farmNodes, parseQueue, shardsOfJobs } from "./slurm.ts";
import { nodeState, stateWords, taskState } from "./states.ts";

function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(`./testdata/${name}`, import.meta.url));
}

/** What every version tells of the same four shards; a job that is no array is none. */
const SHARDS: [number, TaskStatus["state"], string | null, number | null, number, string | null][] =
  [
    [100, "failed", "p1", 2, 0, "NonZeroExitCode"],
    [101, "held", null, null, 5, "JobHoldMaxRequeue"],
    [102, "running", "p2", null, 1, null],
    [103, "waiting", null, null, 0, "Resources"],
  ];

const cellsOf = (statuses: TaskStatus[]) =>
  statuses.map((s) => [s.index, s.state, s.node, s.exitCode, s.restarts, s.reason]);

Deno.test("shardsOfJobs() reads squeue's JSON of every layout, states as text or list, alike", () => {
  for (const version of ["21.08", "23.02", "23.11", "25.05"]) {
    const jobs = parseJobsJson(fixture(`squeue-${version}.json`));
    assertEquals(cellsOf(shardsOfJobs(jobs, ["5+100"])), SHARDS, version);
  }
});

Deno.test("parseQueue() reads squeue's columns of every version like its JSON", () => {
  for (const text of fixture("squeue-columns.txt").split(/^#.*\n/m).slice(1)) {
    assertEquals(cellsOf(parseQueue(text, ["5+100"])), SHARDS, text);
  }
});

Deno.test("farmNodes() reads sinfo's JSON of both layouts alike", () => {
  for (const version of ["21.08", "23.02", "24.11"]) {
    const nodes = farmNodes(parseNodesJson(fixture(`sinfo-${version}.json`)));
    assertEquals(nodes.map((n) => [n.name, n.state, n.features.join(), n.reason]), [
      ["p1", "idle", "phone.p1,soc.x", null],
      ["p2", "busy", "phone.p2,soc.x", null],
      ["p3", "drained", "phone.p3", "battery swollen"],
      ["p4", "draining", "phone.p4", "soon"],
      ["p5", "down", "", "Not responding"],
    ], version);
  }
});

Deno.test("parseJobsJson() and parseNodesJson() refuse other layouts and text, and say where", () => {
  const refused = (read: () => unknown, words: string) => {
    const error = assertThrows(read, HarnessError, words);
    assertEquals(error.code, "farm-failed");
  };
  refused(() => parseJobsJson("slurm_load_jobs error"), "no JSON");
  refused(() => parseJobsJson('{"jobs": [{"array_job_id": "five"}]}'), "jobs.0.array_job_id");
  refused(() => parseNodesJson('{"hosts": []}'), "sinfo --json");
});

Deno.test("nodeState() takes one word with a sign, joined words or a list, and the strongest counts", () => {
  const cases: [string | string[], string][] = [
    ["idle", "idle"],
    ["idle~", "idle"],
    ["idle*", "unknown"],
    ["IDLE+PLANNED", "busy"],
    ["mixed-", "busy"],
    ["reserved", "busy"],
    [["IDLE", "DRAIN"], "drained"],
    [["ALLOCATED", "DRAIN"], "draining"],
    ["drained*", "drained"],
    ["draining@", "draining"],
    [["DOWN", "DRAIN"], "down"],
    ["down~", "down"],
    ["inval", "down"],
    [["IDLE", "POWERED_DOWN"], "down"],
    ["maint", "unknown"],
    ["idle@", "unknown"],
    ["something new", "unknown"],
    [[], "unknown"],
  ];
  for (const [words, state] of cases) assertEquals(nodeState(words), state, String(words));
  assertEquals(stateWords("idle+drain"), ["IDLE", "DRAIN"]);
});

Deno.test("taskState() takes flags beside the base state, and a word that it does not know for a failure", () => {
  const cases: [string | string[], string][] = [
    ["PENDING", "waiting"],
    [["PENDING", "REQUEUED"], "waiting"],
    [["PENDING", "REQUEUE_HOLD"], "held"],
    [["COMPLETED", "COMPLETING"], "running"],
    [["RUNNING", "CONFIGURING"], "running"],
    ["CANCELLED by 1000", "cancelled"],
    ["EXPEDITING", "waiting"],
    ["COMPLETED", "done"],
    ["OUT_OF_MEMORY", "failed"],
    ["NODE_FAIL", "failed"],
  ];
  for (const [words, state] of cases) assertEquals(taskState(words, "None"), state, String(words));
});

Deno.test("eitherWay() takes the JSON where the columns can't be read, and says what is missing when neither can", async () => {
  const fails = (message: string) => () => Promise.reject(new HarnessError("farm-failed", message));
  const old = fails(
    'Cannot ask Slurm: "squeue" exited 1 (squeue: error: Invalid job format specification: RestartCnt)',
  );
  assertEquals(await eitherWay(() => Promise.resolve(1), fails("never")), 1);
  assertEquals(await eitherWay(old, () => Promise.resolve(2)), 2);
  const plugin = fails(
    'Cannot ask Slurm: "squeue" exited 1 (error: Unable to find serializer plugin for application/json)',
  );
  await assertRejects(() => eitherWay(old, plugin), HarnessError, "without its JSON plugin");
  // A controller that can't be reached is no matter of columns.
  const away = fails('Cannot ask Slurm: "squeue" exited 1 (Unable to contact slurm controller)');
  await assertRejects(() => eitherWay(away, fails("never")), HarnessError, "Unable to contact");
});
