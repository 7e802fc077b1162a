/**
 * What one device showed about one pair of variants: the only thing that a gate judges, whoever
 * collected it (pure).
 *
 * A live gate collects block by block, a gate on saved runs from two folders, a gate on a farm from
 * the records that its shards sent.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import {
  assertComparable,
  type ComparisonSide,
  experimentKeys,
  firstDifference,
  without,
} from "../record/experiment_keys.ts";
import { isOfProcess, type MetricName } from "../record/metrics.ts";
import type { AnyLaunch, LaunchRecord } from "../record/records.ts";
import type { DeviceNoise } from "../stats/detectable.ts";
import { metricOfLaunch } from "../stats/round.ts";
import type { SessionSpread } from "../stats/sessions.ts";
import type { Crash } from "./crash.ts";
import type { GateCorrectness } from "./verdict.ts";

/**
 * Log of candidate over baseline for each round of each block, in order, by metric; null for a
 * metric that a launch does not tell.
 */
export type MetricBlocks = Partial<Record<MetricName, number[][] | null>>;

/** Noise of a device by metric; a metric that is missing was never calibrated. */
export type NoiseByMetric = Partial<Record<MetricName, DeviceNoise>>;

/** Figures of rounds that can't be paired, since the sides ran in sessions of their own. */
export interface UnpairedRounds {
  /** Value of each round, nanoseconds or bytes, by metric. */
  baseline: Partial<Record<MetricName, number[]>>;
  candidate: Partial<Record<MetricName, number[]>>;
  /** Spread between sessions by metric, as far as it is known. */
  sessions: Partial<Record<MetricName, SessionSpread>>;
}

/** A side of a pair. */
export interface EvidenceSide {
  /** Id of its variant: rules of a variant go by the candidate's. */
  id: string;
  /** What the result calls it. */
  name: string;
}

/** What one device showed about one pair. */
export interface DeviceEvidence {
  /** Serial of the device; of a host on a farm the name of its node. */
  device: string;
  /** What phones must share to stand for each other. */
  kind: string;
  baseline: EvidenceSide;
  candidate: EvidenceSide;
  /** Blocks of both sides by turns. */
  blocks: MetricBlocks;
  /** Null when the blocks are what counts. */
  unpaired: UnpairedRounds | null;
  /** Blocks of four launches that were run. */
  blockCount: number;
  /** Device time of the blocks, seconds. */
  seconds: number;
  /** Why no further block was run; null when nothing was in the way. */
  stopped: string | null;
  noise: NoiseByMetric;
  /** Expected device time of one block, seconds, from the calibration; null when unknown. */
  secondsPerBlock: number | null;
  correctness: GateCorrectness;
  /** A side that ended before its time; null when none did. */
  crash: Crash | null;
  /** What makes the experiment, see `experimentKeys()`; null when nothing was launched. */
  keys: Record<string, string> | null;
  /** What disturbed the device, and what to know of its calibration. */
  notes: string[];
  /** Why the device did not give all that was asked of it; null when it did. */
  missing: string | null;
}

/**
 * Launches of one block, paired by place in the lists: two of each side, ABBA or BAAB. Either each
 * side was launched alone, or both shared two launches.
 */
export interface BlockLaunches {
  baseline: readonly AnyLaunch[];
  candidate: readonly AnyLaunch[];
  /**
   * Launches of each side alone, where the others are shared and a metric of the process was asked
   * for; absent when none was.
   */
  alone?: { baseline: readonly LaunchRecord[]; candidate: readonly LaunchRecord[] };
}

/** Returns evidence of a pair on a device of which nothing is known yet. */
export function noEvidence(
  device: string,
  kind: string,
  sides: Pick<DeviceEvidence, "baseline" | "candidate">,
): DeviceEvidence {
  return {
    device,
    kind,
    ...sides,
    blocks: {},
    unpaired: null,
    blockCount: 0,
    seconds: 0,
    stopped: null,
    noise: {},
    secondsPerBlock: null,
    correctness: { parity: null, baselineParity: null, apDifference: null },
    crash: null,
    keys: null,
    notes: [],
    missing: null,
  };
}

/**
 * Returns the log of candidate over baseline of a metric for each round of a block; null when a
 * launch does not tell the metric.
 *
 * Throws `HarnessError` `bad-record` when the sides have not the same number of launches, or none.
 */
export function blockLogRatios(block: BlockLaunches, name: MetricName): number[] | null {
  const { baseline, candidate } = isOfProcess(name) ? block.alone ?? block : block;
  if (baseline.length === 0 || baseline.length !== candidate.length) {
    throw new HarnessError(
      "bad-record",
      `Cannot use a block: found ${baseline.length} launches of the baseline and ${candidate.length} of the candidate, expected two of each`,
    );
  }
  const logRatios: number[] = [];
  for (let i = 0; i < baseline.length; i++) {
    const base = metricOfLaunch(baseline[i], name);
    const other = metricOfLaunch(candidate[i], name);
    if (base === null || other === null) return null;
    logRatios.push(Math.log(other / base));
  }
  return logRatios;
}

/**
 * Adds a block's log ratios of the metrics; of a metric that a launch does not tell null is left.
 */
export function addBlock(
  blocks: MetricBlocks,
  block: BlockLaunches,
  metrics: readonly MetricName[],
): void {
  for (const name of metrics) {
    const logRatios = blockLogRatios(block, name);
    if (logRatios === null) blocks[name] = null;
    else if (blocks[name] !== null) (blocks[name] ??= []).push(logRatios);
  }
}

/**
 * Returns the keys of the experiment that both sides of a pair share.
 *
 * Throws `HarnessError` `not-comparable` that names the key when they are not the same experiment.
 */
export function sharedKeys(
  baseline: ComparisonSide,
  candidate: ComparisonSide,
): Record<string, string> {
  assertComparable(baseline, candidate);
  return experimentKeys(baseline);
}

/** Keys in which phones that stand for each other may differ: what the phone is, and its cores. */
const KEYS_OF_A_PHONE: readonly string[] = [
  ...["device.serial", "device.buildFingerprint", "device.abi", "device.cpuFeatures"],
  ...["options.threads", "options.powersave", "options.coreMask"],
];

/** Keys in which sides that shared their launches differ from sides that had launches alone. */
const KEYS_OF_TURNS: readonly string[] = ["turns", "options.iterations"];

/**
 * Throws `HarnessError` `not-comparable` that names device and key when the evidence is not all of
 * one experiment. Two pieces of one device must agree in every key; of two devices those of the
 * phone itself may differ, and one may have taken turns where the other's memory was too small.
 */
export function assertSameExperiment(evidence: readonly DeviceEvidence[]): void {
  const launched = evidence.filter(({ keys }) => keys !== null);
  const [first] = launched;
  for (const other of launched.slice(1)) {
    const ignored = other.device === first.device ? [] : [
      ...KEYS_OF_A_PHONE,
      ..."turns" in first.keys! !== "turns" in other.keys! ? KEYS_OF_TURNS : [],
    ];
    const difference = firstDifference(
      without(first.keys!, ignored),
      without(other.keys!, ignored),
    );
    if (difference === null) continue;
    const { key, then, now } = difference;
    throw new HarnessError(
      "not-comparable",
      `Cannot gate ${other.candidate.name} with phone "${other.device}": it did not run the same experiment as phone "${first.device}", ${key} differs: found ${now}, expected ${then}. Run all phones with the same build and settings`,
    );
  }
}

/**
 * Returns what two pieces of evidence of one device and pair say together: their blocks follow each
 * other.
 *
 * Throws `HarnessError` `not-comparable` when they are not the same experiment.
 */
export function joinEvidence(one: DeviceEvidence, other: DeviceEvidence): DeviceEvidence {
  assertSameExperiment([one, other]);
  const blocks: MetricBlocks = { ...one.blocks };
  for (const [name, more] of Object.entries(other.blocks) as [MetricName, number[][] | null][]) {
    const known = blocks[name];
    blocks[name] = known === null || more === null ? null : [...known ?? [], ...more];
  }
  const [worse, better] = severity(one) >= severity(other) ? [one, other] : [other, one];
  return {
    ...one,
    blocks,
    blockCount: one.blockCount + other.blockCount,
    seconds: one.seconds + other.seconds,
    stopped: one.stopped ?? other.stopped,
    keys: one.keys ?? other.keys,
    crash: one.crash ?? other.crash,
    correctness: {
      ...worse.correctness,
      apDifference: worse.correctness.apDifference ?? better.correctness.apDifference,
    },
    notes: [...new Set([...one.notes, ...other.notes])],
    missing: [one.missing, other.missing].filter((why) => why !== null).join("; ") || null,
  };
}

/** How bad what is known of the keypoints is: nothing known is least. */
function severity({ correctness: { parity } }: DeviceEvidence): number {
  return parity === null ? 0 : { pass: 1, inconclusive: 2, fail: 3 }[parity.verdict];
}
