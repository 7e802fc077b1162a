import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import type { FarmEngine, ShardBatch, TaskStatus } from "../engine.ts";
import {
  CLUSTER_TOOLS,
  type SlurmCluster,
  startCluster,
  waitFor,
} from "../testdata/slurm_cluster.ts";
import { slurmEngine } from "./slurm.ts";
import { farmTest } from "../testdata/test_gate.ts";

const PLACE = { partition: null, workDir: "/tmp", outputPattern: "/dev/null", timeoutMs: 10_000 };

function engineOf(cluster: SlurmCluster): FarmEngine {
  return slurmEngine({ ...PLACE, environment: cluster.environment });
}

function batch(change: Partial<ShardBatch>): ShardBatch {
  return {
    name: "posemark-test",
    runId: "r1",
    indices: [0],
    features: [],
    command: ["true"],
    environment: {},
    timeLimitMinutes: null,
    ...change,
  };
}

async function settled(
  engine: FarmEngine,
  id: string,
  count: number,
  timeoutMs: number,
): Promise<TaskStatus[]> {
  let statuses: TaskStatus[] = [];
  await waitFor(async () => {
    statuses = (await engine.status([id])).sort((a, b) => a.index - b.index);
    return statuses.length === count &&
      statuses.every((s) => s.state !== "waiting" && s.state !== "running");
  }, timeoutMs);
  return statuses;
}

farmTest(
  "slurmEngine() submits, follows, cancels, drains and resumes on a private cluster",
  CLUSTER_TOOLS,
  async () => {
    await using cluster = await startCluster([
      { name: "phone-a", features: ["phone.a", "soc.x"] },
      { name: "phone-b", features: ["phone.b", "soc.y"] },
    ], { prolog: "#!/bin/sh\nexit 0\n" });
    const engine = engineOf(cluster);
    // As the cluster's slurm.conf says.
    assertEquals(await engine.mostIndices?.(), 10_001);
    const out = `${cluster.dir}/out`;
    const id = await engine.submit(batch({
      indices: [7, 8, 10],
      features: ["soc.y"],
      command: [
        "sh",
        "-c",
        `echo "$POSEMARK_SHARD $MARK $SLURMD_NODENAME" >> ${out}; test "$POSEMARK_SHARD" != 8`,
      ],
      environment: { MARK: "it's here" },
      timeLimitMinutes: 1,
    }));
    const statuses = await settled(engine, id, 3, 30_000);
    assertEquals(
      statuses.map(({ index, state, node, exitCode }) => ({ index, state, node, exitCode })),
      [
        { index: 7, state: "done", node: "phone-b", exitCode: 0 },
        { index: 8, state: "failed", node: "phone-b", exitCode: 1 },
        { index: 10, state: "done", node: "phone-b", exitCode: 0 },
      ],
    );
    const lines = (await Deno.readTextFile(out)).trim().split("\n").sort();
    assertEquals(lines, ["10 it's here phone-b", "7 it's here phone-b", "8 it's here phone-b"]);

    const long = await engine.submit(
      batch({ indices: [0, 1, 2, 3, 4, 5], command: ["sleep", "60"] }),
    );
    await waitFor(
      async () => (await engine.status([long])).filter((s) => s.state === "running").length === 2,
      15_000,
    );
    const waiting = (await engine.status([long])).filter((s) => s.state === "waiting").map((s) =>
      s.index
    );
    assertEquals(waiting.length, 4);
    await engine.cancel([long]);
    const cancelled = await settled(engine, long, 6, 15_000);
    assertEquals(cancelled.every((s) => s.state === "cancelled"), true);
    await waitFor(
      async () => (await engine.nodes()).every((node) => node.state === "idle"),
      15_000,
    );
    assertEquals(
      (await engine.nodes()).map((node) => [node.name, node.features.join(), node.state]),
      [
        ["phone-a", "phone.a,soc.x", "idle"],
        ["phone-b", "phone.b,soc.y", "idle"],
      ],
    );
    assertEquals(await engine.status(["999999+0"]), []);
    await engine.drain("phone-a", "screen broken");
    const drained = (await engine.nodes()).find((node) => node.name === "phone-a");
    assertEquals([drained?.state, drained?.reason], ["drained", "screen broken"]);
    await engine.resume("phone-a");
    assertEquals(
      await waitFor(async () => (await engine.nodes())[0].state === "idle", 15_000),
      true,
    );
    const error = await assertRejects(() => engine.drain("phone-x", "x"), HarnessError);
    assertEquals(error.code, "farm-failed");
    assertStringIncludes(error.message, "scontrol");
  },
);

farmTest(
  "slurm queues a shard again that exits 75, and drains a phone whose prolog fails",
  CLUSTER_TOOLS,
  async () => {
    await using cluster = await startCluster([
      { name: "phone-a", features: ["soc.x"] },
      { name: "phone-b", features: ["soc.x"] },
    ], { prolog: `#!/bin/sh\ntest "$SLURMD_NODENAME" != phone-a\n` });
    const engine = engineOf(cluster);
    const out = `${cluster.dir}/out`;
    const id = await engine.submit(batch({
      indices: [0, 1],
      command: [
        "sh",
        "-c",
        `echo "$POSEMARK_SHARD $SLURMD_NODENAME \${SLURM_RESTART_COUNT:-0}" >> ${out}; test "$POSEMARK_SHARD:\${SLURM_RESTART_COUNT:-0}" != 1:0 || exit 75`,
      ],
    }));
    const statuses = await settled(engine, id, 2, 120_000);
    assertEquals(statuses.map((s) => [s.state, s.node]), [["done", "phone-b"], [
      "done",
      "phone-b",
    ]]);
    const lines = (await Deno.readTextFile(out)).trim().split("\n");
    assertEquals(lines.filter((line) => line.startsWith("1 ")).length, 2);
    assertEquals(lines.every((line) => line.includes("phone-b")), true);
    const node = (await engine.nodes()).find((node) => node.name === "phone-a");
    assertEquals(node?.state, "drained");
  },
);
