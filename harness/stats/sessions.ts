/**
 * How much a value differs from session to session, from runs that followed each other.
 *
 * @module
 */
import { medianAbsoluteDeviation } from "./quantile.ts";

/** How much a device's log time differs from session to session. */
export interface SessionSpread {
  /** Standard deviation of one session. */
  sd: number;
  /** Degrees of freedom of Student's t that stand for how well the deviation is known. */
  freedom: number;
}

/** Fewest runs from which the spread between sessions is taken. */
export const FEWEST_SESSIONS = 6;

/**
 * Degrees of freedom per run of a deviation from steps by their median absolute deviation: by
 * simulation of normal sessions (6 to 100 runs), bounds by Student's t are then wrong no more often
 * than they say. The efficiency of that deviation, 0.37, is the limit for many.
 */
const FREEDOM_PER_RUN = 1 / 3;

/**
 * Returns how much the log value differs from session to session, from the values of runs in order
 * of time: from the differences of successive runs, so that lasting changes count little (median of
 * the sizes, as a normal distribution has it); null for fewer than 6 runs.
 */
export function sessionSpread(values: readonly number[]): SessionSpread | null {
  if (values.length < FEWEST_SESSIONS) return null;
  const steps = values.slice(1).map((value, i) => Math.log(value / values[i]));
  return {
    sd: 1.4826 * medianAbsoluteDeviation(steps) / Math.SQRT2,
    freedom: FREEDOM_PER_RUN * (values.length - 1),
  };
}
