/**
 * The judgements of a comparison of variants: rankings per device and load, where the order turns,
 * Pareto fronts, sustained load.
 *
 * @module
 */
import type { LaunchRecord } from "../record/records.ts";
import { type Bounded, exactly, type ParetoPlace, paretoPlaces } from "./pareto.ts";
import {
  type OrderChange,
  orderChanges,
  type Ranking,
  type RankingOptions,
  rankVariants,
} from "./ranking.ts";
import { burstAndSustained, type SustainedLoad, sustainedLoad } from "./sustained.ts";

/** What is known of one variant on one device besides its launches. */
export interface ComparedVariant {
  variantId: string;
  device: string;
  /** Why it gets no rank (parity failed, emulated); null when it may have one. */
  unranked: string | null;
  /** Median of the total with its interval, nanoseconds; null without samples. */
  timeNs: Bounded | null;
  /** Keypoint AP with its interval; null without annotations and for speed-only variants. */
  ap: Bounded | null;
  /** Size of the weights. */
  sizeBytes: number;
  peakRssBytes: number | null;
}

/** The judgements; the page of a comparison shows them. */
export interface ComparisonResult {
  /**
   * One per device; with sustained load two per device, called `<device>, burst` and `<device>,
   * sustained`.
   */
  rankings: Ranking[];
  orderChanges: OrderChange[];
  pareto: { device: string; places: ParetoPlace[] }[];
  /** Of those that may have a rank. */
  sustained: { device: string; variantId: string; load: SustainedLoad }[];
}

/** What the judgements are told besides the launches. */
export interface ComparisonOptions extends Pick<RankingOptions, "turns" | "intervalOf"> {
  sustained: boolean;
}

/**
 * Returns the judgements from the launches of all devices. With `sustained` the launches are those
 * of a load that went on, and burst and end are ranked apart; variants with too few launches for
 * that are ranked in neither.
 */
export function judgeComparison(
  variants: readonly ComparedVariant[],
  launches: readonly LaunchRecord[],
  options: ComparisonOptions,
): ComparisonResult {
  const devices = [...new Set(variants.map((variant) => variant.device))];
  const rankings: Ranking[] = [];
  const sustained: ComparisonResult["sustained"] = [];
  for (const device of devices) {
    const own = launches.filter((launch) => launch.device === device);
    const unranked = new Map(
      variants.filter((variant) => variant.device === device && variant.unranked !== null).map((
        variant,
      ) => [variant.variantId, variant.unranked!]),
    );
    if (!options.sustained) {
      const turns = options.turns?.filter((launch) => launch.device === device);
      rankings.push(rankVariants(device, own, { ...options, unranked, turns }));
      continue;
    }
    const parts = burstAndSustained(own);
    for (const part of ["burst", "sustained"] as const) {
      rankings.push({
        ...rankVariants(device, parts[part], { unranked }),
        device: `${device}, ${part}`,
      });
    }
    for (const [variantId, group] of Map.groupBy(own, (launch) => launch.variantId)) {
      if (unranked.has(variantId)) continue; // nothing is said for the speed of what is wrong
      const load = sustainedLoad(group);
      if (load !== null) sustained.push({ device, variantId, load });
    }
  }
  return {
    rankings,
    orderChanges: orderChanges(rankings),
    pareto: devices.map((device) => ({ device, places: frontOf(variants, device) })),
    sustained,
  };
}

/** Variants without a rank have no place: nothing is said for the speed of what is wrong. */
function frontOf(variants: readonly ComparedVariant[], device: string): ParetoPlace[] {
  const own = variants.filter((variant) => variant.device === device);
  const allowed = own.filter((variant) => variant.unranked === null);
  const places = paretoPlaces(allowed.map((variant) => ({
    variantId: variant.variantId,
    costs: {
      timeNs: variant.timeNs,
      sizeBytes: exactly(variant.sizeBytes),
      peakRssBytes: variant.peakRssBytes === null ? null : exactly(variant.peakRssBytes),
    },
    gains: { ap: variant.ap },
  })));
  const refused = own.filter((variant) => variant.unranked !== null).map((variant) => ({
    variantId: variant.variantId,
    onFront: false,
    dominatedBy: [],
    notJudged: variant.unranked,
  }));
  return [...places, ...refused];
}
