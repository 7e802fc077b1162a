/**
 * Noise of a device as a few numbers, and a simulated device that has it: what the gate's error
 * rates are measured on.
 *
 * All sizes are on the log scale, so 0.02 is 2% of the time.
 *
 * @module
 */
import type { Rng } from "../stats/rng.ts";

/** What makes times vary on a device. */
export interface NoiseModel {
  name: string;
  /** Median time of an iteration without noise, seconds. */
  iterationSeconds: number;
  /** Start of the process, loading of the model and warm-up, seconds. */
  overheadSeconds: number;
  /**
   * Standard deviation of iterations within a launch, and the correlation of neighbours (AR(1)).
   */
  iterationSd: number;
  iterationCorrelation: number;
  /** Share of iterations that are held up, and by how much on average (exponential). */
  outlierShare: number;
  outlierSize: number;
  /** Standard deviation from launch to launch: memory layout, placement on cores. */
  launchSd: number;
  /**
   * Slow wandering (Ornstein–Uhlenbeck): its standard deviation and the seconds over which it
   * forgets.
   */
  wanderSd: number;
  wanderSeconds: number;
  /** Steady trend per minute, up to a factor of two; its sign is drawn for each session. */
  trendPerMinute: number;
  /** Throttling: how often it sets in, by how much, and for how long on average. */
  throttlePerMinute: number;
  throttleSize: number;
  throttleSeconds: number;
  /**
   * Bursts of other work: how often, by how much on average (exponential), and for how long on
   * average.
   */
  burstPerMinute: number;
  burstSize: number;
  burstSeconds: number;
}

/** A device in a session: its clock goes on with every launch. */
export interface SimulatedDevice {
  /** Seconds since the session began. */
  readonly clockSeconds: number;
  /**
   * Returns the seconds of each iteration of one launch whose true time is `factor` times the
   * model's.
   */
  launch(iterations: number, factor: number): number[];
}

/** A state that is on and off by turns, each for an exponentially distributed time. */
interface Episode {
  on: boolean;
  untilSeconds: number;
  size: number;
}

/**
 * A trend ends there: a device that got faster for ever would run endless iterations in no time.
 */
const MOST_DRIFT = Math.log(2);

/** Returns a device at the beginning of a session, its slow states drawn at random. */
export function simulatedDevice(model: NoiseModel, rng: Rng): SimulatedDevice {
  let clockSeconds = 0;
  let wander = model.wanderSd * rng.normal();
  const trendPerSecond = (rng.uniform() < 0.5 ? -1 : 1) * model.trendPerMinute / 60;
  const throttle = firstEpisode(model.throttlePerMinute, model.throttleSeconds, rng);
  const burst = firstEpisode(model.burstPerMinute, model.burstSeconds, rng);

  const slowNow = (): number => {
    advance(
      throttle,
      clockSeconds,
      model.throttlePerMinute,
      model.throttleSeconds,
      () => model.throttleSize,
      rng,
    );
    advance(
      burst,
      clockSeconds,
      model.burstPerMinute,
      model.burstSeconds,
      () => model.burstSize * rng.exponential(),
      rng,
    );
    const drift = Math.max(-MOST_DRIFT, Math.min(MOST_DRIFT, trendPerSecond * clockSeconds));
    return drift + (throttle.on ? throttle.size : 0) +
      (burst.on ? burst.size : 0);
  };
  const pass = (seconds: number) => {
    clockSeconds += seconds;
    if (model.wanderSd === 0) return;
    const kept = Math.exp(-seconds / model.wanderSeconds);
    wander = kept * wander + model.wanderSd * Math.sqrt(1 - kept * kept) * rng.normal();
  };

  return {
    get clockSeconds() {
      return clockSeconds;
    },
    launch(iterations, factor) {
      pass(model.overheadSeconds);
      const launchEffect = model.launchSd * rng.normal();
      const { iterationCorrelation: kept, iterationSd } = model;
      const fresh = iterationSd * Math.sqrt(1 - kept * kept);
      let within = iterationSd * rng.normal();
      const samples = new Array<number>(iterations);
      const begin = clockSeconds;
      for (let i = 0; i < iterations; i++) {
        if (i > 0) within = kept * within + fresh * rng.normal();
        const held = rng.uniform() < model.outlierShare ? model.outlierSize * rng.exponential() : 0;
        const log = within + launchEffect + wander + held + slowNow();
        samples[i] = factor * model.iterationSeconds * Math.exp(log);
        clockSeconds += samples[i];
      }
      const lasted = clockSeconds - begin;
      clockSeconds = begin;
      pass(lasted);
      return samples;
    },
  };
}

function firstEpisode(perMinute: number, seconds: number, rng: Rng): Episode {
  return {
    on: false,
    size: 0,
    untilSeconds: perMinute > 0 && seconds > 0 ? rng.exponential() * 60 / perMinute : Infinity,
  };
}

function advance(
  episode: Episode,
  nowSeconds: number,
  perMinute: number,
  lastsSeconds: number,
  size: () => number,
  rng: Rng,
): void {
  while (nowSeconds >= episode.untilSeconds) {
    episode.on = !episode.on;
    episode.size = episode.on ? size() : 0;
    episode.untilSeconds += rng.exponential() * (episode.on ? lastsSeconds : 60 / perMinute);
  }
}

/** Neither throttling nor bursts of other work. */
const UNDISTURBED = {
  throttlePerMinute: 0,
  throttleSize: 0,
  throttleSeconds: 0,
  burstPerMinute: 0,
  burstSize: 0,
  burstSeconds: 0,
} as const;

const STEADY = {
  ...UNDISTURBED,
  iterationSeconds: 0.04,
  overheadSeconds: 0.4,
  iterationCorrelation: 0.3,
} as const;

/**
 * This project's test machine: two virtual cores of an AMD EPYC beside noisy neighbours, one
 * thread, SiLU at 160×160. Fitted by `fitNoise` to 240 launches of one variant against itself
 * (`deno task calibrate --blocks 60`, 2026-11-24).
 */
export const VIRTUAL_MACHINE: NoiseModel = {
  ...UNDISTURBED,
  name: "virtual machine",
  iterationSeconds: 0.0109,
  overheadSeconds: 0.188,
  iterationSd: 0.0468,
  iterationCorrelation: 0.635,
  outlierShare: 0.0372,
  outlierSize: 0.319,
  launchSd: 0.0328,
  wanderSd: 0.0879,
  wanderSeconds: 5.62,
  trendPerMinute: 0.0378,
};

/**
 * Noise models of phones. The spread within a launch is fitted to the minimum and maximum over 8 to
 * 10 loops that ncnn publishes for its benchmark (benchmark/README.md; the range of 8 normal values
 * is 2.85 standard deviations on average). What those tables can't show (launches, wandering, heat)
 * is set to what unrooted phones are reported to do, and is an assumption.
 */
export const PHONE_MODELS: readonly NoiseModel[] = [
  {
    // Snapdragon 855+ and 675, RK3588, Raspberry Pi 4: median range 1 to 2%, ninth decile 3 to 6%
    ...STEADY,
    name: "quiet phone",
    iterationSd: 0.005,
    outlierShare: 0.01,
    outlierSize: 0.04,
    launchSd: 0.006,
    wanderSd: 0.008,
    wanderSeconds: 60,
    trendPerMinute: 0.003,
  },
  {
    // Snapdragon 835, Kirin 970: median range 5 to 12%, ninth decile 11 to 24%
    ...STEADY,
    name: "usual phone",
    iterationSd: 0.02,
    outlierShare: 0.03,
    outlierSize: 0.08,
    launchSd: 0.012,
    wanderSd: 0.02,
    wanderSeconds: 45,
    trendPerMinute: 0.01,
    burstPerMinute: 1,
    burstSize: 0.1,
    burstSeconds: 2,
  },
  {
    // Snapdragon 888 and 660 with 8 threads: median range 12 to 19%, ninth decile 37 to 62%
    ...STEADY,
    name: "noisy phone",
    iterationSd: 0.045,
    iterationCorrelation: 0.5,
    outlierShare: 0.06,
    outlierSize: 0.2,
    launchSd: 0.02,
    wanderSd: 0.04,
    wanderSeconds: 30,
    trendPerMinute: 0.02,
    burstPerMinute: 3,
    burstSize: 0.15,
    burstSeconds: 2,
  },
  {
    ...STEADY,
    name: "throttling phone",
    iterationSd: 0.015,
    outlierShare: 0.02,
    outlierSize: 0.08,
    launchSd: 0.01,
    wanderSd: 0.01,
    wanderSeconds: 45,
    trendPerMinute: 0.02,
    throttlePerMinute: 1.5,
    throttleSize: 0.25,
    throttleSeconds: 20,
  },
];
