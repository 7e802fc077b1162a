import { assertAlmostEquals, assertEquals } from "@std/assert";
import { openHost } from "../device/host/host.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { newestCalibration } from "../store/calibrations.ts";
import { openStore } from "../store/open_store.ts";
import { keepCalibrations } from "./farm_calibrate.ts";
import { collectShards } from "./farm_evidence.ts";
import { knownNoise } from "../gate/calibrate.ts";
import { METRIC_NAMES } from "../record/metrics.ts";
import { planRun } from "./plan.ts";
import { runShard } from "./shard_run.ts";
import { farmRun, shardFile } from "./testdata/farm_run.ts";

Deno.test("keepCalibrations() keeps the noise of phones with enough blocks, for the gates to come", async () => {
  await using store = await openStore(":memory:");
  const dir = await Deno.makeTempDir();
  const run = await farmRun(store);
  await store.putRun("run-1", run);
  const names = ["a", "b"];
  await store.addShards("run-1", names.map((_, index) => ({ index, document: shardFile(index) })));
  for (const [index, phone] of names.entries()) {
    await runShard(shardFile(index), {
      store,
      phone,
      host: "h",
      openDevice: () => Promise.resolve(openHost()),
      cacheDir: dir,
      signal: new AbortController().signal,
      tell: () => {},
      work({ log }) {
        // Phone b gives two rounds only: one block.
        for (let round = 0; round < (phone === "a" ? 16 : 2); round++) {
          const candidateNs = 1_000_000 * (1 + 0.01 * (round % 2 === 0 ? 1 : -1));
          log.append(launchFixture({ variantId: "base", round, totalNs: [1_000_000] }));
          log.append(launchFixture({ variantId: "candidate", round, totalNs: [candidateNs] }));
        }
        return Promise.resolve();
      },
    });
  }
  const nodes = names.map((name) => ({
    name,
    features: [`phone.${name}`],
    state: "idle" as const,
    reason: null,
  }));
  const plan = planRun(nodes, new Map(), [{ base: "base", candidate: "candidate" }], null);
  const phones = await collectShards(store, plan, "run-1", new Map(), {
    names: {},
    metrics: METRIC_NAMES,
    config: null,
    annotations: null,
  });
  const kept = await keepCalibrations(store, phones, "2026-11-24T00:00:00Z");
  assertEquals(kept.map(({ phone, blocks, key }) => [phone, blocks, key !== null]), [
    ["a", 8, true],
    ["b", 1, false],
  ]);
  const key = kept[0].key!;
  const calibration = await newestCalibration(store.database, key);
  assertEquals([calibration!.isOfWorkload, key.workload.variantId], [true, "candidate"]);
  assertAlmostEquals(calibration!.secondsPerBlock, 4, 1e-9);
  const { noise } = knownNoise(calibration, "a");
  assertAlmostEquals(noise["total.p50"]!.sd, 0.01, 0.001);
  const other = { ...key, workload: { ...key.workload, variantId: "other" } };
  assertEquals((await newestCalibration(store.database, other))!.isOfWorkload, false);
  assertEquals(await newestCalibration(store.database, { ...key, device: "other" }), null);
  await Deno.remove(dir, { recursive: true });
});
