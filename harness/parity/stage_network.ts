/**
 * The network stage: output blobs on the identical tensor.
 *
 * @module
 */
import type { StageParity } from "../record/records.ts";
import { EFFECTIVE, type EffectivePrecision } from "../record/precision.ts";
import { type HeadSpec, type InputSize, isDecoded } from "../head/head_spec.ts";
import { groupDifferences } from "./blob_groups.ts";
import { format, missing, wrongLength } from "./stage_verdict.ts";
import type { NetworkTolerance } from "./tolerance.ts";

/** Returns in words that so many values are NaN or infinite, and why that is by the precision. */
export function notFiniteReason(count: number, precision: EffectivePrecision): string {
  const { largest } = EFFECTIVE[precision];
  return `${count} values are not finite (NaN or infinity${
    largest === null
      ? ""
      : `: beyond ${largest}, the largest number of ${EFFECTIVE[precision].label}`
  })`;
}

/**
 * Returns the judgement of the network's outputs on the reference's tensor.
 *
 * The largest difference and the root mean square of every level and meaning must be within their
 * tolerances.
 */
export function judgeNetwork(
  spec: HeadSpec,
  input: InputSize,
  found: readonly (Float32Array | null)[],
  tolerance: NetworkTolerance,
): StageParity {
  const unit = isDecoded(spec) ? "px" : "logit";
  const stage = "network";
  const present = found.filter((blob) => blob !== null);
  if (present.length !== tolerance.target.length) {
    const names = spec.outputs.filter((_, index) => (found[index] ?? null) === null);
    return missing(stage, unit, `output ${names.map(({ blob }) => `"${blob}"`).join(", ")}`);
  }
  for (const [index, blob] of present.entries()) {
    const expected = tolerance.target[index].length;
    if (blob.length !== expected) {
      const what = `output "${spec.outputs[index].blob}"`;
      return { stage, unit, ...wrongLength(blob.length, expected, what) };
    }
  }
  const differences = groupDifferences(spec, tolerance.target, present, input);
  const judged = differences.map((difference) => {
    const allowed = tolerance.groups.find(({ role, stride }) =>
      role === difference.role && stride === difference.stride
    )!;
    return {
      ...difference,
      allowed,
      excess: difference.notFinite > 0 ? Infinity : Math.max(
        difference.maxAbs / allowed.maxAbs,
        difference.rms / allowed.rms,
      ),
    };
  });
  const worst = judged.reduce((a, b) => b.excess > a.excess ? b : a);
  const name = `${worst.role} of stride ${worst.stride}`;
  const numbers = `max ${format(worst.maxAbs)} of ${format(worst.allowed.maxAbs)}, rms ${
    format(worst.rms)
  } of ${format(worst.allowed.rms)} allowed`;
  const count = judged.filter(({ excess }) => excess > 1).length;
  const verdict = worst.excess <= 1 ? "pass" : "fail";
  return {
    stage,
    verdict,
    maxAbsDiff: Number.isFinite(worst.maxAbs) ? worst.maxAbs : null,
    tolerance: worst.allowed.maxAbs,
    unit,
    reason:
      (verdict === "pass"
        ? `worst: ${name}, ${numbers}; `
        : `${count} of ${judged.length} groups of values are beyond their tolerance, most ${name}: ${
          worst.notFinite > 0 ? notFiniteReason(worst.notFinite, tolerance.precision) : numbers
        }; `) + tolerance.reason,
  };
}
