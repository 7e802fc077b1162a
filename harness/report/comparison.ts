/**
 * What the page of `compare-models` is drawn from.
 *
 * @module
 */
import type { ComparisonResult } from "../stats/comparison.ts";
import type { Report } from "./report_json.ts";

/** A report of all variants that are compared, and the judgements over them. */
export interface Comparison extends ComparisonResult {
  report: Report;
}
