/**
 * One verdict over phones, with what each phone and each kind of phone says.
 *
 * @module
 */
import type { Verdict } from "../verdict.ts";
import { type CombinedEffect, combineEffects, type PhoneEffect } from "./combine.ts";

/** What came back from one phone for one pair of variants. */
export interface PhoneResult {
  device: string;
  /** What phones must share to stand for each other. */
  kind: string;
  /** The verdict of this phone's own experiment; `inconclusive` when there is no effect. */
  verdict: Verdict;
  /** Null when the phone gave none. */
  effect: { logRatio: number; standardError: number } | null;
  /** Why there is no effect or no verdict; null when there is nothing to say. */
  reason: string | null;
}

/** How many phones a verdict over phones needs. */
export interface PhonesRule {
  /** Fewest phones with an effect for a verdict. */
  fewestPhones: number;
  /** Smallest share of the phones that were asked, 0 to 1. */
  fewestShare: number;
}

/** What is asked of the phones together. */
export interface FarmRule extends PhonesRule {
  /** Candidate over base from which a change for the worse must be found, above 1. */
  threshold: number;
  /** Chance of `fail` when nothing changed. */
  falseAlarmRate: number;
  /** Chance of `pass` when the change is as large as the threshold. */
  missRate: number;
}

/** Rule of a farm's gate unless told otherwise; the threshold is that of the metric. */
export const DEFAULT_FARM_RULE = {
  falseAlarmRate: 0.05,
  missRate: 0.05,
  fewestPhones: 3,
  fewestShare: 0.5,
} as const;

/** A verdict over phones. */
export interface FarmVerdict {
  verdict: Verdict;
  /** Candidate over base over all phones; null when no phone gave an effect. */
  ratio: number | null;
  /** Bounds of the ratio; null when they are unknown. */
  low: number | null;
  high: number | null;
  /**
   * Standard deviation of the effect between phones, on the log scale; null when no phone gave an
   * effect.
   */
  betweenPhones: number | null;
  phones: (PhoneResult & {
    /** Share in the combined effect, 0 to 1; null without an effect. */
    weight: number | null;
    /** True when its effect lies far from those of the others and was pulled in. */
    outlying: boolean;
  })[];
  /** Kinds with at least two phones, when there are several kinds. */
  kinds: {
    kind: string;
    phoneCount: number;
    verdict: Verdict;
    ratio: number;
    low: number;
    high: number;
  }[];
  /** Why the verdict is what it is, and what would decide it. */
  reasons: string[];
}

/**
 * Returns the verdict over phones.
 *
 * `fail` when the lower bound of the combined effect is above no change and the effect is nearer to
 * the threshold than to none, or when that holds for a kind of phone (at rates divided by the
 * number of kinds: a regression of one kind can't hide behind others). `pass` when the upper bound
 * is below the threshold. A phone that is alone in its kind and fails by itself turns a pass to
 * `inconclusive`: whether the phone or the candidate is sick can't be told; one that others of its
 * kind contradict does not. Too few phones are `inconclusive`, whatever they say.
 *
 * Throws `RangeError` when the threshold is not above 1.
 */
export function judgePhones(results: readonly PhoneResult[], rule: FarmRule): FarmVerdict {
  if (!(rule.threshold > 1 && rule.threshold < Infinity)) {
    throw new RangeError(`Cannot test for a ratio of ${rule.threshold}: expected a number above 1`);
  }
  const found = results.filter((result) => result.effect !== null);
  const effects: PhoneEffect[] = found.map(({ device, kind, effect }) => ({
    device,
    kind,
    ...effect!,
  }));
  const reasons = missingReasons(results);
  const combined = effects.length === 0 ? null : combineEffects(effects, rule);
  const outlying = new Set(combined?.outlying.map((outlier) => outlier.device));
  const weights = new Map(
    effects.map((effect, index) => [effect.device, combined!.weights[index]]),
  );
  const kinds = kindVerdicts(effects, rule);
  for (const { device, logRatio } of combined?.outlying ?? []) {
    reasons.push(
      `phone "${device}" lies far from the others (${
        percent(logRatio)
      }): it is shown, and counts with a bounded share. Look at its temperature and battery`,
    );
  }
  return {
    verdict: decide(results, combined, kinds, rule, reasons),
    ratio: combined === null ? null : Math.exp(combined.logRatio),
    low: exp(combined?.low),
    high: exp(combined?.high),
    betweenPhones: combined?.betweenPhones ?? null,
    phones: results.map((result) => ({
      ...result,
      weight: weights.get(result.device) ?? null,
      outlying: outlying.has(result.device),
    })),
    kinds,
    reasons,
  };
}

/** Verdict over all; adds to the reasons. */
function decide(
  results: readonly PhoneResult[],
  combined: CombinedEffect | null,
  kinds: FarmVerdict["kinds"],
  rule: FarmRule,
  reasons: string[],
): Verdict {
  const count = combined?.phoneCount ?? 0;
  const needed = Math.max(rule.fewestPhones, Math.ceil(rule.fewestShare * results.length));
  if (combined === null || count < needed) {
    reasons.push(
      `${count} of ${results.length} phones gave an effect, expected at least ${needed}: run again when more phones are free, or lower --min-phones`,
    );
    return "inconclusive";
  }
  const failing = kinds.filter((kind) => kind.verdict === "fail");
  for (const kind of failing) {
    reasons.push(`phones of kind "${kind.kind}" are slower: ${percent(Math.log(kind.ratio))}`);
  }
  const overall = bounds(combined, rule);
  if (overall === "fail") {
    reasons.push(`over ${count} phones the candidate is slower: ${percent(combined.logRatio)}`);
  }
  if (overall === "fail" || failing.length > 0) return "fail";
  if (overall === "inconclusive") {
    reasons.push(
      `the effect over ${count} phones (${
        percent(combined.logRatio)
      }) has bounds that do not decide about ${
        percent(Math.log(rule.threshold))
      }: more phones would narrow them, more rounds only while noise within phones is the larger part`,
    );
    return "inconclusive";
  }
  const kindCounts = Map.groupBy(results.filter((r) => r.effect !== null), (result) => result.kind);
  const alone = results.filter((r) => r.verdict === "fail" && kindCounts.get(r.kind)?.length === 1);
  for (const phone of alone) {
    reasons.push(
      `phone "${phone.device}" fails by itself and is the only one of its kind: run it again, or add a phone of kind "${phone.kind}", to tell a sick phone from a regression`,
    );
  }
  return alone.length > 0 ? "inconclusive" : "pass";
}

/** Verdict of bounds against the threshold. */
function bounds(combined: CombinedEffect, rule: FarmRule): Verdict {
  const limit = Math.log(rule.threshold);
  if (combined.low === null || combined.high === null) return "inconclusive";
  if (combined.low > 0 && combined.logRatio > limit / 2) return "fail";
  return combined.high < limit ? "pass" : "inconclusive";
}

/** Verdict of each kind that has at least two phones, when there are several kinds. */
function kindVerdicts(effects: readonly PhoneEffect[], rule: FarmRule): FarmVerdict["kinds"] {
  const kinds = [...Map.groupBy(effects, (effect) => effect.kind)];
  if (kinds.length < 2) return [];
  const several = kinds.filter(([, members]) => members.length >= 2);
  const rates = {
    falseAlarmRate: rule.falseAlarmRate / several.length,
    missRate: rule.missRate / several.length,
  };
  return several.map(([kind, members]) => {
    const combined = combineEffects(members, rates);
    return {
      kind,
      phoneCount: members.length,
      verdict: bounds(combined, rule),
      ratio: Math.exp(combined.logRatio),
      low: Math.exp(combined.low!),
      high: Math.exp(combined.high!),
    };
  });
}

/** Why phones gave no effect; at most five are named. */
function missingReasons(results: readonly PhoneResult[]): string[] {
  const missing = results.filter((result) => result.effect === null);
  const named = missing.slice(0, 5).map((result) =>
    `phone "${result.device}" gave no effect: ${result.reason ?? "nothing came back from it"}`
  );
  if (missing.length > 5) named.push(`${missing.length - 5} more phones gave no effect`);
  return named;
}

function exp(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.exp(value);
}

function percent(logRatio: number): string {
  const value = (Math.exp(logRatio) - 1) * 100;
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}%`;
}
