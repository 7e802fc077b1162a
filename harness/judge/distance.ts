/**
 * How far an app's people are from those that a way of working gives: pure.
 *
 * @module
 */
import { matchDetections } from "../parity/match.ts";
import type { Detection } from "../record/records.ts";

/** How far two lists of people are apart. */
export interface PeopleDistance {
  /** Mean over pairs and people without a partner; 0 when all are equal. */
  cost: number;
  /** Of paired joints, image pixels: the median and the largest. */
  medianPx: number;
  largestPx: number;
  /** People on one side alone. */
  unmatched: number;
  pairs: number;
}

/** Cost of a person without a partner; distances in pixels count up to it. */
const ALONE = 100;

/**
 * Returns the distance of the lists. People of the expected list whose score lies within `border`
 * of the threshold may be missing.
 */
export function peopleDistance(
  expected: readonly Detection[],
  found: readonly Detection[],
  { threshold, border }: { threshold: number; border: number },
): PeopleDistance {
  const { matches, unmatchedReference, unmatchedCandidate } = matchDetections(expected, found);
  const distances: number[] = [];
  let cost = 0;
  for (const match of matches) {
    const [a, b] = [expected[match.referenceIndex], found[match.candidateIndex]];
    const sides = a.boxXyxyPx.map((side, i) => Math.abs(side - b.boxXyxyPx[i]));
    const joints = match.distancesPx;
    distances.push(...joints);
    const seen = a.keypoints.map(([, , c], joint) => Math.abs(c - (b.keypoints[joint]?.[2] ?? c)));
    cost += Math.min(
      ALONE,
      capped(mean(joints)) + capped(mean(sides)) + 100 * Math.min(1, Math.abs(match.scoreDiff)) +
        10 * Math.min(1, mean(seen)),
    );
  }
  const isBorder = ({ score }: Detection) => Math.abs(score - threshold) <= border;
  const alone = [
    ...unmatchedReference.map((index) => expected[index]),
    ...unmatchedCandidate.map((index) => found[index]),
  ].filter((detection) => !isBorder(detection)).length;
  const people = Math.max(1, matches.length + alone);
  distances.sort((a, b) => a - b);
  return {
    cost: (cost + ALONE * alone) / people,
    medianPx: distances[distances.length >> 1] ?? 0,
    largestPx: distances.at(-1) ?? 0,
    unmatched: alone,
    pairs: matches.length,
  };
}

function capped(px: number): number {
  return Number.isFinite(px) ? Math.min(px, ALONE / 2) : ALONE / 2;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
