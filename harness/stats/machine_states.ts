/**
 * The states of a machine, told from its launches: two speeds, drift, time stolen by a hypervisor.
 *
 * Shared virtual machines, phones and boards have states that last for seconds to minutes. They are
 * no property of a variant: whoever reads a time must know of them, and a ratio within a launch or
 * a round bears them.
 *
 * @module
 */
import { normalCdf } from "./distribution.ts";
import { median } from "./quantile.ts";

/** One launch as the detection wants it. */
export interface StateSample {
  /** What launches must share to be comparable: the variant. */
  group: string;
  /** When it began, milliseconds. */
  atMs: number;
  /** Time per image, in any unit, above zero. */
  value: number;
  /** Share of the CPUs' time that the hypervisor gave to others meanwhile, 0 to 1; null unknown. */
  stealShare: number | null;
}

/** What the launches of one machine tell about it. */
export interface MachineStates {
  /** Two speeds; null when the launches have one. */
  speeds: {
    /** Time in the slow state over time in the fast one, above 1. */
    ratio: number;
    fastLaunches: number;
    slowLaunches: number;
  } | null;
  /** Change of the time from the first launch to the last, over and above the speeds: 1.08 is 8 %
   * slower. Null when there is none. */
  drift: { ratio: number } | null;
  /** Stolen time; null when none is known or it is too little to matter. */
  steal: { meanShare: number; mostShare: number } | null;
  /** How many launches tell their stolen time. */
  stealKnown: number;
  /**
   * The state of each launch, in order of the input; null where there is one speed, and for a
   * variant that was seen in one state alone: nothing tells which.
   */
  stateOf: LaunchState[];
}

/** The state that a launch ran in; null when it can't be told. */
export type LaunchState = "fast" | "slow" | null;

/** Smallest gap between two speeds that is told: 8 %. */
const SMALLEST_GAP = Math.log(1.08);
/** Largest gap: a factor of 3. */
const LARGEST_GAP = Math.log(3);
/** Gaps that are tried. */
const GAPS = 48;
/** A state has at least this many launches, and this share of them. */
const FEWEST_IN_STATE = 3;
const LEAST_SHARE = 0.1;
/**
 * The gap is at least this many standard deviations of the launches within a state. Split in two at
 * its best place, normal noise gives some 3 and uniform noise 3.5; few launches give more by luck.
 */
const SEPARATION = 6;
/** Share of the largest residuals that the standard deviation leaves out. */
const OUTLIERS = 0.05;
/** Share of the launches that may lie in the middle third between the two speeds. */
const MOST_BETWEEN = 0.1;
/** Centres that are tried for a variant. */
const MOST_CENTRES = 60;
/** Smallest drift that is told. */
const SMALLEST_DRIFT = Math.log(1.03);
/** Chance of a trend in launches that have none (Mann and Kendall's test). */
const DRIFT_ALPHA = 1e-4;
/** Fewest launches in which a trend is looked for. */
const FEWEST_FOR_DRIFT = 8;
/** Launches that a trend is taken from at most, evenly over the run. */
const MOST_FOR_DRIFT = 400;
/** Stolen time that is told: mean over the launches, or in one of them. */
const TOLD_STEAL = { mean: 0.005, most: 0.05 };

/**
 * Returns the states of one machine from its launches, in any order.
 *
 * Two speeds: each variant has a time in the fast state, and the same factor leads to the slow one.
 * That factor is looked for that leaves the least absolute residuals; it counts when it is at least
 * 8 %, at least 4 robust standard deviations of what is left, has three launches and a tenth of all
 * on either side, and hardly any between. Drift: Mann and Kendall's test over what is left, with
 * Sen's slope.
 *
 * Source: Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau" (1968).
 */
export function machineStates(samples: readonly StateSample[]): MachineStates {
  const logs = samples.map(({ value }) => Math.log(value));
  const groups = [...Map.groupBy(samples.keys(), (i) => samples[i].group).values()];
  const speeds = twoSpeeds(logs, groups);
  const residuals = speeds?.residuals ?? centred(logs, groups);
  const steals = samples.flatMap(({ stealShare }) => stealShare ?? []);
  const meanShare = steals.reduce((sum, share) => sum + share / steals.length, 0);
  const mostShare = steals.reduce((most, share) => Math.max(most, share), 0);
  return {
    speeds: speeds && {
      ratio: Math.exp(speeds.gap),
      fastLaunches: speeds.stateOf.filter((state) => state === "fast").length,
      slowLaunches: speeds.stateOf.filter((state) => state === "slow").length,
    },
    drift: driftOf(samples.map(({ atMs }) => atMs), residuals),
    steal: meanShare >= TOLD_STEAL.mean || mostShare >= TOLD_STEAL.most
      ? { meanShare, mostShare }
      : null,
    stealKnown: steals.length,
    stateOf: speeds?.stateOf ?? samples.map(() => null),
  };
}

interface TwoSpeeds {
  /** Natural logarithm of the factor. */
  gap: number;
  stateOf: LaunchState[];
  /** What is left of each launch's logarithm. */
  residuals: number[];
}

function twoSpeeds(logs: readonly number[], groups: readonly number[][]): TwoSpeeds | null {
  const fewest = Math.max(FEWEST_IN_STATE, Math.ceil(LEAST_SHARE * logs.length));
  if (logs.length < 2 * fewest) return null;
  let best: { gap: number; cost: number } | null = null;
  for (let i = 0; i < GAPS; i++) {
    const gap = SMALLEST_GAP * (LARGEST_GAP / SMALLEST_GAP) ** (i / (GAPS - 1));
    const cost = groups.reduce((sum, members) => sum + bestCentre(logs, members, gap).cost, 0);
    if (best === null || cost < best.cost) best = { gap, cost };
  }
  let { gap } = best!;
  let fitted = fit(logs, groups, gap);
  for (let i = 0; i < 5; i++) {
    const shifts = fitted.isSlow.flatMap((slow, at) => slow ? [fitted.residuals[at] + gap] : []);
    if (shifts.length === 0) return null;
    gap = median(shifts);
    fitted = fit(logs, groups, gap);
  }
  const stateOf: LaunchState[] = logs.map(() => null);
  for (const members of groups) {
    const slow = members.filter((i) => fitted.isSlow[i]).length;
    if (slow === 0 || slow === members.length) continue;
    for (const i of members) stateOf[i] = fitted.isSlow[i] ? "slow" : "fast";
  }
  const [fast, slow] = ["fast", "slow"].map((which) =>
    stateOf.filter((state) => state === which).length
  );
  const between = fitted.residuals.filter((residual, i) => {
    const share = residual / gap + (fitted.isSlow[i] ? 1 : 0);
    return share > 1 / 3 && share < 2 / 3;
  }).length;
  const spread = spreadWithin(fitted.residuals, groups.length);
  const isTold = gap >= SMALLEST_GAP && Math.min(fast, slow) >= fewest &&
    gap >= SEPARATION * spread && between <= MOST_BETWEEN * logs.length;
  return isTold ? { gap, stateOf, residuals: fitted.residuals } : null;
}

/**
 * Standard deviation within the states. Each variant has its level, and which of its launches are
 * slow was chosen to leave little: both take a degree of freedom. The largest residuals are left
 * out, so that one launch that stalled does not hide two speeds.
 */
function spreadWithin(residuals: readonly number[], groupCount: number): number {
  const sizes = residuals.map(Math.abs).sort((a, b) => a - b);
  const kept = sizes.slice(0, Math.ceil(sizes.length * (1 - OUTLIERS)));
  const freedom = kept.length - 2 * groupCount;
  if (freedom < 1) return Infinity;
  return Math.sqrt(kept.reduce((sum, size) => sum + size * size, 0) / freedom);
}

function fit(
  logs: readonly number[],
  groups: readonly number[][],
  gap: number,
): { isSlow: boolean[]; residuals: number[] } {
  const isSlow = logs.map(() => false);
  const residuals = logs.map(() => 0);
  for (const members of groups) {
    const { centre } = bestCentre(logs, members, gap);
    for (const i of members) {
      isSlow[i] = logs[i] - centre > gap / 2;
      residuals[i] = logs[i] - centre - (isSlow[i] ? gap : 0);
    }
    // the centre that was tried is a launch: that of all is their median
    const middle = median(members.map((i) => residuals[i]));
    for (const i of members) residuals[i] -= middle;
  }
  return { isSlow, residuals };
}

/** The fast level of one variant's launches that leaves the least absolute residuals. */
function bestCentre(
  logs: readonly number[],
  members: readonly number[],
  gap: number,
): { centre: number; cost: number } {
  const step = Math.max(1, Math.ceil(members.length / MOST_CENTRES));
  let best = { centre: 0, cost: Infinity };
  for (let at = 0; at < members.length; at += step) {
    for (const centre of [logs[members[at]], logs[members[at]] - gap]) {
      let cost = 0;
      for (const i of members) {
        const distance = logs[i] - centre;
        cost += Math.min(Math.abs(distance), Math.abs(distance - gap));
      }
      if (cost < best.cost) best = { centre, cost };
    }
  }
  return best;
}

function centred(logs: readonly number[], groups: readonly number[][]): number[] {
  const residuals = [...logs];
  for (const members of groups) {
    const centre = median(members.map((i) => logs[i]));
    for (const i of members) residuals[i] -= centre;
  }
  return residuals;
}

function driftOf(atMs: readonly number[], residuals: readonly number[]): { ratio: number } | null {
  const order = [...atMs.keys()].sort((a, b) => atMs[a] - atMs[b]);
  const step = Math.max(1, Math.ceil(order.length / MOST_FOR_DRIFT));
  const points = order.filter((_, i) => i % step === 0);
  const count = points.length;
  if (count < FEWEST_FOR_DRIFT) return null;
  const slopes: number[] = [];
  let trend = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      const rise = residuals[points[j]] - residuals[points[i]];
      const run = atMs[points[j]] - atMs[points[i]];
      trend += Math.sign(rise);
      if (run > 0) slopes.push(rise / run);
    }
  }
  if (slopes.length === 0) return null;
  const z = trend / Math.sqrt(count * (count - 1) * (2 * count + 5) / 18);
  const change = median(slopes) * (atMs[points[count - 1]] - atMs[points[0]]);
  const isTold = 2 * (1 - normalCdf(Math.abs(z))) < DRIFT_ALPHA &&
    Math.abs(change) >= SMALLEST_DRIFT;
  return isTold ? { ratio: Math.exp(change) } : null;
}
