/**
 * Records of a run → whether the candidate's keypoints are right, as the gate judges it (pure).
 *
 * @module
 */
import type { GateCorrectness } from "./verdict.ts";
import { apDifference } from "../parity/ap_difference.ts";
import { summarizeParity } from "../parity/summary.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import type { GroundTruth } from "../pose/ground_truth.ts";
import { type CocoResult, toCocoResults } from "../pose/results.ts";
import type { AnyRecord, RunRecord } from "../record/records.ts";
import type { VariantManifest } from "../record/variant.ts";
import { groundTruths } from "../parity/accuracy.ts";

/** A variant on a device in the records of a run. */
export interface RecordedVariant {
  records: readonly AnyRecord[];
  device: string;
  variantId: string;
}

/**
 * Returns the parity of the candidate and of the baseline against their references, and the
 * difference in AP between them.
 *
 * Parity is null when the candidate was never checked; it is never a pass for a candidate that may
 * be run for its speed only against a baseline that may be used. The difference is null without
 * annotations, when a side has not its detections on all annotated images, when a side's accuracy
 * can't be known or the two are judged against other categories, and for a side that may be run for
 * its speed only.
 */
export function correctnessOf(
  candidate: RecordedVariant,
  baseline: RecordedVariant,
  annotations: CocoAnnotations | null,
): GateCorrectness {
  const parity = parityOf(candidate);
  return {
    parity: isForSpeedOnly(candidate) && !isForSpeedOnly(baseline) && parity?.verdict !== "fail"
      ? { verdict: "inconclusive", reason: NO_ACCURACY }
      : parity,
    baselineParity: parityOf(baseline)?.verdict ?? null,
    apDifference: annotations === null ? null : apChange(candidate, baseline, annotations),
  };
}

const NO_ACCURACY =
  "no accuracy: the candidate is for speed only: its activation was swapped without retraining, or it has no reference. Gate the retrained model, name a reference by --reference, or ask compare-models what the swap earns";

function isForSpeedOnly(side: RecordedVariant): boolean {
  return manifestOf(side)?.speedOnly ?? false;
}

function parityOf({ records, device, variantId }: RecordedVariant): GateCorrectness["parity"] {
  const run = runOf(records);
  const own = records.filter((record) => record.kind === "parity")
    .filter((record) => record.device === device && record.variantId === variantId);
  const manifest = manifestOf({ records, device, variantId });
  if (run === undefined || manifest === undefined) return null;
  if (own.length === 0) {
    const failure = records.findLast((record) =>
      record.kind === "failure" && record.device === device && record.variantId === variantId
    );
    if (failure?.kind !== "failure") return null;
    return {
      verdict: "inconclusive",
      reason: `parity could not be judged: ${failure.message}`,
    };
  }
  const { verdict, reason } = summarizeParity(own, {
    speedOnly: manifest.speedOnly,
    expectedImages: run.images.length,
  });
  return { verdict, reason };
}

function apChange(
  candidate: RecordedVariant,
  baseline: RecordedVariant,
  annotations: CocoAnnotations,
): GateCorrectness["apDifference"] {
  const truthOf = groundTruths(annotations);
  const [after, before] = [candidate, baseline].map((side): GroundTruth | null => {
    const manifest = manifestOf(side);
    return manifest === undefined || manifest.speedOnly ? null : truthOf(manifest);
  });
  if (after === null || before === null) return null;
  if (after.absent !== null || before.absent !== null) return null;
  // sides with other classes are judged against other objects
  const judged = ({ annotations: { categories } }: GroundTruth) =>
    categories.map(({ id }) => id).join(" ");
  if (after.kind !== before.kind || judged(after) !== judged(before)) return null;
  const found = resultsOf(candidate, after);
  const earlier = resultsOf(baseline, before);
  if (found === null || earlier === null) return null;
  return apDifference(after.annotations, found, earlier, after.kind);
}

function manifestOf({ records, variantId }: RecordedVariant): VariantManifest | undefined {
  return runOf(records)?.variants.find(({ id }) => id === variantId);
}

/** Returns the detections in COCO's format; null when an annotated image has none on record. */
function resultsOf(
  { records, device, variantId }: RecordedVariant,
  { annotations, classes }: GroundTruth,
): CocoResult[] | null {
  const cocoIds = new Map(runOf(records)?.images.map(({ id, cocoImageId }) => [id, cocoImageId]));
  const byImage = new Map<number, CocoResult[]>();
  for (const record of records) {
    if (record.kind !== "parity") continue;
    if (record.device !== device || record.variantId !== variantId) continue;
    const cocoId = cocoIds.get(record.imageId) ?? null;
    if (cocoId !== null) byImage.set(cocoId, toCocoResults(cocoId, record.candidate, classes));
  }
  if (annotations.images.some(({ id }) => !byImage.has(id))) return null;
  return [...byImage.values()].flat();
}

function runOf(records: readonly AnyRecord[]): RunRecord | undefined {
  return records.find((record) => record.kind === "run");
}
