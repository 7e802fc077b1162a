/**
 * Near ties: which candidates a selection may keep when scores, boxes and class values are known
 * within a tolerance only.
 *
 * A greedy selection is told apart from any other set of candidates by three rules: no two kept
 * ones of a class overlap by more than the limit; each candidate that goes has a kept one of its
 * class and of no smaller score that overlaps it by more than the limit; at most so many are kept,
 * the best ones. Each rule is judged for the values that the tolerance leaves possible. So what
 * follows from one near tie (another cell wins, and what only the loser suppressed stays) is
 * explained however far it goes, and what no rounding gives is not.
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import { type Candidates, classAt, rowAt, scoreAt } from "../head/candidates.ts";
import { byDescendingScore } from "../head/select.ts";
import { toDetection } from "../pose/detect.ts";
import type { Letterbox } from "../pose/letterbox.ts";
import {
  boxDifferencePx,
  type DetectionTolerance,
  largestDistancePx,
} from "./detection_difference.ts";
import { type Box, iouBounds } from "./iou_bounds.ts";

/** A class that a candidate may come out as, with its score. */
export interface TiedClass {
  classIndex: number;
  /** Of that class in the candidate's cell. */
  score: number;
}

/** All candidates that may have been there, and how far each may be from its reference. */
export interface PossibleCandidates {
  /** Down to a threshold that is lower by the tolerance of a score. */
  candidates: Candidates;
  toleranceOf: (candidateIndex: number) => DetectionTolerance;
  /** Classes that a candidate may come out as besides its own. */
  tiedClasses: (candidateIndex: number) => readonly TiedClass[];
}

/** By which rules candidates are selected. */
export interface SelectionLimits {
  geometry: Letterbox;
  scoreThreshold: number;
  /** IoU above which a candidate goes for a better one of its class; null where none goes. */
  overlapLimit: number | null;
  maxDetections: number;
}

/** What was found, explained by the candidates. */
export interface Explanation {
  /** For each detection that was found, the candidate that it is; -1 where it is none. */
  candidateOf: number[];
  /**
   * Candidates that must be among what was found, and are not; the best ones: what these would have
   * had go is not told.
   */
  missing: number[];
  /** Detections that can't both be there, since they overlap by more than the limit. */
  overlapping: [better: number, worse: number][];
}

/** Float32 moves an IoU and a score that a runner computes by no more. */
const ROUNDING = 1e-5;

/**
 * Returns which candidates the found detections are, and what of the selection no values within
 * tolerance explain.
 *
 * `expected` has for each found detection the candidate that it was paired with, or -1: it is that
 * one if it can be, and stands for it if it can be no other.
 */
export function explainSelection(
  found: readonly Detection[],
  possible: PossibleCandidates,
  expected: readonly number[],
  limits: SelectionLimits,
): Explanation {
  const choices = found.map((detection, at) =>
    candidatesOf(detection, possible, expected[at], limits.geometry)
  );
  const candidateOf = assignOneEach(choices);
  const kept = found.map(({ classIndex, score }, at): Kept => ({
    at,
    classIndex,
    score,
    choices: choices[at].length > 0 ? choices[at] : expected[at] >= 0 ? [expected[at]] : [],
  }));
  const bounds = boundsOfIou(possible, limits);
  return {
    candidateOf,
    missing: missingOf(kept, candidateOf, possible, bounds, limits),
    overlapping: overlappingOf(kept, bounds, limits),
  };
}

/** A detection that was found, or that should have been. */
interface Kept {
  at: number;
  classIndex: number;
  score: number;
  /**
   * Candidates that it may be: what lies outside of the image is clipped, so that several can look
   * the same.
   */
  choices: readonly number[];
}

type IouBoundsOf = (a: number, b: number) => { least: number; most: number };

function boundsOfIou(
  { candidates, toleranceOf }: PossibleCandidates,
  { geometry }: SelectionLimits,
): IouBoundsOf {
  const boxes = new Map<number, Box>();
  const boxOf = (index: number): Box => {
    const known = boxes.get(index);
    if (known !== undefined) return known;
    const [x1, y1, x2, y2] = rowAt(candidates, index);
    const box: Box = {
      sides: [x1, y1, x2, y2],
      offPx: toleranceOf(index).boxPx * geometry.scale,
    };
    boxes.set(index, box);
    return box;
  };
  return (a, b) => iouBounds(boxOf(a), boxOf(b));
}

function overlappingOf(
  kept: readonly Kept[],
  bounds: IouBoundsOf,
  { overlapLimit }: SelectionLimits,
): Explanation["overlapping"] {
  if (overlapLimit === null) return [];
  const overlap = (a: Kept, b: Kept) =>
    a.choices.length > 0 && b.choices.length > 0 &&
    a.choices.every((one) =>
      b.choices.every((other) =>
        one !== other && bounds(one, other).least > overlapLimit + ROUNDING
      )
    );
  return kept.flatMap((better, rank) =>
    kept.slice(rank + 1)
      .filter((worse) => worse.classIndex === better.classIndex && overlap(better, worse))
      .map((worse): [number, number] => [better.at, worse.at])
  );
}

function missingOf(
  kept: readonly Kept[],
  candidateOf: readonly number[],
  possible: PossibleCandidates,
  bounds: IouBoundsOf,
  { scoreThreshold, overlapLimit, maxDetections }: SelectionLimits,
): number[] {
  const isFull = kept.length >= maxDetections;
  const floor = Math.max(
    scoreThreshold,
    isFull ? Math.min(...kept.map(({ score }) => score)) : 0,
  );
  const present = new Set(
    kept.flatMap(({ at, choices }) => candidateOf[at] < 0 ? choices : candidateOf[at]),
  );
  const missing: number[] = [];
  const winners = [...kept];
  for (const index of byDescendingScore(possible.candidates)) {
    if (present.has(index)) continue;
    const tolerance = possible.toleranceOf(index).score + ROUNDING;
    const suppresses = (winner: Kept) =>
      overlapLimit !== null &&
      winner.choices.some((choice) =>
        choice === index || bounds(choice, index).most > overlapLimit - ROUNDING
      );
    const mayGo = classesOf(possible, index).some(({ classIndex, score }) =>
      score - tolerance <= floor ||
      winners.some((winner) =>
        winner.classIndex === classIndex && winner.score >= score - tolerance &&
        suppresses(winner)
      )
    );
    if (mayGo) continue;
    missing.push(index);
    winners.push({
      at: -1,
      classIndex: classAt(possible.candidates, index),
      score: scoreAt(possible.candidates, index),
      choices: [index],
    });
  }
  return missing;
}

function classesOf({ candidates, tiedClasses }: PossibleCandidates, index: number): TiedClass[] {
  const own = { classIndex: classAt(candidates, index), score: scoreAt(candidates, index) };
  return [own, ...tiedClasses(index)];
}

/**
 * Returns the candidates that the detection is within tolerance of: the one that was expected
 * first, then the nearest.
 */
function candidatesOf(
  detection: Detection,
  possible: PossibleCandidates,
  expected: number,
  geometry: Letterbox,
): number[] {
  /** Share of the tolerance that the difference takes; above 1, or NaN, where it is beyond. */
  const shareOf = (index: number): number => {
    const tolerance = possible.toleranceOf(index);
    const isOfClass = classesOf(possible, index).some(({ classIndex, score }) =>
      classIndex === detection.classIndex && Math.abs(score - detection.score) <= tolerance.score
    );
    if (!isOfClass) return Infinity;
    const own = toDetection(possible.candidates, index, geometry);
    const boxShare = boxDifferencePx(own, detection) / tolerance.boxPx;
    if (!(boxShare <= 1) || own.keypoints.length === 0) return boxShare;
    return Math.max(boxShare, largestDistancePx(own, detection) / tolerance.keypointPx);
  };
  const near: [index: number, share: number][] = [];
  for (let index = 0; index < possible.candidates.count; index++) {
    const share = shareOf(index);
    if (share <= 1) near.push([index, index === expected ? -1 : share]);
  }
  return near.sort((a, b) => a[1] - b[1]).map(([index]) => index);
}

/**
 * Returns for each list of choices one of its own, or -1: as many as can have one get one (Kuhn's
 * augmenting paths), the first choice where nobody else needs it.
 */
function assignOneEach(choices: readonly (readonly number[])[]): number[] {
  const assigned = choices.map(() => -1);
  const takenBy = new Map<number, number>();
  const assign = (at: number, tried: Set<number>): boolean => {
    for (const index of choices[at]) {
      if (tried.has(index)) continue;
      tried.add(index);
      const other = takenBy.get(index);
      if (other !== undefined && !assign(other, tried)) continue;
      takenBy.set(index, at);
      assigned[at] = index;
      return true;
    }
    return false;
  };
  for (const at of choices.keys()) assign(at, new Set());
  return assigned;
}
