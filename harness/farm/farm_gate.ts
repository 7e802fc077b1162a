/**
 * The gate on a farm: artefacts into the store, shards to the engine, records back, one verdict.
 *
 * @module
 */
import { filesOf } from "../record/variant.ts";
import * as path from "@std/path";
import type { Warning } from "../errors.ts";
import { knownNoise } from "../gate/calibrate.ts";
import { type GateConfig, gateRules } from "../gate/config.ts";
import type { Figure } from "../gate/formats/figures.ts";
import { judgeGate } from "../gate/judge_gate.ts";
import type { PhonesRule } from "../gate/phones/verdict.ts";
import type { MergedResult } from "../gate/verdict.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { type Target, TARGETS } from "../record/device.ts";
import { METRIC_NAMES } from "../record/metrics.ts";
import type { RunImage } from "../record/records.ts";
import { type Calibration, newestCalibration, type WorkloadKey } from "../store/calibrations.ts";
import type { ArtefactStore, FarmStore } from "../store/store.ts";
import { sha256Hex } from "../hash.ts";
import { folderArtefacts } from "./artefacts.ts";
import type { FarmEngine } from "./engine.ts";
import { collectShards, farmFigures, type PhoneEvidence } from "./farm_evidence.ts";
import type { PhoneChoice } from "./phone_choice.ts";
import { type FarmOutcome, type FollowOptions, followRun, storeShards } from "./follow.ts";
import { type Plan, planRun } from "./plan.ts";
import { requireSameRun } from "./same_run.ts";
import {
  type FarmRun,
  FarmRunSchema,
  type ShardFile,
  ShardFileSchema,
  type Side,
} from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";

/** One side of a farm's gate on this machine's disk. */
export interface FarmSide {
  /** What the result calls it. */
  name: string;
  variant: PreparedVariant;
  /** Runner by target that a phone of the farm needs. */
  runners: Partial<Record<Target, string>>;
  ncnnVersion: string;
}

/** Two sides that are compared; no two different sides of a request share an id. */
export interface FarmPair {
  baseline: FarmSide;
  candidate: FarmSide;
}

/** What runs on the farm. */
export interface FarmRequest {
  engine: FarmEngine;
  store: FarmStore;
  /** Folder that all hosts share; null: artefacts go into the store. */
  artefactDir: string | null;
  phones: PhoneChoice;
  /** See {@linkcode Plan}. */
  perKind: number | null;
  pairs: FarmPair[];
  /** Images of the run with the path of each file. */
  images: { image: RunImage; file: string }[];
  /** Settings that all shards share. */
  settings: Omit<FarmRun, "schemaVersion" | "sides" | "images">;
  follow: Omit<FollowOptions, "runId">;
}

/** What is gated. */
export interface FarmGateRequest extends FarmRequest {
  config: GateConfig;
  /** How many phones a verdict needs. */
  phonesRule: PhonesRule;
  /** Annotations of the images, for AP; null when there are none. */
  annotations: CocoAnnotations | null;
  /** Whether the figures of the launches are asked for: all of them are then in memory at once. */
  wantsFigures: boolean;
}

/** A run of the farm that is over. */
export interface FarmRunEnd {
  runId: string;
  outcome: FarmOutcome;
  plan: Plan;
}

/** What came of a farm's gate. */
export interface FarmGateOutcome extends FarmRunEnd {
  result: MergedResult;
  figures: Figure[];
  warnings: Warning[];
}

/**
 * Runs the pairs on the farm to their end.
 *
 * Throws `HarnessError`: `device-not-found` when no phone matches, `farm-failed`, `store-failed`,
 * `interrupted`; then nothing of it is left in the engine's queue. Started again with the same run
 * id it goes on with what is not done; throws `bad-option` or `store-failed` when another run, or
 * one planned with other phones, has that id.
 */
export async function runOnFarm(request: FarmRequest): Promise<FarmRunEnd> {
  const { engine, store, settings } = request;
  const pairs = request.pairs.map(({ baseline, candidate }) => ({
    base: baseline.variant.manifest.id,
    candidate: candidate.variant.manifest.id,
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
  return { runId: settings.runId, outcome, plan };
}

/**
 * Runs the gate on the farm and returns its verdict, by the rules of every gate (see
 * `judgeGate()`): the phones of a pair are one verdict.
 *
 * Throws what {@linkcode runOnFarm} throws, and `HarnessError`: `not-comparable` for a phone that
 * ran another experiment, `bad-config` for a threshold below what a phone resolves. What was
 * measured stays in the store: with another configuration and the same run id nothing is measured
 * twice.
 */
export async function gateOnFarm(request: FarmGateRequest): Promise<FarmGateOutcome> {
  return await judgeOnFarm(request, await runOnFarm(request));
}

/** Returns the verdict on a run of the farm that is over, as {@linkcode gateOnFarm} does. */
export async function judgeOnFarm(
  request: FarmGateRequest,
  end: FarmRunEnd,
): Promise<FarmGateOutcome> {
  const { store, config } = request;
  const { runId, outcome, plan } = end;
  const sides = request.pairs.flatMap(({ baseline, candidate }) => [baseline, candidate]);
  const phones = await collectShards(store, plan, runId, outcome.missing, {
    names: Object.fromEntries(sides.map(({ name, variant }) => [variant.manifest.id, name])),
    metrics: METRIC_NAMES,
    config,
    annotations: request.annotations,
  });
  await addNoise(phones, (key) => newestCalibration(store.database, key));
  // phones with rules of their own are verdicts of their own
  const own = new Set(
    phones.map(({ evidence }) => evidence.device).filter((device) => config.gate.devices?.[device]),
  );
  const gateCount = request.pairs.length * (1 + own.size);
  const result = judgeGate(
    phones.map(({ evidence }) => evidence),
    (device, candidateId) => gateRules(config, device, candidateId, gateCount),
    request.phonesRule,
  );
  const figures = request.wantsFigures
    ? await farmFigures(
      store,
      parseStrictly(FarmRunSchema, await store.run(runId), `run "${runId}" of ${store.address}`),
      request.pairs[0].baseline.variant.manifest.id,
    )
    : [];
  return { ...end, result, figures, warnings: outcome.warnings };
}

/** Adds to each phone what its calibration tells; each calibration is asked for once. */
async function addNoise(
  phones: readonly PhoneEvidence[],
  newest: (key: WorkloadKey) => Promise<Calibration & { isOfWorkload: boolean } | null>,
): Promise<void> {
  const known = new Map<string, ReturnType<typeof knownNoise>>();
  for (const { evidence, calibration } of phones) {
    if (calibration === null) continue;
    const key = JSON.stringify(calibration);
    const found = known.get(key) ?? knownNoise(await newest(calibration), evidence.device);
    known.set(key, found);
    Object.assign(evidence, { ...found, notes: [...evidence.notes, ...found.notes] });
  }
}

/** Puts every file that shards need into the artefact store, and returns the run's document. */
async function putRun(request: FarmRequest, artefacts: ArtefactStore): Promise<FarmRun> {
  const put = async (file: string, name: string) => {
    const bytes = await Deno.readFile(file);
    const sha256 = await sha256Hex(bytes);
    if (!await artefacts.hasArtefact(sha256)) await artefacts.putArtefact(sha256, bytes);
    return { file: name, bytes: bytes.length, sha256 };
  };
  const sides: Record<string, Side> = {};
  const asked = request.pairs.flatMap(({ baseline, candidate }) => [baseline, candidate]);
  for (const { variant, runners, ncnnVersion } of asked) {
    const { manifest, dir } = variant;
    for (const { file } of filesOf(manifest)) {
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
