/**
 * End to end: the runner's detections in the image against those expected, with every difference
 * explained or counted.
 *
 * @module
 */
import type { Detection, Match } from "../record/records.ts";
import { classAt, scoreAt } from "../head/candidates.ts";
import { type Detected, toDetection } from "../pose/detect.ts";
import type { Letterbox } from "../pose/letterbox.ts";
import { iou } from "../head/select.ts";
import { resolveTies, type TiedClass } from "./class_ties.ts";
import {
  boxDifferencePx,
  type DetectionTolerance,
  iouTolerance,
  isWithin,
} from "./detection_difference.ts";
import { matchDetections } from "./match.ts";

/** What the comparison needs besides the two lists. */
export interface ComparisonOptions {
  geometry: Letterbox;
  scoreThreshold: number;
  /** IoU above which a candidate goes for a better one of its class; null where none goes. */
  overlapLimit: number | null;
  maxDetections: number;
  /** Tolerance of the expected candidate with that index. */
  toleranceOf: (candidateIndex: number) => DetectionTolerance;
  /**
   * Other classes that the expected candidate with that index may come out as; none when left out.
   */
  tiedClasses?: (candidateIndex: number) => readonly TiedClass[];
}

/** A matched pair beyond its tolerance. */
export interface Excess {
  match: Match;
  /** What is beyond, and what is allowed. */
  text: string;
  /** Largest joint or box difference in image pixels. */
  px: number;
}

/** Outcome of {@linkcode compareDetections}. */
export interface Comparison {
  matches: Match[];
  unmatchedReference: number[];
  unmatchedCandidate: number[];
  /** Unmatched ones, of both lists, that the tolerance explains. */
  explainedUnmatched: number;
  /** Unmatched ones that it does not, in words. */
  unexplained: string[];
  excesses: Excess[];
  /** Pairs that differ because two candidates scored alike and the other one won. */
  otherWinners: number;
  /**
   * Expected detections whose class is another one in what was found, because the two scored alike
   * in their cell.
   */
  otherClasses: number;
  /** Largest tolerance of a joint (without joints, of a box side) among the pairs, image pixels. */
  tolerancePx: number;
}

/**
 * Returns how the found detections differ from the expected ones, and which differences rounding
 * explains: a score near the threshold (or near the lowest kept one, where the largest number is
 * reached), an overlap near the NMS threshold, two candidates of one person that score alike, so
 * that the other one wins, and two classes that score alike in a cell, so that the other one is
 * told.
 *
 * Pairs are of one class: where the class differs, both are unmatched, and explained.
 */
export function compareDetections(
  expected: Detected,
  found: readonly Detection[],
  options: ComparisonOptions,
): Comparison {
  const plain = compareByClass(expected, found, options);
  const { tiedClasses } = options;
  if (tiedClasses === undefined || faultCount(plain) === 0) return plain;
  const resolved = resolveTies(expected, found, { ...options, tiedClasses });
  const comparison = compareByClass(resolved, found, options);
  return faultCount(comparison) < faultCount(plain)
    ? inTermsOf(expected, resolved, found.length, comparison)
    : plain;
}

function faultCount({ unexplained, excesses }: Comparison): number {
  return unexplained.length + excesses.length;
}

/**
 * The comparison with the resolved detections, told by the indices of the expected ones; pairs of
 * two classes become unmatched ones.
 */
function inTermsOf(
  expected: Detected,
  resolved: Detected,
  foundCount: number,
  comparison: Comparison,
): Comparison {
  const ranks = new Map(Array.from(expected.kept, (index, rank) => [index, rank]));
  const classOf = ({ candidates }: Detected, index: number) => classAt(candidates, index);
  const otherClasses =
    expected.kept.filter((index) => classOf(expected, index) !== classOf(resolved, index)).length;
  const translated = (match: Match): Match | null => {
    const index = resolved.kept[match.referenceIndex];
    const rank = ranks.get(index);
    return rank === undefined || classOf(expected, index) !== classOf(resolved, index)
      ? null
      : { ...match, referenceIndex: rank };
  };
  const matches = comparison.matches.map(translated).filter((match) => match !== null);
  const paired = {
    reference: new Set(matches.map(({ referenceIndex }) => referenceIndex)),
    candidate: new Set(matches.map(({ candidateIndex }) => candidateIndex)),
  };
  const rest = (count: number, taken: ReadonlySet<number>) =>
    Array.from({ length: count }, (_, index) => index).filter((index) => !taken.has(index));
  const unmatchedReference = rest(expected.kept.length, paired.reference);
  const unmatchedCandidate = rest(foundCount, paired.candidate);
  return {
    ...comparison,
    matches,
    unmatchedReference,
    unmatchedCandidate,
    explainedUnmatched: Math.max(
      0,
      unmatchedReference.length + unmatchedCandidate.length - comparison.unexplained.length,
    ),
    excesses: comparison.excesses.map((excess) => ({
      ...excess,
      match: translated(excess.match) ?? excess.match,
    })),
    otherClasses,
  };
}

/** Compares within each class. */
function compareByClass(
  expected: Detected,
  found: readonly Detection[],
  options: ComparisonOptions,
): Comparison {
  const { geometry, toleranceOf } = options;
  const limit = options.overlapLimit ?? Infinity;
  const matching = matchDetections(expected.detections, found);
  const all = Array.from(
    { length: expected.candidates.count },
    (_, index) => toDetection(expected.candidates, index, geometry),
  );
  const excesses: Excess[] = [];
  let otherWinners = 0;
  let tolerancePx = 0;
  for (const match of matching.matches) {
    const reference = expected.detections[match.referenceIndex];
    const candidate = found[match.candidateIndex];
    const tolerance = toleranceOf(expected.kept[match.referenceIndex]);
    tolerancePx = Math.max(
      tolerancePx,
      reference.keypoints.length > 0 ? tolerance.keypointPx : tolerance.boxPx,
    );
    if (isWithin(reference, candidate, tolerance)) continue;
    const isOtherWinner = all.some((other, index) => {
      const allowed = toleranceOf(index);
      return other.classIndex === reference.classIndex &&
        other.score >= reference.score - tolerance.score - allowed.score &&
        isWithin(other, candidate, allowed) &&
        iou(other.boxXyxyPx, reference.boxXyxyPx) >
          limit - iouTolerance(reference, tolerance.boxPx);
    });
    if (isOtherWinner) {
      otherWinners++;
      continue;
    }
    excesses.push(describeExcess(match, reference, candidate, tolerance));
  }
  const unexplained: string[] = [];
  let explainedUnmatched = 0;
  const judge = (detection: Detection, isExplained: boolean, what: string) => {
    if (isExplained) explainedUnmatched++;
    else {
      unexplained.push(
        `${what} (score ${detection.score.toFixed(3)}, box ${
          detection.boxXyxyPx.map((side) => side.toFixed(0)).join(" ")
        })`,
      );
    }
  };
  const loosest = all.map((_, index) => toleranceOf(index)).reduce((a, b) => ({
    keypointPx: Math.max(a.keypointPx, b.keypointPx),
    boxPx: Math.max(a.boxPx, b.boxPx),
    score: Math.max(a.score, b.score),
  }), toleranceOf(-1));
  const floorOf = (count: number, lowest: number) =>
    count >= options.maxDetections ? lowest : options.scoreThreshold;
  const expectedFloor = floorOf(
    expected.kept.length,
    expected.kept.length === 0 ? 0 : scoreAt(expected.candidates, expected.kept.at(-1)!),
  );
  const foundFloor = floorOf(found.length, found.at(-1)?.score ?? 0);
  /** True when another box of the list overlaps about as much as NMS allows. */
  const isNmsBorder = (detection: Detection, others: readonly Detection[]) =>
    others.some((other) =>
      other !== detection && other.classIndex === detection.classIndex &&
      iou(other.boxXyxyPx, detection.boxXyxyPx) >
        limit - iouTolerance(detection, 2 * loosest.boxPx)
    );
  for (const index of matching.unmatchedReference) {
    const detection = expected.detections[index];
    judge(
      detection,
      detection.score <= foundFloor + loosest.score || isNmsBorder(detection, expected.detections),
      "expected but not found",
    );
  }
  for (const index of matching.unmatchedCandidate) {
    const detection = found[index];
    judge(
      detection,
      detection.score <= expectedFloor + loosest.score || isNmsBorder(detection, found),
      "found but not expected",
    );
  }
  return {
    ...matching,
    explainedUnmatched,
    unexplained,
    excesses,
    otherWinners,
    otherClasses: 0,
    tolerancePx,
  };
}

function describeExcess(
  match: Match,
  reference: Detection,
  candidate: Detection,
  tolerance: DetectionTolerance,
): Excess {
  const joint = match.distancesPx.reduce(
    (worst, distance, index) =>
      Number.isNaN(distance) || distance > match.distancesPx[worst] ? index : worst,
    0,
  );
  const distance = match.distancesPx[joint] ?? 0;
  const side = boxDifferencePx(reference, candidate);
  const texts: string[] = [];
  if (!(distance <= tolerance.keypointPx)) {
    texts.push(
      `joint ${joint} is ${distance.toFixed(3)} px off (${
        tolerance.keypointPx.toFixed(3)
      } allowed)`,
    );
  }
  if (!(side <= tolerance.boxPx)) {
    texts.push(`box is ${side.toFixed(3)} px off (${tolerance.boxPx.toFixed(3)} allowed)`);
  }
  if (!(Math.abs(match.scoreDiff) <= tolerance.score)) {
    texts.push(
      `score differs by ${match.scoreDiff.toFixed(5)} (${tolerance.score.toFixed(5)} allowed)`,
    );
  }
  return { match, text: texts.join(", "), px: Math.max(distance, side) };
}
