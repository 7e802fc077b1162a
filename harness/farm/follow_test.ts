import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { openStore } from "../store/open_store.ts";
import type { FarmStore, StoreRefusal } from "../store/store.ts";
import { BatchRefused, type FarmNode, type TaskStatus } from "./engine.ts";
import { type FarmProgress, type FollowOptions, followRun, storeShards } from "./follow.ts";
import { type Plan, planRun } from "./plan.ts";
import { scriptedEngine } from "./testdata/scripted_engine.ts";

const NODES: FarmNode[] = ["a", "b"].map((name) => ({
  name,
  features: [`phone.${name}`],
  state: "idle",
  reason: null,
}));

async function setUp(): Promise<{ store: FarmStore; plan: Plan; options: FollowOptions }> {
  const store = await openStore(":memory:");
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

Deno.test("storeShards() refuses a run that was planned with other phones or pairs", async () => {
  const { store, plan } = await setUp();
  await storeShards(store, plan, "r", (shard) => shard);
  const replan = (nodes: FarmNode[]) => planRun(nodes, new Map(), plan.pairs, null);
  for (
    const [nodes, part] of [
      [[NODES[1], NODES[0]], "shard 0 is"],
      [NODES.slice(0, 1), "it has 4 shards there and 2 now"],
    ] as const
  ) {
    const error = await assertRejects(
      () => storeShards(store, replan([...nodes]), "r", (shard) => shard),
      HarnessError,
      part,
    );
    assertEquals(error.code, "store-failed");
  }
});

Deno.test("followRun() tries again what an earlier run left failed, once and to its end", async () => {
  const { store, plan, options } = await setUp();
  const first = scriptedEngine(store, NODES, (index) => index === 1 ? "failed" : "done");
  assertEquals([...(await followRun(first, store, plan, options)).missing.keys()], [1]);
  const second = scriptedEngine(store, NODES, () => "failed");
  const again = await followRun(second, store, plan, options);
  assertEquals(second.batches.map((b) => b.indices), [[1]]);
  assertStringIncludes(again.missing.get(1)!, "failed: bad-param");
  const third = scriptedEngine(store, NODES, () => "done");
  assertEquals((await followRun(third, store, plan, options)).missing.size, 0);
  assertEquals((await store.shard("r", 1))?.attempts, 3);
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

Deno.test("followRun() believes the newest batch of a shard, in whichever order the engine tells", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(
    store,
    NODES,
    (index, submission) => index > 0 ? "done" : submission === 1 ? "forgets" : "running",
  );
  const status = engine.status;
  let looks = 0;
  engine.status = async (batches) => {
    const tasks = await status(batches);
    const again = tasks.find(({ index }) => index === 0);
    if (again === undefined) return tasks;
    if (++looks === 10) {
      const { claim } = (await store.claim("r", 0, { device: "d", host: "h" }))!;
      await store.finish(claim, { state: "done", code: null, message: null });
    }
    return [...tasks, { ...again, batch: "b1", state: "failed", exitCode: 1 }];
  };
  const outcome = await followRun(engine, store, plan, options);
  assertEquals([outcome.missing.size, outcome.resubmitted, looks], [0, 1, 10]);
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

Deno.test("followRun() takes a phone back that the engine drained by mistake, and tells it once", async () => {
  const { store, plan, options } = await setUp();
  const mistaken: FarmNode = {
    ...NODES[1],
    state: "draining",
    reason: "Duplicate jobid",
    isMistaken: true,
  };
  const other: FarmNode = { ...mistaken, name: "c", features: ["phone.c"] };
  const engine = scriptedEngine(
    store,
    [NODES[0], mistaken, other],
    (index) => index < 2 ? "done" : "waiting",
  );
  let looks = 0;
  const outcome = await followRun(engine, store, plan, {
    ...options,
    onProgress: () => {
      if (++looks === 3) engine.known = NODES;
    },
    deadlineMs: 200,
  });
  assertEquals([...new Set(engine.resumed)], ["b"]);
  assertEquals([...outcome.missing.keys()], [2, 3]);
  assertEquals(outcome.warnings.map(({ code }) => code), ["farm-phone-resumed"]);

  engine.known = [NODES[0], mistaken];
  engine.resume = () => Promise.reject(new HarnessError("farm-failed", "access denied"));
  const refused = await followRun(engine, store, plan, { ...options, deadlineMs: 50 });
  assertEquals(refused.warnings.map(({ code }) => code), ["farm-phone-not-resumed"]);
  assertStringIncludes(refused.warnings[0].message, "access denied");
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

/**
 * The store over a link that is down while `isDown` says so: what it asks then ends as after
 * PostgreSQL's last try.
 */
function shakyStore(store: FarmStore, isDown: () => boolean, cause?: unknown): FarmStore {
  return {
    ...store,
    progress: (runId) =>
      isDown()
        ? Promise.reject(new HarnessError("store-failed", "connection refused", { cause }))
        : store.progress(runId),
  };
}

Deno.test("followRun() waits for a store that is away, and loses no shard by it", async () => {
  const { store, plan, options } = await setUp();
  const states: TaskStatus["state"][] = ["running", "done", "done", "done"];
  const engine = scriptedEngine(store, NODES, (index) => states[index]);
  let looks = 0;
  const shaky = shakyStore(store, () => {
    looks++;
    return looks > 2 && looks < 8;
  });
  const status = engine.status;
  engine.status = async (batches) => {
    // While the store is away the shard ends: only the store, when it is back, can say how.
    const tasks = await status(batches);
    if (looks === 5) {
      const { claim } = (await store.claim("r", 0, { device: "d", host: "h" }))!;
      await store.finish(claim, { state: "done", code: null, message: null });
      tasks[0].state = "done";
    }
    return tasks;
  };
  const outcome = await followRun(engine, shaky, plan, options);
  assertEquals([outcome.missing.size, outcome.resubmitted, engine.cancelled], [0, 0, []]);
  assertEquals(looks >= 8, true);
});

Deno.test("followRun() ends at its deadline when the store stays away, and takes the rest out of the queue", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, () => "running");
  let looks = 0;
  const shaky = shakyStore(store, () => ++looks > 2);
  const startedAt = performance.now();
  const error = await assertRejects(
    () => followRun(engine, shaky, plan, { ...options, deadlineMs: 150 }),
    HarnessError,
  );
  assertEquals([error.code, performance.now() - startedAt >= 150], ["store-failed", true]);
  assertEquals(engine.cancelled, ["b1", "b2"]);
});

Deno.test("followRun() does not wait for a store that refuses the user", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, () => "running");
  let looks = 0;
  const refusal: StoreRefusal = { refusalCode: "28P01" };
  const shaky = shakyStore(store, () => ++looks > 2, refusal);
  const startedAt = performance.now();
  await assertRejects(() => followRun(engine, shaky, plan, options), HarnessError, "refused");
  assertEquals(performance.now() - startedAt < options.deadlineMs / 2, true);
  assertEquals(engine.cancelled, ["b1", "b2"]);
});

Deno.test("followRun() says where to look when a host's set-up ends its shards", async () => {
  const { store, plan, options } = await setUp();
  const engine = scriptedEngine(store, NODES, (index) => index === 0 ? "waiting" : "done");
  const status = engine.status;
  engine.status = async (batches) =>
    (await status(batches)).map((task) =>
      task.index === 0 ? { ...task, state: "failed", exitCode: 2 } : task
    );
  const outcome = await followRun(engine, store, plan, options);
  assertStringIncludes(outcome.missing.get(0)!, "exit code 2");
  assertStringIncludes(outcome.missing.get(0)!, "store's password");
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

Deno.test("followRun() splits batches by the engine's span, and halves what its queue refuses for its size", async () => {
  const { store, plan, options } = await setUp();
  const narrow = scriptedEngine(store, NODES, () => "done");
  narrow.mostIndices = () => Promise.resolve(1);
  assertEquals((await followRun(narrow, store, plan, options)).missing.size, 0);
  assertEquals(narrow.batches.map(({ indices }) => indices), [[0], [1], [2], [3]]);

  const { store: other, ...again } = await setUp();
  const engine = scriptedEngine(other, NODES, () => "done");
  const { submit } = engine;
  let refused = 0;
  engine.submit = (batch) => {
    // Full at first, whatever its size: somebody else's jobs end meanwhile.
    if (batch.indices.length > 1 || refused === 1) {
      refused++;
      throw new BatchRefused(new HarnessError("farm-failed", "QOSMaxSubmitJobPerUserLimit"), true);
    }
    return submit(batch);
  };
  const outcome = await followRun(engine, other, again.plan, again.options);
  assertEquals([outcome.missing.size, refused > 1], [0, true]);
  assertEquals(engine.batches.map(({ indices }) => indices).flat().sort(), [0, 1, 2, 3]);
});
