/**
 * What shards say → one verdict over phones for each pair, and over all: pure, one shard in memory
 * at a time.
 *
 * @module
 */
import type { MetricName } from "../../record/metrics.ts";
import { type Verdict, worst } from "../verdict.ts";
import type { DeviceNoise } from "../../stats/detectable.ts";
import { type FarmRule, type FarmVerdict, judgePhones, type PhoneResult } from "./verdict.ts";
import type { CalibrationKey } from "../../store/calibrations.ts";
import { phoneEffect } from "./phone_effect.ts";
import { judgeBlocks, type MetricBlocks, type ShardResult } from "./shard_result.ts";

/** A shard that was planned, and what came of it. */
export interface MergedShard {
  index: number;
  /**
   * Name of the phone that ran it, or that it was planned for; null when the engine was to pick one
   * and did not.
   */
  phone: string | null;
  /** Kind of the phone that it was planned for. */
  kind: string;
  result: ShardResult;
  /** Why it is not done, in words; null when it is done. */
  missing: string | null;
}

/** What a phone says of a metric of a pair, with its own experiment's figures. */
export interface PhoneVerdict extends PhoneResult {
  blockCount: number;
  /**
   * Candidate over base on this phone, with bounds that hold at every look; null when unknown, or
   * of thousands of phones.
   */
  ratio: number | null;
  low: number | null;
  high: number | null;
  /**
   * True when the phone has a calibration: without one its noise is taken from this session alone.
   */
  calibrated: boolean;
}

/** One metric of a pair over phones. */
export interface MetricVerdict {
  name: MetricName;
  threshold: number;
  over: FarmVerdict;
  phones: PhoneVerdict[];
}

/** Correctness of a candidate over phones. */
export interface ParityVerdict {
  verdict: Verdict;
  reasons: string[];
  phones: { device: string; kind: string; base: Verdict | null; candidate: Verdict | null }[];
}

/** Verdict of one pair of variants. */
export interface PairVerdict {
  base: string;
  candidate: string;
  verdict: Verdict;
  metrics: MetricVerdict[];
  parity: ParityVerdict;
  /** What disturbed phones, by device; phones without a note are left out. */
  notes: { device: string; notes: string[] }[];
}

/** What is asked of phones together, for several metrics. */
export interface GateFarmRule extends Omit<FarmRule, "threshold"> {
  /**
   * Candidate over base from which a metric must fail, above 1. The false alarm rate is shared
   * among them.
   */
  thresholds: readonly { name: MetricName; ratio: number }[];
}

/** Verdict of a farm's gate. */
export interface FarmGateVerdict {
  verdict: Verdict;
  pairs: PairVerdict[];
  reasons: string[];
}

/** Noise by metric of a phone's calibration; null when there is none. */
export type NoiseOf = (key: CalibrationKey) => Promise<PhoneNoise | null>;

/** Noise by metric. */
export type PhoneNoise = Partial<Record<MetricName, DeviceNoise>>;

/** What is kept of a phone while shards are merged. */
interface PhoneState {
  device: string;
  calibrationKey: CalibrationKey | null;
  noise: PhoneNoise;
  kind: string;
  blocks: MetricBlocks;
  parity: { base: Verdict | null; candidate: Verdict | null };
  missing: string[];
  notes: Set<string>;
}

/** With more phones and pairs than this only the bounds over phones are computed. */
const MOST_BOUNDS = 2000;

/**
 * Returns the verdict over all shards. Shards of one phone and pair are taken together: their
 * blocks follow each other.
 */
export async function mergeShards(
  shards: AsyncIterable<MergedShard> | Iterable<MergedShard>,
  rule: GateFarmRule,
  noiseOf: NoiseOf = () => Promise.resolve(null),
): Promise<FarmGateVerdict> {
  const pairs = new Map<
    string,
    { base: string; candidate: string; phones: Map<string, PhoneState> }
  >();
  for await (const { phone, kind, result, missing } of shards) {
    const key = JSON.stringify([result.base, result.candidate]);
    const pair = pairs.get(key) ??
      { base: result.base, candidate: result.candidate, phones: new Map<string, PhoneState>() };
    pairs.set(key, pair);
    const device = phone ?? result.device ?? `a phone of kind ${kind}`;
    const state = pair.phones.get(device) ?? {
      device,
      calibrationKey: null,
      noise: {},
      kind: result.kind ?? kind,
      blocks: {},
      parity: { base: null, candidate: null },
      missing: [],
      notes: new Set<string>(),
    };
    pair.phones.set(device, state);
    state.calibrationKey ??= result.calibrationKey;
    for (const { name } of rule.thresholds) {
      const blocks = state.blocks[name] ??= [];
      for (const block of result.blocks[name] ?? []) blocks.push(block);
    }
    for (const side of ["base", "candidate"] as const) {
      const verdict = result.parity[side];
      if (verdict === null) continue;
      const before = state.parity[side];
      state.parity[side] = before === null ? verdict : worst([before, verdict]);
    }
    if (missing !== null) state.missing.push(missing);
    for (const reason of result.reasons) state.notes.add(reason);
  }
  const phoneCount = [...pairs.values()].reduce((sum, { phones }) => sum + phones.size, 0);
  await addNoise([...pairs.values()].flatMap(({ phones }) => [...phones.values()]), noiseOf);
  const context = { rule, bounds: phoneCount <= MOST_BOUNDS };
  const verdicts = [...pairs.values()].map(({ base, candidate, phones }) =>
    judgePair(base, candidate, [...phones.values()], context)
  );
  return {
    verdict: worst(verdicts.map(({ verdict }) => verdict)),
    pairs: verdicts,
    reasons: verdicts.flatMap(({ candidate, parity, metrics }) => [
      ...parity.reasons.map((reason) => `${candidate}: ${reason}`),
      ...metrics.flatMap(({ name, over }) =>
        over.reasons.map((reason) => `${candidate}, ${name}: ${reason}`)
      ),
    ]),
  };
}

/** Adds to each phone the noise of its calibration; each calibration is asked for once. */
async function addNoise(states: readonly PhoneState[], noiseOf: NoiseOf): Promise<void> {
  const known = new Map<string, PhoneNoise>();
  for (const state of states) {
    if (state.calibrationKey === null) continue;
    const key = JSON.stringify(state.calibrationKey);
    const noise = known.get(key) ?? await noiseOf(state.calibrationKey) ?? {};
    known.set(key, noise);
    state.noise = noise;
  }
}

/** What judging a pair needs beside the phones. */
interface JudgeContext {
  rule: GateFarmRule;
  /** Whether each phone gets bounds of its own. */
  bounds: boolean;
}

function judgePair(
  base: string,
  candidate: string,
  states: readonly PhoneState[],
  context: JudgeContext,
): PairVerdict {
  const { thresholds, ...common } = context.rule;
  const rates = { ...common, falseAlarmRate: common.falseAlarmRate / thresholds.length };
  const metrics = thresholds.map(({ name, ratio }): MetricVerdict => {
    const rule = { ...rates, threshold: ratio };
    const phones = states.map((state) => judgePhone(state, name, rule, context));
    return { name, threshold: ratio, over: judgePhones(phones, rule), phones };
  });
  const parity = judgeParity(states);
  const notes = states.map(({ device, missing, notes }) => ({
    device,
    notes: [...missing, ...notes],
  }));
  return {
    base,
    candidate,
    verdict: worst([...metrics.map(({ over }) => over.verdict), parity.verdict]),
    metrics,
    parity,
    notes: notes.filter(({ notes }) => notes.length > 0),
  };
}

function judgePhone(
  state: PhoneState,
  name: MetricName,
  rule: FarmRule,
  { bounds }: JudgeContext,
): PhoneVerdict {
  const noise = state.noise[name] ?? null;
  const calibratedSd = noise?.sd ?? null;
  const blocks = state.blocks[name] ?? [];
  const judgement = judgeBlocks(blocks, rule, { calibratedSd, bounds });
  const effect = phoneEffect(blocks, calibratedSd);
  const why = [...state.missing, ...state.notes];
  return {
    device: state.device,
    kind: state.kind,
    verdict: effect === null ? "inconclusive" : judgement.verdict,
    effect,
    reason: effect === null
      ? why.join("; ") || `${blocks.length} whole blocks, expected two or more`
      : null,
    blockCount: blocks.length,
    ratio: effect === null ? null : Math.exp(effect.logRatio),
    low: judgement.low,
    high: judgement.high,
    calibrated: noise !== null,
  };
}

/**
 * Correctness over phones. A candidate whose keypoints are wrong on a phone fails, whatever its
 * speed; unless another phone of that kind gives the right ones: then that phone is suspect, and
 * the verdict waits for another look. What was wrong with the base already is said, and is no
 * regression.
 */
function judgeParity(phones: readonly PhoneState[]): ParityVerdict {
  const reasons: string[] = [];
  const verdicts: Verdict[] = [];
  for (const phone of phones) {
    const { base, candidate } = phone.parity;
    if (candidate === null) continue;
    if (candidate !== "fail") {
      verdicts.push(candidate);
      if (candidate === "inconclusive") {
        reasons.push(`parity on phone "${phone.device}" could not be judged`);
      }
      continue;
    }
    const others = phones.filter((other) => other !== phone && other.kind === phone.kind);
    if (base === "fail") {
      verdicts.push("inconclusive");
      reasons.push(
        `parity on phone "${phone.device}" fails for base and candidate alike: no regression, but not right either`,
      );
    } else if (others.some((other) => other.parity.candidate === "pass")) {
      verdicts.push("inconclusive");
      reasons.push(
        `parity on phone "${phone.device}" fails, on others of its kind it passes: the phone is suspect, run it again`,
      );
    } else {
      verdicts.push("fail");
      reasons.push(`parity on phone "${phone.device}" fails`);
    }
  }
  if (verdicts.length === 0) reasons.push("no phone judged the candidate's keypoints");
  return {
    verdict: worst(verdicts),
    reasons,
    phones: phones.map(({ device, kind, parity }) => ({ device, kind, ...parity })),
  };
}
