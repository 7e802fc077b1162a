/**
 * End to end: the runner's detections in the image against those expected, with every difference explained or counted.
 *
 * @module
 */
import type { Detection, Match } from "../records.ts";
import { scoreAt } from "../pose/candidates.ts";
import { type Detected, toDetection } from "../pose/detect.ts";
import type { Letterbox } from "../pose/letterbox.ts";
import { iou } from "../pose/nms.ts";
import { jointDistancesPx, matchDetections } from "./match.ts";

/** By how much one detection may differ. */
export interface DetectionTolerance {
  /** Per joint, image pixels. */
  keypointPx: number;
  /** Per side of the box, image pixels. */
  boxPx: number;
  score: number;
}

/** What the comparison needs besides the two lists. */
export interface ComparisonOptions {
  geometry: Letterbox;
  scoreThreshold: number;
  nmsIou: number;
  maxDetections: number;
  /** Tolerance of the expected candidate with that index. */
  toleranceOf: (candidateIndex: number) => DetectionTolerance;
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
  /** Largest tolerance of a joint among the pairs, image pixels. */
  tolerancePx: number;
}

/** Largest difference of the boxes' sides. */
function boxDifferencePx(a: Detection, b: Detection): number {
  return Math.max(...a.boxXyxyPx.map((side, index) => Math.abs(side - b.boxXyxyPx[index])));
}

/** Largest distance of a joint; NaN when one is. */
function largestDistancePx(a: Detection, b: Detection): number {
  return jointDistancesPx(a, b).reduce((x, y) => Number.isNaN(y) || y > x ? y : x, 0);
}

/** True when the candidate equals the reference within the tolerance; false for NaN. */
function isWithin(a: Detection, b: Detection, tolerance: DetectionTolerance): boolean {
  return largestDistancePx(a, b) <= tolerance.keypointPx &&
    boxDifferencePx(a, b) <= tolerance.boxPx &&
    Math.abs(a.score - b.score) <= tolerance.score;
}

/** Largest change of an IoU by moving each side of the first box by that much. */
function iouTolerance({ boxXyxyPx: [x1, y1, x2, y2] }: Detection, boxPx: number): number {
  const [width, height] = [Math.max(1, x2 - x1), Math.max(1, y2 - y1)];
  return 4 * boxPx * (width + height) / (width * height);
}

/**
 * Returns how the found detections differ from the expected ones, and which differences rounding explains:
 * a score near the threshold (or near the lowest kept one, where the largest number is reached), an overlap near the NMS threshold, and two
 * candidates of one person that score alike, so that the other one wins.
 */
export function compareDetections(
  expected: Detected,
  found: readonly Detection[],
  options: ComparisonOptions,
): Comparison {
  const { geometry, nmsIou, toleranceOf } = options;
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
    tolerancePx = Math.max(tolerancePx, tolerance.keypointPx);
    if (isWithin(reference, candidate, tolerance)) continue;
    const isOtherWinner = all.some((other, index) => {
      const allowed = toleranceOf(index);
      return other.classIndex === reference.classIndex &&
        other.score >= reference.score - tolerance.score - allowed.score &&
        isWithin(other, candidate, allowed) &&
        iou(other.boxXyxyPx, reference.boxXyxyPx) >
          nmsIou - iouTolerance(reference, tolerance.boxPx);
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
  const loosest = all.length === 0
    ? toleranceOf(-1)
    : all.map((_, index) => toleranceOf(index)).reduce((a, b) => ({
      keypointPx: Math.max(a.keypointPx, b.keypointPx),
      boxPx: Math.max(a.boxPx, b.boxPx),
      score: Math.max(a.score, b.score),
    }));
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
        nmsIou - iouTolerance(detection, 2 * loosest.boxPx)
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
  return { ...matching, explainedUnmatched, unexplained, excesses, otherWinners, tolerancePx };
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
