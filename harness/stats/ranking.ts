/**
 * The order of variants by speed on one device, with the places where it can't be told, and where
 * the order differs between devices or loads.
 *
 * @module
 */
import type { LaunchRecord } from "../record/records.ts";
import { CONFIDENCE_LEVEL, robustInterval } from "./interval.ts";
import { pairedLogRatios } from "./ratio.ts";
import { groupByRound, type LaunchesByRound } from "./round.ts";
import { mediansByRound } from "./summary.ts";

/** A comparison of two variants from the rounds that both have. */
export interface PairOrder {
  /** The one that looks faster. */
  faster: string;
  slower: string;
  /** Time of the slower over time of the faster, 1 and above. */
  ratio: number;
  /** Simultaneous interval of the ratio; null when the rounds are too few for one. */
  low: number | null;
  high: number | null;
  /** True when the interval excludes that both are the same. */
  certain: boolean;
}

/** The place of one variant. */
export interface RankedVariant {
  variantId: string;
  /**
   * Best and worst place that the comparisons leave, from 1; both are equal when the place is
   * certain. Null when it has no rank.
   */
  rank: { best: number; worst: number } | null;
  /** Why it has no rank; null when it has one. */
  unranked: string | null;
}

/** The ranking on one device. */
export interface Ranking {
  device: string;
  /** Ranked ones from fast to slow as far as can be told, then those without a rank. */
  variants: RankedVariant[];
  /** Every pair of ranked variants that shares a round. */
  pairs: PairOrder[];
  /** In words, each pair of neighbours that can't be ranked; empty when all can. */
  undecided: string[];
}

/**
 * Returns the ranking of the variants from launches of one device, fastest first.
 *
 * Every pair is compared on the rounds that both have; the intervals hold together with 95%
 * (Bonferroni over the pairs), so that no place is claimed by luck. `unranked` names variants that
 * get no rank, with the reason (parity failed).
 */
export function rankVariants(
  device: string,
  launches: readonly LaunchRecord[],
  unranked: ReadonlyMap<string, string> = new Map(),
): Ranking {
  const groups = groupByRound(launches);
  const ranked = [...groups.keys()].filter((id) => !unranked.has(id));
  const pairs = comparePairs(groups, ranked);
  const beats = (a: string, b: string) =>
    pairs.some((pair) => pair.certain && pair.faster === a && pair.slower === b);
  const variants = ranked.map((variantId): RankedVariant => {
    const others = ranked.filter((other) => other !== variantId);
    return {
      variantId,
      rank: {
        best: 1 + others.filter((other) => beats(other, variantId)).length,
        worst: ranked.length - others.filter((other) => beats(variantId, other)).length,
      },
      unranked: null,
    };
  });
  const wins = (id: string) => pairs.filter((pair) => pair.faster === id).length;
  variants.sort((a, b) =>
    a.rank!.best + a.rank!.worst - b.rank!.best - b.rank!.worst ||
    wins(b.variantId) - wins(a.variantId)
  );
  return {
    device,
    variants: [
      ...variants,
      ...[...unranked].map(([variantId, reason]) => ({ variantId, rank: null, unranked: reason })),
    ],
    pairs,
    undecided: variants.slice(1).flatMap(({ variantId }, i) => {
      const before = variants[i].variantId;
      const pair = pairs.find(({ faster, slower }) =>
        (faster === before && slower === variantId) || (faster === variantId && slower === before)
      );
      if (pair?.certain) return [];
      return [
        pair === undefined
          ? `${before} and ${variantId} share no round`
          : `${before} and ${variantId} can't be ranked: they differ by ${
            (100 * (pair.ratio - 1)).toFixed(1)
          }%, and ${
            pair.low === null
              ? "the rounds are too few"
              : "the interval takes in that they are the same"
          }; more rounds may tell`,
      ];
    }),
  };
}

function comparePairs(groups: LaunchesByRound, ids: readonly string[]): PairOrder[] {
  const medians = new Map(
    ids.map((id) => [id, mediansByRound(groups.get(id)!.values(), "total")]),
  );
  const combinations = ids.flatMap((a, i) => ids.slice(i + 1).map((b) => [a, b]));
  const level = 1 - (1 - CONFIDENCE_LEVEL) / Math.max(1, combinations.length);
  return combinations.flatMap(([a, b]): PairOrder[] => {
    const logs = pairedLogRatios(medians.get(b)!, medians.get(a)!);
    if (logs.length === 0) return [];
    // log of b's time over a's: above 0 when a is faster
    const { estimate, low, high } = robustInterval(logs, level);
    const turned = estimate < 0;
    const bounds = turned ? [high, low] : [low, high];
    const [near, far] = bounds.map((bound) =>
      bound === null ? null : Math.exp(turned ? -bound : bound)
    );
    return [{
      faster: turned ? b : a,
      slower: turned ? a : b,
      ratio: Math.exp(Math.abs(estimate)),
      low: near,
      high: far,
      certain: near !== null && near > 1,
    }];
  });
}

/** Two variants whose order turns round between two rankings. */
export interface OrderChange {
  /** Faster by the first ranking, slower by the second. */
  variantId: string;
  other: string;
  /** What the rankings are called: devices, or `burst` and `sustained`. */
  first: string;
  second: string;
}

/**
 * Returns the pairs whose order is certain in both rankings and the opposite: where a choice made
 * for one is wrong for the other.
 */
export function orderChanges(rankings: readonly Ranking[]): OrderChange[] {
  return rankings.flatMap((first, i) =>
    rankings.slice(i + 1).flatMap((second) =>
      first.pairs.filter((pair) =>
        pair.certain &&
        second.pairs.some((other) =>
          other.certain && other.faster === pair.slower && other.slower === pair.faster
        )
      ).map((pair) => ({
        variantId: pair.faster,
        other: pair.slower,
        first: first.device,
        second: second.device,
      }))
    )
  );
}
