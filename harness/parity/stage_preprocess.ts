/**
 * The preprocess stage: letterboxed tensors against each other.
 *
 * @module
 */
import type { StageParity } from "../records.ts";
import type { InputSize } from "../pose/head.ts";
import { PAD_LEVEL } from "../pose/letterbox.ts";
import { missing, wrongLength } from "./stage_verdict.ts";

/** Returns the judgement of the letterboxed tensor: the arithmetic is defined bit for bit, so levels must be equal. */
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
    reason: `${differing} of ${expected.length} values differ${
      notFinite > 0 ? `, ${notFinite} are not finite` : ""
    }, first ${place}: found level ${(found[firstAt] * 255).toFixed(1)}, expected ${
      (expected[firstAt] * 255).toFixed(1)
    }; ${tensorHint(expected, found, plane)}${base}`,
  };
}

/** Returns what the difference of two tensors looks like, as a half-sentence; empty when it looks like nothing known. */
function tensorHint(expected: Float32Array, found: Float32Array, plane: number): string {
  const sample = (test: (at: number) => boolean) => {
    let agree = 0;
    let count = 0;
    for (let at = 0; at < plane; at += 7, count++) if (test(at)) agree++;
    return agree / count;
  };
  const near = (a: number, b: number) => Math.abs(a - b) * 255 < 0.5;
  const swapped = sample((at) =>
    near(found[at], expected[at + 2 * plane]) && near(found[at + 2 * plane], expected[at])
  );
  if (swapped > 0.99) return "red and blue are swapped; ";
  if (sample((at) => near(found[at] / 255, expected[at])) > 0.99) {
    return "values are levels, not divided by 255; ";
  }
  const padding = PAD_LEVEL / 255;
  const isPadding = (at: number) =>
    [0, plane, 2 * plane].every((offset) => near(expected[at + offset], padding));
  const inside = sample((at) => isPadding(at) || near(found[at], expected[at]));
  if (inside > 0.99) return "only the padding differs: its value is not 114; ";
  return "is it the size, the place or the resize of the image (truncated instead of rounded)? ";
}
