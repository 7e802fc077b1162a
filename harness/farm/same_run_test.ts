import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { openStore } from "../store/open_store.ts";
import type { FarmNode } from "./engine.ts";
import { type FarmGateRequest, type FarmSide, gateOnFarm } from "./farm_gate.ts";
import { DEFAULT_FARM_RULE } from "../gate/phones/verdict.ts";
import { DEFAULT_FOLLOW } from "./follow.ts";
import { requireSameRun } from "./same_run.ts";
import type { FarmRun } from "./shard_file.ts";
import { farmRun } from "./testdata/farm_run.ts";
import { scriptedEngine } from "./testdata/scripted_engine.ts";

/** The run as another start would ask for it. */
function startedAgain(run: FarmRun): FarmRun {
  const again = structuredClone(run);
  again.createdAt = "2026-11-25T12:00:00.000Z";
  again.command = ["gate", "--run-id", run.runId];
  again.sides.base.manifest.source.path = "/tmp/posemark-commit-x/m.onnx";
  return again;
}

Deno.test("requireSameRun() takes a start of the same run, and names the key in which another differs", async () => {
  await using store = await openStore(":memory:");
  const run = await farmRun(store);
  requireSameRun(run, startedAgain(run), "s");
  const change = (change: (run: FarmRun) => void): string => {
    const other = startedAgain(run);
    change(other);
    const error = assertThrows(() => requireSameRun(run, other, "s"), HarnessError);
    assertEquals(error.code, "bad-option");
    return error.message;
  };
  assertStringIncludes(change((r) => r.rounds = 8), '"rounds" is 4 there and 8 now');
  assertStringIncludes(
    change((r) => r.sides.candidate.manifest.bin.sha256 = "0".repeat(64)),
    '"sides.candidate.manifest.bin.sha256"',
  );
  assertStringIncludes(change((r) => delete r.sides.candidate), "is {");
  assertStringIncludes(change((r) => r.timedImageIds.push("b")), '"timedImageIds.1" is absent');
});

/** Writes the files of a run's sides and image; returns what is gated. */
async function requestOf(run: FarmRun, dir: string) {
  const write = async (text: string) => {
    const file = path.join(dir, `${text}.file`);
    await Deno.writeTextFile(file, text);
    return file;
  };
  const side = async (id: string): Promise<FarmSide> => {
    for (const part of ["param", "bin", "onnx"]) await write(`${id} ${part}`);
    const { manifest, ncnnVersion } = run.sides[id];
    return {
      name: id,
      variant: { manifest, dir },
      runners: { host: await write(`runner of ${id}`) },
      ncnnVersion,
    };
  };
  return {
    pairs: [{ baseline: await side("base"), candidate: await side("candidate") }],
    images: [{ image: run.images[0], file: await write("image") }],
  };
}

const NODES: FarmNode[] = ["a", "b"].map((name) => ({
  name,
  features: [`phone.${name}`],
  state: "idle",
  reason: null,
}));

Deno.test("gateOnFarm() started again with its run id goes on with what is not done", async () => {
  await using store = await openStore(":memory:");
  const dir = await Deno.makeTempDir();
  const first = await farmRun(store);
  const start = async (run: FarmRun, waiting: number | null, deadlineMs: number) => {
    const { schemaVersion: _version, sides: _sides, images: _images, ...settings } = run;
    const engine = scriptedEngine(
      store,
      NODES,
      (index) => index === waiting ? "waiting" : "done",
    );
    const request: FarmGateRequest = {
      ...await requestOf(run, dir),
      engine,
      store,
      artefactDir: null,
      phones: new Map(),
      perKind: null,
      settings,
      config: { gate: { thresholdsPercent: { "total.p50": 10 } } },
      phonesRule: DEFAULT_FARM_RULE,
      annotations: null,
      wantsFigures: false,
      follow: {
        ...DEFAULT_FOLLOW,
        name: "gate",
        command: ["posemark-shard"],
        environment: {},
        timeLimitMinutes: null,
        pollMs: 1,
        deadlineMs,
        signal: new AbortController().signal,
      },
    };
    const { outcome } = await gateOnFarm(request);
    return {
      missing: [...outcome.missing.keys()],
      submitted: engine.batches.flatMap((batch) => batch.indices),
    };
  };
  assertEquals(await start(first, 1, 50), { missing: [1], submitted: [0, 1] });
  assertEquals(await start(startedAgain(first), null, 5000), { missing: [], submitted: [1] });
  assertEquals((await store.run("run-1") as FarmRun).createdAt, first.createdAt);
  const other = { ...startedAgain(first), rounds: 8 };
  const error = await assertRejects(() => start(other, null, 5000), HarnessError, '"rounds"');
  assertEquals(error.code, "bad-option");
  await Deno.remove(dir, { recursive: true });
});
