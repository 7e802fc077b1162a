/**
 * The flow of a gate on saved runs: folders of records → pairs → one result.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { type GateConfig, type GateRules, gateRules } from "../gate/config.ts";
import { judgeSavedRuns, savedSide } from "../gate/saved.ts";
import type { SessionSpread } from "../stats/sessions.ts";
import type { MetricName } from "../record/metrics.ts";
import type { GateResult } from "../gate/verdict.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import type { LaunchRecord } from "../record/records.ts";
import { openDataset } from "../images/dataset.ts";
import { smallestDetectableRatio } from "../stats/detectable.ts";
import { knownSessions, type Series } from "../store/history.ts";
import type { Sql } from "../store/sql.ts";
import { correctnessOf } from "../gate/correctness.ts";
import { launchFigures } from "./gate_formats.ts";
import { deviceNoiseOf, type GateOutcome } from "./gate_live.ts";
import { mergeGateResults } from "../gate/merge.ts";
import {
  launchesOf,
  pairSavedRuns,
  readRun,
  type SavedPair,
  type SavedRun,
  seriesOf,
} from "./gate_saved_pairs.ts";

/** Options of a gate on saved runs, checked. */
export interface SavedGateOptions {
  /**
   * Folder of the baseline's run; `latest`: the newest run of the same experiment in the history.
   */
  baseline: { kind: "run"; dir: string } | { kind: "latest" };
  candidateDir: string;
  /** Serials that are gated; null: all of both runs. */
  devices: string[] | null;
  config: GateConfig;
  /** Folder of images with annotations; null: the one that the candidate's run names. */
  images: string | null;
}

/**
 * Returns the result of a gate on saved runs: every variant of the candidate's run that the
 * baseline has too, on every device of both.
 *
 * A variant of either run without a finished launch in the candidate's makes it inconclusive.
 * Throws `HarnessError` `not-comparable` naming the key when the runs are not the same experiment,
 * `bad-record` for a folder without a run.
 */
export async function gateSaved(
  options: SavedGateOptions,
  history: Sql,
): Promise<GateOutcome> {
  const candidate = readRun(options.candidateDir);
  const baseline = options.baseline.kind === "latest" ? null : readRun(options.baseline.dir);
  const { pairs, missing } = await pairSavedRuns(baseline, candidate, options.devices, history);
  if (pairs.length === 0) {
    throw new HarnessError(
      "not-comparable",
      `Cannot gate the run in ${options.candidateDir}: it has no finished launch. Run it again`,
    );
  }
  const results: GateResult[] = [];
  for (const pair of pairs) {
    const rules = gateRules(options.config, pair.device, pair.candidateId, pairs.length);
    results.push(await judgePair(pair, candidate, { ...options, rules }, history));
  }
  const merged = mergeGateResults(results);
  const isLacking = missing.length > 0 && merged.verdict === "pass";
  const result = {
    ...merged,
    verdict: isLacking ? "inconclusive" as const : merged.verdict,
    reasons: [
      ...testBuildReasons("baseline", pairs.map((pair) => pair.baseline)),
      ...testBuildReasons("candidate", [candidate]),
      ...missing.map((variant) =>
        `the candidate's run lacks ${variant}: it has no finished launch of it; run it again, or gate its other devices by --device`
      ),
      ...merged.reasons,
    ],
  };
  return {
    result,
    runId: candidate.run.runId,
    createdAt: candidate.run.createdAt,
    figures: launchFigures(launchesOf(candidate), candidate.run.baseVariantId),
  };
}

async function judgePair(
  { device, baseline, baselineId, candidateId }: SavedPair,
  candidate: SavedRun,
  options: SavedGateOptions & { rules: GateRules },
  history: Sql,
): Promise<GateResult> {
  const { rules } = options;
  const sides = {
    baseline: savedSide(baseline.records, device, baselineId),
    candidate: savedSide(candidate.records, device, candidateId),
  };
  const series = await seriesOf(candidate, device, candidateId);
  const annotations = rules.maxApDrop === null ? null : await annotationsOf(candidate, options);
  return judgeSavedRuns({
    ...sides,
    rules,
    sessions: await sessionSpreads(history, series, rules),
    detectable: await detectableOf(
      history,
      sides.candidate.launches[0],
      sides.candidate.device,
      rules,
    ),
    correctness: correctnessOf(
      { records: candidate.records, device, variantId: candidateId },
      { records: baseline.records, device, variantId: baselineId },
      annotations,
    ),
  });
}

/** How much sessions of this series differ, by metric, as far as the history knows. */
async function sessionSpreads(
  history: Sql,
  series: Series,
  rules: GateRules,
): Promise<Partial<Record<MetricName, SessionSpread>>> {
  const known: Partial<Record<MetricName, SessionSpread>> = {};
  for (const { name } of rules.thresholds) {
    const spread = await knownSessions(history, series, name);
    if (spread !== null) known[name] = spread;
  }
  return known;
}

/** What a paired gate would resolve on the device within the budget, where it was calibrated. */
async function detectableOf(
  history: Sql,
  { variantId, runner, images }: LaunchRecord,
  device: { serial: string; buildFingerprint: string | null },
  rules: GateRules,
): Promise<Partial<Record<MetricName, number>>> {
  const { threads, powersave, coreMask, warmup, iterations } = runner.options;
  const { noise, secondsPerBlock } = await deviceNoiseOf(history, {
    device: device.serial,
    buildFingerprint: device.buildFingerprint,
    settings: { threads, powersave, coreMask },
    workload: { variantId, warmup, iterations, images: images.length },
  });
  const detectable: Partial<Record<MetricName, number>> = {};
  if (secondsPerBlock === null) return detectable;
  const { missRate, budgetSeconds } = rules;
  const falseAlarmRate = rules.falseAlarmRate / rules.thresholds.length;
  for (const { name } of rules.thresholds) {
    const own = noise[name];
    if (own === undefined) continue;
    const blocks = Math.floor(budgetSeconds / secondsPerBlock);
    const ratio = smallestDetectableRatio(own, { falseAlarmRate, missRate }, blocks);
    if (ratio !== null) detectable[name] = ratio;
  }
  return detectable;
}

/** Annotations of the candidate's images; null when its folder has none. */
async function annotationsOf(
  { run }: SavedRun,
  options: SavedGateOptions,
): Promise<CocoAnnotations | null> {
  const folder = options.images ?? run.options.images;
  return typeof folder === "string" ? (await openDataset(folder)).annotations : null;
}

/** Returns what must be said of a side with launches by a test build; empty for one in earnest. */
function testBuildReasons(side: string, runs: readonly SavedRun[]): string[] {
  const percents = runs.flatMap(launchesOf)
    .filter(({ marks }) => marks.includes("test-build"))
    .map(({ runner }) => runner.options.injectSlowdownPercent);
  return percents.length === 0 ? [] : [
    `launches of a test build are among the ${side}'s, slowed down on purpose by up to ${
      Math.max(...percents)
    }%`,
  ];
}
