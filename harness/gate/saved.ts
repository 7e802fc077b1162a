/**
 * The gate on two saved runs, whose rounds can't be paired: what one session had and the other had
 * not is part of the difference, so the interval is widened by what sessions are known to differ.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { AnyRecord, LaunchRecord } from "../record/records.ts";
import { studentTQuantile } from "../stats/distribution.ts";
import { median } from "../stats/quantile.ts";
import { groupByRound, metricOfLaunch } from "../stats/round.ts";
import type { SessionSpread } from "../stats/sessions.ts";
import type { GateRules } from "./config.ts";
import { assertComparable, type ComparisonSide } from "../record/experiment_keys.ts";
import { describeRatio } from "./live.ts";
import type { MetricName } from "../record/metrics.ts";
import {
  type GateCorrectness,
  type GateMetric,
  type GateResult,
  judgeCorrectness,
  overallVerdict,
} from "./verdict.ts";

/**
 * What is assumed when nothing is known of the sessions: 2%, what unrooted phones commonly show
 * between days.
 */
export const ASSUMED_SESSIONS: SessionSpread = { sd: 0.02, freedom: 1e6 };

/** Fewest rounds per side. */
const FEWEST_ROUNDS = 3;

/** Two saved runs on one device. */
export interface SavedGate {
  baseline: ComparisonSide;
  candidate: ComparisonSide;
  rules: GateRules;
  /**
   * Spread between sessions, by metric, from the history; missing: {@linkcode ASSUMED_SESSIONS}.
   */
  sessions: Partial<Record<MetricName, SessionSpread>>;
  /**
   * Smallest detectable ratio by metric as the calibration has it for paired runs; null when
   * unknown.
   */
  detectable: Partial<Record<MetricName, number>>;
  correctness: GateCorrectness;
}

/**
 * Returns one side of a comparison from a run's records: the launches of one variant on one device,
 * the last of each round.
 *
 * Throws `HarnessError` `not-comparable` when the run knows no such device or has no finished
 * launch of the variant on it, saying what it has.
 */
export function savedSide(
  records: readonly AnyRecord[],
  device: string,
  variantId: string,
): ComparisonSide {
  const run = records.find((record) => record.kind === "run");
  const runName = `run ${run?.runId ?? "without a run record"}`;
  const description = run?.devices.find(({ serial }) => serial === device);
  const all = records.filter((record): record is LaunchRecord => record.kind === "launch");
  const rounds = groupByRound(all.filter((launch) => launch.device === device)).get(variantId);
  const launches = [...rounds?.values() ?? []];
  if (run === undefined || description === undefined || launches.length === 0) {
    const known = new Set(all.map((launch) => `"${launch.variantId}" on "${launch.device}"`));
    throw new HarnessError(
      "not-comparable",
      `Cannot compare ${runName}: found no finished launch of "${variantId}" on "${device}", it has ${
        [...known].join(", ") || "none at all"
      }. Name another run, or another variant and device`,
    );
  }
  return { name: `${variantId} of ${runName}`, device: description, images: run.images, launches };
}

/**
 * Variance of the median over that of the mean: asymptotic for normal noise; with heavier tails it
 * is smaller.
 */
const MEDIAN_VARIANCE = Math.PI / 2;

/** An unpaired ratio with its widened interval. */
export interface UnpairedRatio {
  ratio: number;
  low: number;
  high: number;
}

/**
 * Returns candidate over baseline from per-round values, with an interval at the error rates given
 * on each side; null for fewer than 3 rounds on a side.
 *
 * Medians on the log scale; Welch's interval (Welch 1947) with the medians' variances in place of
 * the means', and the reach of two sessions added to it in square, each with its own degrees of
 * freedom.
 */
export function unpairedRatio(
  baseline: readonly number[],
  candidate: readonly number[],
  sessions: SessionSpread,
  rates: { low: number; high: number },
): UnpairedRatio | null {
  if (baseline.length < FEWEST_ROUNDS || candidate.length < FEWEST_ROUNDS) return null;
  const sides = [baseline, candidate].map((values) => {
    const logs = values.map((value) => Math.log(value));
    const center = median(logs);
    const squares = logs.reduce((sum, log) => sum + (log - center) ** 2, 0);
    const variance = MEDIAN_VARIANCE * squares / (logs.length - 1) / logs.length;
    return { center, count: logs.length, variance };
  });
  const within = sides[0].variance + sides[1].variance;
  const freedom = within === 0 ? 1 : within ** 2 /
    sides.reduce((sum, side) => sum + side.variance ** 2 / (side.count - 1), 0);
  const effect = sides[1].center - sides[0].center;
  const reach = (rate: number) =>
    Math.hypot(
      studentTQuantile(1 - rate, Math.max(1, freedom)) * Math.sqrt(within),
      studentTQuantile(1 - rate, sessions.freedom) * Math.SQRT2 * sessions.sd,
    );
  return {
    ratio: Math.exp(effect),
    low: Math.exp(effect - reach(rates.low)),
    high: Math.exp(effect + reach(rates.high)),
  };
}

/**
 * Returns the result of a gate on saved runs.
 *
 * Throws `HarnessError` `not-comparable` that names the key when the runs are not the same
 * experiment.
 */
export function judgeSavedRuns(gate: SavedGate): GateResult {
  const { baseline, candidate, rules } = gate;
  assertComparable(baseline, candidate);
  const metrics = rules.thresholds.map(({ name, ratio }) => savedMetric(gate, name, ratio));
  const parity = judgeCorrectness(gate.correctness, rules);
  const { verdict, reasons } = overallVerdict(metrics, parity);
  return {
    verdict,
    metrics,
    parity,
    reasons: [
      "saved runs can't be paired: the intervals are widened by what sessions differ; a live gate decides sooner and finer",
      ...reasons,
    ],
    paired: false,
    device: baseline.device.serial,
    baseline: baseline.name,
    candidate: candidate.name,
    blocks: 0,
    seconds: 0,
  };
}

function savedMetric(gate: SavedGate, name: MetricName, threshold: number): GateMetric {
  const { rules } = gate;
  const sessions = gate.sessions[name] ?? ASSUMED_SESSIONS;
  const values = (launches: readonly LaunchRecord[]) =>
    launches.map((launch) => metricOfLaunch(launch, name)).filter((value) => value !== null);
  const found = unpairedRatio(
    values(gate.baseline.launches),
    values(gate.candidate.launches),
    sessions,
    { low: rules.falseAlarmRate / rules.thresholds.length, high: rules.missRate },
  );
  const common = {
    name,
    device: gate.baseline.device.serial,
    threshold,
    detectable: gate.detectable[name] ?? null,
  };
  if (found === null) {
    return {
      ...common,
      ratio: null,
      low: null,
      high: null,
      verdict: "inconclusive",
      reason: `fewer than ${FEWEST_ROUNDS} rounds on a side tell this metric; run more rounds`,
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
    gate.sessions[name] === undefined ? "assumed to differ" : "known to differ"
  } by ${(100 * sessions.sd).toFixed(1)}%)${
    verdict === "inconclusive" ? "; a live gate (--device) would decide it" : ""
  }`;
  return { ...common, ...found, verdict, reason };
}
