/**
 * Records of one shard → what that phone says about the pair: pure.
 *
 * @module
 */
import type { DeviceDescription } from "../../record/device.ts";
import type { MetricName } from "../../record/metrics.ts";
import type { Verdict } from "../verdict.ts";
import { summarizeParity } from "../../parity/summary.ts";
import type { AnyRecord, LaunchRecord } from "../../record/records.ts";
import { conclude, decide, newExperiment, withBlock } from "../../stats/experiment.ts";
import { groupByRound, metricOfLaunch } from "../../stats/round.ts";
import type { CalibrationKey } from "../../store/calibrations.ts";
import { deviceFeatures, phoneKind } from "../../record/device_features.ts";
import type { Pair } from "../../farm/plan.ts";

/** Log of candidate over base for both rounds of each block, in order, by metric. */
export type MetricBlocks = Partial<Record<MetricName, number[][]>>;

/** What one shard says. */
export interface ShardResult extends Pair {
  /** Device key of the records; null when no record came back. */
  device: string | null;
  /** What phones must share to stand for each other; null when it is not known. */
  kind: string | null;
  /** See {@linkcode MetricBlocks}; empty when nothing counts. */
  blocks: MetricBlocks;
  /** Parity of each side; null when it was not judged. */
  parity: { base: Verdict | null; candidate: Verdict | null };
  /** What a calibration of this phone must hold for; null when nothing was launched. */
  calibrationKey: CalibrationKey | null;
  /** Why blocks or parity are missing, and what disturbed the phone. */
  reasons: string[];
}

/** Longest part of a message that a verdict shows. */
const MOST_MESSAGE = 160;

/** Marks of launches that may not enter any statistics. */
const UNCOUNTED = new Map([
  ["emulated", "the phone is emulated: its times do not count"],
]);

/**
 * Returns what the records of a shard say of the metrics. A block counts when both of its rounds
 * have both sides.
 *
 * `countEmulated` lets times of emulated phones count: for tests of the farm alone.
 */
export function shardResult(
  records: readonly AnyRecord[],
  pair: Pair,
  metrics: readonly MetricName[],
  options: { countEmulated?: boolean } = {},
): ShardResult {
  const run = records.find((record) => record.kind === "run");
  const description = run?.devices[0] ?? null;
  const reasons: string[] = [];
  const launches: LaunchRecord[] = [];
  const left = new Map<string, number>();
  const throttled = new Set<number>();
  for (const record of records) {
    if (record.kind === "failure") {
      reasons.push(`${record.variantId}: ${record.code} (${shortened(record.message)})`);
    }
    if (record.kind !== "launch") continue;
    const why = record.marks.map((mark) => UNCOUNTED.get(mark)).find((text) => text !== undefined);
    if (why !== undefined && !options.countEmulated) left.set(why, (left.get(why) ?? 0) + 1);
    else launches.push(record);
    if (record.marks.includes("throttled")) throttled.add(record.round);
  }
  for (const [why, count] of left) reasons.push(`${count} launches left out: ${why}`);
  if (throttled.size > 0) {
    reasons.push(`the phone throttled in ${throttled.size} rounds: they count, both sides alike`);
  }
  return {
    ...pair,
    device: description?.serial ?? null,
    kind: description === null ? null : phoneKind(deviceFeatures(description)),
    blocks: pairedBlocks(launches, pair, metrics),
    calibrationKey: calibrationKey(description, launches),
    parity: { base: parityOf(records, pair.base), candidate: parityOf(records, pair.candidate) },
    reasons: [...new Set(reasons)],
  };
}

function calibrationKey(
  description: DeviceDescription | null,
  launches: readonly LaunchRecord[],
): CalibrationKey | null {
  if (description === null || launches.length === 0) return null;
  const { threads, powersave, coreMask } = launches[0].runner.options;
  return {
    device: description.serial,
    buildFingerprint: description.buildFingerprint,
    settings: { threads, powersave, coreMask },
  };
}

/** A message as a verdict has room for it; the whole is on record. */
function shortened(message: string): string {
  return message.length <= MOST_MESSAGE ? message : `${message.slice(0, MOST_MESSAGE)}…`;
}

/** Blocks of rounds 2i and 2i+1: ABBA, so that linear drift and the place in the round cancel. */
function pairedBlocks(
  launches: readonly LaunchRecord[],
  pair: Pair,
  metrics: readonly MetricName[],
): MetricBlocks {
  const found: MetricBlocks = {};
  if (launches.length === 0) return found;
  const groups = groupByRound(launches);
  const base = groups.get(pair.base) ?? new Map<number, LaunchRecord>();
  const candidate = groups.get(pair.candidate) ?? new Map<number, LaunchRecord>();
  const last = Math.max(-1, ...base.keys());
  for (let round = 0; round < last; round += 2) {
    const rounds = [round, round + 1].map((each) => ({
      base: base.get(each),
      candidate: candidate.get(each),
    }));
    if (rounds.some((each) => each.base === undefined || each.candidate === undefined)) continue;
    for (const name of metrics) {
      const logRatios = rounds.flatMap((each) => {
        const times = [each.base!, each.candidate!].map((launch) => metricOfLaunch(launch, name));
        return times[0] === null || times[1] === null ? [] : [Math.log(times[1] / times[0])];
      });
      if (logRatios.length === 2) (found[name] ??= []).push(logRatios);
    }
  }
  return found;
}

function parityOf(records: readonly AnyRecord[], variantId: string): Verdict | null {
  const run = records.find((record) => record.kind === "run");
  const own = records.filter((record) => record.kind === "parity")
    .filter((record) => record.variantId === variantId);
  const manifest = run?.variants.find(({ id }) => id === variantId);
  if (run === undefined || manifest === undefined) return null;
  return summarizeParity(own, { speedOnly: manifest.speedOnly, expectedImages: run.images.length })
    .verdict;
}

/**
 * Returns the verdict of a phone's own experiment over its blocks, as the gate on one phone would
 * give it; without bounds when these are not asked for: they take twenty times as long.
 */
export function judgeBlocks(
  blocks: readonly (readonly number[])[],
  rule: { threshold: number; falseAlarmRate: number; missRate: number },
  options: { calibratedSd: number | null; bounds: boolean },
): { verdict: Verdict; low: number | null; high: number | null } {
  const { threshold, falseAlarmRate, missRate } = rule;
  let state = newExperiment({
    threshold,
    falseAlarmRate,
    missRate,
    calibratedSd: options.calibratedSd,
  });
  for (const block of blocks) state = withBlock(state, block);
  if (!options.bounds) {
    const verdict = decide(state);
    return { verdict: verdict === "undecided" ? "inconclusive" : verdict, low: null, high: null };
  }
  const { verdict, low, high } = conclude(state);
  return { verdict: verdict === "undecided" ? "inconclusive" : verdict, low, high };
}
