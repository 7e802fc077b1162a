/**
 * What lies behind a variant's verdict: errors per size of person, visibility flips, shifts of the
 * score.
 *
 * @module
 */
import type { ParityRecord } from "../record/records.ts";
import { personAreaPx2 } from "./match.ts";

/** COCO's sizes of a person by area: under 32², to 96², beyond. */
export type PersonSize = "small" | "medium" | "large";

/** Errors of the people of one size. */
export interface SizeErrors {
  size: PersonSize;
  people: number;
  /** Image pixels. */
  meanPx: number;
  maxPx: number;
  minOks: number;
}

/** Figures beyond the verdict. */
export interface ParityDetails {
  /** Sizes that occur, from small to large. */
  sizes: SizeErrors[];
  /** Joints whose visibility crosses 0.5 in one of the two only. */
  visibilityFlips: number;
  joints: number;
  /** Candidate minus reference; null when nothing was matched. */
  scoreShift: { mean: number; maxAbs: number } | null;
  /** Detections that the reference alone has, and the candidate alone. */
  vanished: number;
  appeared: number;
}

/** The largest value, NaN when one is; unlike a call with all of them, for any number of values. */
function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

/**
 * Returns errors per size of person, visibility flips, score shifts and what appeared or vanished.
 */
export function parityDetails(records: readonly ParityRecord[]): ParityDetails {
  const pairs = records.flatMap((record) =>
    record.matches.map((match) => ({ match, person: record.reference[match.referenceIndex] }))
  );
  const sizeOf = (areaPx2: number): PersonSize =>
    areaPx2 < 32 ** 2 ? "small" : areaPx2 < 96 ** 2 ? "medium" : "large";
  const sizes = (["small", "medium", "large"] as const).flatMap((size) => {
    const members = pairs.filter(({ person }) => sizeOf(personAreaPx2(person)) === size);
    const distances = members.flatMap(({ match }) => match.distancesPx);
    // boxes without joints have no errors of joints
    if (distances.length === 0) return [];
    return [{
      size,
      people: members.length,
      meanPx: distances.reduce((sum, distance) => sum + distance, 0) / distances.length,
      maxPx: largest(distances),
      minOks: -largest(members.map(({ match }) => -match.oks)),
    }];
  });
  const shifts = pairs.map(({ match }) => match.scoreDiff);
  return {
    sizes,
    visibilityFlips: pairs.reduce((sum, { match }) => sum + match.visibilityFlips, 0),
    joints: pairs.reduce((sum, { match }) => sum + match.distancesPx.length, 0),
    scoreShift: shifts.length === 0 ? null : {
      mean: shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length,
      maxAbs: largest(shifts.map(Math.abs)),
    },
    vanished: records.reduce((sum, record) => sum + record.unmatchedReference.length, 0),
    appeared: records.reduce((sum, record) => sum + record.unmatchedCandidate.length, 0),
  };
}
