/**
 * Launch records of a device → the noise model that the simulation runs on.
 *
 * @module
 */
import type { LaunchRecord } from "../record/records.ts";
import type { NoiseModel } from "./noise_model.ts";
import { median, medianAbsoluteDeviation } from "../stats/quantile.ts";
import { launchQuantileNs } from "../stats/round.ts";

/** Fewest launches of one variant that a fit is made from. */
export const FEWEST_LAUNCHES_FOR_FIT = 8;
/**
 * Fewest iterations of a launch, over all of its images, that say something of the spread within
 * it.
 */
const FEWEST_ITERATIONS_FOR_FIT = 3;
const SDS_PER_MAD = 1.4826;
/** Robust standard deviations from which an iteration counts as held up. */
const OUTLIER_SDS = 4;
/** Robust standard deviations from which a launch counts as disturbed by other work. */
const BURST_SDS = 4;

/**
 * Returns the noise model fitted to the launches of one device by robust moments.
 *
 * Within a launch: spread, correlation of neighbours and share of outliers of the log times, each
 * image by its own median. Between launches: a straight trend is taken out of the log medians of
 * each variant; what is left is split by the autocovariances at one and two launches distance into
 * an independent part and slow wandering; launches far out count as bursts of other work.
 * Throttling is taken from the launches that are marked so.
 *
 * Throws `RangeError` when no variant has 8 launches.
 */
export function fitNoise(name: string, launches: readonly LaunchRecord[]): NoiseModel {
  const byVariant = Map.groupBy(launches, (launch) => launch.variantId);
  const groups = [...byVariant.values()].filter((g) => g.length >= FEWEST_LAUNCHES_FOR_FIT).map(
    (group) => group.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt)),
  );
  if (groups.length === 0) {
    throw new RangeError(
      `Cannot fit the noise of "${name}": expected a variant with at least ${FEWEST_LAUNCHES_FOR_FIT} launches`,
    );
  }
  const fitted = groups.flat();
  const within = withinLaunches(groups);
  const between = groups.map(betweenLaunches);
  const iterationSeconds = median(fitted.map((l) => launchQuantileNs(l, "total", 0.5))) / 1e9;
  const overheads = fitted.map((launch) =>
    (launch.end.elapsedNs - sum(launch.images.flatMap((image) => image.samplesNs.total))) / 1e9
  );
  const launchSeconds = median(fitted.map((launch) => launch.end.elapsedNs)) / 1e9;
  const throttled = fitted.filter((launch) => launch.marks.includes("throttled"));
  return {
    name,
    iterationSeconds,
    overheadSeconds: Math.max(0, median(overheads)),
    ...within,
    launchSd: median(between.map((part) => part.launchSd)),
    wanderSd: median(between.map((part) => part.wanderSd)),
    wanderSeconds: median(between.map((part) => part.wanderSeconds)),
    trendPerMinute: median(between.map((part) => Math.abs(part.trendPerMinute))),
    ...throttling(fitted, throttled, launchSeconds),
    ...bursts(between.flatMap((part) => part.residuals), launchSeconds),
  };
}

function withinLaunches(groups: readonly (readonly LaunchRecord[])[]) {
  const series = groups.flatMap((group) => {
    const imageMedianNs = medianByImage(group);
    return group.map((launch) => {
      const logs = launch.images.flatMap(({ imageId, samplesNs }) =>
        samplesNs.total.map((ns) => Math.log(ns / imageMedianNs.get(imageId)!))
      );
      const center = median(logs);
      return logs.map((log) => log - center);
    });
  }).filter((residuals) => residuals.length >= FEWEST_ITERATIONS_FOR_FIT);
  const all = series.flat();
  if (all.length === 0) {
    return { iterationSd: 0, iterationCorrelation: 0, outlierShare: 0, outlierSize: 0 };
  }
  const iterationSd = SDS_PER_MAD * medianAbsoluteDeviation(all);
  const limit = OUTLIER_SDS * iterationSd;
  const held = all.filter((residual) => residual > limit);
  const clipped = series.map((s) => s.map((r) => Math.max(-limit, Math.min(limit, r))));
  let products = 0, squares = 0;
  for (const residuals of clipped) {
    for (let i = 0; i < residuals.length; i++) {
      squares += residuals[i] ** 2;
      if (i > 0) products += residuals[i] * residuals[i - 1];
    }
  }
  const length = all.length / series.length;
  const lag1 = squares === 0 ? 0 : products / squares * length / Math.max(1, length - 1);
  return {
    iterationSd,
    // centring a short series pulls its autocorrelation down by about (1 + 3ρ)/n (Marriott and Pope
    // 1954)
    iterationCorrelation: Math.max(
      0,
      Math.min(0.95, (lag1 + 1 / length) / Math.max(0.25, 1 - 3 / length)),
    ),
    outlierShare: held.length / all.length,
    outlierSize: held.length === 0 ? 0 : sum(held) / held.length,
  };
}

/**
 * Images differ in what post-processing has to do, so each has its own median over the launches of
 * a variant.
 */
function medianByImage(launches: readonly LaunchRecord[]): Map<string, number> {
  const timed = launches.flatMap((launch) => launch.images).filter((image) =>
    image.samplesNs.total.length > 0
  );
  const images = Map.groupBy(timed, (image) => image.imageId);
  return new Map(
    [...images].map(([id, own]) => [id, median(own.flatMap((image) => image.samplesNs.total))]),
  );
}

function betweenLaunches(launches: readonly LaunchRecord[]) {
  const minutes = launches.map((launch) => Date.parse(launch.startedAt) / 60_000);
  const logs = launches.map((launch) => Math.log(launchQuantileNs(launch, "total", 0.5)));
  const trendPerMinute = theilSenSlope(minutes, logs);
  const flat = logs.map((log, i) => log - trendPerMinute * (minutes[i] - minutes[0]));
  const center = median(flat);
  const residuals = flat.map((log) => log - center);
  const sd = SDS_PER_MAD * medianAbsoluteDeviation(residuals);
  const clipped = residuals.map((r) => Math.max(-3 * sd, Math.min(3 * sd, r)));
  const covariance = (lag: number) => {
    let products = 0;
    for (let i = lag; i < clipped.length; i++) products += clipped[i] * clipped[i - lag];
    return products / (clipped.length - lag);
  };
  const near = Math.max(0, covariance(1));
  const far = Math.max(0, covariance(2));
  const stepSeconds = 60 * (minutes[minutes.length - 1] - minutes[0]) / (minutes.length - 1);
  const kept = near === 0 ? 0 : Math.min(0.95, Math.max(0.1, far / near));
  const wanderVariance = kept === 0 ? 0 : Math.min(sd * sd, near / kept);
  return {
    trendPerMinute,
    wanderSd: Math.sqrt(wanderVariance),
    wanderSeconds: kept === 0 ? 60 : Math.max(1, -stepSeconds / Math.log(kept)),
    launchSd: Math.sqrt(Math.max(0, sd * sd - wanderVariance)),
    residuals: residuals.map((residual) => ({ residual, sd })),
  };
}

function bursts(residuals: { residual: number; sd: number }[], launchSeconds: number) {
  const hit = residuals.filter(({ residual, sd }) => residual > BURST_SDS * Math.max(sd, 1e-4));
  if (hit.length === 0) return { burstPerMinute: 0, burstSize: 0, burstSeconds: 0 };
  return {
    burstPerMinute: hit.length / residuals.length * 60 / launchSeconds,
    burstSize: sum(hit.map(({ residual }) => residual)) / hit.length,
    burstSeconds: launchSeconds,
  };
}

function throttling(
  launches: readonly LaunchRecord[],
  throttled: readonly LaunchRecord[],
  launchSeconds: number,
) {
  const cool = launches.filter((launch) => !throttled.includes(launch));
  if (throttled.length === 0 || cool.length === 0) {
    return { throttlePerMinute: 0, throttleSize: 0, throttleSeconds: 0 };
  }
  const level = (list: readonly LaunchRecord[]) =>
    median(list.map((launch) => Math.log(launchQuantileNs(launch, "total", 0.5))));
  const ordered = launches.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
  let episodes = 0;
  for (let i = 0; i < ordered.length; i++) {
    if (throttled.includes(ordered[i]) && (i === 0 || !throttled.includes(ordered[i - 1]))) {
      episodes++;
    }
  }
  return {
    throttlePerMinute: episodes / cool.length * 60 / launchSeconds,
    throttleSize: Math.max(0, level(throttled) - level(cool)),
    throttleSeconds: throttled.length / episodes * launchSeconds,
  };
}

/** Median of the slopes of all pairs of points (Theil 1950, Sen 1968). */
function theilSenSlope(x: readonly number[], y: readonly number[]): number {
  const slopes: number[] = [];
  for (let i = 0; i < x.length; i++) {
    for (let j = i + 1; j < x.length; j++) {
      if (x[j] > x[i]) slopes.push((y[j] - y[i]) / (x[j] - x[i]));
    }
  }
  return slopes.length === 0 ? 0 : median(slopes);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
