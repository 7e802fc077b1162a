/**
 * What follows from a variant's manifest and figures, so that every reader of the report has the
 * same (pure).
 *
 * @module
 */
import { type ApChange, judgeApChange, NEAR_ZERO_AP } from "../parity/ap_verdict.ts";
import { EFFECTIVE, type EffectivePrecision, PRECISIONS } from "../record/precision.ts";
import { axisLabels, type AxisName, type VariantKey } from "../record/variant.ts";

/** What the facts of a variant follow from. */
interface FactSource {
  variant: VariantKey;
  effective: EffectivePrecision | null;
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

/** Returns the time per image, whether it ran as asked, and its labels. */
export function variantFacts({ variant, effective, medianTotalNs }: FactSource): VariantFacts {
  return {
    timeNs: medianTotalNs?.value ?? null,
    ranAsAsked: effective === null ? null : effective === PRECISIONS[variant.precision].runsAs,
    labels: {
      ...axisLabels(variant),
      ...(effective === null ? {} : { precision: EFFECTIVE[effective].label }),
    },
  };
}

/** What the two questions of correctness are answered from. */
interface QualitySource {
  isBase: boolean;
  speedOnly: boolean;
  parity: { verdict: "pass" | "fail" | "inconclusive"; matched: number };
  accuracy: { ap: number; againstBase: ApChange | null } | null;
}

/** Answers to the two questions of correctness; see the fields of the same names in the report. */
export interface Quality {
  converted: "right" | "wrong" | "not-judged";
  accurate: "right" | "lossy" | "not-judged";
}

/**
 * Returns whether the variant is converted right, and whether it is accurate enough against the
 * base.
 *
 * Nothing passes by absence: where nobody was matched, or the images are too few for an AP budget
 * to be told, it is not judged.
 */
export function qualityOf(
  { isBase, speedOnly, parity, accuracy }: QualitySource,
  apBudget: number,
): Quality {
  const converted = parity.verdict === "fail"
    ? "wrong"
    : parity.verdict === "pass" && parity.matched > 0
    ? "right"
    : "not-judged";
  if (accuracy === null || speedOnly) return { converted, accurate: "not-judged" };
  if (isBase) return { converted, accurate: accuracy.ap < NEAR_ZERO_AP ? "not-judged" : "right" };
  if (accuracy.againstBase === null) return { converted, accurate: "not-judged" };
  const accurate = { within: "right", worse: "lossy", undecided: "not-judged" } as const;
  return { converted, accurate: accurate[judgeApChange(accuracy.againstBase, apBudget)] };
}
