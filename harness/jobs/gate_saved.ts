/**
 * The flow of a gate on saved runs: folders of records → pairs → one result.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { knownNoise } from "../gate/calibrate.ts";
import { type GateConfig, type GateRules, gateRules, type RulesOf } from "../gate/config.ts";
import { type DeviceEvidence, noEvidence } from "../gate/evidence.ts";
import { launchFigures } from "../gate/formats/figures.ts";
import { judgeGate } from "../gate/judge_gate.ts";
import { savedEvidence, savedSide } from "../gate/saved.ts";
import type { SessionSpread } from "../stats/sessions.ts";
import { userCommit } from "../record/commits.ts";
import type { MetricName } from "../record/metrics.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { type DatasetOptions, openDataset, restrictAnnotations } from "../images/dataset.ts";
import { knownSessions, type Series } from "../store/history.ts";
import { newestCalibration, workloadKeyOf } from "../store/calibrations.ts";
import type { Sql } from "../store/sql.ts";
import { correctnessOf } from "../gate/correctness.ts";
import type { RunRecord } from "../record/records.ts";
import type { GateOutcome } from "./gate_live.ts";
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
  /**
   * Folder of images with annotations, and what is said of them; null: as the candidate's run has
   * it.
   */
  dataset: DatasetOptions & { images: string | null };
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
  const evidence: DeviceEvidence[] = [];
  const rulesOf: RulesOf = (device, candidateId) =>
    gateRules(options.config, device, candidateId, pairs.length);
  for (const pair of pairs) evidence.push(await collectPair(pair, candidate, options, history));
  for (const { id, device } of missing) {
    const side = { id, name: id };
    evidence.push({
      ...noEvidence(device, "", { baseline: side, candidate: side }),
      missing:
        `the candidate's run lacks ${id} on ${device}: it has no finished launch of it; run it again, or gate its other devices by --device`,
    });
  }
  const result = judgeGate(evidence, rulesOf);
  return {
    result: {
      ...result,
      reasons: [
        ...testBuildReasons("baseline", pairs.map((pair) => pair.baseline)),
        ...testBuildReasons("candidate", [candidate]),
        ...result.reasons,
      ],
    },
    runId: candidate.run.runId,
    createdAt: candidate.run.createdAt,
    gitCommit: userCommit(candidate.run.commits),
    figures: launchFigures(
      candidate.records.filter((record) => record.kind === "launch" || record.kind === "turns"),
      candidate.run.baseVariantId,
    ),
  };
}

/** What the two runs show about a pair. */
async function collectPair(
  { device, baseline, baselineId, candidateId }: SavedPair,
  candidate: SavedRun,
  options: SavedGateOptions,
  history: Sql,
): Promise<DeviceEvidence> {
  const rules = gateRules(options.config, device, candidateId, 1);
  const before = savedSide(baseline.records, device, baselineId);
  const after = savedSide(candidate.records, device, candidateId);
  const key = workloadKeyOf(after.device, after.launches[0]);
  const series = await seriesOf(candidate, device, candidateId);
  const annotations = rules.maxApDrop === null ? null : await annotationsOf(candidate, options);
  return savedEvidence(before, after, {
    ...knownNoise(await newestCalibration(history, key), device),
    sessions: await sessionSpreads(history, series, rules),
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

/** Annotations of the candidate's images; null when its folder has none. */
async function annotationsOf(
  { run }: SavedRun,
  options: SavedGateOptions,
): Promise<CocoAnnotations | null> {
  const { images, ...asked } = options.dataset;
  const folder = images ?? run.options.images;
  if (typeof folder !== "string") return null;
  const { annotations, sigmas, categories } = run.options;
  const own = (given: string | null | undefined, recorded: unknown) =>
    given ?? (images === null && typeof recorded === "string" ? recorded : null);
  const { annotations: found } = await openDataset(folder, {
    annotations: own(asked.annotations, annotations),
    sigmas: own(asked.sigmas, sigmas),
    categories: own(asked.categories, categories),
  });
  return found === null ? null : ofRecordedImages(found, run);
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

/** Returns the annotations without the images that the run left out as unreadable. */
function ofRecordedImages(annotations: CocoAnnotations, run: RunRecord): CocoAnnotations {
  if (run.options.skipUnreadable !== true) return annotations;
  return restrictAnnotations(annotations, new Set(run.images.map((image) => image.cocoImageId)));
}
