/**
 * A load that goes on: throughput over time, burst against sustained, and when the device begins to
 * throttle.
 *
 * @module
 */
import type { LaunchRecord } from "../record/records.ts";
import { median } from "./quantile.ts";
import { launchQuantileNs } from "./round.ts";

/** Launches of the burst: the first ones, while the device is cool. */
const BURST_LAUNCHES = 5;
/** Share of the burst's throughput below which the device counts as throttled. */
const THROTTLED_SHARE = 0.9;
/** Launches in a row that must be below it: one alone is an outlier. */
const IN_A_ROW = 3;

/** What a sustained load showed. */
export interface SustainedLoad {
  /**
   * Throughput of each launch, in order: seconds since the first launch, frames per second at its
   * median.
   */
  series: { atSeconds: number; fps: number }[];
  /** Median throughput of the first 5 launches. */
  burstFps: number;
  /** Median throughput of the last third. */
  sustainedFps: number;
  /**
   * Seconds until throughput stays below 90% of the burst for 3 launches in a row; null when it
   * never does.
   */
  throttledAtSeconds: number | null;
}

/**
 * Returns what the launches of one variant on one device show, in order of their start; null for
 * fewer than 10 launches (too few to have a burst and an end).
 */
export function sustainedLoad(launches: readonly LaunchRecord[]): SustainedLoad | null {
  if (launches.length < 2 * BURST_LAUNCHES) return null;
  const ordered = launches.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
  const begin = Date.parse(ordered[0].startedAt);
  const series = ordered.map((launch) => ({
    atSeconds: (Date.parse(launch.startedAt) - begin) / 1000,
    fps: 1e9 / launchQuantileNs(launch, "total", 0.5),
  }));
  const fps = series.map((point) => point.fps);
  const burstFps = median(fps.slice(0, BURST_LAUNCHES));
  const first = fps.findIndex((_, i) =>
    i + IN_A_ROW <= fps.length &&
    fps.slice(i, i + IN_A_ROW).every((each) => each < THROTTLED_SHARE * burstFps)
  );
  return {
    series,
    burstFps,
    sustainedFps: median(fps.slice(-Math.ceil(fps.length / 3))),
    throttledAtSeconds: first === -1 ? null : series[first].atSeconds,
  };
}

/**
 * Returns the launches of the burst and of the sustained end (the last third) of each variant, so
 * that both can be ranked; a variant with fewer than 10 launches is in neither.
 */
export function burstAndSustained(
  launches: readonly LaunchRecord[],
): { burst: LaunchRecord[]; sustained: LaunchRecord[] } {
  const groups = [...Map.groupBy(launches, (launch) => launch.variantId).values()].filter((group) =>
    group.length >= 2 * BURST_LAUNCHES
  ).map((group) => group.toSorted((a, b) => a.round - b.round));
  return {
    burst: groups.flatMap((group) => group.slice(0, BURST_LAUNCHES)),
    sustained: groups.flatMap((group) => group.slice(-Math.ceil(group.length / 3))),
  };
}
