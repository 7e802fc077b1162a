/**
 * Options of the commands that compare variants, `bench` and `compare-models`: so many rounds, or
 * until their order is known.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { integer, number, option, type ValuesOf } from "../options.ts";
import type { RoundsOrDecision } from "../run/until_decided.ts";

/** Seconds of a unit of time. */
const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600 };

/**
 * Returns the seconds that a text like `90s`, `10m` or `1h` means; throws `bad-option`.
 *
 * @example
 * ```ts
 * parseDuration("--sustained", "10m"); // 600
 * ```
 */
export function parseDuration(option: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text.trim()) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? NaN);
  if (seconds > 0 && seconds <= 86_400) return seconds;
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} "${text}": expected a time up to 24h with its unit, for instance 90s, 10m or 1h`,
  );
}

/** Options of what a comparison of variants is to decide, and how long it may take. */
export const DECISION_OPTIONS = {
  rounds: option(
    "--rounds <n>",
    "launches of each variant, alone and by turns. Default: as many as it takes until every variant is told from the base and from the fastest, or is equal to it",
    integer(1, 100_000),
  ),
  margin: option(
    "--margin <percent>",
    "without --rounds: times that differ by no more count as equal",
    number(0.1, 50),
    "1",
  ),
  budget: option(
    "--budget <time>",
    "without --rounds: time on a device after which it ends, decided or not (90s, 10m, 1h)",
    parseDuration,
    "2m",
  ),
};

/** Returns a number of rounds, or what is to be decided. */
export function readDecision(
  { rounds, margin, budget }: ValuesOf<typeof DECISION_OPTIONS>,
): RoundsOrDecision {
  return { rounds, margin: margin / 100, budgetSeconds: budget };
}
