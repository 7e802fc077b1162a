import { assertEquals } from "@std/assert";
import { openHost } from "../device/host/host.ts";
import { parityFixture } from "../gate/testdata/gate_fixture.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { openStore } from "../store/open_store.ts";
import { mergedRecords } from "./merged_records.ts";
import { runShard } from "./shard_run.ts";
import { farmRun, shardFile } from "./testdata/farm_run.ts";

Deno.test("mergedRecords() keys hosts by their node, moves rounds apart, and keeps judgements once", async () => {
  await using store = await openStore(":memory:");
  const dir = await Deno.makeTempDir();
  const run = await farmRun(store);
  await store.putRun("run-1", run);
  const indices = [0, 1, 2];
  await store.addShards("run-1", indices.map((index) => ({ index, document: shardFile(index) })));
  for (const index of indices) {
    await runShard(shardFile(index), {
      store,
      phone: index < 2 ? "node-a" : "node-b",
      host: "h",
      openDevice: () => Promise.resolve(openHost()),
      cacheDir: dir,
      signal: new AbortController().signal,
      tell: () => {},
      work({ log }) {
        for (const round of [0, 1]) {
          log.append(launchFixture({ variantId: "base", round, totalNs: [5] }));
        }
        log.append(parityFixture("run-1", "host", "base", "pass", { imageId: "image" }));
        return Promise.resolve();
      },
    });
  }
  const records = await Array.fromAsync(mergedRecords(store, run));
  const [first, ...rest] = records;
  assertEquals(first.kind === "run" && first.devices.map(({ serial }) => serial), [
    "node-a",
    "node-b",
  ]);
  assertEquals(
    rest.map((record) =>
      record.kind === "launch" ? `${record.device} ${record.round}` : record.kind
    ),
    [
      "node-a 0",
      "node-a 1",
      "parity",
      "node-a 4",
      "node-a 5",
      "node-b 0",
      "node-b 1",
      "parity",
    ],
  );
  await Deno.remove(dir, { recursive: true });
});

Deno.test("mergedRecords() of a run that gave nothing is its run record alone", async () => {
  await using store = await openStore(":memory:");
  const run = await farmRun(store);
  await store.putRun("run-1", run);
  await store.addShards("run-1", [{ index: 0, document: shardFile(0) }]);
  const records = await Array.fromAsync(mergedRecords(store, run));
  assertEquals(records.map((record) => record.kind), ["run"]);
});
