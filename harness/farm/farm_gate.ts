/**
 * The gate on a farm: artefacts into the store, shards to the engine, records back, one verdict.
 *
 * @module
 */
import * as path from "@std/path";
import type { Warning } from "../errors.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { type Target, TARGETS } from "../record/device.ts";
import type { RunImage } from "../record/records.ts";
import { FEWEST_CALIBRATION_BLOCKS } from "../stats/detectable.ts";
import { calibratedNoise, newestCalibration } from "../store/calibrations.ts";
import type { ArtefactStore, FarmStore } from "../store/store.ts";
import { sha256Hex } from "../hash.ts";
import { BASELINE_SUFFIX } from "../record/variant.ts";
import { folderArtefacts } from "./artefacts.ts";
import type { FarmEngine } from "./engine.ts";
import type { PhoneChoice } from "./phone_choice.ts";
import { phoneKind } from "../record/device_features.ts";
import { type FarmGateResult, farmGateResult } from "../gate/phones/farm_result.ts";
import { type FarmOutcome, type FollowOptions, followRun, storeShards } from "./follow.ts";
import {
  type GateFarmRule,
  type MergedShard,
  mergeShards,
  type NoiseOf,
} from "../gate/phones/merge.ts";
import { type Pair, type Plan, planRun, planShards } from "./plan.ts";
import { requireSameRun } from "./same_run.ts";
import { type FarmRun, type ShardFile, ShardFileSchema, type Side } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { shardResult } from "../gate/phones/shard_result.ts";

/** One side of a farm's gate on this machine's disk. */
export interface FarmSide {
  variant: PreparedVariant;
  /** Runner by target that a phone of the farm needs. */
  runners: Partial<Record<Target, string>>;
  ncnnVersion: string;
}

/** What is gated. */
export interface FarmGateRequest {
  engine: FarmEngine;
  store: FarmStore;
  /** Folder that all hosts share; null: artefacts go into the store. */
  artefactDir: string | null;
  phones: PhoneChoice;
  /** See {@linkcode Plan}. */
  perKind: number | null;
  base: FarmSide;
  candidates: FarmSide[];
  /** Images of the run with the path of each file. */
  images: { image: RunImage; file: string }[];
  /** Settings that all shards share. */
  settings: Omit<FarmRun, "schemaVersion" | "sides" | "images">;
  rule: GateFarmRule;
  /** Noise of the phones by their calibrations. Default: what the store has. */
  noiseOf?: NoiseOf;
  follow: Omit<FollowOptions, "runId">;
  /** Lets times of emulated phones count: for tests of the farm alone. */
  countEmulated?: boolean;
}

/** What came of a farm's gate. */
export interface FarmGateOutcome {
  runId: string;
  result: FarmGateResult;
  warnings: Warning[];
  outcome: FarmOutcome;
  plan: Plan;
}

/**
 * Runs the gate on the farm and returns its verdict.
 *
 * Throws `HarnessError`: `device-not-found` when no phone matches, `farm-failed`, `store-failed`,
 * `interrupted`; then nothing of it is left in the engine's queue. Started again with the same run
 * id it goes on with what is not done; throws `bad-option` or `store-failed` when another run, or
 * one planned with other phones, has that id.
 */
export async function gateOnFarm(asked: FarmGateRequest): Promise<FarmGateOutcome> {
  const request = { ...asked, base: distinctBase(asked.base, asked.candidates) };
  const { engine, store, settings } = request;
  const pairs: Pair[] = request.candidates.map(({ variant }) => ({
    base: request.base.variant.manifest.id,
    candidate: variant.manifest.id,
  }));
  const plan = planRun(await engine.nodes(), request.phones, pairs, request.perKind);
  const artefacts = request.artefactDir === null ? store : folderArtefacts(request.artefactDir);
  const run = await putRun(request, artefacts);
  const stored = await store.run(settings.runId);
  if (stored === null) await store.putRun(settings.runId, run);
  else requireSameRun(stored, run, store.address);
  await storeShards(store, plan, settings.runId, (shard): ShardFile => ({
    schemaVersion: 1,
    runId: settings.runId,
    index: shard.index,
    store: store.address,
    artefactDir: request.artefactDir,
    phone: shard.features,
    base: shard.base,
    candidate: shard.candidate,
  }));
  const outcome = await followRun(engine, store, plan, {
    ...request.follow,
    runId: settings.runId,
    environment: {
      POSEMARK_STORE: store.address,
      POSEMARK_RUN: settings.runId,
      ...request.follow.environment,
    },
  });
  const metrics = request.rule.thresholds.map(({ name }) => name);
  const shards = mergedShards(
    store,
    plan,
    settings.runId,
    outcome.missing,
    (records, pair) =>
      shardResult(records, pair, metrics, { countEmulated: request.countEmulated }),
  );
  const verdict = await mergeShards(shards, request.rule, request.noiseOf ?? storedNoise(store));
  const result = farmGateResult(verdict, {
    missing: outcome.missing,
    seconds: outcome.seconds,
    phoneCount: plan.phones.length,
    baseline: request.base.variant.manifest.id,
  });
  return { runId: settings.runId, result, warnings: outcome.warnings, outcome, plan };
}

/**
 * Returns the noise of phones by the calibrations in the store; those with too few blocks count for
 * none.
 */
export function storedNoise(store: FarmStore): NoiseOf {
  return async (key) => {
    const calibration = await newestCalibration(store.database, { ...key, workload: null });
    if (calibration === null) return null;
    const enough = Object.entries(calibration.blocks).filter(([, blocks]) =>
      blocks.length >= FEWEST_CALIBRATION_BLOCKS
    );
    return calibratedNoise({ ...calibration, blocks: Object.fromEntries(enough) });
  };
}

/** The base under an id that no candidate has: of two commits of a model the ids are the same. */
function distinctBase(base: FarmSide, candidates: readonly FarmSide[]): FarmSide {
  const { manifest, dir } = base.variant;
  if (!candidates.some(({ variant }) => variant.manifest.id === manifest.id)) return base;
  return {
    ...base,
    variant: { manifest: { ...manifest, id: manifest.id + BASELINE_SUFFIX }, dir },
  };
}

/** Yields what the store has of each planned shard, one at a time. */
export async function* mergedShards(
  store: FarmStore,
  plan: Plan,
  runId: string,
  missing: ReadonlyMap<number, string>,
  judge: (records: Parameters<typeof shardResult>[0], pair: Pair) => ReturnType<typeof shardResult>,
): AsyncGenerator<MergedShard> {
  const kinds = new Map(plan.phones.map((phone) => [phone.name, phoneKind(phone.features)]));
  const planned = planShards(plan);
  for await (const { shard, records } of store.shardRecords(runId)) {
    const next = planned.next();
    if (next.done || next.value.index !== shard.index) break;
    const { phone, features, base, candidate } = next.value;
    const ranOn = shard.device ?? phone;
    yield {
      index: shard.index,
      phone: ranOn,
      kind: (ranOn === null ? undefined : kinds.get(ranOn)) ?? phoneKind(features),
      result: judge(records, { base, candidate }),
      missing: missing.has(shard.index)
        ? `shard ${shard.index}: ${missing.get(shard.index)}`
        : null,
    };
  }
}

/** Puts every file that shards need into the artefact store, and returns the run's document. */
async function putRun(request: FarmGateRequest, artefacts: ArtefactStore): Promise<FarmRun> {
  const put = async (file: string, name: string) => {
    const bytes = await Deno.readFile(file);
    const sha256 = await sha256Hex(bytes);
    if (!await artefacts.hasArtefact(sha256)) await artefacts.putArtefact(sha256, bytes);
    return { file: name, bytes: bytes.length, sha256 };
  };
  const sides: Record<string, Side> = {};
  for (const { variant, runners, ncnnVersion } of [request.base, ...request.candidates]) {
    const { manifest, dir } = variant;
    for (const { file } of [manifest.param, manifest.bin, manifest.referenceOnnx]) {
      await put(path.join(dir, file), file);
    }
    const stored: Side["runners"] = {};
    for (const target of TARGETS) {
      const runner = runners[target];
      if (runner !== undefined) stored[target] = await put(runner, `posemark-runner-${target}`);
    }
    sides[manifest.id] = {
      manifest,
      runners: stored,
      ncnnVersion,
    };
  }
  for (const { image, file } of request.images) await put(file, image.file);
  return {
    schemaVersion: 1,
    ...request.settings,
    sides,
    images: request.images.map(({ image }) => image),
  };
}

/** Returns the file of a shard as the store has it; throws `bad-config` when it is not one. */
export function storedShardFile(document: unknown, where: string): ShardFile {
  return parseStrictly(ShardFileSchema, document, where);
}
