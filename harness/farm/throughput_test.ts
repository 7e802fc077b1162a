import { assert, assertEquals } from "@std/assert";
import { quantile } from "../stats/quantile.ts";
import { gateOnFarm } from "./farm_gate.ts";
import { CLUSTER_TOOLS } from "./testdata/slurm_cluster.ts";
import { farmTest } from "./testdata/test_gate.ts";
import { prepareSides, startWorld, type WorldPhone } from "./testdata/farm_world.ts";

/** Shards per node; `POSEMARK_FARM_SHARDS=500` over 40 nodes gives the figures of the README. */
const SHARDS = Number(Deno.env.get("POSEMARK_FARM_SHARDS") ?? 40);
const NODES = Number(Deno.env.get("POSEMARK_FARM_NODES") ?? (SHARDS >= 400 ? 40 : 8));

farmTest("gateOnFarm() over many host shards: throughput and overhead", CLUSTER_TOOLS, async () => {
  const phones = Array.from({ length: NODES }, (_, index): WorldPhone => ({
    node: `host-${index}`,
    features: [`phone.h${index}`, "soc.host"],
    serial: "host",
    adbServer: "-",
  }));
  const sides = await prepareSides("host", {
    activations: ["silu", "relu"],
    heads: ["raw"],
    precisions: ["fp32"],
  });
  await using world = await startWorld(phones, sides, { rounds: 2, coolDownMs: 0, imageCount: 1 });
  const { request } = world;
  request.perKind = SHARDS;
  request.follow.command[4] = new URL("./testdata/light_shard_entry.ts", import.meta.url).pathname;
  const { outcome } = await gateOnFarm(request);
  assertEquals(outcome.missing.size, 0, await world.shardLogs());

  const attempts = await world.store.attempts(request.settings.runId);
  assertEquals(new Set(attempts.map(({ index }) => index)).size, SHARDS);
  let launches = 0;
  const inside: number[] = [];
  for await (const { shard, records } of world.store.shardRecords(request.settings.runId)) {
    const own = records.filter((record) => record.kind === "launch");
    launches += own.length;
    const attempt = attempts.findLast(({ index }) => index === shard.index)!;
    const seconds = (Date.parse(attempt.endedAt!) - Date.parse(attempt.startedAt)) / 1000;
    const measuring = own.reduce((sum, { end }) => sum + end.elapsedNs, 0) / 1e9;
    inside.push(seconds - measuring);
  }
  assertEquals(launches, SHARDS * 4);
  // From the end of a shard to the begin of the next on the same phone: the engine, and the start
  // of the harness.
  const between = [...Map.groupBy(attempts, ({ device }) => device).values()].flatMap((own) => {
    const sorted = own.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
    return sorted.slice(1).map((next, i) =>
      (Date.parse(next.startedAt) - Date.parse(sorted[i].endedAt!)) / 1000
    );
  });
  const figures = {
    shards: SHARDS,
    nodes: NODES,
    seconds: outcome.seconds,
    shardsPerMinute: SHARDS / outcome.seconds * 60,
    insideShardSecondsP50: quantile(inside, 0.5),
    betweenShardsSecondsP50: quantile(between, 0.5),
    load1: Deno.loadavg()[0],
  };
  console.log(`farm throughput: ${JSON.stringify(figures)}`);
  assert(figures.shardsPerMinute > 1);
});
