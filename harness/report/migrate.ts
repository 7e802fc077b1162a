/**
 * Reports of earlier versions → the newest version (pure).
 *
 * What a report of before does not tell is filled in by the schema's defaults.
 *
 * @module
 */
import { migrate } from "../record/migrate.ts";

/**
 * Returns a report in the newest version. A value that is no report of an earlier version comes
 * back as it is, for the schema to judge.
 */
export function migrateReport(report: unknown): unknown {
  return migrate(report, {
    1: (first) =>
      Array.isArray(first.variants)
        ? { ...first, variants: first.variants.map(withFigures) }
        : first,
  });
}

/** A variant of version 1 with the metrics that it tells under other names. */
function withFigures(variant: unknown): unknown {
  if (typeof variant !== "object" || variant === null) return variant;
  const { medianTotalNs, peakRssBytes } = variant as Record<string, unknown>;
  const figures: Record<string, unknown> = {};
  if (typeof medianTotalNs === "object" && medianTotalNs !== null) {
    figures["total.p50"] = { unit: "ns", ...medianTotalNs };
  }
  if (typeof peakRssBytes === "number") {
    figures.peakRss = { unit: "bytes", value: peakRssBytes, low: null, high: null };
  }
  return { ...variant, figures };
}
