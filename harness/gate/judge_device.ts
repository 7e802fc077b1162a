/**
 * Evidence of one device → its result: metrics by their blocks or unpaired rounds, and the
 * keypoints (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { MetricName } from "../record/metrics.ts";
import {
  blocksForThreshold,
  LONGEST_SIMULATED_BLOCKS,
  smallestDetectableRatio,
} from "../stats/detectable.ts";
import {
  conclude,
  decide,
  type ExperimentState,
  judge,
  type Judgement,
  newExperiment,
  withBlock,
} from "../stats/experiment.ts";
import type { GateRules } from "./config.ts";
import { judgeCrash } from "./crash.ts";
import type { DeviceEvidence, UnpairedRounds } from "./evidence.ts";
import { ASSUMED_SESSIONS, FEWEST_UNPAIRED_ROUNDS, unpairedRatio } from "./unpaired.ts";
import {
  type GateMetric,
  type GateResult,
  judgeCorrectness,
  overallVerdict,
  worst,
} from "./verdict.ts";

/**
 * Returns the result of one device and pair. Throws `HarnessError` `bad-config` as
 * {@linkcode detectableRatios}.
 */
export function judgeDevice(evidence: DeviceEvidence, rules: GateRules): GateResult {
  const metrics = judgeMetrics(evidence, rules);
  const parity = judgeCorrectness(evidence.correctness, rules);
  const crash = judgeCrash(evidence.crash, hasRun(evidence));
  const { verdict, reasons } = overallVerdict(metrics, parity);
  return {
    verdict: evidence.crash === null ? verdict : worst([verdict, crash.verdict]),
    metrics,
    parity,
    crash,
    reasons: [
      ...(evidence.crash === null ? [] : [crash.reason]),
      ...(evidence.unpaired === null ? [] : [
        "saved runs can't be paired: the intervals are widened by what sessions differ; a live gate decides sooner and finer",
      ]),
      ...reasons,
      ...evidence.notes,
    ],
    paired: evidence.unpaired === null,
    device: evidence.device,
    baseline: evidence.baseline.name,
    candidate: evidence.candidate.name,
    blocks: evidence.blockCount,
    seconds: evidence.seconds,
  };
}

/** Returns whether the device launched anything of the pair. */
export function hasRun({ keys, blockCount, unpaired }: DeviceEvidence): boolean {
  return keys !== null || blockCount > 0 || unpaired !== null;
}

/** The metrics of one device, each by its own rule. */
export function judgeMetrics(evidence: DeviceEvidence, rules: GateRules): GateMetric[] {
  const { unpaired } = evidence;
  if (unpaired !== null) {
    return rules.thresholds.map(({ name, ratio }) => ({
      ...unpairedMetric(unpaired, name, ratio, rules),
      device: evidence.device,
      // a figure only: saved runs spend no budget, and no budget resolves them better
      detectable: resolution({ ...evidence, rules }, name)?.smallest ?? null,
    }));
  }
  const detectable = detectableRatios({ ...evidence, rules });
  const judged = rules.thresholds.map(({ name, ratio }) => ({
    name,
    state: metricState(evidence, name, ratio, rules),
  })).map(({ name, state }) => ({ name, state, judgement: conclude(state) }));
  const hasFailed = judged.some(({ judgement }) => judgement.verdict === "fail");
  const end = {
    stopped: evidence.stopped ??
      (hasFailed ? "another metric failed" : "nothing more could be measured"),
    secondsPerBlock: evidence.blockCount === 0 ? null : evidence.seconds / evidence.blockCount,
  };
  return judged.map(({ name, state, judgement }) =>
    pairedMetric(evidence, { name, state, judgement }, detectable[name] ?? null, end)
  );
}

/** The paired experiment of a metric on one device, as far as its blocks go. */
export function metricState(
  { blocks, noise }: Pick<DeviceEvidence, "blocks" | "noise">,
  name: MetricName,
  threshold: number,
  rules: GateRules,
): ExperimentState {
  const state = newExperiment({
    threshold,
    ...metricRates(rules),
    calibratedSd: noise[name]?.sd ?? null,
  });
  return (blocks[name] ?? []).reduce(withBlock, state);
}

/**
 * Returns what a live gate asks after each block: the judgement of each metric that its rules name,
 * `undecided` when another block is wanted; null for one that a launch did not tell.
 */
export function lookAtBlocks(
  evidence: Pick<DeviceEvidence, "blocks" | "noise">,
  rules: GateRules,
): { name: MetricName; judgement: Judgement | null }[] {
  return rules.thresholds.map(({ name, ratio }) => ({
    name,
    judgement: evidence.blocks[name] === null
      ? null
      : judge(metricState(evidence, name, ratio, rules)),
  }));
}

/** The rates of one metric: all metrics together keep the false alarm rate. */
export function metricRates(
  rules: GateRules,
): { falseAlarmRate: number; missRate: number } {
  return {
    falseAlarmRate: rules.falseAlarmRate / rules.thresholds.length,
    missRate: rules.missRate,
  };
}

/** A device as it was calibrated, and the rules that it is gated by. */
type CalibratedGate = Pick<DeviceEvidence, "device" | "noise" | "secondsPerBlock"> & {
  rules: GateRules;
};

/**
 * Returns the smallest ratio of a metric that blocks of both sides find within the budget, with
 * what it rests on; null for a metric that was never calibrated.
 */
function resolution({ noise, secondsPerBlock, rules }: CalibratedGate, name: MetricName) {
  const own = noise[name];
  if (own === undefined || secondsPerBlock === null) return null;
  const budgetBlocks = Math.floor(rules.budgetSeconds / secondsPerBlock);
  const smallest = smallestDetectableRatio(own, metricRates(rules), budgetBlocks);
  return { own, secondsPerBlock, budgetBlocks, smallest };
}

/**
 * Throws `HarnessError` `bad-config` when a threshold is below what the device resolves within the
 * budget, saying what it resolves and which budget would do. Returns the smallest detectable ratio
 * by metric; null for a metric that was never calibrated.
 */
export function detectableRatios(
  gate: CalibratedGate,
): Partial<Record<MetricName, number | null>> {
  const { rules } = gate;
  const rates = metricRates(rules);
  const detectable: Partial<Record<MetricName, number | null>> = {};
  for (const { name, ratio } of rules.thresholds) {
    const found = resolution(gate, name);
    if (found === null) {
      detectable[name] = null;
      continue;
    }
    const { own, secondsPerBlock, budgetBlocks, smallest } = found;
    const needed = smallest !== null && smallest <= ratio + 1e-9
      ? 0
      : blocksForThreshold(own, { ...rates, threshold: ratio }, LONGEST_SIMULATED_BLOCKS);
    if (needed === null || needed > budgetBlocks) {
      throw new HarnessError(
        "bad-config",
        `Cannot gate ${name} on "${gate.device}" at ${percent(ratio)}: within ${
          rules.budgetSeconds.toFixed(0)
        } s it resolves ${
          smallest === null ? "no change below 100%" : `${percent(smallest)} and more`
        }. ${
          needed === null
            ? "No budget within reach would do: raise the threshold, or quieten the device and calibrate again"
            : `Raise the threshold, or the budget to ${Math.ceil(needed * secondsPerBlock)} s`
        }`,
      );
    }
    // rounded up, the smallest may lie above a threshold that the budget decides
    detectable[name] = needed === 0 ? smallest : ratio;
  }
  return detectable;
}

function pairedMetric(
  { device, blocks }: DeviceEvidence,
  { name, state, judgement }: { name: MetricName; state: ExperimentState; judgement: Judgement },
  detectable: number | null,
  end: { stopped: string; secondsPerBlock: number | null },
): GateMetric {
  const { threshold } = state.options;
  const common = { name, device, threshold, detectable };
  if (blocks[name] === null) {
    return {
      ...common,
      ratio: null,
      low: null,
      high: null,
      verdict: "inconclusive",
      reason: NOT_TOLD,
    };
  }
  const { ratio, low, high } = judgement;
  const verdict = judgement.verdict === "undecided" ? "inconclusive" : judgement.verdict;
  return {
    ...common,
    ratio,
    low,
    high,
    verdict,
    reason: metricReason(judgement, threshold, end),
  };
}

/** Why a metric that a launch leaves out is not judged. */
export const NOT_TOLD =
  "a launch does not tell this metric on this device; switch it off in posemark.json";

/** Returns the verdict of a phone's experiment, with its bounds where they are asked for. */
export function phoneJudgement(
  state: ExperimentState,
  withBounds: boolean,
): Pick<GateMetric, "verdict" | "low" | "high"> {
  const { verdict, low, high } = withBounds
    ? conclude(state)
    // bounds take twenty times as long
    : { verdict: decide(state), low: null, high: null };
  return { verdict: verdict === "undecided" ? "inconclusive" : verdict, low, high };
}

function metricReason(
  judgement: Judgement,
  threshold: number,
  end: { stopped: string; secondsPerBlock: number | null },
): string {
  if (judgement.ratio === null) return `no block was run: ${end.stopped}`;
  const figures = `${describeRatio(judgement.ratio)}${
    judgement.low === null || judgement.high === null
      ? ""
      : ` (${signedPercent(judgement.low)} to ${signedPercent(judgement.high)})`
  } after ${judgement.blockCount} blocks`;
  if (judgement.verdict === "pass") {
    return `${figures}: a change of ${percent(threshold)} is excluded`;
  }
  if (judgement.verdict === "fail") {
    return `${figures}: no change is excluded, and the threshold of ${
      percent(threshold)
    } is nearer than none`;
  }
  const more = judgement.moreBlocks === null
    ? "the effect lies between none and the threshold, more blocks would hardly decide it"
    : `about ${judgement.moreBlocks} more blocks${
      end.secondsPerBlock === null
        ? ""
        : ` (${Math.ceil(judgement.moreBlocks * end.secondsPerBlock)} s)`
    } would decide it`;
  return `${figures}: undecided, since ${end.stopped}; ${more}`;
}

function unpairedMetric(
  { baseline, candidate, sessions: known }: UnpairedRounds,
  name: MetricName,
  threshold: number,
  rules: GateRules,
): Omit<GateMetric, "device" | "detectable"> {
  const sessions = known[name] ?? ASSUMED_SESSIONS;
  const { falseAlarmRate, missRate } = metricRates(rules);
  const found = unpairedRatio(baseline[name] ?? [], candidate[name] ?? [], sessions, {
    low: falseAlarmRate,
    high: missRate,
  });
  if (found === null) {
    return {
      name,
      threshold,
      ratio: null,
      low: null,
      high: null,
      verdict: "inconclusive",
      reason:
        `fewer than ${FEWEST_UNPAIRED_ROUNDS} rounds on a side tell this metric; run more rounds`,
    };
  }
  const { ratio, low, high } = found;
  const verdict = high < threshold
    ? "pass"
    : low > 1 && ratio >= Math.sqrt(threshold)
    ? "fail"
    : "inconclusive";
  const reason = `${describeRatio(ratio)} between sessions (ratio ${low.toFixed(3)} to ${
    high.toFixed(3)
  }, threshold ${threshold.toFixed(3)}, sessions ${
    known[name] === undefined ? "assumed to differ" : "known to differ"
  } by ${(100 * sessions.sd).toFixed(1)}%)${
    verdict === "inconclusive" ? "; a live gate (--device) would decide it" : ""
  }`;
  return { name, threshold, ...found, verdict, reason };
}

/** Returns a ratio in words: `3.2% more` or `1.0% less`. */
export function describeRatio(ratio: number): string {
  return ratio >= 1 ? `${percent(ratio)} more` : `${percent(ratio)} less`;
}

function percent(ratio: number): string {
  return `${(100 * Math.abs(ratio - 1)).toFixed(1)}%`;
}

function signedPercent(ratio: number): string {
  return `${ratio < 1 ? "−" : "+"}${percent(ratio)}`;
}
