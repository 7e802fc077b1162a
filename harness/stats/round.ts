/**
 * From launches to one value a round: the round, not the iteration, is the independent unit.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { type MetricName, metricOf, type SampledStage } from "../record/metrics.ts";
import type { AnyLaunch, LaunchRecord, TurnsRecord } from "../record/records.ts";
import type { Contestant, MetricEstimate } from "./estimate.ts";
import { robustInterval } from "./interval.ts";
import { quantile } from "./quantile.ts";

/**
 * Returns the metric of one launch, in its unit; null when the launch does not know it or it is too
 * small for the clock (0). A shared launch knows times of stages alone: memory is the process's.
 *
 * Throws `HarnessError` `bad-record` when the launch has no samples.
 */
export function metricOfLaunch(launch: AnyLaunch, name: MetricName): number | null {
  const { of } = metricOf(name);
  if ("read" in of && launch.kind === "turns") return null;
  const value = "read" in of
    ? of.read(launch as LaunchRecord)
    : launchQuantileNs(launch, of.stage, of.quantile);
  return value === null || value <= 0 ? null : value;
}

/**
 * Returns the metric of several launches from its value in each; null for no values.
 *
 * A location is the Hodges–Lehmann estimate on the log scale with its interval; a largest value has
 * none.
 */
export function pooledMetric(name: MetricName, values: readonly number[]): MetricEstimate | null {
  if (values.length === 0) return null;
  if (metricOf(name).pool === "largest") {
    return { value: values.reduce((a, b) => Math.max(a, b)), low: null, high: null };
  }
  const { estimate, low, high } = robustInterval(values.map(Math.log));
  return {
    value: Math.exp(estimate),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}

/** Returns all samples of a stage in a launch, all images together in order, in nanoseconds. */
export function launchSamplesNs(launch: AnyLaunch, stage: SampledStage): number[] {
  return launch.images.flatMap((image) => image.samplesNs[stage]);
}

/**
 * Returns the quantile `p` of a stage in one launch, in nanoseconds.
 *
 * Images whose network input has the same size are pooled. Where a launch has several input sizes
 * (the rectangle that each image needs), the quantile is taken for each size and the geometric mean
 * of them is returned, weighted by the number of samples: a median across sizes would jump from one
 * size to the other.
 *
 * Throws `HarnessError` `bad-record` when the launch has no samples.
 */
export function launchQuantileNs(launch: AnyLaunch, stage: SampledStage, p: number): number {
  const bySize = new Map<string, number[]>();
  for (const image of launch.images) {
    const size = `${image.inputWidthPx}x${image.inputHeightPx}`;
    const samples = bySize.get(size) ?? [];
    for (const sample of image.samplesNs[stage]) samples.push(sample);
    bySize.set(size, samples);
  }
  const groups = [...bySize.values()].filter((samples) => samples.length > 0);
  if (groups.length === 0) {
    throw new HarnessError(
      "bad-record",
      `Cannot use the launch of "${launch.variantId}" in round ${launch.round}: found no samples of ${stage}, expected at least one iteration. Run that round again`,
    );
  }
  if (groups.length === 1) return quantile(groups[0], p);
  let weighted = 0;
  let count = 0;
  for (const samples of groups) {
    weighted += samples.length * Math.log(quantile(samples, p));
    count += samples.length;
  }
  return Math.exp(weighted / count);
}

/** Launches of one device by variant and round. */
export type LaunchesByRound<L extends AnyLaunch = LaunchRecord> = Map<string, Map<number, L>>;

/**
 * Returns the launches by variant (in order of appearance), then by round.
 *
 * Where a round holds a variant twice (it was begun, interrupted and run again), the last one
 * counts and `onRepeat` is called with it. Throws `RangeError` when the launches come from more
 * than one device: their times are never mixed.
 */
export function groupByRound<L extends AnyLaunch = LaunchRecord>(
  launches: readonly L[],
  onRepeat: (launch: L) => void = () => {},
): LaunchesByRound<L> {
  const groups: LaunchesByRound<L> = new Map();
  for (const launch of launches) {
    if (launch.device !== launches[0].device) {
      throw new RangeError(
        `Cannot summarise launches of two devices at once: found "${
          launches[0].device
        }" and "${launch.device}"`,
      );
    }
    const rounds = groups.get(launch.variantId) ?? new Map<number, L>();
    if (rounds.has(launch.round)) onRepeat(launch);
    rounds.set(launch.round, launch);
    groups.set(launch.variantId, rounds);
  }
  return groups;
}

/**
 * Returns the values of a metric as the estimator wants them, of each variant one a launch: of
 * launches alone by round, of launches that variants shared by the launch. A launch that does not
 * know the metric is left out.
 */
export function contestantsOf(
  groups: LaunchesByRound,
  turns: readonly TurnsRecord[],
  valueOf: (launch: AnyLaunch) => number | null,
): Contestant[] {
  const known = <T>(launches: Iterable<[T, AnyLaunch]>): [T, number][] =>
    [...launches].flatMap(([unit, launch]): [T, number][] => {
      const value = valueOf(launch);
      return value === null ? [] : [[unit, value]];
    });
  const shared = Map.groupBy(turns, ({ variantId }) => variantId);
  return [...new Set([...groups.keys(), ...shared.keys()])].map((id) => ({
    id,
    solo: new Map(known(groups.get(id) ?? [])),
    turns: new Map(
      known((shared.get(id) ?? []).map((own): [string, AnyLaunch] => [own.turns.launch, own])),
    ),
  }));
}
