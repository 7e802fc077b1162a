/**
 * The verdict over phones in the form that `gate --json` prints and that the CI formats read: pure.
 *
 * @module
 */
import type { GateMetric, GateResult } from "../verdict.ts";
import { describeRatio } from "../live.ts";
import type { FarmGateVerdict, MetricVerdict, PairVerdict } from "./merge.ts";

/** A metric of a farm's gate: over all phones (`device` is `all phones`) or of one. */
export interface FarmGateMetric extends GateMetric {
  candidate: string;
  /**
   * Share of the phone in the effect over all phones, 0 to 1; null over all phones, or without an
   * effect.
   */
  weight: number | null;
  /** True when the phone's effect lies far from those of the others and was pulled in. */
  outlying: boolean;
}

/** What `gate --farm … --json` prints. */
export interface FarmGateResult extends GateResult {
  metrics: FarmGateMetric[];
  /** Verdicts of kinds of phones, where there are several. */
  kinds: {
    candidate: string;
    metric: string;
    kind: string;
    phoneCount: number;
    verdict: string;
    ratio: number;
    low: number;
    high: number;
  }[];
  /** Shards that are not done, with the reason. */
  missing: { index: number; reason: string }[];
  /** What disturbed phones. */
  notes: { candidate: string; device: string; notes: string[] }[];
}

/** Name of the device in a metric over all phones. */
export const ALL_PHONES = "all phones";

/** Returns the result; the metric over all phones comes first, the phones follow. */
export function farmGateResult(
  verdict: FarmGateVerdict,
  run: {
    missing: ReadonlyMap<number, string>;
    seconds: number;
    phoneCount: number;
    baseline: string;
  },
): FarmGateResult {
  const { pairs } = verdict;
  const metrics = pairs.flatMap((pair) =>
    pair.metrics.flatMap((metric) => metricRows(pair, metric))
  );
  const parities = pairs.map(({ parity }) => parity);
  const reasons = parities.flatMap((parity) => parity.reasons);
  const parityVerdict = parities.find(({ verdict }) => verdict === "fail")?.verdict ??
    parities.find(({ verdict }) => verdict === "inconclusive")?.verdict ??
    parities[0]?.verdict ?? "inconclusive";
  const parityReason = reasons.join("; ") ||
    "the keypoints are right on every phone that judged them";
  const blocks = pairs.flatMap((pair) =>
    pair.metrics[0]?.phones.map((phone) => phone.blockCount) ?? []
  );
  return {
    verdict: verdict.verdict,
    metrics,
    parity: {
      parity: { verdict: parityVerdict, reason: parityReason },
      apDifference: null,
      verdict: parityVerdict,
      reason: parityReason,
    },
    reasons: verdict.reasons.length > 0
      ? verdict.reasons
      : metrics.filter((m) => m.device === ALL_PHONES).map((m) =>
        `${m.candidate}, ${m.name}: ${m.reason}`
      ),
    paired: true,
    device: `${run.phoneCount} phones`,
    baseline: run.baseline,
    candidate: pairs.map(({ candidate }) => candidate).join(", "),
    blocks: blocks.reduce((sum, count) => sum + count, 0),
    seconds: run.seconds,
    kinds: pairs.flatMap(({ candidate, metrics }) =>
      metrics.flatMap(({ name, over }) =>
        over.kinds.map((kind) => ({ candidate, metric: name, ...kind }))
      )
    ),
    missing: [...run.missing].map(([index, reason]) => ({ index, reason })),
    notes: pairs.flatMap(({ candidate, notes }) => notes.map((note) => ({ candidate, ...note }))),
  };
}

function metricRows(pair: PairVerdict, metric: MetricVerdict): FarmGateMetric[] {
  const { name, threshold, over } = metric;
  const weights = new Map(over.phones.map((phone) => [phone.device, phone]));
  const common = { name, threshold, detectable: null, candidate: pair.candidate };
  const all: FarmGateMetric = {
    ...common,
    device: ALL_PHONES,
    ratio: over.ratio,
    low: over.low,
    high: over.high,
    verdict: over.verdict,
    reason: over.reasons.join("; ") ||
      `${
        over.ratio === null ? "unknown" : describeRatio(over.ratio)
      } over ${over.phones.length} phones`,
    weight: null,
    outlying: false,
  };
  return [
    all,
    ...metric.phones.map((phone): FarmGateMetric => ({
      ...common,
      device: phone.device,
      ratio: phone.ratio,
      low: phone.low,
      high: phone.high,
      verdict: phone.verdict,
      reason: phone.reason ??
        `${describeRatio(phone.ratio!)} after ${phone.blockCount} blocks` +
          (phone.calibrated ? "" : ", without a calibration") +
          (weights.get(phone.device)!.outlying ? "; lies far from the other phones" : ""),
      weight: weights.get(phone.device)!.weight,
      outlying: weights.get(phone.device)!.outlying,
    })),
  ];
}

/**
 * Returns the verdict as text for a terminal: over all phones, kinds, then phones, worst first; at
 * most `mostPhones` of these.
 */
export function farmGateText(result: FarmGateResult, mostPhones = 20): string {
  const order = { fail: 0, inconclusive: 1, pass: 2 };
  const lines = [
    `${result.verdict.toUpperCase()}: ${result.candidate} against ${result.baseline} on ${result.device}`,
  ];
  const row = (metric: FarmGateMetric) => {
    const bounds = metric.low === null || metric.high === null
      ? ""
      : ` (${metric.low.toFixed(3)} to ${metric.high.toFixed(3)})`;
    const ratio = metric.ratio === null ? "-" : `×${metric.ratio.toFixed(3)}${bounds}`;
    return `  ${
      metric.verdict.padEnd(12)
    } ${metric.name} ${metric.device}: ${ratio}  ${metric.reason}`;
  };
  for (const metric of result.metrics.filter(({ device }) => device === ALL_PHONES)) {
    lines.push(row(metric));
  }
  for (const { kind, metric, verdict, ratio, phoneCount } of result.kinds) {
    lines.push(
      `  ${verdict.padEnd(12)} ${metric} ${kind} (${phoneCount} phones): ×${ratio.toFixed(3)}`,
    );
  }
  const phones = result.metrics.filter(({ device }) => device !== ALL_PHONES)
    .toSorted((a, b) => order[a.verdict] - order[b.verdict]);
  for (const metric of phones.slice(0, mostPhones)) lines.push(row(metric));
  if (phones.length > mostPhones) {
    lines.push(`  … ${phones.length - mostPhones} more phones in --json`);
  }
  lines.push(`  ${result.parity.verdict.padEnd(12)} keypoints: ${result.parity.reason}`);
  for (const reason of result.reasons) lines.push(`  - ${reason}`);
  return lines.join("\n") + "\n";
}
