/**
 * What follows from a variant's manifest and figures, so that every reader of the report has the
 * same (pure).
 *
 * @module
 */
import { EFFECTIVE, type EffectivePrecision, PRECISIONS } from "../record/precision.ts";
import { axisLabels, type AxisName, type VariantKey } from "../record/variant.ts";

/** What the facts of a variant follow from. */
interface FactSource {
  variant: VariantKey;
  effective: EffectivePrecision | null;
  latencyNs: { total: { p50: number } } | null;
  medianTotalNs: { value: number } | null;
}

/** What follows for a variant; see the fields of the same names in the report. */
export interface VariantFacts {
  /** Nanoseconds; null without samples. */
  timeNs: number | null;
  /** Null when no launch finished. */
  ranAsAsked: boolean | null;
  labels: Record<AxisName, string>;
}

/**
 * Returns the time per image that stands for the variant, whether it ran as asked, and its labels.
 *
 * Where the input follows each photograph (`rect`), the samples are of several sizes, and their
 * common median would lie within the times of one size or another: there the time is the location
 * of the rounds, to which the interval and the ratio belong.
 */
export function variantFacts(
  { variant, effective, latencyNs, medianTotalNs }: FactSource,
): VariantFacts {
  const timeNs = variant.shape.mode === "rect" ? medianTotalNs?.value : latencyNs?.total.p50;
  return {
    timeNs: timeNs ?? null,
    ranAsAsked: effective === null ? null : effective === PRECISIONS[variant.precision].runsAs,
    labels: {
      ...axisLabels(variant),
      ...(effective === null ? {} : { precision: EFFECTIVE[effective].label }),
    },
  };
}
