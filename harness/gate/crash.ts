/**
 * Whether a side's runner or its converter ended before its time, and where (pure).
 *
 * @module
 */
import type { NamedVerdict } from "./verdict.ts";

/** A side that could not do its work, while nothing was wrong with the machine. */
export interface Crash {
  /** Which one; both: what was wrong before is no regression. */
  side: "baseline" | "candidate" | "both";
  /** What it does, as a verdict says it: `crashes in network, after Convolution conv_12`. */
  what: string;
  /** What the tool or the system said. */
  said: string;
}

/**
 * Returns the judgement of what ended before its time; a run without a crash passes if something
 * ran.
 *
 * A candidate that crashes where the baseline does not fails; a baseline that crashes leaves
 * nothing to compare with.
 */
export function judgeCrash(crash: Crash | null, hasRun: boolean): NamedVerdict {
  if (crash === null) {
    return hasRun
      ? { verdict: "pass", reason: "both sides ran to their end" }
      : { verdict: "inconclusive", reason: "nothing was run" };
  }
  const { side, what, said } = crash;
  switch (side) {
    case "candidate":
      return { verdict: "fail", reason: `${what}; ${said}` };
    case "baseline":
      return {
        verdict: "inconclusive",
        reason:
          `the baseline ${what}, the candidate does not: no regression, but nothing to compare with; ${said}`,
      };
    case "both":
      return {
        verdict: "inconclusive",
        reason:
          `on both sides alike: ${what}, which is no regression, but not right either; ${said}`,
      };
  }
}

const MARK = /^posemark-layers \S+ -?\d+\s*$/;
const LAYER = /^(\S+)\s+(\S+)\s+\d+(?:\.\d+)?ms\s+\|/;

/**
 * Returns what a runner does that crashes, by the last lines that its profiling build printed to
 * stderr: each layer tells when it has finished (see `layer_times.ts`).
 *
 * @param lines Last lines of stderr; null: the profiling build did not crash, or there is none.
 * @param layerCount Layers in the graph that compute something; all of them finished: it is later.
 *
 * @example
 * ```ts
 * whereCrashed(["Convolution  conv_12   1.250ms    |"], 300);
 * // "crashes in network, after Convolution conv_12"
 * ```
 */
export function whereCrashed(lines: readonly string[] | null, layerCount: number): string {
  if (lines === null) return "crashes in the runner";
  const begun = lines.findLastIndex((line) => MARK.test(line));
  const layers = lines.slice(begun + 1).map((line) => LAYER.exec(line)).filter((m) => m !== null);
  const last = layers.at(-1);
  if (last === undefined) {
    return begun < 0
      ? "crashes while it loads the model"
      : "crashes in network, before its first layer finished";
  }
  if (begun >= 0 && layers.length >= layerCount) return "crashes after the network";
  return `crashes in network, after ${last[1]} ${last[2]}`;
}
