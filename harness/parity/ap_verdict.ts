/**
 * Whether a loss of AP is allowed: one rule for gates and reports (pure).
 *
 * @module
 */

/** Loss of AP that is too much unless a rule says otherwise. */
export const DEFAULT_MAX_AP_DROP = 0.02;

/** AP below which a model finds next to nothing: what changes there says nothing. */
export const NEAR_ZERO_AP = 0.05;

/** A difference of AP with its 95 % interval; null bounds when it can't be told. */
export interface ApChange {
  value: number;
  low: number | null;
  high: number | null;
}

/**
 * Returns `within` when a loss of `maxDrop` is excluded, `worse` when a loss is certain and nearer
 * to `maxDrop` than to none, else `undecided`.
 */
export function judgeApChange(
  { value, low, high }: ApChange,
  maxDrop: number,
): "within" | "worse" | "undecided" {
  if (low === null || high === null) return "undecided";
  if (low > -maxDrop) return "within";
  return high < 0 && value <= -maxDrop / 2 ? "worse" : "undecided";
}
