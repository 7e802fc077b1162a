/**
 * Launches of one device → the figures of each variant: time per image, FPS, speed-up over the
 * base, percentiles of all samples.
 *
 * @module
 */
import { HarnessError, type Warning } from "../errors.ts";
import {
  METRIC_NAMES,
  type MetricName,
  metricOf,
  SAMPLED_STAGES,
  type SampledStage,
} from "../record/metrics.ts";
import type { LaunchRecord, TurnsRecord } from "../record/records.ts";
import {
  type Estimates,
  estimateTogether,
  type IntervalOf,
  type MetricEstimate,
} from "./estimate.ts";
import { type Percentiles, percentiles } from "./quantile.ts";
import type { Ratio } from "./ratio.ts";
import {
  contestantsOf,
  groupByRound,
  type LaunchesByRound,
  launchQuantileNs,
  launchSamplesNs,
  metricOfLaunch,
  pooledMetric,
} from "./round.ts";
import { variantWarnings } from "./summary_warnings.ts";

/** Figures of one variant on one device. */
export interface VariantSummary {
  variantId: string;
  /** Rounds in which the variant ran. */
  roundCount: number;
  /** Iterations over all rounds and images (first iterations are not among them). */
  sampleCount: number;
  /**
   * Percentiles and MAD of all samples pooled, per stage, nanoseconds. No figure of speed: that is
   * `timeNs`.
   */
  latencyNs: Record<SampledStage, Percentiles>;
  /** Time per image: location of the launches' medians of the total, nanoseconds. */
  timeNs: MetricEstimate;
  /** Frames per second: 1e9 / time per image. */
  fps: number;
  /** Median of the total in each round, nanoseconds, in order of the rounds. */
  roundMediansNs: { round: number; medianNs: number }[];
  /**
   * Speed-up over the base: its time per image over this one's; null when no launch links the two.
   * For the base itself 1, 1, 1.
   */
  ratio: Ratio | null;
  /** Every metric over the rounds, in its unit; null when no launch knows it. */
  figures: Record<MetricName, MetricEstimate | null>;
  warnings: Warning[];
}

/**
 * Returns the figures of every variant, in order of first appearance.
 *
 * Input: the finished launches of one device; launches that count for nothing (emulated, failed,
 * test builds) were left out by the caller. Throttled launches stay in, are counted in a warning,
 * and the ratio without their rounds is told there. The base may be absent; then no ratio is known.
 * `turns` are the launches that variants of that device shared: where a pair has such, they give
 * its ratio.
 *
 * Throws `RangeError` for launches of two devices, `HarnessError` `bad-record` for a launch without
 * samples or with times of zero.
 */
export function summarizeLaunches(
  launches: readonly LaunchRecord[],
  baseVariantId: string,
  turns: readonly TurnsRecord[] = [],
  intervalOf?: IntervalOf,
): VariantSummary[] {
  const repeats = new Map<string, number>();
  const groups = groupByRound(
    launches,
    (launch) => repeats.set(launch.variantId, (repeats.get(launch.variantId) ?? 0) + 1),
  );
  const baseRounds = groups.get(baseVariantId);
  for (const [variantId, rounds] of groups) requireTimes(variantId, rounds.values());
  const estimates = new Map(
    MEDIANS.map((name) => [name, metricEstimates(groups, turns, name, intervalOf)]),
  );
  const total = estimates.get("total.p50")!;
  return [...groups].map(([variantId, rounds]) => {
    const ordered = [...rounds.values()].sort((a, b) => a.round - b.round);
    const medians = mediansByRound(ordered, "total");
    const timeNs = total.locations.get(variantId)!;
    const ratio = total.ratio(baseVariantId, variantId);
    return {
      variantId,
      roundCount: ordered.length,
      sampleCount: ordered.reduce((n, launch) => n + launchSamplesNs(launch, "total").length, 0),
      latencyNs: perStage((stage) =>
        percentiles(ordered.flatMap((launch) => launchSamplesNs(launch, stage)))
      ),
      timeNs,
      fps: 1e9 / timeNs.value,
      roundMediansNs: [...medians].map(([round, medianNs]) => ({ round, medianNs })),
      ratio: ratio && { ...ratio, base: baseVariantId },
      figures: figuresOf(variantId, ordered, estimates),
      warnings: variantWarnings({
        launches: ordered,
        baseLaunches: baseRounds === undefined ? [] : [...baseRounds.values()],
        baseVariantId,
        repeatCount: repeats.get(variantId) ?? 0,
        turnCount: turns.filter((launch) => launch.variantId === variantId).length,
      }),
    };
  });
}

/** Medians of stages: their locations agree with the ratios of the pairs. */
const MEDIANS = METRIC_NAMES.filter((name) => {
  const { of } = metricOf(name);
  return "stage" in of && of.quantile === 0.5;
});

/**
 * Returns the locations and ratios of a metric over the launches of one device; see
 * {@linkcode estimateTogether}.
 */
export function metricEstimates(
  groups: LaunchesByRound,
  turns: readonly TurnsRecord[],
  name: MetricName,
  intervalOf?: IntervalOf,
): Estimates {
  return estimateTogether(
    contestantsOf(groups, turns, (launch) => metricOfLaunch(launch, name)),
    intervalOf,
  );
}

function requireTimes(variantId: string, launches: Iterable<LaunchRecord>): void {
  for (const launch of launches) {
    const ns = launchQuantileNs(launch, "total", 0.5);
    if (ns > 0) continue;
    throw new HarnessError(
      "bad-record",
      `Cannot summarise "${variantId}": the median of its total in round ${launch.round} is ${ns} ns, expected a time above zero. The device's clock stands still or the record was edited`,
    );
  }
}

/** Returns the median of a stage for each round, nanoseconds, by round. */
export function mediansByRound(
  launches: Iterable<LaunchRecord>,
  stage: SampledStage,
): Map<number, number> {
  const medians = new Map<number, number>();
  for (const launch of launches) medians.set(launch.round, launchQuantileNs(launch, stage, 0.5));
  return medians;
}

function perStage<T>(figure: (stage: SampledStage) => T): Record<SampledStage, T> {
  return Object.fromEntries(SAMPLED_STAGES.map((stage) => [stage, figure(stage)])) as Record<
    SampledStage,
    T
  >;
}

function figuresOf(
  variantId: string,
  launches: readonly LaunchRecord[],
  estimates: ReadonlyMap<MetricName, Estimates>,
): VariantSummary["figures"] {
  return Object.fromEntries(METRIC_NAMES.map((name) => {
    const together = estimates.get(name);
    if (together !== undefined) return [name, together.locations.get(variantId) ?? null];
    const values = launches.map((launch) => metricOfLaunch(launch, name));
    return [name, pooledMetric(name, values.filter((value) => value !== null))];
  })) as VariantSummary["figures"];
}
