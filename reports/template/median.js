// @ts-check
/**
 * The one time that stands for a variant: its rank, FPS and every median follow from it.
 *
 * @module
 */

/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

/**
 * Returns the variant's median time per image in nanoseconds; null without samples.
 *
 * Where the input follows each photograph (`rect`), the samples are of several sizes, and their
 * common median would lie within the times of one size or another: there it is the location of the
 * rounds, to which the interval and the ratio belong.
 *
 * @param {Pick<ReportVariant, "shape" | "latencyNs" | "medianTotalNs">} variant
 */
export function medianNs({ shape, latencyNs, medianTotalNs }) {
  return (shape.mode === "rect" ? medianTotalNs?.value : latencyNs?.total.p50) ?? null;
}
