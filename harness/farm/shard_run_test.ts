import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openHost } from "../device/host/host.ts";
import { HarnessError } from "../errors.ts";
import { type FailureRecord, RECORD_VERSION } from "../record/records.ts";
import { openStore } from "../store/open_store.ts";
import type { FarmStore } from "../store/store.ts";
import { FarmRunSchema, shardArtefacts, ShardFileSchema, sideOf } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { outcomeOf, runShard, type ShardContext } from "./shard_run.ts";
import type { ShardJob } from "./shard_work.ts";
import { farmRun, shardFile } from "./testdata/farm_run.ts";

interface Setup extends AsyncDisposable {
  store: FarmStore;
  said: string[];
  context(work: (job: ShardJob) => Promise<void>, change?: Partial<ShardContext>): ShardContext;
}

async function setUp(shardCount = 1): Promise<Setup> {
  const dir = await Deno.makeTempDir();
  const store = await openStore(":memory:");
  await store.putRun("run-1", await farmRun(store));
  await store.addShards(
    "run-1",
    Array.from({ length: shardCount }, (_, index) => ({ index, document: shardFile(index) })),
  );
  const said: string[] = [];
  return {
    store,
    said,
    context: (work, change = {}) => ({
      store,
      phone: "phone-a",
      host: "h1",
      openDevice: () => Promise.resolve(openHost()),
      cacheDir: `${dir}/cache`,
      signal: new AbortController().signal,
      tell: (text) => said.push(text),
      work,
      ...change,
    }),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

function failure(round: number): FailureRecord {
  return {
    kind: "failure",
    schemaVersion: RECORD_VERSION,
    runId: "run-1",
    device: "host",
    variantId: "base",
    round,
    at: "2026-11-24T00:00:00.000Z",
    code: "timeout",
    message: "x",
    stderrTail: [],
  };
}

async function kinds(store: FarmStore): Promise<string[]> {
  const [first] = await Array.fromAsync(store.shardRecords("run-1"));
  return first.records.map((record) =>
    record.kind === "failure" ? `failure ${record.round}` : record.kind
  );
}

Deno.test("runShard() keeps what the work logs, once, and does nothing when started again", async () => {
  await using setup = await setUp();
  let works = 0;
  const context = setup.context((job) => {
    works++;
    job.log.append(failure(0));
    job.onProgress("1/2");
    job.log.append(failure(1));
    return Promise.resolve();
  });
  assertEquals(await runShard(shardFile(0), context), 0);
  assertEquals(await runShard(shardFile(0), context), 0);
  assertEquals([works, await kinds(setup.store)], [1, ["run", "failure 0", "failure 1"]]);
  assertEquals((await setup.store.shard("run-1", 0))?.state, "done");
  assertStringIncludes(setup.said.at(-1)!, "done already");
});

Deno.test("runShard() gives the work verified files by their hash", async () => {
  await using setup = await setUp();
  const found: string[] = [];
  await runShard(
    shardFile(0),
    setup.context(async (job) => {
      const { runner } = sideOf(job.run, "candidate", "host");
      found.push(await Deno.readTextFile(job.artefacts.get(runner.sha256)!));
    }),
  );
  assertEquals(found, ["runner of candidate"]);
});

Deno.test("runShard() exits 75 when the phone is hot, and goes on from its records on the same phone", async () => {
  await using setup = await setUp();
  const hot = setup.context((job) => {
    job.log.append(failure(0));
    return Promise.reject(new HarnessError("device-hot", "47 °C"));
  });
  assertEquals(await runShard(shardFile(0), hot), 75);
  assertEquals((await setup.store.shard("run-1", 0))?.state, "returned");
  const seen: unknown[] = [];
  const cool = setup.context((job) => {
    seen.push(...job.earlier.map((record) => record.kind));
    job.log.append(failure(1));
    return Promise.resolve();
  });
  assertEquals(await runShard(shardFile(0), cool), 0);
  assertEquals(seen, ["run", "failure"]);
  assertEquals(await kinds(setup.store), ["run", "failure 0", "failure 1"]);
  const attempts = await setup.store.attempts("run-1");
  assertEquals(attempts.map(({ code, host }) => [code, host]), [["device-hot", "h1"], [
    null,
    "h1",
  ]]);
});

Deno.test("runShard() starts anew on another phone and keeps nothing of the first in the result", async () => {
  await using setup = await setUp();
  const gone = setup.context((job) => {
    job.log.append(failure(0));
    return Promise.reject(new HarnessError("device-offline", "cable"));
  });
  assertEquals(await runShard(shardFile(0), gone), 75);
  const other = setup.context((job) => {
    assertEquals(job.earlier, []);
    job.log.append(failure(7));
    return Promise.resolve();
  }, { phone: "phone-b" });
  assertEquals(await runShard(shardFile(0), other), 0);
  assertEquals(await kinds(setup.store), ["run", "failure 7"]);
});

Deno.test("runShard() exits 75 when the phone can't be opened", async () => {
  await using setup = await setUp();
  const context = setup.context(() => Promise.resolve(), {
    openDevice: () => Promise.reject(new HarnessError("device-not-found", "no such phone")),
  });
  assertEquals(await runShard(shardFile(0), context), 75);
  assertEquals((await setup.store.attempts("run-1"))[0].code, "device-not-found");
});

Deno.test("runShard() does not ask for another try of what would fail again", async () => {
  await using setup = await setUp(2);
  const bad = setup.context(() => Promise.reject(new HarnessError("bad-param", "x")));
  assertEquals(await runShard(shardFile(0), bad), 2);
  const defect = setup.context(() => Promise.reject(new TypeError("undefined is not a function")));
  assertEquals(await runShard(shardFile(1), defect), 1);
  assertEquals((await setup.store.progress("run-1")).map((shard) => shard.state), [
    "failed",
    "failed",
  ]);
});

Deno.test("runShard() of an attempt that was taken over stops its work and is not queued again", async () => {
  await using setup = await setUp();
  const { store } = setup;
  const context = setup.context(async (job) => {
    job.log.append(failure(0));
    await store.claim("run-1", 0, { device: "phone-b", host: "h2" });
    job.onProgress("1/2");
    await new Promise((_, reject) =>
      job.signal.addEventListener("abort", () => reject(job.signal.reason))
    );
  });
  assertEquals(await runShard(shardFile(0), context), 0);
  assertStringIncludes(setup.said.join("\n"), "taken it over");
  assertEquals((await store.shard("run-1", 0))?.state, "running");
});

Deno.test("runShard() exits 75 when the store goes away under it", async () => {
  await using setup = await setUp();
  const { store } = setup;
  const away = () => Promise.reject(new HarnessError("store-failed", "no route to host"));
  let open = true;
  const flaky: FarmStore = {
    ...store,
    append: (claim, records) => open ? store.append(claim, records) : away(),
    finish: (claim, outcome) => open ? store.finish(claim, outcome) : away(),
  };
  const context = setup.context((job) => {
    open = false;
    job.log.append(failure(0));
    job.onProgress("1/2");
    return new Promise((_, reject) =>
      job.signal.addEventListener("abort", () => reject(job.signal.reason))
    );
  }, { store: flaky });
  assertEquals(await runShard(shardFile(0), context), 75);
});

Deno.test("runShard() refuses a shard of another store", async () => {
  await using setup = await setUp();
  await assertRejects(
    () => runShard(shardFile(5), setup.context(() => Promise.resolve())),
    HarnessError,
    "shard 5",
  );
});

Deno.test("outcomeOf() returns what lies in the environment, and fails the rest", () => {
  const codes = (["device-lost", "no-space", "interrupted", "bad-image"] as const).map((code) => {
    const { state, exitCode } = outcomeOf(new HarnessError(code, "x"));
    return [state, exitCode];
  });
  assertEquals(codes, [["returned", 75], ["returned", 75], ["returned", 75], ["failed", 2]]);
  assertEquals(outcomeOf("odd").state, "failed");
});

Deno.test("shardArtefacts() names each file once, and refuses a target without a runner", async () => {
  const store = await openStore(":memory:");
  const run = await farmRun(store);
  const artefacts = shardArtefacts(run, shardFile(0), "host");
  assertEquals(artefacts.length, 9);
  assertEquals(artefacts.filter((artefact) => artefact.executable).length, 2);
  assertEquals(shardArtefacts(run, shardFile(0, { candidate: "base" }), "host").length, 5);
  try {
    shardArtefacts(run, shardFile(0), "aarch64-android");
    throw new Error("was accepted");
  } catch (error) {
    assertStringIncludes((error as Error).message, "no runner for aarch64-android");
  }
  await store[Symbol.asyncDispose]();
});

Deno.test("parseStrictly() takes what was written and refuses unknown keys by name", async () => {
  const store = await openStore(":memory:");
  const run = await farmRun(store);
  assertEquals(parseStrictly(FarmRunSchema, JSON.stringify(run), "run.json"), run);
  for (
    const [input, part] of [[{ ...shardFile(0), colour: 1 }, "colour"], ["{", "not JSON"], [{
      ...shardFile(0),
      index: -1,
    }, "index"]] as const
  ) {
    try {
      parseStrictly(ShardFileSchema, input, "s.json");
      throw new Error("was accepted");
    } catch (error) {
      assertStringIncludes((error as Error).message, part);
    }
  }
  await store[Symbol.asyncDispose]();
});
