/**
 * Trials of the gate: gates whose truth is known, and how often they are wrong (pure).
 *
 * @module
 */
import { markdownTable } from "../text/table.ts";
import { quantile } from "../stats/quantile.ts";
import type { Rng } from "../stats/rng.ts";
import type { Verdict } from "./verdict.ts";

/** One gate of the trials. Percent are of the baseline's time. */
export interface Trial {
  thresholdPercent: number;
  /**
   * Slow-down that the runner's test build adds to the candidate; null: both sides are the same
   * (A/A).
   */
  injectPercent: number | null;
}

/** What a trial ended in. */
export interface TrialResult extends Trial {
  /** The verdict on speed alone. */
  verdict: Verdict;
  /** Candidate over baseline, with its bounds; null when nothing was measured. */
  ratio: number | null;
  low: number | null;
  high: number | null;
  blocks: number;
  /** Device time, seconds. */
  seconds: number;
}

/** The trials of one threshold and truth, counted. */
export interface TrialRow extends Trial {
  count: number;
  fail: number;
  pass: number;
  inconclusive: number;
  /** Intervals that hold the true ratio (1, or 1 + what was injected): those with both bounds. */
  covered: number;
  /** Device seconds of a trial. */
  secondsP50: number;
  secondsMax: number;
}

/**
 * Returns the trials in random order, so that a drift of the machine meets all of them alike:
 * `slow` for each size with that slow-down, and `same` A/A trials with the sizes as thresholds by
 * turns.
 */
export function planTrials(
  sizesPercent: readonly number[],
  counts: { same: number; slow: number },
  rng: Rng,
): Trial[] {
  const trials: Trial[] = sizesPercent.flatMap((percent) =>
    Array.from(
      { length: counts.slow },
      () => ({ thresholdPercent: percent, injectPercent: percent }),
    )
  );
  for (let i = 0; i < counts.same; i++) {
    trials.push({ thresholdPercent: sizesPercent[i % sizesPercent.length], injectPercent: null });
  }
  for (let i = trials.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [trials[i], trials[j]] = [trials[j], trials[i]];
  }
  return trials;
}

/** Returns the results counted by threshold and truth: by threshold, A/A first. */
export function countTrials(results: readonly TrialResult[]): TrialRow[] {
  const groups = Map.groupBy(
    results,
    ({ thresholdPercent, injectPercent }) => `${thresholdPercent} ${injectPercent}`,
  );
  return [...groups.values()].map((group): TrialRow => {
    const { thresholdPercent, injectPercent } = group[0];
    const ended = (verdict: Verdict) => group.filter((each) => each.verdict === verdict).length;
    const truth = 1 + (injectPercent ?? 0) / 100;
    const seconds = group.map((each) => each.seconds);
    return {
      thresholdPercent,
      injectPercent,
      count: group.length,
      fail: ended("fail"),
      pass: ended("pass"),
      inconclusive: ended("inconclusive"),
      covered: group.filter(({ low, high }) =>
        low !== null && high !== null && low <= truth && truth <= high
      ).length,
      secondsP50: quantile(seconds, 0.5),
      secondsMax: Math.max(...seconds),
    };
  }).sort((a, b) =>
    a.thresholdPercent - b.thresholdPercent || (a.injectPercent ?? 0) - (b.injectPercent ?? 0)
  );
}

/** Returns the rows as a Markdown table. */
export function trialsTable(rows: readonly TrialRow[]): string {
  const header = [
    ...["threshold", "truth", "gates", "fail", "pass", "inconclusive"],
    ...["interval holds the truth", "device s, median", "device s, most"],
  ];
  const lines = rows.map((row) => [
    `${row.thresholdPercent}%`,
    row.injectPercent === null ? "the same" : `${row.injectPercent}% slower`,
    ...[row.count, row.fail, row.pass, row.inconclusive, row.covered].map(String),
    row.secondsP50.toFixed(1),
    row.secondsMax.toFixed(1),
  ]);
  return markdownTable(header, lines);
}
