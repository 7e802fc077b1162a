/**
 * The order of launches: rounds of one launch per variant, alternating so that drift hits all
 * alike.
 *
 * @module
 */

/** One launch to be done. */
export interface PlannedLaunch {
  variantId: string;
  /** From 0. */
  round: number;
  /** Place within the round, from 0. */
  position: number;
}

/**
 * Returns the launches of all rounds in order: even rounds forwards, odd ones backwards (ABBA), so
 * that in every pair of rounds each variant has the same mean position and a linear drift cancels.
 *
 * @example
 * ```ts
 * planRounds(["a", "b"], 2).map((launch) => launch.variantId); // ["a", "b", "b", "a"]
 * ```
 */
export function planRounds(variantIds: string[], rounds: number): PlannedLaunch[] {
  const plan: PlannedLaunch[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? variantIds : variantIds.toReversed();
    order.forEach((variantId, position) => plan.push({ variantId, round, position }));
  }
  return plan;
}
