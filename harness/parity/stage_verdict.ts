/**
 * What the judgements of all stages share: a missing tensor, a wrong length, the wording of
 * numbers.
 *
 * @module
 */
import type { StageParity } from "../record/records.ts";

/** A stage's judgement without its name and unit. */
export type Verdict = Pick<StageParity, "verdict" | "maxAbsDiff" | "tolerance" | "reason">;

/** Returns the failure of a stage of which the runner left nothing. */
export function missing(stage: StageParity["stage"], unit: string, what: string): StageParity {
  return {
    stage,
    verdict: "fail",
    maxAbsDiff: null,
    tolerance: null,
    unit,
    reason: `missing: the runner left no ${what}`,
  };
}

/** Returns the failure of a tensor that has another number of values. */
export function wrongLength(found: number, expected: number, what: string): Verdict {
  return {
    verdict: "fail",
    maxAbsDiff: null,
    tolerance: null,
    reason: `${what} has ${found} values, expected ${expected}`,
  };
}

/** Returns the number with three significant digits. */
export function format(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : String(value);
}
