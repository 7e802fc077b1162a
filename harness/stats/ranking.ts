/**
 * The order of variants by time per image on one device, with joint places where it can't be told,
 * and where the order differs between devices or loads. Every command ranks by this rule.
 *
 * @module
 */
import type { LaunchRecord, TurnsRecord } from "../record/records.ts";
import type { Estimates, IntervalOf, MetricEstimate } from "./estimate.ts";
import { CONFIDENCE_LEVEL } from "./interval.ts";
import { groupByRound } from "./round.ts";
import { metricEstimates } from "./summary.ts";

/** A comparison of two variants. */
export interface PairOrder {
  /** The one that looks faster. */
  faster: string;
  slower: string;
  /** Time of the slower over time of the faster, 1 and above. */
  ratio: number;
  /** Simultaneous interval of the ratio; null when the launches are too few for one. */
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
  /**
   * Ranked ones by time per image, those without a rank last. As they were asked for where not one
   * order is known.
   */
  variants: RankedVariant[];
  /** Every pair of variants with a claim to a rank that a launch links. */
  pairs: PairOrder[];
  /** In words, each pair of neighbours that can't be ranked; empty when all can. */
  undecided: string[];
}

/** Half width of a ratio's interval from which it may be useless: a tenth, on the log scale. */
export const USELESS_HALF_WIDTH = Math.log(1.1);

/**
 * Returns true when a ratio says nothing that anybody could act on: it has no interval, or one that
 * is wider than ±10 % and wider than the effect itself.
 *
 * @example
 * ```ts
 * isUseless({ value: 1.05, low: 0.6, high: 1.8 }); // true
 * isUseless({ value: 1.05, low: 0.98, high: 1.12 }); // false: equal within some percent
 * isUseless({ value: 3, low: 2, high: 4.5 }); // false: surely faster
 * ```
 */
export function isUseless({ value, low, high }: MetricEstimate): boolean {
  if (low === null || high === null) return true;
  const half = Math.log(high / low) / 2;
  return half > USELESS_HALF_WIDTH && half > Math.abs(Math.log(value));
}

/** What a ranking may be told besides the launches. */
export interface RankingOptions {
  /** Variants that get no rank whatever their time, with the reason (parity failed). */
  unranked?: ReadonlyMap<string, string>;
  /** How intervals are taken; default: of a number of launches that was fixed beforehand. */
  intervalOf?: IntervalOf;
  /** Launches that variants of the device shared. */
  turns?: readonly TurnsRecord[];
}

/**
 * Returns the ranking of the variants from launches of one device, in the order of the launches'
 * first appearance where no order is known.
 *
 * Every pair is compared; the intervals hold together with 95% (Bonferroni over the pairs), so that
 * no place is claimed by luck. A place is as wide as the order of times needs it: who has less time
 * per image never has the worse place. A variant all of whose ratios are useless has no rank.
 */
export function rankVariants(
  device: string,
  launches: readonly LaunchRecord[],
  { unranked = new Map(), intervalOf, turns = [] }: RankingOptions = {},
): Ranking {
  const groups = groupByRound(launches);
  const estimates = metricEstimates(groups, turns, "total.p50", intervalOf);
  const claims = [...estimates.locations.keys()].filter((id) => !unranked.has(id));
  const pairs = comparePairs(estimates, claims);
  const refused = new Map(unranked);
  for (const id of claims) {
    const others = claims.filter((other) => other !== id);
    const ratios = others.flatMap((other) => estimates.ratio(other, id) ?? []);
    const reason = uselessReason(ratios);
    if (others.length > 0 && reason !== null) refused.set(id, reason);
  }
  const timeOf = (id: string) => estimates.locations.get(id)!.value;
  const isKnown = pairs.some(({ certain }) => certain);
  const ranked = claims.filter((id) => !refused.has(id));
  if (isKnown) ranked.sort((a, b) => timeOf(a) - timeOf(b));
  return {
    device,
    variants: [
      ...placesOf(ranked, pairs).map(({ variantId, rank }) => ({
        ...{ variantId, rank },
        unranked: null,
      })),
      ...[...refused].map(([variantId, reason]) => ({ variantId, rank: null, unranked: reason })),
    ],
    pairs,
    undecided: ranked.slice(1).flatMap((id, i) => undecidedReason(pairs, ranked[i], id)),
  };
}

/** Places of variants in order of their time. */
function placesOf(
  ranked: readonly string[],
  pairs: readonly PairOrder[],
): { variantId: string; rank: { best: number; worst: number } }[] {
  const isRanked = new Set(ranked);
  const sure = pairs.filter(({ certain, faster, slower }) =>
    certain && isRanked.has(faster) && isRanked.has(slower)
  );
  const places = ranked.map((variantId) => ({
    variantId,
    rank: {
      best: 1 + sure.filter(({ slower }) => slower === variantId).length,
      worst: ranked.length - sure.filter(({ faster }) => faster === variantId).length,
    },
  }));
  // a noisy variant's place reaches further than its neighbours': theirs must not contradict it
  for (let i = places.length - 2; i >= 0; i--) {
    places[i].rank.best = Math.min(places[i].rank.best, places[i + 1].rank.best);
  }
  for (let i = 1; i < places.length; i++) {
    places[i].rank.worst = Math.max(places[i].rank.worst, places[i - 1].rank.worst);
  }
  return places;
}

/** Why a variant with these ratios has no place; null when one of them tells something. */
function uselessReason(ratios: readonly MetricEstimate[]): string | null {
  if (!ratios.every(isUseless)) return null;
  if (ratios.length === 0) return "it shares no round with another variant";
  if (ratios.every(({ low }) => low === null)) {
    return "the launches are too few to tell it from any other variant";
  }
  const least = Math.min(
    ...ratios.flatMap(({ low, high }) => low === null || high === null ? [] : [high / low]),
  );
  const percent = 100 * (Math.sqrt(least) - 1);
  return `its launches differ too much to tell it from any other variant (ratios to ± ${
    percent.toFixed(0)
  }% at best)`;
}

function undecidedReason(
  pairs: readonly PairOrder[],
  before: string,
  variantId: string,
): string[] {
  const pair = pairs.find(({ faster, slower }) =>
    (faster === before && slower === variantId) || (faster === variantId && slower === before)
  );
  if (pair?.certain) return [];
  if (pair === undefined) return [`${before} and ${variantId} share no round`];
  const why = pair.low === null
    ? "the rounds are too few"
    : "the interval takes in that they are the same";
  return [
    `${before} and ${variantId} can't be ranked: they differ by ${
      (100 * (pair.ratio - 1)).toFixed(1)
    }%, and ${why}; more rounds may tell`,
  ];
}

function comparePairs(estimates: Estimates, ids: readonly string[]): PairOrder[] {
  const combinations = ids.flatMap((a, i) => ids.slice(i + 1).map((b) => [a, b]));
  const level = 1 - (1 - CONFIDENCE_LEVEL) / Math.max(1, combinations.length);
  return combinations.flatMap(([a, b]): PairOrder[] => {
    const found = estimates.ratio(b, a, level);
    if (found === null) return [];
    const [faster, slower] = found.value < 1 ? [b, a] : [a, b];
    const { value, low, high } = found.value < 1 ? estimates.ratio(a, b, level)! : found;
    return [{ faster, slower, ratio: value, low, high, certain: low !== null && low > 1 }];
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
