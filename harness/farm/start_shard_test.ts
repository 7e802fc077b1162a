import { assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { EXIT, HarnessError } from "../errors.ts";
import { openStore } from "../store/open_store.ts";
import { EXIT_TRY_AGAIN } from "./nodes.ts";
import { startShard } from "./start_shard.ts";
import { shardFile } from "./testdata/farm_run.ts";

async function setUp() {
  const dir = await Deno.makeTempDir();
  const database = path.join(dir, "store.db");
  const address = `sqlite:${database}`;
  const store = await openStore(address);
  await store.putRun("run-1", {});
  await store.addShards("run-1", [{ index: 0, document: shardFile(0) }]);
  await store[Symbol.asyncDispose]();
  const file = path.join(dir, "shard.json");
  await Deno.writeTextFile(file, JSON.stringify({ ...shardFile(0), store: address }));
  const asked = {
    file,
    store: null,
    run: null,
    index: null,
    device: "host",
    signal: new AbortController().signal,
  };
  return {
    database,
    asked,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

Deno.test("startShard() returns 75 when the store fails while the shard is claimed", async () => {
  await using world = await setUp();
  const database = new DatabaseSync(world.database);
  // the shard is still found, but nothing can be written about attempts at it
  database.exec(
    `CREATE TRIGGER broken BEFORE UPDATE ON farm_shards BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`,
  );
  database.close();
  assertEquals(await startShard(world.asked), EXIT_TRY_AGAIN);
});

Deno.test("startShard() refuses a shard whose run is not in the store: no other try would change that", async () => {
  await using world = await setUp();
  const text = JSON.stringify({ ...shardFile(7), store: `sqlite:${world.database}` });
  await Deno.writeTextFile(world.asked.file, text);
  const error = await assertRejects(() => startShard(world.asked), HarnessError, "shard 7");
  assertEquals([error.code, error.exitCode], ["bad-option", EXIT.usage]);
});
