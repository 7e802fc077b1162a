/**
 * What the page of `compare-models` shows besides the report.
 *
 * @module
 */
import type { ParetoPlace } from "../stats/pareto.ts";
import type { OrderChange, Ranking } from "../stats/ranking.ts";
import type { SustainedLoad } from "../stats/sustained.ts";
import type { Report } from "./report_json.ts";

/** The judgements of a comparison, over those of each variant in the report. */
export interface ComparisonJudgement {
  /** One per device; more than one per device when burst and sustained load are ranked apart, told by `device`. */
  rankings: Ranking[];
  /** Pairs whose order is certain in two rankings and the opposite. */
  orderChanges: OrderChange[];
  /** Who dominates whom, per device. */
  pareto: { device: string; places: ParetoPlace[] }[];
  /** Throughput under load; empty without `--sustained`. */
  sustained: { device: string; variantId: string; load: SustainedLoad }[];
}

/** Everything that the page of a comparison is drawn from. */
export interface Comparison extends ComparisonJudgement {
  report: Report;
}
