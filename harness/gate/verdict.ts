/**
 * From judged metrics and judged correctness to the verdict of a gate.
 *
 * @module
 */
import { EXIT } from "../errors.ts";
import { judgeApChange } from "../parity/ap_verdict.ts";
import type { GateRules } from "./config.ts";
import type { MetricName } from "../record/metrics.ts";

/** What a gate can say. */
export type Verdict = "pass" | "fail" | "inconclusive";

/** A judgement of one question, with its reason. */
export interface NamedVerdict {
  verdict: Verdict;
  reason: string;
}

/** The questions of a gate: is it slower, is it wrong, does it end before its time? */
export type VerdictsByName = Record<"speed" | "keypoints" | "crash", NamedVerdict>;

/**
 * One metric on one device, judged. Ratios are candidate over baseline: 1.05 is 5% more time or
 * memory.
 */
export interface GateMetric {
  name: MetricName;
  device: string;
  /** Null when nothing could be measured. */
  ratio: number | null;
  /** Bounds of the ratio; null while unknown. */
  low: number | null;
  high: number | null;
  /** Ratio from which the metric must fail. */
  threshold: number;
  /**
   * Smallest ratio that the device resolves within the budget; null when it was never calibrated.
   */
  detectable: number | null;
  verdict: Verdict;
  /** The verdict in words, with what would decide it. */
  reason: string;
  /**
   * Of a gate over phones: share of the phone in the effect over all, 0 to 1; null over all phones
   * and for a phone that is not part of it.
   */
  weight?: number | null;
  /** Of a gate over phones: the phone's effect lies far from the others' and was pulled in. */
  outlying?: boolean;
}

/** A metric that tells its candidate: the same metric may be there for several. */
export type NamedMetric = GateMetric & { candidate: string };

/** Whether the candidate's keypoints are right. */
export interface GateCorrectness {
  /** Parity against the reference; null when it was not judged. */
  parity: { verdict: Verdict; reason: string } | null;
  /** Parity of the baseline against its own reference; null when it was not judged. */
  baselineParity: Verdict | null;
  /**
   * Keypoint AP of candidate minus baseline with its 95% interval; null when there are no
   * annotations.
   */
  apDifference: { value: number; low: number | null; high: number | null } | null;
}

/** Judged correctness as the result carries it. */
export interface GateParity extends GateCorrectness {
  verdict: Verdict;
  reason: string;
}

/** The result of one gate. */
export interface GateResult {
  verdict: Verdict;
  metrics: GateMetric[];
  parity: GateParity;
  /** Whether both sides ran to their end. */
  crash: NamedVerdict;
  reasons: string[];
  /** False for saved runs, whose rounds can't be paired. */
  paired: boolean;
  device: string;
  baseline: string;
  candidate: string;
  /** Blocks of four launches that were run; for saved runs 0. */
  blocks: number;
  /** Device time of the gate, seconds; for saved runs 0. */
  seconds: number;
}

/** What a kind of phones says of a metric. */
export interface KindMetric {
  candidate: string;
  metric: MetricName;
  kind: string;
  phoneCount: number;
  verdict: Verdict;
  ratio: number;
  low: number;
  high: number;
}

/** What `gate --json` prints: one gate, or several in one. */
export interface MergedResult extends GateResult {
  metrics: NamedMetric[];
  /** What the gate says to each of its questions. */
  named: VerdictsByName;
  /** Verdicts of kinds of phones, where there are several. */
  kinds: KindMetric[];
  /** What did not give all that was asked of it. */
  missing: { candidate: string; device: string; reason: string }[];
  /** What disturbed devices; those without a note are left out. */
  notes: { candidate: string; device: string; notes: string[] }[];
}

/**
 * Returns the judged correctness.
 *
 * Parity that fails is a failure, unless the baseline fails it too: that is no regression, and no
 * pass. A loss of AP that is certain and nearer to `maxApDrop` than to none is a failure. What was
 * not judged is inconclusive: nothing passes by absence. `maxApDrop` null means that AP is not
 * gated; where it is not required, it is gated only when it is known.
 */
export function judgeCorrectness(
  correctness: GateCorrectness,
  { maxApDrop, isApRequired }: Pick<GateRules, "maxApDrop" | "isApRequired">,
): GateParity {
  const { parity, baselineParity, apDifference } = correctness;
  const verdicts: { verdict: Verdict; reason: string }[] = [
    parity === null
      ? { verdict: "inconclusive", reason: "parity was not judged" }
      : parity.verdict === "fail" && baselineParity === "fail"
      ? {
        verdict: "inconclusive",
        reason:
          `baseline and candidate are wrong alike: no regression, but not right either; ${parity.reason}`,
      }
      : parity,
  ];
  if (maxApDrop !== null && (isApRequired || apDifference !== null)) {
    verdicts.push(judgeAp(apDifference, maxApDrop));
  }
  const verdict = worst(verdicts.map((each) => each.verdict));
  const telling = verdicts.filter((each) => each.verdict === verdict);
  return { ...correctness, verdict, reason: telling.map((each) => each.reason).join("; ") };
}

const MORE_IMAGES =
  "more annotated images would decide it, or another maxApDrop in posemark.json (null: AP is not gated)";

function judgeAp(
  difference: GateCorrectness["apDifference"],
  maxApDrop: number,
): { verdict: Verdict; reason: string } {
  if (difference === null) {
    return {
      verdict: "inconclusive",
      reason:
        "AP is gated, but can't be told: it needs images in COCO format with as many annotated keypoints as both models find, and neither may be run for its speed only",
    };
  }
  const { value, low, high } = difference;
  const judged = judgeApChange(difference, maxApDrop);
  const figures = `AP changed by ${value.toFixed(3)}${
    low === null || high === null ? "" : ` (${low.toFixed(3)} to ${high.toFixed(3)})`
  }, allowed is a loss of less than ${maxApDrop}`;
  if (judged === "within") return { verdict: "pass", reason: figures };
  if (judged === "worse") return { verdict: "fail", reason: figures };
  return { verdict: "inconclusive", reason: `${figures}; ${MORE_IMAGES}` };
}

/**
 * Returns the overall verdict and its reasons: any failure fails, then anything inconclusive is
 * inconclusive. A better speed never makes up for a loss in correctness, nor the other way round.
 * No metric at all is inconclusive.
 */
export function overallVerdict(
  metrics: readonly GateMetric[],
  parity: GateParity,
): { verdict: Verdict; reasons: string[] } {
  if (metrics.length === 0) {
    const verdict = parity.verdict === "fail" ? "fail" : "inconclusive";
    return { verdict, reasons: ["no metric was measured", `correctness: ${parity.reason}`] };
  }
  const verdict = worst([...metrics.map((metric) => metric.verdict), parity.verdict]);
  const reasons = [
    ...metrics.filter((metric) => verdict === "pass" || metric.verdict !== "pass").map((metric) =>
      `${metric.name} on ${metric.device}: ${metric.reason}`
    ),
    ...(verdict === "pass" || parity.verdict !== "pass" ? [`correctness: ${parity.reason}`] : []),
  ];
  return { verdict, reasons };
}

/** Returns what a gate says to each of its questions, by name. */
export function verdictsByName(
  { metrics, parity, crash }: Pick<GateResult, "metrics" | "parity" | "crash">,
): VerdictsByName {
  const speed = worst(metrics.map(({ verdict }) => verdict));
  const telling = metrics.filter(({ verdict }) => verdict === speed);
  return {
    speed: {
      verdict: speed,
      reason: telling.map(({ name, device, reason }) => `${name} on ${device}: ${reason}`)
        .join("; ") || "no metric was measured",
    },
    keypoints: { verdict: parity.verdict, reason: parity.reason },
    crash,
  };
}

/** Returns the worst of the verdicts: fail, then inconclusive, then pass; inconclusive for none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("fail")) return "fail";
  if (verdicts.length === 0 || verdicts.includes("inconclusive")) return "inconclusive";
  return "pass";
}

/**
 * Returns true when neither a metric nor the correctness tells why the gate did not pass, for
 * instance a variant that was not measured: the reasons do.
 */
export function isVerdictUntold({ verdict, metrics, parity }: GateResult): boolean {
  return verdict !== "pass" && parity.verdict !== verdict &&
    metrics.every((metric) => metric.verdict !== verdict);
}

/** Returns the exit code of the verdict: 0, 1 or 4. */
export function gateExitCode(verdict: Verdict): number {
  return { pass: EXIT.pass, fail: EXIT.failure, inconclusive: EXIT.inconclusive }[verdict];
}
