/**
 * The decode stage: candidates of the identical blobs.
 *
 * @module
 */
import type { StageParity } from "../record/records.ts";
import { rowAt, rowLength, scoreAt } from "../head/candidates.ts";
import { decode, type DecodeOptions } from "../head/decode.ts";
import type { HeadSpec, InputSize } from "../head/head_spec.ts";
import { rowHint } from "./row_hints.ts";
import { format, missing } from "./stage_verdict.ts";

/** Unit roundoff of float32. */
const U32 = 2 ** -24;
/**
 * Roundings of float32 on the way from a logit to a pixel (softmax over 16 bins, sums, products),
 * generously.
 */
const DECODE_ROUNDINGS = 32;
/** Scores this near to the threshold may fall on either side in float32. */
const SCORE_BORDER = 1e-5;

/** Returns the tolerance in letterbox pixels of decoding in float32, at a value. */
export function decodeTolerancePx(input: InputSize, valuePx = 0): number {
  return DECODE_ROUNDINGS * U32 * Math.max(input.widthPx, input.heightPx, Math.abs(valuePx));
}

/** Difference of two rows in pixels and in scores, with the largest excess over the tolerance. */
function compareRows(expected: Float32Array, found: Float32Array, input: InputSize) {
  let maxPx = 0;
  let excess = 0;
  let worst = 0;
  for (let at = 0; at < expected.length; at++) {
    const isScore = at === 4 || (at >= 6 && at % 3 === 2);
    const difference = Math.abs(expected[at] - found[at]);
    const allowed = isScore ? DECODE_ROUNDINGS * U32 : decodeTolerancePx(input, expected[at]);
    const over = at === 5 ? (difference === 0 ? 0 : Infinity) : difference / allowed;
    if (!isScore && at !== 5 && difference > maxPx) maxPx = difference;
    if (!(over <= excess)) {
      excess = Number.isNaN(over) ? Infinity : over;
      worst = at;
    }
  }
  return { maxPx, excess, worst };
}

/** Name of a row's value. */
function valueName(at: number): string {
  if (at < 6) return ["x1", "y1", "x2", "y2", "score", "class"][at];
  return `${["x", "y", "visibility"][at % 3]} of keypoint ${Math.floor(at / 3) - 2}`;
}

/**
 * Returns the judgement of the candidates that the runner decoded from the reference's blobs: same
 * cells in the same order, same values but for float32 rounding.
 *
 * A cell whose score lies within rounding of the threshold may be there or not.
 */
export function judgeDecode(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
  options: DecodeOptions,
  found: Float32Array | null,
): StageParity {
  const stage = "decode";
  const unit = "px";
  if (found === null) return missing(stage, unit, "decoded candidates");
  const length = rowLength(spec.keypointCount);
  if (found.length % length !== 0) {
    return {
      stage,
      unit,
      verdict: "fail",
      maxAbsDiff: null,
      tolerance: null,
      reason: `the candidates have ${found.length} values, expected rows of ${length}`,
    };
  }
  const tolerance = decodeTolerancePx(input);
  const reason = `float32 against float64 on the same blobs: 32·2^-24·${
    Math.max(input.widthPx, input.heightPx)
  } px${options.sigmoid === "fast" ? "; both with the seed's fast exponential" : ""}`;
  // all cells that may be there; those near the threshold need not
  const low = Math.max(1e-9, options.scoreThreshold - SCORE_BORDER);
  const expected = decode(spec, blobs, input, { ...options, scoreThreshold: low });
  const foundCount = found.length / length;
  if (foundCount === 0 && expected.count === 0) {
    return {
      stage,
      unit,
      verdict: "inconclusive",
      maxAbsDiff: null,
      tolerance,
      reason: "no candidate on either side proves nothing",
    };
  }
  const isOptional = (index: number) =>
    index < expected.count &&
    Math.abs(scoreAt(expected, index) - options.scoreThreshold) <= SCORE_BORDER;
  let maxAbsDiff = 0;
  let at = 0;
  for (let row = 0; row < foundCount; row++) {
    const values = found.subarray(row * length, (row + 1) * length);
    let compared = at < expected.count ? compareRows(rowAt(expected, at), values, input) : null;
    while (compared !== null && compared.excess > 1 && isOptional(at)) {
      at++;
      compared = at < expected.count ? compareRows(rowAt(expected, at), values, input) : null;
    }
    if (compared === null || compared.excess > 1) {
      const more = compared === null
        ? `the runner has ${foundCount} candidates, expected ${expected.count}: row ${row} (score ${
          format(values[4])
        }) is beyond`
        : `row ${row} differs, most in ${valueName(compared.worst)}: found ${
          format(values[compared.worst])
        }, expected ${format(rowAt(expected, at)[compared.worst])} (stride ${
          expected.strides[at]
        }; ${foundCount} candidates, expected ${expected.count})`;
      const hint = compared === null
        ? ""
        : rowHint(rowAt(expected, at), values, expected.strides[at], spec);
      const difference = compared === null ? maxAbsDiff : Math.max(maxAbsDiff, compared.maxPx);
      return {
        stage,
        unit,
        verdict: "fail",
        maxAbsDiff: Number.isFinite(difference) ? difference : null,
        tolerance,
        reason: `${hint === "" ? "" : `${hint}: `}${more}; ${reason}`,
      };
    }
    maxAbsDiff = Math.max(maxAbsDiff, compared.maxPx);
    at++;
  }
  while (isOptional(at)) at++;
  if (at < expected.count) {
    return {
      stage,
      unit,
      verdict: "fail",
      maxAbsDiff,
      tolerance,
      reason: `the runner has ${foundCount} candidates, expected ${expected.count}: the cell ${
        expected.cells[at]
      } of stride ${expected.strides[at]} with score ${
        format(scoreAt(expected, at))
      } is missing: is the score threshold or the comparison of the class logit another?; ${reason}`,
    };
  }
  return { stage, unit, verdict: "pass", maxAbsDiff, tolerance, reason };
}
