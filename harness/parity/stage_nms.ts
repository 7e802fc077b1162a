/**
 * The selection stage, by name `nms`: decisions on the identical candidates.
 *
 * @module
 */
import type { StageParity } from "../record/records.ts";
import { type Candidates, classAt, scoreAt } from "../head/candidates.ts";
import {
  byDescendingScore,
  candidateIou,
  overlapLimit,
  selectionRule,
  type SelectOptions,
  type SelectSpec,
} from "../head/select.ts";
import { format, missing } from "./stage_verdict.ts";

/** IoUs this near to the threshold may fall on either side in float32. */
const IOU_BORDER = 1e-5;

/**
 * Returns the judgement of which of the reference's candidates the runner keeps, and in which
 * order.
 *
 * Every decision is checked on its own, following the runner's: a candidate must go when a kept one
 * of its class overlaps it by more than the threshold, must stay when none does, and may do either
 * when the IoU lies within float32 rounding of the threshold. Where the head takes the best k, none
 * goes before there are so many.
 */
export function judgeSelection(
  spec: SelectSpec,
  candidates: Candidates,
  options: SelectOptions,
  found: Int32Array | null,
): StageParity {
  const stage = "nms";
  const unit = "boxes";
  if (found === null) return missing(stage, unit, "list of kept candidates");
  if (candidates.count === 0) {
    return {
      stage,
      unit,
      verdict: found.length === 0 ? "inconclusive" : "fail",
      maxAbsDiff: found.length,
      tolerance: 0,
      reason: found.length === 0
        ? "no candidate: nothing to suppress proves nothing"
        : `the runner keeps ${found.length} of no candidates`,
    };
  }
  const limit = overlapLimit(spec, options) ?? Infinity;
  const wrong: string[] = [];
  let border = 0;
  const kept: number[] = [];
  const keptByRunner = new Set(found);
  for (const index of byDescendingScore(candidates)) {
    if (kept.length >= options.maxDetections) break;
    let largest = 0;
    let by = -1;
    for (const winner of kept) {
      if (classAt(candidates, winner) !== classAt(candidates, index)) continue;
      const overlap = candidateIou(candidates, winner, index);
      if (overlap > largest) {
        largest = overlap;
        by = winner;
      }
    }
    const keeps = keptByRunner.has(index);
    const isBorder = Math.abs(largest - limit) <= IOU_BORDER;
    if (isBorder) border++;
    else if (keeps !== largest <= limit) {
      wrong.push(
        keeps
          ? `candidate ${index} stays although it overlaps the kept ${by} with IoU ${
            format(largest)
          }`
          : `candidate ${index} (score ${
            format(scoreAt(candidates, index))
          }) is missing although its largest IoU with a kept one is ${format(largest)}`,
      );
    }
    if (keeps) kept.push(index);
  }
  const inOrder = found.length === kept.length &&
    kept.every((index, rank) => found[rank] === index);
  if (!inOrder && wrong.length === 0) {
    const rank = kept.findIndex((index, each) => found[each] !== index);
    wrong.push(
      found.length > kept.length
        ? `${found.length} candidates stay, expected at most ${kept.length}`
        : `rank ${rank} is candidate ${found[rank] ?? "none"}, expected ${
          kept[rank]
        } by descending score`,
    );
  }
  const rule = `${selectionRule(spec.headCode.select, options)}${
    border > 0 ? `; ${border} decisions within rounding of the threshold` : ""
  }`;
  return {
    stage,
    unit,
    verdict: wrong.length === 0 ? "pass" : "fail",
    maxAbsDiff: wrong.length,
    tolerance: 0,
    reason: wrong.length === 0
      ? `${kept.length} of ${candidates.count} candidates stay; ${rule}`
      : `${nmsHint(candidates, found, wrong.length)}${wrong.length} wrong decision${
        wrong.length > 1 ? "s" : ""
      }, first: ${wrong[0]}; ${rule}`,
  };
}

/**
 * Returns what a wrong list looks like, as a clause with a colon; empty when it looks like nothing
 * known.
 */
function nmsHint(
  candidates: Candidates,
  found: Int32Array,
  wrongCount: number,
): string {
  if (new Set(found).size < found.length) return "a candidate is there twice: ";
  if (found.length === candidates.count) return "nothing is suppressed: ";
  if (found.length === 1 && wrongCount > 1) return "one is kept (the largest number?): ";
  const scores = Array.from(found, (index) => scoreAt(candidates, index));
  if (scores.length > 1 && scores.every((score, rank) => rank === 0 || scores[rank - 1] <= score)) {
    return "the lowest score comes first: ";
  }
  if (scores.some((score, rank) => rank > 0 && scores[rank - 1] < score)) {
    return "not in order of descending score: ";
  }
  return "";
}
