import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { BatchRefused, type ShardBatch } from "../engine.ts";
import {
  arraySpec,
  batchScript,
  parseBatchId,
  parseMaxArraySize,
  parseNodes,
  parseQueue,
  sbatchArguments,
  shellWords,
  submitError,
} from "./slurm.ts";

const BATCH: ShardBatch = {
  name: "gate",
  runId: "r1",
  indices: [12, 10, 11, 15],
  features: ["soc.x", "android.14"],
  command: ["/opt/posemark shard", "it's"],
  environment: { POSEMARK_RUN: "r1" },
  timeLimitMinutes: 2.5,
};

Deno.test("arraySpec() writes runs as ranges", () => {
  assertEquals(arraySpec([8, 0, 1, 2, 5, 7, 5]), "0-2,5,7-8");
});

Deno.test("parseBatchId() reads job and offset, another text is refused", () => {
  assertEquals(parseBatchId("17+4000"), { jobId: 17, offset: 4000 });
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

Deno.test("sbatchArguments() asks for the features, a requeue and no more of the environment", () => {
  const place = {
    partition: "phones",
    workDir: "/tmp",
    outputPattern: "/dev/null",
    environment: {},
    timeoutMs: 1,
  };
  const found = sbatchArguments(BATCH, place);
  for (
    const part of ["--array=0-2,5", "--constraint=soc.x&android.14", "--time=3", "--requeue"]
      .concat(["--export=PATH,POSEMARK_RUN", "--partition=phones"])
  ) assertEquals(found.includes(part), true, part);
});

Deno.test("parseQueue() reads states, nodes and exit codes of its batches", () => {
  // As squeue of Slurm 22.05 prints them; newer ones may write the exit code as code:signal.
  const lines = [
    "5|2|PENDING||0|0|Resources|",
    "5|3|PENDING||0|0|None|",
    "5|0|FAILED|p1|512|0|NonZeroExitCode|",
    "5|1|PENDING||0|5|JobHoldMaxRequeue|",
    "5|4|REQUEUE_HOLD||75:0|0|None|",
    "9|0|RUNNING|p2|0|0|None|",
    "9|1|COMPLETED|p2|0|1|None|",
    "9|2|CANCELLED|p2|0|0|None|",
    "9|3|FAILED|p2|2:0|0|NonZeroExitCode|",
    "98|1|RUNNING|p3|0|0|None|",
  ];
  const statuses = parseQueue(lines.join("\n") + "\n", ["5+100", "9+0"]);
  assertEquals(statuses.map((s) => [s.batch, s.index, s.state, s.node, s.exitCode, s.restarts]), [
    ["5+100", 102, "waiting", null, null, 0],
    ["5+100", 103, "waiting", null, null, 0],
    ["5+100", 100, "failed", "p1", 2, 0],
    ["5+100", 101, "held", null, null, 5],
    ["5+100", 104, "held", null, null, 0],
    ["9+0", 0, "running", "p2", null, 0],
    ["9+0", 1, "done", "p2", 0, 1],
    ["9+0", 2, "cancelled", "p2", null, 0],
    ["9+0", 3, "failed", "p2", 2, 0],
  ]);
  assertEquals([statuses[0].reason, statuses[1].reason], ["Resources", null]);
});

Deno.test("parseNodes() tells idle, busy, draining, drained and down apart, each node once", () => {
  const nodes = parseNodes([
    "p1|idle|a,b|none",
    "p1|idle|a,b|none",
    "p2|allocated|a,b|none",
    "p3|drained|a,b|Prolog error | twice",
    "p4|draining|a,b|none",
    "p5|down*|a,b|Not responding",
    "p6|mixed|x|none",
    "p7|idle*|(null)|none",
    "p8|drained*|a|Duplicate jobid",
  ].join("\n"));
  assertEquals(nodes.map((n) => n.state), [
    "idle",
    "busy",
    "drained",
    "draining",
    "down",
    "busy",
    "unknown",
    "drained",
  ]);
  assertEquals(nodes.filter((n) => n.isMistaken).map((n) => n.name), ["p8"]);
  assertEquals(nodes[0].features, ["a", "b"]);
  assertEquals(nodes[6].features, []);
  assertEquals([nodes[0].reason, nodes[2].reason], [null, "Prolog error | twice"]);
});

Deno.test("parseQueue() and parseNodes() refuse lines of other columns", () => {
  assertThrows(() => parseQueue("5|0|RUNNING\n", []), HarnessError, "5|0|RUNNING");
  assertThrows(() => parseNodes("p1 idle\n"), HarnessError, "sinfo");
});

Deno.test("parseMaxArraySize() reads the limit of the configuration, and is null where it is not told", () => {
  assertEquals(
    parseMaxArraySize("Licenses = x\nMaxArraySize            = 1001\nMaxDBDMsgs = 1\n"),
    1001,
  );
  assertEquals(parseMaxArraySize("Configuration data as of 2026"), null);
});

Deno.test("submitError() tells a batch that is too large from other refusals", () => {
  const refusal = (words: string) =>
    submitError(new HarnessError("farm-failed", "Cannot ask Slurm", { stderrTail: [words] }));
  const kind = (words: string) => {
    const error = refusal(words);
    return error instanceof BatchRefused ? error.mayPass : null;
  };
  assertEquals(kind("sbatch: error: QOSMaxSubmitJobPerUserLimit"), true);
  assertEquals(kind("sbatch: error: AssocMaxSubmitJobLimit"), true);
  assertEquals(
    kind("sbatch: error: Batch job submission failed: Invalid job array specification"),
    false,
  );
  assertEquals(kind("sbatch: error: invalid partition specified: phones"), null);
});
