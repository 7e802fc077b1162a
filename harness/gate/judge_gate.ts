/**
 * Evidence of devices and the rules → the result of a gate, for one device or many, paired or not:
 * pure, and the only way to a verdict.
 *
 * @module
 */
import type { RulesOf } from "./config.ts";
import type { DeviceEvidence } from "./evidence.ts";
import { judgeDevice } from "./judge_device.ts";
import { mergeGateResults } from "./merge.ts";
import { judgePhonePair } from "./phones/pair.ts";
import type { PhonesRule } from "./phones/verdict.ts";
import type { MergedResult } from "./verdict.ts";

/** With more phones and pairs than this only the bounds over phones are computed. */
const MOST_BOUNDS = 2000;

/**
 * Returns the result over all evidence.
 *
 * `phones` null: every device is judged by itself, and the worst verdict counts; a pair that a
 * device did not give keeps a pass from being one. With a rule for phones, those of a pair are one
 * verdict (see `judgePhonePair()`).
 *
 * Throws `HarnessError`: `bad-config` for a threshold below what a device resolves within the
 * budget, unless its runs were saved, `not-comparable` for phones that did not run the same
 * experiment; `RangeError` for no evidence at all.
 */
export function judgeGate(
  evidence: readonly DeviceEvidence[],
  rulesOf: RulesOf,
  phones: PhonesRule | null = null,
): MergedResult {
  if (evidence.length === 0) throw new RangeError("Cannot judge a gate without evidence");
  const missing = evidence.filter((each) => each.missing !== null);
  const told = {
    missing: missing.map(({ candidate, device, missing }) => ({
      candidate: candidate.name,
      device,
      reason: missing!,
    })),
    notes: evidence.filter(({ notes }) => notes.length > 0).map((each) => ({
      candidate: each.candidate.name,
      device: each.device,
      notes: each.notes,
    })),
  };
  if (phones !== null) {
    const pairs = Map.groupBy(
      evidence,
      ({ baseline, candidate }) => JSON.stringify([baseline.id, candidate.id]),
    );
    const rule = { ...phones, withBounds: evidence.length <= MOST_BOUNDS };
    const judged = [...pairs.values()].map((pair) => judgePhonePair(pair, rulesOf, rule));
    return {
      ...mergeGateResults(judged.map(({ result }) => result)),
      kinds: judged.flatMap(({ kinds }) => kinds),
      ...told,
    };
  }
  const given = evidence.filter((each) => each.missing === null || each.keys !== null);
  const merged = mergeGateResults(
    (given.length === 0 ? missing.slice(0, 1) : given).map((each) =>
      judgeDevice(each, rulesOf(each.device, each.candidate.id))
    ),
  );
  return {
    ...merged,
    verdict: merged.verdict === "pass" && missing.length > 0 ? "inconclusive" : merged.verdict,
    reasons: [...told.missing.map(({ reason }) => reason), ...merged.reasons],
    ...told,
  };
}
