/**
 * Evidence of one pair on many phones → one result, with what each phone and each kind of phone
 * says (pure).
 *
 * @module
 */
import { METRIC_NAMES, type MetricName } from "../../record/metrics.ts";
import type { GateRules, RulesOf } from "../config.ts";
import { assertSameExperiment, type DeviceEvidence } from "../evidence.ts";
import {
  describeRatio,
  detectableRatios,
  hasRun,
  judgeMetrics,
  metricRates,
  metricState,
  NOT_TOLD,
  phoneJudgement,
} from "../judge_device.ts";
import { judgeCrash } from "../crash.ts";
import { ALL_PHONES } from "../merge.ts";
import {
  type GateMetric,
  type GateParity,
  type GateResult,
  judgeCorrectness,
  type KindMetric,
  worst,
} from "../verdict.ts";
import { phoneEffect } from "./phone_effect.ts";
import { type FarmVerdict, judgePhones, type PhoneResult, type PhonesRule } from "./verdict.ts";

/** A phone with the rules that hold for it. */
interface RuledPhone {
  evidence: DeviceEvidence;
  rules: GateRules;
}

/**
 * Returns the result of a pair over its phones.
 *
 * Phones with the same threshold for a metric are one verdict (see `judgePhones()`); a phone for
 * which the configuration has another threshold is judged by itself, as a live gate would. The
 * keypoints are judged on every phone: where they are wrong the candidate fails, unless another
 * phone of that kind gives the right ones: then that phone is suspect, and the verdict waits for
 * another look. `withBounds` false: single phones get no bounds of their own.
 *
 * Throws `HarnessError`: `not-comparable` when the phones did not run the same experiment,
 * `bad-config` for a threshold below what a phone resolves within the budget.
 */
export function judgePhonePair(
  evidence: readonly DeviceEvidence[],
  rulesOf: RulesOf,
  rule: PhonesRule & { withBounds: boolean },
): { result: GateResult; kinds: KindMetric[] } {
  assertSameExperiment(evidence);
  const [{ baseline, candidate }] = evidence;
  const together = rulesOf(null, candidate.id);
  const phones = evidence.map((each) => ({
    evidence: each,
    rules: rulesOf(each.device, candidate.id),
  }));
  const judged = METRIC_NAMES.flatMap((name) => judgeMetric(name, phones, together, rule));
  const metrics = judged.flatMap((each) => each.metrics);
  const parity = judgeKeypoints(phones);
  const reasons = [
    ...(parity.verdict === "pass" ? [] : [`correctness: ${parity.reason}`]),
    ...judged.flatMap((each) => each.reasons),
  ];
  return {
    result: {
      verdict: worst([...judged.map(({ verdict }) => verdict), parity.verdict]),
      metrics,
      parity,
      crash: judgeCrash(null, evidence.some(hasRun)),
      reasons: reasons.length > 0 ? reasons : [
        ...metrics.filter(({ weight, device }) => weight === undefined || device === ALL_PHONES)
          .map(({ name, reason }) => `${name}: ${reason}`),
        `correctness: ${parity.reason}`,
      ],
      paired: true,
      device: `${evidence.length} phones`,
      baseline: baseline.name,
      candidate: candidate.name,
      blocks: evidence.reduce((sum, { blockCount }) => sum + blockCount, 0),
      seconds: evidence.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    kinds: judged.flatMap(({ name, kinds }) =>
      kinds.map((kind) => ({ candidate: candidate.name, metric: name, ...kind }))
    ),
  };
}

/** One metric of a pair. */
interface JudgedMetric {
  name: MetricName;
  verdict: GateMetric["verdict"];
  metrics: GateMetric[];
  kinds: FarmVerdict["kinds"];
  reasons: string[];
}

/** The metric over phones that share its threshold, and on each that has one of its own. */
function judgeMetric(
  name: MetricName,
  phones: readonly RuledPhone[],
  together: GateRules,
  rule: PhonesRule & { withBounds: boolean },
): JudgedMetric[] {
  const thresholdOf = (rules: GateRules) =>
    rules.thresholds.find((each) => each.name === name)?.ratio;
  const threshold = thresholdOf(together);
  const judged: JudgedMetric[] = [];
  const shared = phones.filter(({ rules }) => thresholdOf(rules) === threshold);
  if (threshold !== undefined && shared.length > 0) {
    judged.push(overPhones(name, threshold, shared, together, rule));
  }
  const alone = phones.filter((phone) => !shared.includes(phone));
  for (const { evidence, rules } of alone) {
    const metric = judgeMetrics(evidence, rules).find((each) => each.name === name);
    if (metric === undefined) continue;
    const reason = evidence.missing === null ? metric.reason : evidence.missing;
    judged.push({
      name,
      verdict: metric.verdict,
      metrics: [{ ...metric, reason, weight: null, outlying: false }],
      kinds: [],
      reasons: metric.verdict === "pass" ? [] : [`${name} on ${metric.device}: ${reason}`],
    });
  }
  return judged;
}

function overPhones(
  name: MetricName,
  threshold: number,
  phones: readonly RuledPhone[],
  together: GateRules,
  rule: PhonesRule & { withBounds: boolean },
): JudgedMetric {
  const results = phones.map((phone) => phoneMetric(phone, name, threshold, rule.withBounds));
  const over = judgePhones(results.map(({ result }) => result), {
    ...rule,
    threshold,
    ...metricRates(together),
  });
  const all: GateMetric = {
    name,
    device: ALL_PHONES,
    ratio: over.ratio,
    low: over.low,
    high: over.high,
    threshold,
    detectable: null,
    verdict: over.verdict,
    reason: over.reasons.join("; ") ||
      `${
        over.ratio === null ? "unknown" : describeRatio(over.ratio)
      } over ${over.phones.length} phones`,
    weight: null,
    outlying: false,
  };
  const rows = results.map(({ metric }, index): GateMetric => {
    const { weight, outlying } = over.phones[index];
    const far = outlying ? "; lies far from the other phones" : "";
    return { ...metric, weight, outlying, reason: metric.reason + far };
  });
  return {
    name,
    verdict: over.verdict,
    metrics: [all, ...rows],
    kinds: over.kinds,
    reasons: over.reasons.map((reason) => `${name}: ${reason}`),
  };
}

/** What one phone says of a metric, for the verdict over phones and as its row. */
function phoneMetric(
  { evidence, rules }: RuledPhone,
  name: MetricName,
  threshold: number,
  withBounds: boolean,
): { result: PhoneResult; metric: GateMetric } {
  const { device, kind, noise, missing, notes } = evidence;
  const blocks = evidence.blocks[name] ?? [];
  const calibratedSd = noise[name]?.sd ?? null;
  const state = metricState(evidence, name, threshold, rules);
  const { verdict, low, high } = phoneJudgement(state, withBounds);
  const effect = phoneEffect(blocks, calibratedSd);
  const reason = effect !== null
    ? null
    : evidence.blocks[name] === null
    ? NOT_TOLD
    : [missing, ...notes].filter((why) => why !== null).join("; ") ||
      `${blocks.length} whole blocks, expected two or more`;
  const result: PhoneResult = {
    device,
    kind,
    verdict: effect === null ? "inconclusive" : verdict,
    effect,
    reason,
  };
  const ratio = effect === null ? null : Math.exp(effect.logRatio);
  return {
    result,
    metric: {
      name,
      device,
      ratio,
      low,
      high,
      threshold,
      detectable: detectableRatios({ ...evidence, rules: only(rules, name) })[name] ?? null,
      verdict: result.verdict,
      reason: reason ??
        `${describeRatio(ratio!)} after ${blocks.length} blocks` +
          (calibratedSd === null ? ", without a calibration" : ""),
    },
  };
}

/** The rules for one metric, at the rates that it has among the others. */
function only(rules: GateRules, name: MetricName): GateRules {
  const { falseAlarmRate } = metricRates(rules);
  return {
    ...rules,
    falseAlarmRate,
    thresholds: rules.thresholds.filter((each) => each.name === name),
  };
}

/**
 * The keypoints over phones. A phone that did not come to its end counts when they are wrong on it,
 * or right; that nothing is known of them is told by what is missing.
 */
function judgeKeypoints(phones: readonly RuledPhone[]): GateParity {
  const judged = phones.map(({ evidence, rules }) => ({
    evidence,
    parity: judgeCorrectness(evidence.correctness, rules),
  })).filter(({ evidence, parity }) =>
    evidence.missing === null || parity.verdict !== "inconclusive"
  );
  const told = judged.map(({ evidence, parity }) => {
    const { device, kind } = evidence;
    const isContradicted = parity.verdict === "fail" &&
      judged.some((other) =>
        other.evidence !== evidence && other.evidence.kind === kind &&
        other.parity.verdict === "pass"
      );
    return {
      ...parity,
      verdict: isContradicted ? "inconclusive" as const : parity.verdict,
      reason: `phone "${device}": ${parity.reason}${
        isContradicted
          ? "; on others of its kind they are right: the phone is suspect, run it again"
          : ""
      }`,
    };
  });
  const verdict = worst(told.map((each) => each.verdict));
  const telling = told.filter((each) => each.verdict === verdict);
  if (telling.length === 0) {
    return {
      parity: null,
      baselineParity: null,
      apDifference: null,
      verdict,
      reason: "no phone judged the candidate's keypoints",
    };
  }
  return {
    ...telling[0],
    verdict,
    reason: verdict === "pass"
      ? `the keypoints are right on all ${telling.length} phones that judged them; ${
        telling[0].reason
      }`
      : telling.map(({ reason }) => reason).join("; "),
  };
}
