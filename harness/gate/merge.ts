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
  type Verdict,
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
  if (results.length === 1) return { ...first, metrics };
  const verdict = worst(results.map((result) => result.verdict));
  const telling = results.filter((result) => result.verdict === verdict);
  return {
    verdict,
    metrics,
    parity: mergeParity(results),
    reasons: telling.flatMap(({ candidate, device, reasons }) =>
      reasons.map((reason) => `${candidate} on ${device}: ${reason}`)
    ),
    paired: results.every((result) => result.paired),
    device: names(results.map((result) => result.device)),
    baseline: names(results.map((result) => result.baseline)),
    candidate: names(results.map((result) => result.candidate)),
    blocks: sum(results.map((result) => result.blocks)),
    seconds: sum(results.map((result) => result.seconds)),
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

/**
 * Returns the result as text: the verdict, a line per metric, correctness, reasons. Lines end in
 * `\n`.
 */
export function gateText(result: MergedResult): string {
  const isSeveral = new Set(result.metrics.map(({ candidate }) => candidate)).size > 1;
  const lines = [
    `${result.verdict.toUpperCase()}: ${result.candidate} against ${result.baseline} on ${result.device}${
      result.paired ? ` (${result.blocks} blocks, ${result.seconds.toFixed(0)} s)` : " (saved runs)"
    }`,
  ];
  for (const metric of result.metrics) {
    const { name, device, candidate, ratio, low, high, threshold, detectable, verdict } = metric;
    const bounds = low === null || high === null
      ? ""
      : ` (${low.toFixed(3)} to ${high.toFixed(3)})`;
    lines.push(
      `  ${verdict.padEnd(12)} ${name} on ${device}${isSeveral ? `, ${candidate}` : ""}: ${
        ratio === null ? "–" : `×${ratio.toFixed(3)}${bounds}`
      }, threshold ×${threshold.toFixed(3)}, ${
        detectable === null
          ? "not calibrated (deno task calibrate)"
          : `detectable ×${detectable.toFixed(3)}`
      }`,
    );
  }
  lines.push(`  ${result.parity.verdict.padEnd(12)} keypoints: ${result.parity.reason}`);
  for (const reason of result.reasons) lines.push(`  - ${reason}`);
  return lines.join("\n") + "\n";
}

function names(values: readonly string[]): string {
  return [...new Set(values)].join(", ");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
