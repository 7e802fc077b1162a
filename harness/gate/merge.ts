/**
 * Results of several gates (devices, variants, or both) → one result, and its text for a terminal
 * (pure).
 *
 * @module
 */
import {
  type GateParity,
  type GateResult,
  type MergedResult,
  type NamedMetric,
  type Verdict,
  verdictsByName,
  worst,
} from "./verdict.ts";

/**
 * Returns one result of several gates: the worst verdict, all metrics, and the reasons of those
 * that share the verdict. A single one stays as it is. Throws `RangeError` for none.
 */
export function mergeGateResults(results: readonly GateResult[]): MergedResult {
  const [first] = results;
  if (first === undefined) throw new RangeError("Cannot merge the results of no gate");
  const metrics = results.flatMap((result) =>
    result.metrics.map((metric) => ({ ...metric, candidate: result.candidate }))
  );
  const told = { kinds: [], missing: [], notes: [] };
  if (results.length === 1) return { ...first, metrics, named: verdictsByName(first), ...told };
  const verdict = worst(results.map((result) => result.verdict));
  const telling = results.filter((result) => result.verdict === verdict);
  const judged = { metrics, parity: mergeParity(results), crash: mergeCrash(results) };
  return {
    verdict,
    ...judged,
    named: verdictsByName(judged),
    reasons: telling.flatMap(({ candidate, device, reasons }) =>
      reasons.map((reason) => `${candidate} on ${device}: ${reason}`)
    ),
    paired: results.every((result) => result.paired),
    device: names(results.map((result) => result.device)),
    baseline: names(results.map((result) => result.baseline)),
    candidate: names(results.map((result) => result.candidate)),
    blocks: sum(results.map((result) => result.blocks)),
    seconds: sum(results.map((result) => result.seconds)),
    ...told,
  };
}

/** The worst parity, told with its variant and device. */
function mergeParity(results: readonly GateResult[]): GateParity {
  const verdict: Verdict = worst(results.map(({ parity }) => parity.verdict));
  const telling = results.filter(({ parity }) => parity.verdict === verdict);
  return {
    ...telling[0].parity,
    verdict,
    reason: telling.map(({ candidate, device, parity }) =>
      `${candidate} on ${device}: ${parity.reason}`
    ).join("; "),
  };
}

/** Name of the device in a metric over all phones. */
export const ALL_PHONES = "all phones";

/** The worst of what ended before its time, told with its variant and device. */
function mergeCrash(results: readonly GateResult[]): GateResult["crash"] {
  const verdict = worst(results.map(({ crash }) => crash.verdict));
  const telling = results.filter(({ crash }) => crash.verdict === verdict);
  const reasons = telling.map(({ candidate, device, crash }) =>
    `${candidate} on ${device}: ${crash.reason}`
  );
  return { verdict, reason: verdict === "pass" ? telling[0].crash.reason : reasons.join("; ") };
}

const WORST_FIRST: Record<Verdict, number> = { fail: 0, inconclusive: 1, pass: 2 };

/**
 * Returns the result as text: the verdict, a line per metric, correctness, reasons. Lines end in
 * `\n`. Of a gate over phones the metrics over all come first, then kinds, then at most
 * `mostPhones` phones, worst first.
 */
export function gateText(result: MergedResult, mostPhones = 20): string {
  const isSeveral = new Set(result.metrics.map(({ candidate }) => candidate)).size > 1;
  const line = (metric: NamedMetric) => metricLine(metric, isSeveral);
  const isPhone = ({ device, weight }: NamedMetric) =>
    weight !== undefined && device !== ALL_PHONES;
  const phones = result.metrics.filter(isPhone)
    .toSorted((a, b) => WORST_FIRST[a.verdict] - WORST_FIRST[b.verdict]);
  const lines = [
    `${result.verdict.toUpperCase()}: ${result.candidate} against ${result.baseline} on ${result.device}${
      result.paired ? ` (${result.blocks} blocks, ${result.seconds.toFixed(0)} s)` : " (saved runs)"
    }`,
    ...result.metrics.filter((metric) => !isPhone(metric)).map(line),
    ...result.kinds.map(({ kind, metric, verdict, ratio, phoneCount }) =>
      `  ${verdict.padEnd(12)} ${metric} on ${kind} (${phoneCount} phones): ×${ratio.toFixed(3)}`
    ),
    ...phones.slice(0, mostPhones).map(line),
  ];
  if (phones.length > mostPhones) {
    lines.push(`  … ${phones.length - mostPhones} more phones in --json`);
  }
  lines.push(`  ${result.named.speed.verdict.padEnd(12)} speed`);
  lines.push(`  ${result.parity.verdict.padEnd(12)} keypoints: ${result.parity.reason}`);
  lines.push(`  ${result.crash.verdict.padEnd(12)} crash: ${result.crash.reason}`);
  for (const reason of result.reasons) lines.push(`  - ${reason}`);
  return lines.join("\n") + "\n";
}

function metricLine(metric: NamedMetric, isSeveral: boolean): string {
  const { name, device, candidate, ratio, low, high, threshold, detectable, verdict } = metric;
  const bounds = low === null || high === null ? "" : ` (${low.toFixed(3)} to ${high.toFixed(3)})`;
  const resolved = device === ALL_PHONES
    ? ""
    : detectable === null
    ? ", not calibrated (deno task calibrate)"
    : `, detectable ×${detectable.toFixed(3)}`;
  return `  ${verdict.padEnd(12)} ${name} on ${device}${isSeveral ? `, ${candidate}` : ""}: ${
    ratio === null ? "–" : `×${ratio.toFixed(3)}${bounds}`
  }, threshold ×${threshold.toFixed(3)}${resolved}${
    // the reasons of a single phone don't stand below
    metric.weight !== undefined && ratio === null ? `; ${metric.reason}` : ""}`;
}

function names(values: readonly string[]): string {
  return [...new Set(values)].join(", ");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
