/**
 * The live gate: blocks of launches of both sides on one device until every metric is decided or
 * the budget is spent.
 *
 * Pure but for the callbacks: what a block is and how it runs is the caller's.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { LaunchRecord } from "../record/records.ts";
import {
  blocksForThreshold,
  type DeviceNoise,
  LONGEST_SIMULATED_BLOCKS,
  smallestDetectableRatio,
} from "../stats/detectable.ts";
import {
  conclude,
  type ExperimentState,
  FEWEST_ROUNDS,
  judge,
  type Judgement,
  newExperiment,
  withBlock,
} from "../stats/experiment.ts";
import type { GateRules } from "./config.ts";
import type { MetricName } from "../record/metrics.ts";
import { metricOfLaunch } from "../stats/round.ts";
import {
  type GateCorrectness,
  type GateMetric,
  type GateResult,
  judgeCorrectness,
  overallVerdict,
} from "./verdict.ts";

/**
 * Launches of one block: two of each side, in the order ABBA or BAAB, paired by place in the lists.
 */
export interface BlockLaunches {
  baseline: readonly LaunchRecord[];
  candidate: readonly LaunchRecord[];
}

/** What a live gate runs on. */
export interface LiveGate {
  device: string;
  /** Names of the sides as the result shows them. */
  baseline: string;
  candidate: string;
  rules: GateRules;
  /**
   * Noise of the device by metric from its calibration at the same settings; a metric that is
   * missing was never calibrated.
   */
  noise: Partial<Record<MetricName, DeviceNoise>>;
  /** Expected device time of one block, seconds, from the calibration; null when unknown. */
  secondsPerBlock: number | null;
  /** Runs one block and returns its launches. `order` is the sides in order, for instance ABBA. */
  runBlock(index: number, order: readonly ("baseline" | "candidate")[]): Promise<BlockLaunches>;
  /** Returns the device time since the gate began, seconds. */
  elapsedSeconds(): number;
  /** Returns why no further block may run (heat, battery, a stop by the user), or null. */
  stopReason?(): Promise<string | null> | string | null;
  /** Judges the candidate's keypoints; called once, after the last block. */
  correctness(): Promise<GateCorrectness> | GateCorrectness;
  /** Hears of every look. */
  onLook?(
    look: { block: number; seconds: number; metrics: { name: MetricName; judgement: Judgement }[] },
  ): void;
}

/** ABBA: two rounds of both sides. */
const ROUNDS_PER_BLOCK = 2;

/** Returns the order of a block: ABBA and BAAB by turns, so that drift and place cancel. */
export function blockOrder(index: number): ("baseline" | "candidate")[] {
  return index % 2 === 0
    ? ["baseline", "candidate", "candidate", "baseline"]
    : ["candidate", "baseline", "baseline", "candidate"];
}

/**
 * Returns the log of candidate over baseline of a metric for each round of a block; null when a
 * launch does not tell the metric.
 *
 * Throws `HarnessError` `bad-record` when the sides have not the same number of launches, or none.
 */
export function blockLogRatios(block: BlockLaunches, name: MetricName): number[] | null {
  const { baseline, candidate } = block;
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
 * Throws `HarnessError` `bad-config` when a threshold is below what the device resolves within the
 * budget, saying what it resolves and which budget would do. Returns the smallest detectable ratio
 * by metric; null for a metric that was never calibrated.
 */
export function detectableRatios(
  gate: Pick<LiveGate, "device" | "rules" | "noise" | "secondsPerBlock">,
): Partial<Record<MetricName, number | null>> {
  const { rules, noise, secondsPerBlock } = gate;
  const rates = metricRates(rules);
  const detectable: Partial<Record<MetricName, number | null>> = {};
  for (const { name, ratio } of rules.thresholds) {
    const own = noise[name];
    if (own === undefined || secondsPerBlock === null) {
      detectable[name] = null;
      continue;
    }
    const budgetBlocks = Math.floor(rules.budgetSeconds / secondsPerBlock);
    const smallest = smallestDetectableRatio(own, rates, budgetBlocks);
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

/**
 * Returns the result of a live gate.
 *
 * The false alarm rate is shared among the metrics (Bonferroni). A metric that is decided keeps its
 * verdict; blocks run until all are decided, one fails, or the budget (time, or what `stopReason`
 * tells) is spent. Throws `HarnessError` `bad-config` for thresholds below what the device
 * resolves,
 *
 * `not-comparable` for launches of an emulated device, and whatever the callbacks throw.
 */
export async function runLiveGate(gate: LiveGate): Promise<GateResult> {
  const { rules } = gate;
  const detectable = detectableRatios(gate);
  const metrics = rules.thresholds.map(({ name, ratio }) => ({
    name,
    state: newExperiment({
      threshold: ratio,
      ...metricRates(rules),
      calibratedSd: gate.noise[name]?.sd ?? null,
    }),
    decided: null as Judgement | null,
    unknown: false,
  }));
  let blocks = 0;
  let stopped: string | null = null;
  while (metrics.some((metric) => metric.decided === null && !metric.unknown)) {
    stopped = await whyStop(gate, blocks);
    if (stopped !== null) break;
    const block = await gate.runBlock(blocks, blockOrder(blocks));
    assertReal(gate.device, block);
    blocks++;
    for (const metric of metrics) {
      if (metric.decided !== null || metric.unknown) continue;
      const logRatios = blockLogRatios(block, metric.name);
      if (logRatios === null) {
        metric.unknown = true;
        continue;
      }
      metric.state = withBlock(metric.state, logRatios);
      const judgement = judge(metric.state);
      if (judgement.verdict !== "undecided") metric.decided = judgement;
    }
    gate.onLook?.({
      block: blocks,
      seconds: gate.elapsedSeconds(),
      metrics: metrics.map(({ name, decided, state }) => ({
        name,
        judgement: decided ?? judge(state),
      })),
    });
    if (metrics.some((metric) => metric.decided?.verdict === "fail")) break;
  }
  const judged = metrics.map((metric) => {
    const earlier = metrics.some((other) => other.decided?.verdict === "fail");
    return gateMetric(gate, metric, detectable[metric.name] ?? null, {
      stopped: stopped ?? (earlier ? "another metric failed" : "nothing more could be measured"),
      secondsPerBlock: blocks === 0 ? null : gate.elapsedSeconds() / blocks,
    });
  });
  const seconds = gate.elapsedSeconds();
  const parity = judgeCorrectness(await gate.correctness(), rules);
  return {
    ...overallVerdict(judged, parity),
    metrics: judged,
    parity,
    paired: true,
    device: gate.device,
    baseline: gate.baseline,
    candidate: gate.candidate,
    blocks,
    seconds,
  };
}

function assertReal(device: string, block: BlockLaunches): void {
  const launches = [...block.baseline, ...block.candidate];
  if (!launches.some((launch) => launch.marks.includes("emulated"))) return;
  throw new HarnessError(
    "not-comparable",
    `Cannot gate on "${device}": it is emulated, and emulated times count for nothing. Use a phone or the host`,
  );
}

/** The rates of one metric: all metrics together keep the false alarm rate. */
function metricRates(rules: GateRules): { falseAlarmRate: number; missRate: number } {
  return {
    falseAlarmRate: rules.falseAlarmRate / rules.thresholds.length,
    missRate: rules.missRate,
  };
}

async function whyStop(gate: LiveGate, blocks: number): Promise<string | null> {
  const reason = await gate.stopReason?.() ?? null;
  if (reason !== null) return reason;
  const elapsed = gate.elapsedSeconds();
  const perBlock = blocks === 0 ? gate.secondsPerBlock ?? 0 : elapsed / blocks;
  // another block must fit, but as many as any verdict needs always run
  return blocks * ROUNDS_PER_BLOCK >= FEWEST_ROUNDS && elapsed + perBlock > gate.rules.budgetSeconds
    ? `the budget of ${gate.rules.budgetSeconds.toFixed(0)} s is spent`
    : null;
}

function gateMetric(
  gate: LiveGate,
  metric: { name: MetricName; state: ExperimentState; decided: Judgement | null; unknown: boolean },
  detectable: number | null,
  end: { stopped: string; secondsPerBlock: number | null },
): GateMetric {
  const { name, state } = metric;
  const threshold = state.options.threshold;
  const judgement = metric.decided ?? conclude(state);
  const common = {
    name,
    device: gate.device,
    ratio: judgement.ratio,
    low: judgement.low,
    high: judgement.high,
    threshold,
    detectable,
  };
  if (metric.unknown) {
    return {
      ...common,
      ratio: null,
      low: null,
      high: null,
      verdict: "inconclusive",
      reason: "a launch does not tell this metric on this device; switch it off in posemark.json",
    };
  }
  const verdict = judgement.verdict === "undecided" ? "inconclusive" : judgement.verdict;
  return { ...common, verdict, reason: metricReason(judgement, threshold, end) };
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
