/**
 * One variant on one image: reference, measured roundings and what the runner did → the parity
 * record.
 *
 * @module
 */
import {
  type Detection,
  type ParityRecord,
  RECORD_VERSION,
  type StageParity,
} from "../record/records.ts";
import type { VariantManifest } from "../record/variant.ts";
import { EFFECTIVE, type EffectivePrecision } from "../record/precision.ts";
import { detect, type Detected, type DetectOptions } from "../pose/detect.ts";
import { decode } from "../head/decode.ts";
import { overlapLimit } from "../head/select.ts";
import { headBlobs, rawSpec } from "../head/head_blobs.ts";
import type { RoundedRawBlobs } from "../reference/reference_model.ts";
import type { Reference } from "../reference/reference.ts";
import type { RunnerStages } from "../reference/stage_files.ts";
import { detectionTolerance, fastExponentialShift, tiedClassesOf } from "./detection_tolerance.ts";
import { boxDifferencePx } from "./detection_difference.ts";
import { compareDetections, type Comparison } from "./end_to_end.ts";
import { mappingHint } from "./mapping_hints.ts";
import { judgeDecode } from "./stage_decode.ts";
import { judgeNetwork, notFiniteReason } from "./stage_network.ts";
import { judgeSelection } from "./stage_nms.ts";
import { judgePreprocess } from "./stage_preprocess.ts";
import { format } from "./stage_verdict.ts";
import { decodeTolerancePx } from "./stage_decode.ts";
import { type NetworkTolerance, networkTolerance } from "./tolerance.ts";

/** Absolute limits that the user sets on top of the derived tolerance; null for none. */
export interface ParityBars {
  /** Largest distance of a joint from the reference's, image pixels. */
  maxPx: number | null;
  /** Smallest OKS of a pair. */
  minOks: number | null;
}

/** Limits when the user sets none; int8 is then held to its tolerance alone. */
export const DEFAULT_BARS: ParityBars = { maxPx: 10, minOks: 0.9 };

/**
 * Returns the bars that hold for a precision: int8 moves single joints by more than the default
 * ones without a loss of AP, and is held to others only.
 */
function barsFor(precision: EffectivePrecision, { maxPx, minOks }: ParityBars): ParityBars {
  if (EFFECTIVE[precision].sums !== "int8") return { maxPx, minOks };
  return {
    maxPx: maxPx === DEFAULT_BARS.maxPx ? null : maxPx,
    minOks: minOks === DEFAULT_BARS.minOks ? null : minOks,
  };
}

/** Options of the run, and the bars. */
export interface JudgeOptions extends DetectOptions {
  bar: ParityBars;
}

/** Everything that the judgement of one image is made of. */
export interface ImageEvidence {
  runId: string;
  device: string;
  manifest: VariantManifest;
  imageId: string;
  precisionEffective: EffectivePrecision;
  options: JudgeOptions;
  reference: Reference;
  /** Of the reference on this image: `ReferenceModel.measureRounding`. */
  rounded: RoundedRawBlobs;
  /** Of the runner's `stages` command; null when it was not run. */
  stages: RunnerStages | null;
  /** Of the runner's `run` command; null when the image is missing there. */
  detections: Detection[] | null;
  /** Values that the runner counted as NaN or infinite on this image; none when absent. */
  notFinite?: number;
}

/**
 * Returns the reference in the layout of a variant's head: the blobs, and what is decoded from
 * them, always with the exact exponential. This is what `writeReferenceFiles` writes and what
 * `judgeImage` judges against.
 */
export function headReference(
  variant: VariantManifest,
  reference: Reference,
  options: DetectOptions,
): { blobs: Float32Array[]; detected: Detected } {
  const blobs = headBlobs(rawSpec(variant), reference.rawBlobs, variant, reference.geometry);
  const exact = { ...options, sigmoid: "exact" as const };
  return { blobs, detected: detect(variant, blobs, reference.geometry, exact) };
}

/** Returns the parity record of one variant on one image; the first failing stage is named. */
export function judgeImage(evidence: ImageEvidence): ParityRecord {
  const { manifest: variant, reference, stages, options, precisionEffective } = evidence;
  const { geometry } = reference;
  const raw = rawSpec(variant);
  const { blobs, detected } = headReference(variant, reference, options);
  const inHead = (rawBlobs: readonly Float32Array[]) => headBlobs(raw, rawBlobs, variant, geometry);
  const tolerance = networkTolerance(
    variant,
    geometry,
    precisionEffective,
    evidence.rounded.dots,
    {
      exact: blobs,
      fp16Weights: inHead(evidence.rounded.fp16Weights),
      perturbed: inHead(evidence.rounded.perturbed),
      storage: evidence.rounded.storage === null ? null : inHead(evidence.rounded.storage),
    },
  );
  const judged: StageParity[] = [];
  if (stages === null) {
    const units = { preprocess: "level/255", network: "logit", decode: "px", nms: "boxes" };
    for (const stage of ["preprocess", "network", "decode", "nms"] as const) {
      judged.push({
        stage,
        verdict: "inconclusive",
        maxAbsDiff: null,
        tolerance: null,
        unit: units[stage],
        reason: "the stages were not run",
      });
    }
  } else {
    judged.push(
      judgePreprocess(reference.tensor, stages.preprocess, geometry),
      judgeNetwork(variant, geometry, stages.blobs, tolerance),
      judgeDecode(variant, blobs, geometry, options, stages.decode),
      judgeSelection(variant, detected.candidates, options, stages.nms),
    );
  }
  const network = judged[1];
  if ((evidence.notFinite ?? 0) > 0 && network.verdict !== "fail") {
    judged[1] = {
      ...network,
      verdict: "fail",
      reason: notFiniteReason(evidence.notFinite!, precisionEffective),
    };
  }
  const endToEnd = judgeEndToEnd(evidence, blobs, detected, tolerance, judged);
  judged.push(endToEnd.stage);
  return {
    kind: "parity",
    schemaVersion: RECORD_VERSION,
    runId: evidence.runId,
    device: evidence.device,
    variantId: variant.id,
    imageId: evidence.imageId,
    precisionEffective,
    stages: judged,
    firstFailedStage: judged.find(({ verdict }) => verdict === "fail")?.stage ?? null,
    reference: detected.detections,
    candidate: evidence.detections ?? [],
    matches: endToEnd.comparison.matches,
    unmatchedReference: endToEnd.comparison.unmatchedReference,
    unmatchedCandidate: endToEnd.comparison.unmatchedCandidate,
    explainedUnmatched: endToEnd.comparison.explainedUnmatched,
  };
}

function judgeEndToEnd(
  evidence: ImageEvidence,
  blobs: readonly Float32Array[],
  detected: Detected,
  tolerance: NetworkTolerance,
  earlier: readonly StageParity[],
): { stage: StageParity; comparison: Comparison } {
  const { manifest: variant, reference, options, detections } = evidence;
  const bars = barsFor(evidence.precisionEffective, options.bar);
  const { geometry } = reference;
  const toleranceWith = (those: Detected, { scoreThreshold }: DetectOptions) => {
    const byNetwork = detectionTolerance(variant, reference, those, tolerance);
    const byExponential = fastExponentialShift(variant, blobs, reference, those, {
      ...options,
      scoreThreshold,
    });
    return (index: number) => {
      const [network, exponential] = [byNetwork(index), byExponential(index)];
      return {
        keypointPx: network.keypointPx,
        boxPx: network.boxPx + exponential.boxPx,
        score: network.score + exponential.score,
      };
    };
  };
  const toleranceOf = toleranceWith(detected, options);
  const comparison = compareDetections(detected, detections ?? [], {
    geometry,
    ...options,
    overlapLimit: overlapLimit(variant, options),
    toleranceOf,
    possible: () => {
      const lower = { ...options, scoreThreshold: loweredBy(options, toleranceOf(-1).score) };
      const all = headReference(variant, reference, lower).detected;
      return {
        candidates: all.candidates,
        toleranceOf: toleranceWith(all, lower),
        tiedClasses: tiedClassesOf(variant, blobs, reference, all, tolerance, options),
      };
    },
  });
  // without joints the sides of the boxes are all that can be off
  const distances = comparison.matches.flatMap((match) =>
    variant.keypointCount > 0 ? match.distancesPx : [boxDifferencePx(
      detected.detections[match.referenceIndex],
      detections![match.candidateIndex],
    )]
  );
  const maxPx = distances.reduce((a, b) => Number.isNaN(b) || b > a ? b : a, 0);
  const stage: StageParity = {
    stage: "end-to-end",
    verdict: "pass",
    maxAbsDiff: comparison.matches.length === 0 || Number.isNaN(maxPx) ? null : maxPx,
    tolerance: comparison.matches.length === 0
      ? null
      : Math.min(comparison.tolerancePx, bars.maxPx ?? Infinity),
    unit: "px",
    reason: "",
  };
  const base = `${
    comparison.tolerancePx > (bars.maxPx ?? Infinity)
      ? `the bar is tighter than the ${format(comparison.tolerancePx)} px`
      : "tolerance"
  } carried from the network through the decode (${tolerance.reason})${
    options.sigmoid === "fast"
      ? ", plus what the seed's fast exponential moves boxes and scores by"
      : ""
  }; bars: ${bars.maxPx === null ? "no largest distance" : `${bars.maxPx} px`}, ${
    bars.minOks === null ? "no smallest OKS" : `OKS ${bars.minOks}`
  }`;
  const end = (verdict: StageParity["verdict"], reason: string) => ({
    stage: { ...stage, verdict, reason: `${reason}; ${base}` },
    comparison,
  });
  if (detections === null) {
    return end("fail", "missing: the runner has no detections of this image");
  }
  if (detections.some(hasNotFinite)) {
    return end("fail", "a detection has numbers that are not finite");
  }
  const faults = [
    ...comparison.unexplained,
    ...comparison.excesses.toSorted((a, b) => b.px - a.px).map(({ match, text }) =>
      `detection ${match.referenceIndex}: ${text}`
    ),
    ...ownBlobFaults(evidence, earlier),
  ];
  if (bars.maxPx !== null && maxPx > bars.maxPx) {
    faults.push(
      `a ${variant.keypointCount > 0 ? "joint" : "box"} is ${
        maxPx.toFixed(2)
      } px off, beyond the bar of ${bars.maxPx} px`,
    );
  }
  const minOks = Math.min(1, ...comparison.matches.map(({ oks }) => oks));
  if (bars.minOks !== null && minOks < bars.minOks) {
    faults.push(
      `the smallest ${variant.keypointCount > 0 ? "OKS" : "IoU"} is ${
        minOks.toFixed(4)
      }, below the bar of ${bars.minOks}`,
    );
  }
  if (faults.length > 0) {
    const hint = mappingHint(detected, detections, geometry);
    return end(
      "fail",
      `${hint === "" ? "" : `${hint}: `}${faults.length} difference${
        faults.length > 1 ? "s" : ""
      } unexplained, first: ${faults[0]}`,
    );
  }
  if (detected.detections.length === 0 && detections.length === 0) {
    return end("inconclusive", "no detection on either side proves nothing");
  }
  const notes = [`${comparison.matches.length} pairs`];
  if (comparison.explainedUnmatched > 0) {
    notes.push(
      `${comparison.explainedUnmatched} in one of the two only, where scores or overlaps are within tolerance of each other or of a threshold${
        comparison.otherClasses === 0
          ? ""
          : `, or two classes of a cell score alike (${comparison.otherClasses})`
      }`,
    );
  }
  return end("pass", notes.join(", "));
}

/** Returns the score threshold lowered by a tolerance, above 0. */
function loweredBy({ scoreThreshold }: DetectOptions, tolerance: number): number {
  return Math.max(1e-9, scoreThreshold - tolerance);
}

function hasNotFinite({ score, boxXyxyPx, keypoints }: Detection): boolean {
  return ![score, ...boxXyxyPx, ...keypoints.flat()].every(Number.isFinite);
}

/**
 * What of the runner's detections does not follow from its own network outputs: a wrong way back to
 * the image, cut coordinates, the outputs of another image. Only float32 rounding is allowed here,
 * whatever the precision of the network. Judged where the stages before pass.
 */
function ownBlobFaults(evidence: ImageEvidence, earlier: readonly StageParity[]): string[] {
  const { manifest: variant, reference, stages, options, detections } = evidence;
  const failed = earlier.some(({ stage, verdict }) =>
    (stage === "preprocess" || stage === "network") && verdict === "fail"
  );
  if (stages === null || detections === null || failed) return [];
  const ownBlobs = stages.blobs.filter((blob) => blob !== null);
  const own = detect(variant, ownBlobs, reference.geometry, options);
  const roundingPx = 2 * decodeTolerancePx(reference.geometry) / reference.geometry.scale;
  const rounding = { keypointPx: roundingPx, boxPx: roundingPx, score: 1e-5 };
  const comparison = compareDetections(own, detections, {
    geometry: reference.geometry,
    ...options,
    overlapLimit: overlapLimit(variant, options),
    toleranceOf: () => rounding,
    possible: () => ({
      candidates: decode(variant, ownBlobs, reference.geometry, {
        ...options,
        scoreThreshold: loweredBy(options, rounding.score),
      }),
      toleranceOf: () => rounding,
      tiedClasses: () => [],
    }),
  });
  return [
    ...comparison.unexplained.map((text) =>
      `not what the runner's own network outputs give: ${text}`
    ),
    ...comparison.excesses.map(({ match, text }) =>
      `detection ${match.candidateIndex} is not what the runner's own network outputs give: ${text}`
    ),
  ];
}
