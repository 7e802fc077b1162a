/**
 * The preprocess stage: letterboxed tensors against each other.
 *
 * @module
 */
import type { StageParity } from "../record/records.ts";
import type { InputSize } from "../head/head_spec.ts";
import { missing, wrongLength } from "./stage_verdict.ts";
import { tensorHint } from "./tensor_hints.ts";

/**
 * Returns the judgement of the letterboxed tensor: the arithmetic is defined bit for bit, so levels
 * must be equal.
 */
export function judgePreprocess(
  expected: Float32Array,
  found: Float32Array | null,
  input: InputSize,
): StageParity {
  const unit = "level/255";
  if (found === null) return missing("preprocess", unit, "letterboxed tensor");
  if (found.length !== expected.length) {
    return {
      stage: "preprocess",
      unit,
      ...wrongLength(found.length, expected.length, "the letterboxed tensor"),
    };
  }
  const tolerance = 1e-3;
  let maxAbsDiff = 0;
  let differing = 0;
  let firstAt = -1;
  let notFinite = 0;
  for (let at = 0; at < expected.length; at++) {
    const difference = Math.abs(found[at] - expected[at]) * 255;
    if (!Number.isFinite(difference)) notFinite++;
    else if (difference > maxAbsDiff) maxAbsDiff = difference;
    if (!(difference <= tolerance)) {
      differing++;
      if (firstAt < 0) firstAt = at;
    }
  }
  const base = `the letterbox is defined bit for bit (tolerance: rounding of level/255)`;
  if (differing === 0) {
    return { stage: "preprocess", verdict: "pass", maxAbsDiff, tolerance, unit, reason: base };
  }
  const plane = input.widthPx * input.heightPx;
  const [channel, rest] = [Math.floor(firstAt / plane), firstAt % plane];
  const place = `${"RGB"[channel]} at x ${rest % input.widthPx}, y ${
    Math.floor(rest / input.widthPx)
  }`;
  return {
    stage: "preprocess",
    verdict: "fail",
    maxAbsDiff,
    tolerance,
    unit,
    reason: `${
      tensorHint(expected, found, input)
    }: ${differing} of ${expected.length} values differ${
      notFinite > 0 ? `, ${notFinite} are not finite` : ""
    }, first ${place}: found level ${(found[firstAt] * 255).toFixed(1)}, expected ${
      (expected[firstAt] * 255).toFixed(1)
    }; ${base}`,
  };
}
