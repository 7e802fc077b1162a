/**
 * Launches of one device → the figures of each variant: percentiles, FPS, interval over rounds,
 * speed-up over the base.
 *
 * @module
 */
import { HarnessError, type Warning } from "../errors.ts";
import {
  METRIC_NAMES,
  type MetricName,
  SAMPLED_STAGES,
  type SampledStage,
} from "../record/metrics.ts";
import type { LaunchRecord } from "../record/records.ts";
import { CONFIDENCE_LEVEL, robustInterval } from "./interval.ts";
import { type Percentiles, percentiles } from "./quantile.ts";
import { pairedRatio, type Ratio } from "./ratio.ts";
import {
  groupByRound,
  launchQuantileNs,
  launchSamplesNs,
  type MetricEstimate,
  metricOfLaunch,
  pooledMetric,
} from "./round.ts";
import { variantWarnings } from "./summary_warnings.ts";

/** Location of the per-round medians with its interval, nanoseconds. */
export interface RoundIntervalNs {
  /** Hodges–Lehmann location of the per-round medians, on the log scale. */
  estimateNs: number;
  /** Null when there is one round only. */
  lowNs: number | null;
  /** Null when there is one round only. */
  highNs: number | null;
  /** Two-sided level, 0.95. */
  level: number;
}

/** Figures of one variant on one device. */
export interface VariantSummary {
  variantId: string;
  /** Rounds in which the variant ran. */
  roundCount: number;
  /** Iterations over all rounds and images (first iterations are not among them). */
  sampleCount: number;
  /** Percentiles and MAD of all samples together, per stage, nanoseconds. */
  latencyNs: Record<SampledStage, Percentiles>;
  /** Frames per second at the median of the total: 1e9 / p50. */
  fps: number;
  /** 95% interval of the total over rounds. */
  intervalNs: RoundIntervalNs;
  /** Median of the total in each round, nanoseconds, in order of the rounds. */
  roundMediansNs: { round: number; medianNs: number }[];
  /**
   * Speed-up over the base; null when the variant shares no round with it. For the base itself 1,
   * 1, 1.
   */
  ratio: Ratio | null;
  /** The same by stage. */
  stageRatios: Record<SampledStage, Ratio | null>;
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
 *
 * Throws `RangeError` for launches of two devices, `HarnessError` `bad-record` for a launch without
 * samples or with times of zero.
 */
export function summarizeLaunches(
  launches: readonly LaunchRecord[],
  baseVariantId: string,
): VariantSummary[] {
  const repeats = new Map<string, number>();
  const groups = groupByRound(
    launches,
    (launch) => repeats.set(launch.variantId, (repeats.get(launch.variantId) ?? 0) + 1),
  );
  const baseRounds = groups.get(baseVariantId);
  return [...groups].map(([variantId, rounds]) => {
    const ordered = [...rounds.values()].sort((a, b) => a.round - b.round);
    const medians = mediansByRound(ordered, "total");
    const latencyNs = perStage((stage) =>
      percentiles(ordered.flatMap((launch) => launchSamplesNs(launch, stage)))
    );
    if (!(latencyNs.total.p50 > 0)) {
      throw new HarnessError(
        "bad-record",
        `Cannot summarise "${variantId}": the median of its total is ${latencyNs.total.p50} ns, expected a time above zero. The device's clock stands still or the record was edited`,
      );
    }
    const stageRatios = perStage((stage) => {
      if (variantId === baseVariantId) return { value: 1, low: 1, high: 1, base: baseVariantId };
      if (baseRounds === undefined) return null;
      const base = mediansByRound(baseRounds.values(), stage);
      const own = mediansByRound(ordered, stage);
      // a stage that is too short for the clock has no ratio
      const measurable = [...base.values(), ...own.values()].every((medianNs) => medianNs > 0);
      return measurable ? pairedRatio(baseVariantId, base, own) : null;
    });
    return {
      variantId,
      roundCount: ordered.length,
      sampleCount: ordered.reduce((n, launch) => n + launchSamplesNs(launch, "total").length, 0),
      latencyNs,
      fps: 1e9 / latencyNs.total.p50,
      intervalNs: intervalOfMedians([...medians.values()]),
      roundMediansNs: [...medians].map(([round, medianNs]) => ({ round, medianNs })),
      ratio: stageRatios.total,
      stageRatios,
      figures: figuresOfRounds(ordered),
      warnings: variantWarnings({
        launches: ordered,
        baseLaunches: baseRounds === undefined ? [] : [...baseRounds.values()],
        baseVariantId,
        repeatCount: repeats.get(variantId) ?? 0,
      }),
    };
  });
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

function intervalOfMedians(mediansNs: number[]): RoundIntervalNs {
  const interval = robustInterval(mediansNs.map((medianNs) => Math.log(medianNs)));
  return {
    estimateNs: Math.exp(interval.estimate),
    lowNs: interval.low === null ? null : Math.exp(interval.low),
    highNs: interval.high === null ? null : Math.exp(interval.high),
    level: CONFIDENCE_LEVEL,
  };
}

function perStage<T>(figure: (stage: SampledStage) => T): Record<SampledStage, T> {
  return Object.fromEntries(SAMPLED_STAGES.map((stage) => [stage, figure(stage)])) as Record<
    SampledStage,
    T
  >;
}

function figuresOfRounds(launches: readonly LaunchRecord[]): VariantSummary["figures"] {
  return Object.fromEntries(METRIC_NAMES.map((name) => {
    const values = launches.map((launch) => metricOfLaunch(launch, name));
    return [name, pooledMetric(name, values.filter((value) => value !== null))];
  })) as VariantSummary["figures"];
}
