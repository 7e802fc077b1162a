/**
 * What shards say → one verdict over phones for each pair, and over all: pure, one shard in memory at a time.
 *
 * @module
 */
import type { DeviceNoise } from "../stats/detectable.ts";
import {
  type FarmRule,
  type FarmVerdict,
  judgePhones,
  type PhoneResult,
  type Verdict,
} from "./farm_verdict.ts";
import { phoneEffect } from "./phone_effect.ts";
import { judgeBlocks, type ShardResult } from "./shard_result.ts";

/** A shard that was planned, and what came of it. */
export interface MergedShard {
  index: number;
  /** Name of the phone that ran it, or that it was planned for; null when the engine was to pick one and did not. */
  phone: string | null;
  /** Kind of the phone that it was planned for. */
  kind: string;
  result: ShardResult;
  /** Why it is not done, in words; null when it is done. */
  missing: string | null;
}

/** What a phone says of a pair, with its own experiment's figures. */
export interface PhoneVerdict extends PhoneResult {
  blockCount: number;
  /** Candidate over base on this phone, with bounds that hold at every look; null when unknown, or of thousands of phones. */
  ratio: number | null;
  low: number | null;
  high: number | null;
  /** True when the phone has a calibration: without one its noise is taken from this session alone. */
  calibrated: boolean;
  parity: { base: Verdict | null; candidate: Verdict | null };
  notes: string[];
}

/** Verdict of one pair of variants. */
export interface PairVerdict {
  base: string;
  candidate: string;
  verdict: Verdict;
  speed: FarmVerdict;
  /** Correctness of the candidate over phones. */
  parity: { verdict: Verdict; reasons: string[] };
  phones: PhoneVerdict[];
}

/** Verdict of a farm's gate. */
export interface FarmGateVerdict {
  verdict: Verdict;
  pairs: PairVerdict[];
  reasons: string[];
}

/** Calibration of a device by its key in the records; null when there is none. */
export type Calibration = (device: string) => DeviceNoise | null;

/** What is kept of a phone while shards are merged. */
interface PhoneState {
  device: string;
  /** Device key of the records: what calibrations go by. */
  serial: string | null;
  kind: string;
  blocks: number[];
  parity: { base: Verdict | null; candidate: Verdict | null };
  missing: string[];
  notes: Set<string>;
}

/** With more phones and pairs than this only the bounds over phones are computed. */
const MOST_BOUNDS = 2000;

/** Worst first: a regression is never outvoted, and what is not known is never a pass. */
const ORDER: readonly Verdict[] = ["fail", "inconclusive", "pass"];

/** Returns the worst of the verdicts; `inconclusive` for none. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return ORDER.find((verdict) => verdicts.includes(verdict)) ?? "inconclusive";
}

/**
 * Returns the verdict over all shards. Shards of one phone and pair are taken together: their blocks follow each other.
 */
export async function mergeShards(
  shards: AsyncIterable<MergedShard> | Iterable<MergedShard>,
  rule: FarmRule,
  calibration: Calibration = () => null,
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
      serial: null,
      kind: result.kind ?? kind,
      blocks: [],
      parity: { base: null, candidate: null },
      missing: [],
      notes: new Set<string>(),
    };
    pair.phones.set(device, state);
    state.serial ??= result.device;
    for (const block of result.blocks) state.blocks.push(block);
    for (const side of ["base", "candidate"] as const) {
      const verdict = result.parity[side];
      if (verdict === null) continue;
      const before = state.parity[side];
      state.parity[side] = before === null ? verdict : worstVerdict([before, verdict]);
    }
    if (missing !== null) state.missing.push(missing);
    for (const reason of result.reasons) state.notes.add(reason);
  }
  const phoneCount = [...pairs.values()].reduce((sum, { phones }) => sum + phones.size, 0);
  const context = { rule, calibration, bounds: phoneCount <= MOST_BOUNDS };
  const verdicts = [...pairs.values()].map(({ base, candidate, phones }) =>
    judgePair(base, candidate, [...phones.values()], context)
  );
  return {
    verdict: worstVerdict(verdicts.map(({ verdict }) => verdict)),
    pairs: verdicts,
    reasons: verdicts.flatMap((pair) =>
      [...pair.parity.reasons, ...pair.speed.reasons].map((reason) =>
        `${pair.candidate}: ${reason}`
      )
    ),
  };
}

/** What judging a pair needs beside the phones. */
interface JudgeContext {
  rule: FarmRule;
  calibration: Calibration;
  /** Whether each phone gets bounds of its own. */
  bounds: boolean;
}

function judgePair(
  base: string,
  candidate: string,
  states: readonly PhoneState[],
  { rule, calibration, bounds }: JudgeContext,
): PairVerdict {
  const phones = states.map((state): PhoneVerdict => {
    const noise = state.serial === null ? null : calibration(state.serial);
    const calibratedSd = noise?.sd ?? null;
    const judgement = judgeBlocks(state.blocks, rule, { calibratedSd, bounds });
    const effect = phoneEffect(state.blocks, calibratedSd);
    const notes = [...state.notes];
    const why = [...state.missing, ...(effect === null ? notes : [])];
    return {
      device: state.device,
      kind: state.kind,
      verdict: effect === null ? "inconclusive" : judgement.verdict,
      effect,
      reason: effect === null
        ? why.join("; ") || `${state.blocks.length} whole blocks, expected two or more`
        : null,
      blockCount: state.blocks.length,
      ratio: effect === null ? null : Math.exp(effect.logRatio),
      low: judgement.low,
      high: judgement.high,
      calibrated: noise !== null,
      parity: state.parity,
      notes: [...state.missing, ...notes],
    };
  });
  const speed = judgePhones(phones, rule);
  const parity = judgeParity(phones);
  return {
    base,
    candidate,
    verdict: worstVerdict([speed.verdict, parity.verdict]),
    speed,
    parity,
    phones,
  };
}

/**
 * Correctness over phones. A candidate whose keypoints are wrong on a phone fails, whatever its speed; unless another phone of that
 * kind gives the right ones: then that phone is suspect, and the verdict waits for another look. What was wrong with the base
 * already is said, and is no regression.
 */
function judgeParity(phones: readonly PhoneVerdict[]): PairVerdict["parity"] {
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
  return { verdict: worstVerdict(verdicts), reasons };
}
