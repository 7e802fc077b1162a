import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { openEmbeddedStore } from "../store/embedded.ts";
import type { FarmStore } from "../store/store.ts";
import type { FarmEngine, FarmNode, ShardBatch, TaskStatus } from "./engine.ts";
import { type FarmProgress, type FollowOptions, followRun, storeShards } from "./follow.ts";
import { type Plan, planRun } from "./plan.ts";

/** What a scripted engine does with a shard each time it gets it. */
type Script = (index: number, submission: number) => TaskStatus["state"] | "forgets";

interface ScriptedEngine extends FarmEngine {
  batches: ShardBatch[];
  cancelled: string[];
  known: FarmNode[];
}

/** An engine whose shards end at once, as the script says; `done` is told to the store as a shard does. */
function scriptedEngine(store: FarmStore, known: FarmNode[], script: Script): ScriptedEngine {
  const counts = new Map<number, number>();
  const tasks: TaskStatus[] = [];
  const engine: ScriptedEngine = {
    name: "scripted",
    batches: [],
    cancelled: [],
    known,
    async submit(batch) {
      engine.batches.push(batch);
      const id = `b${engine.batches.length}`;
      for (const index of batch.indices) {
        const count = (counts.get(index) ?? 0) + 1;
        counts.set(index, count);
        const state = script(index, count);
        if (state === "forgets") continue;
        if (state === "done" || state === "failed") {
          const { claim } = (await store.claim(batch.runId, index, { device: "d", host: "h" }))!;
          if (state === "done") await store.finish(claim, { state, code: null, message: null });
          else await store.finish(claim, { state, code: "bad-param", message: "no such layer" });
        }
        tasks.push({
          batch: id,
          index,
          state,
          node: null,
          exitCode: null,
          restarts: 0,
          reason: null,
        });
      }
      return id;
    },
    status: (batches) => Promise.resolve(tasks.filter((task) => batches.includes(task.batch))),
    cancel: (batches) => Promise.resolve(void engine.cancelled.push(...batches)),
    nodes: () => Promise.resolve(engine.known),
    drain: () => Promise.resolve(),
    resume: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return engine;
}

const NODES: FarmNode[] = ["a", "b"].map((name) => ({
  name,
  features: [`phone.${name}`],
  state: "idle",
  reason: null,
}));

async function setUp(): Promise<{ store: FarmStore; plan: Plan; options: FollowOptions }> {
  const store = await openEmbeddedStore(":memory:");
  const pairs = [{ base: "v", candidate: "c1" }, { base: "v", candidate: "c2" }];
  const plan = planRun(NODES, new Map(), pairs, null);
  await store.putRun("r", {});
  await storeShards(store, plan, "r", (shard) => shard);
  return {
    store,
    plan,
    options: {
      runId: "r",
      name: "gate",
      command: ["posemark-shard"],
      environment: { A: "1" },
      timeLimitMinutes: 5,
      maxQueued: 100,
      pollMs: 1,
      deadlineMs: 5000,
      awayMs: 20,
      signal: new AbortController().signal,
    },
  };
}

Deno.test("storeShards() puts every shard of the plan with its document", async () => {
  const { store } = await setUp();
  assertEquals((await store.shard("r", 3))?.document, {
    index: 3,
    phone: "b",
    features: ["phone.b"],
    base: "v",
    candidate: "c2",
  });
});

Deno.test("followRun() submits every shard once and ends when all are done", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, () => "done");
  const seen: FarmProgress[] = [];
  const outcome = await followRun(engine, store, plan, {
    ...options,
    onProgress: (p) => seen.push(p),
  });
  assertEquals([outcome.missing.size, outcome.resubmitted, engine.cancelled], [0, 0, []]);
  assertEquals(engine.batches.map((b) => [b.indices, b.features, b.environment]), [
    [[0, 1], ["phone.a"], { A: "1" }],
    [[2, 3], ["phone.b"], { A: "1" }],
  ]);
  assertEquals([seen[0].waiting, seen.at(-1)!.done], [4, 4]);
});

Deno.test("followRun() leaves out what is done, so that a run can be followed again", async () => {
  const { store, plan, options } = await setUp();
  const { claim } = (await store.claim("r", 1, { device: "d", host: "h" }))!;
  await store.finish(claim, { state: "done", code: null, message: null });
  const engine = scriptedEngine(store, NODES, () => "done");
  await followRun(engine, store, plan, options);
  assertEquals(engine.batches.map((b) => b.indices), [[0], [2, 3]]);
});

Deno.test("followRun() keeps the queue within its room", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, () => "done");
  await followRun(engine, store, plan, { ...options, maxQueued: 2 });
  assertEquals(engine.batches.map((b) => b.indices.length), [1, 1, 1, 1]);
});

Deno.test("followRun() submits again what the engine lost or ended without a result, at most three times", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, (index, submission) => {
    if (index === 0) return submission < 3 ? "forgets" : "done";
    if (index === 1) return "forgets";
    return "done";
  });
  const outcome = await followRun(engine, store, plan, options);
  assertEquals([...outcome.missing.keys()], [1]);
  assertStringIncludes(outcome.missing.get(1)!, "the engine lost it");
  assertEquals(engine.batches.filter((b) => b.indices.includes(1)).length, 3);
  assertEquals(outcome.resubmitted, 4);
});

Deno.test("followRun() says why shards failed, were held or cancelled, and takes the rest out of the queue", async () => {
  const { store, plan, options } = await setUp();
  const states: TaskStatus["state"][] = ["failed", "held", "cancelled", "done"];
  const engine = scriptedEngine(store, NODES, (index) => states[index]);
  const outcome = await followRun(engine, store, plan, options);
  assertEquals([...outcome.missing.keys()].sort(), [0, 1, 2]);
  assertStringIncludes(outcome.missing.get(0)!, "bad-param (no such layer)");
  assertStringIncludes(outcome.missing.get(1)!, "held by the engine");
  assertStringIncludes(outcome.missing.get(2)!, "cancelled");
  assertEquals(engine.cancelled.length > 0, true);
});

Deno.test("followRun() gives up shards whose phones stay drained, with the farm's reason", async () => {
  const { store, plan, options } = await setUp();
  const sick: FarmNode = { ...NODES[1], state: "drained", reason: "Prolog error" };
  const engine = scriptedEngine(store, [NODES[0], sick], (index) => index < 2 ? "done" : "waiting");
  const seen: FarmProgress[] = [];
  const outcome = await followRun(engine, store, plan, {
    ...options,
    onProgress: (p) => seen.push(p),
  });
  assertEquals([...outcome.missing.keys()], [2, 3]);
  assertStringIncludes(outcome.missing.get(2)!, "b is drained: Prolog error");
  assertEquals(seen.at(-1)!.sick, [{ name: "b", reason: "Prolog error" }]);
});

Deno.test("followRun() waits for an engine that is away, and ends at its deadline with what is there", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, (index) => index === 0 ? "running" : "done");
  const status = engine.status;
  let looks = 0;
  engine.status = (batches) =>
    ++looks % 2 === 0
      ? Promise.reject(new HarnessError("farm-failed", "connection refused"))
      : status(batches);
  const outcome = await followRun(engine, store, plan, { ...options, deadlineMs: 150 });
  assertEquals([...outcome.missing.keys()], [0]);
  assertStringIncludes(outcome.missing.get(0)!, "not done within the time");
});

Deno.test("followRun() takes its shards out of the queue when it is interrupted", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, () => "running");
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("Ctrl-C")), 50);
  await assertRejects(
    () => followRun(engine, store, plan, { ...options, signal: stop.signal }),
    Error,
    "Ctrl-C",
  );
  assertEquals(engine.cancelled, ["b1", "b2"]);
});

Deno.test("followRun() warns when the rest can't be taken out of the queue", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, (index) => index === 0 ? "held" : "done");
  engine.cancel = () => Promise.reject(new HarnessError("farm-failed", "refused"));
  const outcome = await followRun(engine, store, plan, options);
  assertEquals(outcome.warnings.map((warning) => warning.code), ["farm-not-cancelled"]);
});

Deno.test("followRun() throws the engine's first refusal, and tries later ones again", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, () => "done");
  const submit = engine.submit;
  let calls = 0;
  engine.submit = (batch) => {
    calls++;
    return calls === 2
      ? Promise.reject(new HarnessError("farm-failed", "queue is full"))
      : submit(batch);
  };
  const outcome = await followRun(engine, store, plan, options);
  assertEquals([calls, outcome.missing.size, engine.batches.length], [3, 0, 2]);
  const fresh = await setUp();
  const refusing = scriptedEngine(fresh.store, NODES, () => "done");
  refusing.submit = () => Promise.reject(new HarnessError("farm-failed", "invalid feature"));
  await assertRejects(
    () => followRun(refusing, fresh.store, plan, options),
    HarnessError,
    "invalid feature",
  );
});
