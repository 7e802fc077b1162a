/**
 * Everything that a gate on a farm needs, real and on this machine: Slurm, PostgreSQL, prepared
 * variants, runners.
 *
 * @module
 */
import { runnerOptions } from "../../run/testdata/records.ts";
import * as path from "@std/path";
import { buildRunner } from "../../toolchain/runner.ts";
import type { VariantOptions } from "../../config.ts";
import { sharedModel } from "../../model/testdata/shared.ts";
import { prepareVariants } from "../../model/prepare.ts";
import { SILENT } from "../../progress.ts";
import { openDataset } from "../../images/dataset.ts";
import { describeImages } from "../../images/rgb_files.ts";
import { migrated } from "../../store/open_store.ts";
import { openPostgres } from "../../store/postgres.ts";
import { farmStore } from "../../store/sql_store.ts";
import { postgresBin, startPostgres } from "../../store/testdata/postgres_server.ts";
import type { FarmStore } from "../../store/store.ts";
import type { FarmGateRequest, FarmSide } from "../farm_gate.ts";
import { DEFAULT_FARM_RULE } from "../../gate/phones/verdict.ts";
import { DEFAULT_FOLLOW } from "../follow.ts";
import type { Target } from "../../record/device.ts";
import { type SlurmCluster, startCluster } from "./slurm_cluster.ts";
import { slurmEngine } from "../slurm/slurm.ts";

/** A phone of the farm, and the device that it is. */
export interface WorldPhone {
  node: string;
  features: string[];
  /** `host`, or a serial. */
  serial: string;
  adbServer: string;
}

/** A running farm. */
export interface FarmWorld extends AsyncDisposable {
  dir: string;
  cluster: SlurmCluster;
  store: FarmStore;
  request: FarmGateRequest;
  /** Table that tells prolog and shards which device a node is. */
  nodeTable: string;
  /** What shards wrote to their output. */
  shardLogs(): Promise<string>;
}

/**
 * Returns the sides of a comparison at a small input: SiLU in fp32 first, then other variants of
 * it.
 *
 * @param model default: the shared one with real weights
 */
export async function prepareSides(
  target: Target,
  choice: Pick<VariantOptions, "precisions" | "activations" | "heads">,
  model = sharedModel("yolov8n-pose-silu.onnx"),
): Promise<FarmSide[]> {
  const { variants } = await prepareVariants({
    models: [model],
    ...choice,
    shapes: [{ mode: "fixed", widthPx: 96, heightPx: 96 }],
    converters: ["pnnx"],
    progress: SILENT,
  });
  const built = await buildRunner({ target, progress: SILENT });
  return variants.map((variant) => ({
    name: variant.manifest.id,
    variant,
    runners: { [target]: built.runner },
    ncnnVersion: built.ncnnVersion,
  }));
}

/** Returns a farm of these phones with a gate that is ready to run on it. */
export async function startWorld(
  phones: readonly WorldPhone[],
  sides: readonly FarmSide[],
  change: {
    rounds: number;
    coolDownMs: number;
    environment?: Record<string, string>;
    imageCount: number;
    /** Images whose stages are judged one by one; default 1. */
    stageCount?: number;
  },
): Promise<FarmWorld> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "posemark-farm-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const bin = await postgresBin();
  if (bin === null) {
    throw new Error("PostgreSQL's server is not installed: apt-get install postgresql");
  }
  const postgres = stack.use(await startPostgres(bin));
  const store = stack.use(
    farmStore(await migrated(openPostgres(postgres.address, postgres.password))),
  );
  await Deno.writeTextFile(path.join(dir, "store-password"), postgres.password.reveal(), {
    mode: 0o600,
  });

  const nodeTable = path.join(dir, "nodes.tsv");
  await Deno.writeTextFile(
    nodeTable,
    phones.map(({ node, serial, adbServer }) => `${node}\t${serial}\t${adbServer}\n`).join(""),
  );
  const prolog = await Deno.readTextFile(new URL("../slurm/prolog.sh", import.meta.url));
  const cluster = stack.use(
    await startCluster(phones.map(({ node, features }) => ({ name: node, features })), {
      prolog: prolog.replace('$(dirname "$0")/nodes.tsv', nodeTable),
    }),
  );
  await Deno.mkdir(path.join(dir, "logs"));

  const images = new URL("../../../fixtures", import.meta.url).pathname;
  const dataset = await openDataset(images);
  const chosen = dataset.images.slice(0, change.imageCount);
  const described = await describeImages(chosen);
  const entry = new URL("./shard_entry.ts", import.meta.url).pathname;
  const root = new URL("../../..", import.meta.url).pathname;
  const request: FarmGateRequest = {
    engine: slurmEngine({
      partition: null,
      workDir: root,
      outputPattern: path.join(dir, "logs", "%A_%a.log"),
      environment: cluster.environment,
      timeoutMs: 30_000,
    }),
    store,
    artefactDir: null,
    phones: new Map(),
    perKind: null,
    pairs: sides.slice(1).map((candidate) => ({ baseline: sides[0], candidate })),
    images: described.map((image, index) => ({ image, file: chosen[index].file })),
    settings: {
      runId: `test-${crypto.randomUUID().slice(0, 8)}`,
      createdAt: new Date().toISOString(),
      command: ["test"],
      timedImageIds: described.slice(0, 1).map(({ id }) => id),
      stageImageIds: described.slice(0, change.stageCount ?? 1).map(({ id }) => id),
      options: runnerOptions(),
      rounds: change.rounds,
      bars: { maxPx: 10, minOks: 0.9 },
      launchTimeoutMs: 120_000,
      coolDownMs: change.coolDownMs,
      harness: { version: "test", gitCommit: null, deno: Deno.version.deno, onnxruntime: "1.30.0" },
    },
    config: { gate: { thresholdsPercent: { "total.p50": 50 } } },
    phonesRule: DEFAULT_FARM_RULE,
    annotations: null,
    wantsFigures: false,
    follow: {
      ...DEFAULT_FOLLOW,
      name: "posemark-test",
      command: [Deno.execPath(), "run", "-A", "--no-check", entry],
      environment: {
        POSEMARK_STORE_PASSWORD_FILE: path.join(dir, "store-password"),
        POSEMARK_NODE_TABLE: nodeTable,
        POSEMARK_CACHE: path.join(dir, "cache"),
        HOME: Deno.env.get("HOME") ?? "/root",
        ...(Deno.env.get("DENO_DIR") ? { DENO_DIR: Deno.env.get("DENO_DIR")! } : {}),
        ...change.environment,
      },
      timeLimitMinutes: null,
      pollMs: 500,
      signal: new AbortController().signal,
    },
  };
  const owned = stack.move();
  return {
    dir,
    cluster,
    store,
    request,
    nodeTable,
    async shardLogs() {
      const texts: string[] = [];
      for await (const entry of Deno.readDir(path.join(dir, "logs"))) {
        texts.push(
          `== ${entry.name}\n${await Deno.readTextFile(path.join(dir, "logs", entry.name))}`,
        );
      }
      return texts.sort().join("\n");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
