/**
 * Records that shards sent → what each phone showed about each pair, for the gate to judge.
 *
 * @module
 */
import { type GateConfig, gateRules } from "../gate/config.ts";
import { correctnessOf } from "../gate/correctness.ts";
import {
  addBlock,
  type BlockLaunches,
  type DeviceEvidence,
  type EvidenceSide,
  joinEvidence,
  noEvidence,
  sharedKeys,
} from "../gate/evidence.ts";
import { type Figure, launchFigures } from "../gate/formats/figures.ts";
import { budgetStop } from "../gate/live.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { deviceFeatures, phoneKind } from "../record/device_features.ts";
import type { MetricName } from "../record/metrics.ts";
import type { AnyLaunch, AnyRecord, LaunchRecord, TurnsRecord } from "../record/records.ts";
import { groupByRound } from "../stats/round.ts";
import { type WorkloadKey, workloadKeyOf } from "../store/calibrations.ts";
import type { FarmStore } from "../store/store.ts";
import { deviceKey, mergedRecords } from "./merged_records.ts";
import { type Pair, type Plan, planShards } from "./plan.ts";
import type { FarmRun } from "./shard_file.ts";

/** What one phone showed about one pair. */
export interface PhoneEvidence {
  /** Name of the phone on the farm. */
  phone: string;
  evidence: DeviceEvidence;
  /** What a calibration of this phone must hold for; null when nothing that counts was launched. */
  calibration: WorkloadKey | null;
}

/** What is taken from the records. */
export interface EvidenceRequest {
  /** Names of the variants as the result shows them, by id; an id without one is its own name. */
  names: Readonly<Record<string, string>>;
  metrics: readonly MetricName[];
  /**
   * Rules that bound the device time and say whether AP is gated; null bounds and gates nothing.
   */
  config: GateConfig | null;
  annotations: CocoAnnotations | null;
}

/** Longest part of a message that a note shows. */
const MOST_MESSAGE = 160;

/**
 * Returns what the records of a shard say of its pair. A block counts when both of its rounds have
 * both sides, and when the budget lets it begin, as in a live gate. Times of an emulated phone do
 * not count.
 *
 * Throws `HarnessError` `not-comparable` that names the phone and the key when the sides are not
 * the same experiment.
 */
export function shardEvidence(
  records: readonly AnyRecord[],
  pair: Pair,
  phone: { device: string; kind: string },
  request: EvidenceRequest,
): Pick<PhoneEvidence, "evidence" | "calibration"> {
  const { names, metrics, config, annotations } = request;
  const sideOf = (id: string): EvidenceSide => ({ id, name: names[id] ?? id });
  const sides = { baseline: sideOf(pair.base), candidate: sideOf(pair.candidate) };
  const run = records.find((record) => record.kind === "run");
  const description = run?.devices[0];
  if (run === undefined || description === undefined) {
    return { evidence: noEvidence(phone.device, phone.kind, sides), calibration: null };
  }
  const rules = config === null ? null : gateRules(config, phone.device, pair.candidate, 1);
  const kind = phoneKind(deviceFeatures(description));
  const evidence = { ...noEvidence(phone.device, kind, sides), notes: notesOf(records) };
  const recorded = (variantId: string) => ({ records, device: description.serial, variantId });
  evidence.correctness = correctnessOf(
    recorded(pair.candidate),
    recorded(pair.base),
    rules?.maxApDrop === null ? null : annotations,
  );
  const alone = sidesOf(pair, records.filter((record) => record.kind === "launch"));
  if (alone === null) return { evidence, calibration: null };
  const turns = sidesOf(pair, records.filter((record) => record.kind === "turns"));
  const found = blocksOf(alone, turns);
  const comparison = (id: string, own: ReadonlyMap<number, AnyLaunch>) => ({
    name: `${names[id] ?? id} on phone "${phone.device}"`,
    device: description,
    images: run.images,
    launches: [...own.values()],
  });
  const { base, candidate } = found[0]?.alone === undefined ? alone : turns!;
  evidence.keys = sharedKeys(comparison(pair.base, base), comparison(pair.candidate, candidate));
  for (const [index, block] of found.entries()) {
    evidence.stopped = rules === null ? null : budgetStop(rules, index, evidence.seconds, null);
    if (evidence.stopped !== null) {
      evidence.notes.push(`${found.length - index} blocks left out: ${evidence.stopped}`);
      break;
    }
    addBlock(evidence.blocks, block, metrics);
    evidence.blockCount++;
    evidence.seconds += secondsOf(block);
  }
  const first = found[0]?.candidate[0] ?? candidate.values().next().value!;
  return { evidence, calibration: workloadKeyOf(description, first) };
}

/** Launches of both sides of a pair by round. */
interface PairRounds<L extends AnyLaunch> {
  base: ReadonlyMap<number, L>;
  candidate: ReadonlyMap<number, L>;
}

/** The launches of both sides that count; null when a side has none. */
function sidesOf<L extends AnyLaunch>(pair: Pair, launches: readonly L[]): PairRounds<L> | null {
  const rounds = groupByRound(launches.filter(isReal));
  const [base, candidate] = [pair.base, pair.candidate].map((id) => rounds.get(id));
  return base === undefined || candidate === undefined ? null : { base, candidate };
}

/**
 * The blocks that count: those of shared launches, with the launches of each side alone in the same
 * rounds, where there are as many of them, else those of launches alone.
 */
function blocksOf(
  alone: PairRounds<LaunchRecord>,
  turns: PairRounds<TurnsRecord> | null,
): BlockLaunches[] {
  const apart = wholeBlocks(alone);
  const shared = turns === null ? new Map<number, never>() : wholeBlocks(turns);
  const both = [...shared].flatMap(([round, block]) => {
    const own = apart.get(round);
    return own === undefined ? [] : [{ ...block, alone: own }];
  });
  return both.length > 0 && both.length >= apart.size ? both : [...apart.values()];
}

/** Device time of a block; a shared launch is one. */
function secondsOf({ baseline, candidate, alone }: BlockLaunches): number {
  const launches = alone === undefined
    ? [...baseline, ...candidate]
    : [...baseline, ...alone.baseline, ...alone.candidate];
  return launches.reduce((sum, { end }) => sum + end.elapsedNs / 1e9, 0);
}

/**
 * Blocks of rounds 2i and 2i+1 by their first round: ABBA, so that linear drift and the place in
 * the round cancel.
 */
function wholeBlocks<L extends AnyLaunch>(
  { base, candidate }: PairRounds<L>,
): Map<number, { baseline: L[]; candidate: L[] }> {
  const blocks = new Map<number, { baseline: L[]; candidate: L[] }>();
  for (let round = 0; round < Math.max(...base.keys()); round += 2) {
    const [baseline, other] = [base, candidate].map((side) =>
      [side.get(round), side.get(round + 1)].filter((launch) => launch !== undefined)
    );
    if (baseline.length + other.length === 4) blocks.set(round, { baseline, candidate: other });
  }
  return blocks;
}

function isReal({ marks }: AnyLaunch): boolean {
  return !marks.includes("emulated");
}

/** What disturbed the phone. */
function notesOf(records: readonly AnyRecord[]): string[] {
  const notes = new Set<string>();
  const launches = records.filter((record) => record.kind === "launch");
  for (const record of records) {
    if (record.kind !== "failure") continue;
    const { variantId, code, message } = record;
    const text = message.length <= MOST_MESSAGE ? message : `${message.slice(0, MOST_MESSAGE)}…`;
    notes.add(`${variantId}: ${code} (${text})`);
  }
  const emulated = launches.filter((launch) => !isReal(launch)).length;
  if (emulated > 0) {
    notes.add(`${emulated} launches left out: the phone is emulated: its times do not count`);
  }
  const throttled = launches.filter(({ marks }) => marks.includes("throttled"));
  if (throttled.length > 0) {
    const rounds = new Set(throttled.map(({ round }) => round)).size;
    notes.add(`the phone throttled in ${rounds} rounds: they count, both sides alike`);
  }
  return [...notes];
}

/**
 * Returns what the shards of a run show, by pair and phone; shards of one phone and pair are taken
 * together. One shard's records are in memory at a time.
 *
 * `missing` says by index why a shard is not done. Throws as {@linkcode shardEvidence}, and when
 * two shards of one phone are not the same experiment.
 */
export async function collectShards(
  store: FarmStore,
  plan: Plan,
  runId: string,
  missing: ReadonlyMap<number, string>,
  request: EvidenceRequest,
): Promise<PhoneEvidence[]> {
  const kinds = new Map(plan.phones.map((phone) => [phone.name, phoneKind(phone.features)]));
  const planned = planShards(plan);
  const phones = new Map<string, PhoneEvidence>();
  for await (const { shard, records } of store.shardRecords(runId)) {
    const next = planned.next();
    if (next.done || next.value.index !== shard.index) break;
    const { features, base, candidate } = next.value;
    const ranOn = shard.device ?? next.value.phone;
    const kind = (ranOn === null ? undefined : kinds.get(ranOn)) ?? phoneKind(features);
    const phone = ranOn ?? `a phone of kind ${kind}`;
    const device = deviceKey(shard, records) ?? phone;
    const found = shardEvidence(records, { base, candidate }, { device, kind }, request);
    const why = missing.get(shard.index);
    if (why !== undefined) found.evidence.missing = `shard ${shard.index}: ${why}`;
    const key = JSON.stringify([base, candidate, phone]);
    const earlier = phones.get(key);
    if (earlier === undefined) {
      phones.set(key, { phone, ...found });
      continue;
    }
    const isKnown = earlier.evidence.keys !== null;
    earlier.evidence = isKnown
      ? joinEvidence(earlier.evidence, found.evidence)
      : joinEvidence(found.evidence, earlier.evidence);
    earlier.calibration ??= found.calibration;
  }
  return [...phones.values()];
}

/** Returns the figures of a run's launches, for the formats; those of emulated phones are none. */
export async function farmFigures(
  store: FarmStore,
  run: FarmRun,
  baseVariantId: string,
): Promise<Figure[]> {
  const launches: AnyLaunch[] = [];
  for await (const record of mergedRecords(store, run)) {
    const isLaunch = record.kind === "launch" || record.kind === "turns";
    if (isLaunch && isReal(record)) launches.push(record);
  }
  return launchFigures(launches, baseVariantId);
}
