/**
 * End to end: the runner's detections in the image against those expected, with every difference
 * explained or counted.
 *
 * @module
 */
import type { Detection, Match } from "../record/records.ts";
import { type Candidates, classAt } from "../head/candidates.ts";
import { type Detected, toDetection } from "../pose/detect.ts";
import { boxDifferencePx, type DetectionTolerance, isWithin } from "./detection_difference.ts";
import { describePair, matchDetections } from "./match.ts";
import { explainSelection, type PossibleCandidates, type SelectionLimits } from "./near_ties.ts";

/** What the comparison needs besides the two lists. */
export interface ComparisonOptions extends SelectionLimits {
  /** Tolerance of the expected candidate with that index. */
  toleranceOf: (candidateIndex: number) => DetectionTolerance;
  /** Returns all candidates that may have been there; asked where the lists differ. */
  possible: () => PossibleCandidates;
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
  /** Pairs of one cell and class, and those that are beyond their tolerance. */
  matches: Match[];
  unmatchedReference: number[];
  unmatchedCandidate: number[];
  /** Unmatched ones, of both lists, that the tolerance explains. */
  explainedUnmatched: number;
  /** Differences of the lists that it does not, in words. */
  unexplained: string[];
  excesses: Excess[];
  /**
   * Found detections whose class is another one than expected, because the two scored alike in
   * their cell.
   */
  otherClasses: number;
  /** Largest tolerance of a joint (without joints, of a box side) among the pairs, image pixels. */
  tolerancePx: number;
}

/**
 * Returns how the found detections differ from the expected ones, and which differences rounding
 * explains: a found detection is explained by a candidate that it is within tolerance of, and the
 * choice among candidates by the near ties of their scores, overlaps and classes, see
 * {@linkcode explainSelection}.
 *
 * Where another cell of a person was chosen, there is no pair: the expected and the found one are
 * both unmatched, and explained.
 */
export function compareDetections(
  expected: Detected,
  found: readonly Detection[],
  options: ComparisonOptions,
): Comparison {
  const matching = matchDetections(expected.detections, found);
  const toleranceOf = ({ referenceIndex }: Match) =>
    options.toleranceOf(expected.kept[referenceIndex]);
  const isEqual = (pair: Match) =>
    isWithin(
      expected.detections[pair.referenceIndex],
      found[pair.candidateIndex],
      toleranceOf(pair),
    );
  const { matches, unmatchedReference, unmatchedCandidate } = matching;
  const isSame = unmatchedReference.length + unmatchedCandidate.length === 0 &&
    matches.every(isEqual);
  const explained = isSame
    ? { ...matching, explainedUnmatched: 0, unexplained: [], otherClasses: 0 }
    : explainDifferences(expected, found, matches, options);
  const hasJoints = expected.candidates.keypointCount > 0;
  return {
    ...explained,
    tolerancePx: explained.matches.map(toleranceOf).reduce(
      (largest, { keypointPx, boxPx }) => Math.max(largest, hasJoints ? keypointPx : boxPx),
      0,
    ),
    excesses: explained.matches.filter((pair) => !isEqual(pair)).map((match) =>
      describeExcess(
        match,
        expected.detections[match.referenceIndex],
        found[match.candidateIndex],
        toleranceOf(match),
      )
    ),
  };
}

/** Takes apart the pairs of two cells, and tells the differences that nothing explains. */
function explainDifferences(
  expected: Detected,
  found: readonly Detection[],
  pairs: readonly Match[],
  options: ComparisonOptions,
): Omit<Comparison, "tolerancePx" | "excesses"> {
  const possible = options.possible();
  const { candidates } = possible;
  const indexOf = new Map(
    Array.from({ length: candidates.count }, (_, index) => [cellKey(candidates, index), index]),
  );
  const possibleOf = Array.from(
    expected.kept,
    (index) => indexOf.get(cellKey(expected.candidates, index)) ?? -1,
  );
  const pairOf = new Map(pairs.map((pair) => [pair.candidateIndex, pair]));
  const expectedOf = found.map((_, at) => {
    const pair = pairOf.get(at);
    return pair === undefined ? -1 : possibleOf[pair.referenceIndex];
  });
  const { candidateOf, missing, overlapping } = explainSelection(
    found,
    possible,
    expectedOf,
    options,
  );
  const rankOf = new Map(possibleOf.map((index, rank) => [index, rank]));
  const taken = new Set(candidateOf.map((index) => rankOf.get(index)));
  const matches = found.flatMap((detection, at): Match[] => {
    const index = candidateOf[at];
    const rank = rankOf.get(index);
    if (rank !== undefined && classAt(candidates, index) === detection.classIndex) {
      return [describePair(expected.detections[rank], detection, rank, at)];
    }
    // what is no candidate stays with its partner, so that the error is told in pixels
    const pair = pairOf.get(at);
    return index < 0 && pair !== undefined && !taken.has(pair.referenceIndex) ? [pair] : [];
  });
  const unmatchedReference = unpaired(expected.kept.length, matches, "referenceIndex");
  const unmatchedCandidate = unpaired(found.length, matches, "candidateIndex");
  const missed = new Set(missing);
  const betterOf = new Map(overlapping.map(([better, worse]) => [worse, better]));
  const isUnfounded = (at: number) => candidateOf[at] < 0;
  return {
    matches,
    unmatchedReference,
    unmatchedCandidate,
    explainedUnmatched:
      unmatchedReference.filter((index) => !missed.has(possibleOf[index])).length +
      unmatchedCandidate.filter((at) => !isUnfounded(at) && !betterOf.has(at)).length,
    unexplained: [
      ...missing.map((index) =>
        `expected but not found (${describe(toDetection(candidates, index, options.geometry))})`
      ),
      ...unmatchedCandidate.filter(isUnfounded).map((at) =>
        `found but not expected (${describe(found[at])})`
      ),
      ...betterOf.entries().map(([worse, better]) =>
        `found though a better one overlaps it (${describe(found[worse])}; better: ${
          describe(found[better])
        })`
      ),
    ],
    otherClasses:
      found.filter(({ classIndex }, at) =>
        !isUnfounded(at) && classAt(candidates, candidateOf[at]) !== classIndex
      ).length,
  };
}

function unpaired(
  count: number,
  matches: readonly Match[],
  side: "referenceIndex" | "candidateIndex",
): number[] {
  const paired = new Set(matches.map((match) => match[side]));
  return Array.from({ length: count }, (_, index) => index).filter((index) => !paired.has(index));
}

/** What tells candidates of one head apart whatever the threshold. */
function cellKey(candidates: Candidates, index: number): string {
  return `${candidates.cells[index]} ${classAt(candidates, index)}`;
}

function describe({ score, boxXyxyPx }: Detection): string {
  return `score ${score.toFixed(3)}, box ${boxXyxyPx.map((side) => side.toFixed(0)).join(" ")}`;
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
