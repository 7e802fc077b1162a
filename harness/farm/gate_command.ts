/**
 * `deno task gate --farm …`: from options to the gate on a farm, its files and its exit code.
 *
 * @module
 */
import { newRunId } from "../record/run_id.ts";
import * as path from "@std/path";
import { cacheRoot } from "../toolchain/cache.ts";
import type { RunnerOptions } from "../run/runner_options.ts";
import { asWriteError } from "../disk.ts";
import { HarnessError, type Warning } from "../errors.ts";
import { posemarkCommit, runCommits } from "../git.ts";
import type { GateConfig } from "../gate/config.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { ParityBars } from "../parity/judge.ts";
import type { Progress } from "../progress.ts";
import type { ImageDataset } from "../images/dataset.ts";
import { packageVersion, POSEMARK_VERSION } from "../version.ts";
import type { Target } from "../record/device.ts";
import { userCommit } from "../record/commits.ts";
import { RecordLog } from "../record/record_log.ts";
import { describeImages, spread } from "../images/rgb_files.ts";
import { openStore } from "../store/open_store.ts";
import type { FarmStore } from "../store/store.ts";
import type { FarmEngine, ShardBatch } from "./engine.ts";
import { type FarmChoice, openSlurm, readFarmNumbers } from "./engine_options.ts";
import { type CalibratedPhone, calibrateOnFarm } from "./farm_calibrate.ts";
import {
  type FarmGateOutcome,
  type FarmGateRequest,
  type FarmSide,
  judgeOnFarm,
  runOnFarm,
  storedShardFile,
} from "./farm_gate.ts";
import { parsePhones } from "./phone_choice.ts";
import { DEFAULT_FOLLOW, type FarmProgress } from "./follow.ts";
import { mergedRecords } from "./merged_records.ts";
import { requireSecret } from "../secret.ts";
import { FarmRunSchema } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { tell } from "../terminal.ts";
import { runShard } from "./shard_run.ts";
import { parseStfAddress, STF_TOKEN_NAME, stfClient } from "../device/stf/client.ts";
import { openLentDevice } from "../device/stf/lent_device.ts";
import { stfEngine } from "./stf_engine.ts";

/** One side as the gate has prepared it. */
export interface GateSide {
  /** What the result calls it. */
  name: string;
  variant: PreparedVariant;
  /** Builds its runner for a target. */
  build(target: Target): Promise<{ runner: string; ncnnVersion: string }>;
}

/** What the gate asks of a farm. */
export interface FarmGateInput {
  pairs: { baseline: GateSide; candidate: GateSide }[];
  dataset: ImageDataset;
  runner: RunnerOptions;
  /** Rounds of a shard; made even. */
  rounds: number;
  measureImages: number;
  stageImages: number;
  launchTimeoutMs: number;
  coolDownMs: number;
  bars: ParityBars;
  config: GateConfig;
  /** Whether the figures of the launches are asked for. */
  wantsFigures: boolean;
  /** The command line, for the record. */
  command: string[];
  /** Folder that gets `records.jsonl` of all shards; null writes none. */
  out: string | null;
}

/** Pause before a lent phone is tried again. */
const STF_RETRY_MS = 30_000;

/** Effects of a run on the world outside of the farm. */
export interface FarmContext {
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Runs the gate on the farm that the options choose (`FARM_GATE_OPTIONS`), and returns what came of
 * it.
 *
 * Throws what `gateOnFarm()` throws, and `bad-option` for options that don't go together.
 */
export async function farmGate(
  options: FarmChoice,
  input: FarmGateInput,
  context: FarmContext,
): Promise<FarmGateOutcome & { gitCommit: string | null }> {
  return await withRequest(options, input, context, async (request) => {
    const end = await runOnFarm(request);
    const { store, settings } = request;
    // what was measured is kept whatever is said of it
    const warnings = input.out === null ? [] : await keepRecords(store, settings.runId, input.out);
    const outcome = await judgeOnFarm(request, end);
    const gitCommit = userCommit(settings.commits);
    return { ...outcome, gitCommit, warnings: [...outcome.warnings, ...warnings] };
  });
}

/**
 * Runs the pair, a variant against itself, on the farm, keeps the phones' calibrations in the
 * store, and returns what each phone gave.
 */
export async function farmCalibrate(
  options: FarmChoice,
  input: Omit<FarmGateInput, "out" | "wantsFigures">,
  context: FarmContext,
): Promise<CalibratedPhone[]> {
  const gate = { ...input, out: null, wantsFigures: false };
  return await withRequest(options, gate, context, calibrateOnFarm);
}

/** Opens store and engine, prepares what shards need, and hands over the request. */
async function withRequest<T>(
  options: FarmChoice,
  input: FarmGateInput,
  context: FarmContext,
  use: (request: FarmGateRequest) => Promise<T>,
): Promise<T> {
  const numbers = readFarmNumbers(options);
  const phones = parsePhones("--devices", options.devices);
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openStore(requireStore(options.store)));
  const engine = stack.use(await openEngine(options, store, context.signal));
  const runId = options.runId ?? newRunId();
  const targets = await targetsOf(engine);
  const side = async ({ name, variant, build }: GateSide): Promise<FarmSide> => {
    const runners: Partial<Record<Target, string>> = {};
    let ncnnVersion = "";
    for (const target of targets) {
      const built = await build(target);
      runners[target] = built.runner;
      ncnnVersion = built.ncnnVersion;
    }
    return { name, variant, runners, ncnnVersion };
  };
  const described = await describeImages(input.dataset.images);
  const files = new Map(input.dataset.images.map(({ id, file }) => [id, file]));
  const pairs = [];
  for (const { baseline, candidate } of input.pairs) {
    pairs.push({ baseline: await side(baseline), candidate: await side(candidate) });
  }
  const step = context.progress.step(`run ${runId} on ${engine.name}`);
  const result = await use({
    engine,
    store,
    artefactDir: options.artefacts === null ? null : path.resolve(options.artefacts),
    phones,
    perKind: numbers.perKind,
    pairs,
    images: described.map((image) => ({ image, file: files.get(image.id)! })),
    settings: {
      runId,
      createdAt: new Date().toISOString(),
      command: input.command,
      timedImageIds: spread(described, input.measureImages).map(({ id }) => id),
      stageImageIds: spread(described, input.stageImages).map(({ id }) => id),
      options: input.runner,
      rounds: Math.max(4, 2 * Math.ceil(input.rounds / 2)),
      bars: input.bars,
      launchTimeoutMs: input.launchTimeoutMs,
      coolDownMs: input.coolDownMs,
      commits: await runCommits(
        input.pairs.flatMap(({ candidate: { variant: { modelFile } } }) =>
          modelFile === undefined ? [] : [modelFile]
        ),
      ),
      harness: {
        version: POSEMARK_VERSION,
        gitCommit: await posemarkCommit(),
        deno: Deno.version.deno,
        onnxruntime: packageVersion("onnxruntime-node"),
      },
    },
    config: input.config,
    phonesRule: { fewestPhones: numbers.fewestPhones, fewestShare: numbers.fewestShare },
    annotations: input.dataset.annotations,
    wantsFigures: input.wantsFigures,
    follow: {
      ...DEFAULT_FOLLOW,
      name: `posemark-${runId}`,
      command: [options.shardCommand],
      environment: {},
      timeLimitMinutes: null,
      deadlineMs: numbers.deadlineMs,
      awayMs: numbers.awayMs,
      signal: context.signal,
      onProgress: (progress) => step.update(progress.done / progress.total, progressText(progress)),
    },
  });
  step.done();
  return result;
}

/** Returns where a run stands, in one line. */
export function progressText(progress: FarmProgress): string {
  const { done, total, running, waiting, failed, sick } = progress;
  const parts = [`${done} of ${total} shards`, `${running} running`, `${waiting} waiting`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (sick.length > 0) {
    const [{ name, reason }] = sick;
    parts.push(`${sick.length} phones out of service (${name}: ${reason ?? "no reason given"})`);
  }
  return parts.join(", ");
}

/**
 * Writes the records of a run in the store to `records.jsonl` in the folder; returns a warning when
 * that can't be done: the verdict stands without.
 */
export async function keepRecords(
  store: FarmStore,
  runId: string,
  out: string,
): Promise<Warning[]> {
  try {
    await writeRecords(store, runId, out);
    return [];
  } catch (error) {
    return [{
      code: "records-not-written",
      message: `The records of run "${runId}" were not written to ${out}: ${
        error instanceof Error ? error.message : error
      }`,
      advice:
        `They are in the store: run again with --run-id ${runId} and another --out, nothing is measured twice`,
    }];
  }
}

/**
 * Writes the records of all shards to `records.jsonl` in the folder; throws `output-exists` when it
 * is there.
 */
async function writeRecords(store: FarmStore, runId: string, out: string): Promise<void> {
  const document = await store.run(runId);
  const run = parseStrictly(FarmRunSchema, document, `run "${runId}" of ${store.address}`);
  const file = path.join(out, "records.jsonl");
  // Creates the file or says that it is there.
  RecordLog.create(file)[Symbol.dispose]();
  using target = await Deno.open(file, { append: true });
  try {
    for await (const record of mergedRecords(store, run)) {
      let left = new TextEncoder().encode(JSON.stringify(record) + "\n");
      // A stream over the file loses what it still holds when the file is closed.
      while (left.length > 0) left = left.subarray(await target.write(left));
    }
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}

async function openEngine(
  options: FarmChoice,
  store: FarmStore,
  signal: AbortSignal,
): Promise<FarmEngine> {
  if (!options.farm?.startsWith("stf")) return openSlurm(options);
  const { address } = parseStfAddress(options.farm);
  const token = await requireSecret(STF_TOKEN_NAME, `the farm ${address.origin}`);
  const client = stfClient({ address, token, timeoutMs: 15_000 });
  const run = async (batch: ShardBatch, index: number, serial: string, stop: AbortSignal) => {
    const stored = await store.shard(batch.runId, index);
    const shard = storedShardFile(stored?.document, `shard ${index} of run "${batch.runId}"`);
    return await runShard(shard, {
      store,
      phone: serial,
      host: Deno.hostname(),
      openDevice: () =>
        openLentDevice(client, serial, {
          signal: stop,
          onWarning: (w) => tell(`${w.message}. ${w.advice}`),
        }),
      cacheDir: path.join(cacheRoot(), "artefacts"),
      signal: AbortSignal.any([signal, stop]),
      tell: () => {},
    });
  };
  return stfEngine({ client, runShard: run, retryPauseMs: STF_RETRY_MS });
}

/** Targets that the farm's phones need: hosts say nothing of Android. */
async function targetsOf(engine: FarmEngine): Promise<Target[]> {
  const nodes = await engine.nodes();
  const isPhone = (features: readonly string[]) =>
    features.some((feature) => feature === "abi.arm64_v8a" || feature.startsWith("android."));
  const targets = new Set(
    nodes.map(({ features }): Target => isPhone(features) ? "aarch64-android" : "host"),
  );
  return [...targets];
}

function requireStore(address: string | null): string {
  if (address !== null) return address;
  throw new HarnessError(
    "bad-option",
    "Cannot gate on a farm: no store is named, expected --store postgres://user@host:port/database (or sqlite:FILE when all runs on one machine)",
  );
}
