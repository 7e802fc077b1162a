/**
 * Parity records of one variant on one device → its verdict, with the figures and the reason.
 *
 * @module
 */
import { type ParityRecord, type StageParity, STAGES } from "../record/records.ts";
import { jointName } from "./joint_names.ts";
import { format } from "./stage_verdict.ts";

/** What is expected of the records. */
export interface SummaryOptions {
  /** A variant that is allowed for its speed alone: agreement of its blobs is enough. */
  speedOnly: boolean;
  /** Number of images that must have a record. */
  expectedImages: number;
}

/** The verdict of a variant. */
export interface ParitySummary {
  verdict: "pass" | "fail" | "inconclusive";
  /** Largest distance of a joint, image pixels; null when nothing was matched. */
  maxPx: number | null;
  p99Px: number | null;
  minOks: number | null;
  /** Detections without a partner that the tolerance does not explain. */
  unmatched: number;
  matched: number;
  explainedUnmatched: number;
  /** First stage in the pipeline's order that fails on any image. */
  firstFailedStage: ParityRecord["firstFailedStage"];
  /** Largest tolerance of a joint, image pixels. */
  tolerancePx: number | null;
  /** The verdict in words. */
  reason: string;
  /** Each stage over all images: the worst of them. */
  stages: StageParity[];
  /** Per joint; empty when nothing was matched. */
  joints: { name: string; p99Px: number; maxPx: number }[];
}

/**
 * Returns the value below which that share of the sorted values lies (nearest rank); null for none.
 */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** Returns the numbers in ascending order, NaN last. */
function ascending(values: readonly number[]): number[] {
  const order = (value: number) => Number.isNaN(value) ? Infinity : value;
  return values.toSorted((a, b) => order(a) === order(b) ? 0 : order(a) - order(b));
}

/**
 * The worst judgement of a stage over the images: a failure before all, then the largest share of
 * the tolerance.
 */
function worstOf(stage: StageParity["stage"], records: readonly ParityRecord[]): StageParity {
  const judged = records.flatMap(({ imageId, stages }) =>
    stages.filter((each) => each.stage === stage).map((each) => ({ imageId, each }))
  );
  const rank = { fail: 2, pass: 1, inconclusive: 0 };
  const share = ({ maxAbsDiff, tolerance }: StageParity) =>
    maxAbsDiff === null || tolerance === null ? 0 : maxAbsDiff / Math.max(tolerance, 1e-12);
  let worst = judged[0];
  for (const next of judged) {
    const difference = rank[next.each.verdict] - rank[worst.each.verdict];
    if (difference > 0 || (difference === 0 && share(next.each) > share(worst.each))) worst = next;
  }
  if (worst === undefined) {
    return {
      stage,
      verdict: "inconclusive",
      maxAbsDiff: null,
      tolerance: null,
      unit: "",
      reason: "no record",
    };
  }
  const failed = judged.filter(({ each }) => each.verdict === "fail").length;
  const place = failed > 0 ? `${failed} of ${judged.length} images, worst ` : "worst image ";
  return { ...worst.each, reason: `${place}${worst.imageId}: ${worst.each.reason}` };
}

/**
 * Returns the verdict of one variant on one device.
 *
 * `fail`: a stage fails on any image. `inconclusive`: an image has no record, a stage that was run
 * could not be judged anywhere, or no detection was matched (parity on no detections proves
 * nothing) — except for a speed-only variant, whose network outputs are enough.
 */
export function summarizeParity(
  records: readonly ParityRecord[],
  options: SummaryOptions,
): ParitySummary {
  const stages = STAGES.map((stage) => worstOf(stage, records));
  const matches = records.flatMap((record) => record.matches);
  const distances = ascending(matches.flatMap(({ distancesPx }) => distancesPx));
  const unmatchedAll = records.reduce(
    (sum, record) => sum + record.unmatchedReference.length + record.unmatchedCandidate.length,
    0,
  );
  const explainedUnmatched = records.reduce((sum, record) => sum + record.explainedUnmatched, 0);
  const finite = (value: number | null) => value !== null && Number.isFinite(value) ? value : null;
  const figures = {
    maxPx: finite(distances.at(-1) ?? null),
    p99Px: finite(quantile(distances, 0.99)),
    minOks: finite(ascending(matches.map(({ oks }) => oks))[0] ?? null),
    unmatched: unmatchedAll - explainedUnmatched,
    matched: matches.length,
    explainedUnmatched,
    firstFailedStage: stages.find(({ verdict }) => verdict === "fail")?.stage ?? null,
    tolerancePx: records.reduce<number | null>((largest, record) => {
      const { tolerance = null } = record.stages.find(({ stage }) => stage === "end-to-end") ?? {};
      return tolerance === null ? largest : Math.max(largest ?? 0, tolerance);
    }, null),
    stages,
    joints: jointFigures(records),
  };
  return { ...figures, ...verdictOf(records, options, figures) };
}

function verdictOf(
  records: readonly ParityRecord[],
  { speedOnly, expectedImages }: SummaryOptions,
  figures: Pick<ParitySummary, "firstFailedStage" | "stages" | "matched" | "maxPx" | "minOks">,
): Pick<ParitySummary, "verdict" | "reason"> {
  const { firstFailedStage, stages, matched } = figures;
  const of = (name: StageParity["stage"]) => stages.find(({ stage }) => stage === name)!;
  if (firstFailedStage !== null) {
    return {
      verdict: "fail",
      reason: `${firstFailedStage} differs first: ${of(firstFailedStage).reason}`,
    };
  }
  const judgedImages = new Set(records.map(({ imageId }) => imageId)).size;
  if (judgedImages < expectedImages || expectedImages === 0) {
    return {
      verdict: "inconclusive",
      reason: `${judgedImages} of ${expectedImages} images have a parity record`,
    };
  }
  const isPass = (name: StageParity["stage"]) => of(name).verdict === "pass";
  const blobsPass = isPass("preprocess") && isPass("network");
  if (matched === 0) {
    return speedOnly && blobsPass
      ? {
        verdict: "pass",
        reason:
          `judged on its network outputs only, since it finds nobody (activation swapped without retraining, for speed alone): ${
            of("network").reason
          }`,
      }
      : {
        verdict: "inconclusive",
        reason: "no detection was matched: parity on no detections proves nothing",
      };
  }
  const stagesRun = records.some((record) =>
    record.stages.some(({ stage, verdict }) => stage === "preprocess" && verdict !== "inconclusive")
  );
  if (stagesRun && !(blobsPass && isPass("decode") && isPass("nms"))) {
    const open = stages.find(({ verdict }) => verdict === "inconclusive")!;
    return { verdict: "inconclusive", reason: `${open.stage} could not be judged: ${open.reason}` };
  }
  return {
    verdict: "pass",
    reason: `${matched} ${
      figures.maxPx === null ? "boxes" : "people"
    } matched on ${judgedImages} images, ${
      figures.maxPx === null ? "IoU" : `joints within ${format(figures.maxPx)} px, OKS`
    } at least ${(figures.minOks ?? 0).toFixed(5)}${
      stagesRun ? "" : "; the stages were not run, judged end to end only"
    }; ${of("end-to-end").reason}`,
  };
}

/** Distances per joint. */
function jointFigures(records: readonly ParityRecord[]): ParitySummary["joints"] {
  const byJoint: number[][] = [];
  for (const { matches } of records) {
    for (const { distancesPx } of matches) {
      for (const [joint, distance] of distancesPx.entries()) (byJoint[joint] ??= []).push(distance);
    }
  }
  return byJoint.map((values, joint) => {
    const sorted = ascending(values);
    return {
      name: jointName(joint, byJoint.length),
      p99Px: quantile(sorted, 0.99)!,
      maxPx: sorted.at(-1)!,
    };
  });
}
