/**
 * The JSON of github-action-benchmark's tool `customSmallerIsBetter`: a list of named values, less
 * is better.
 *
 * @module
 */
import type { FormatInput } from "./figures.ts";

/** One entry. */
export interface BenchmarkEntry {
  name: string;
  unit: string;
  value: number;
  range?: string;
  extra?: string;
}

/**
 * Returns the JSON text: latencies in milliseconds, memory in MiB. FPS is left out, since more of
 * it is better.
 */
export function githubActionBenchmarkJson({ figures, runId, gitCommit }: FormatInput): string {
  const entries = figures.flatMap((figure): BenchmarkEntry[] => {
    if (figure.unit === "fps") return [];
    const { scale, unit } = figure.unit === "ns"
      ? { scale: 1e-6, unit: "ms" }
      : { scale: 1 / 1_048_576, unit: "MiB" };
    const { low, high, value } = figure;
    return [{
      name: `${figure.variantId} on ${figure.device}: ${figure.metric}`,
      unit,
      value: value * scale,
      ...(low === null || high === null
        ? {}
        : { range: `± ${(Math.max(high - value, value - low) * scale).toPrecision(3)}` }),
      extra: [
        `rounds: ${figure.rounds}`,
        `samples: ${figure.samples}`,
        `run: ${runId}`,
        ...(gitCommit === null ? [] : [`commit: ${gitCommit}`]),
      ].join("\n"),
    }];
  });
  return JSON.stringify(entries, null, 2) + "\n";
}
