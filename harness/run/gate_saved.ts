/**
 * The flow of a gate on saved runs: folders of records → pairs → one result.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { experimentKeys } from "../gate/comparable.ts";
import { type GateConfig, type GateRules, gateRules } from "../gate/config.ts";
import { judgeSavedRuns, savedSide } from "../gate/saved.ts";
import type { MetricName } from "../gate/metric.ts";
import type { GateResult } from "../gate/verdict.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import type { AnyRecord, LaunchRecord, RunRecord } from "../records.ts";
import { openDataset } from "../reference/images.ts";
import { smallestDetectableRatio } from "../stats/detectable.ts";
import {
  experimentHash,
  HISTORY_METRICS,
  latestBaseline,
  type Series,
  sessionSd,
  trend,
} from "../store/history.ts";
import type { HistoryDatabase } from "../store/history_database.ts";
import { BASELINE_SUFFIX, type VariantManifest } from "../variant.ts";
import { correctnessOf } from "./gate_correctness.ts";
import { launchFigures } from "./gate_formats.ts";
import { deviceNoiseOf, type GateOutcome } from "./gate_live.ts";
import { mergeGateResults } from "./gate_merge.ts";
import { readRecords } from "./record_log.ts";

/** Options of a gate on saved runs, checked. */
export interface SavedGateOptions {
  /** Folder of the baseline's run; `latest`: the newest run of the same experiment in the history. */
  baseline: { kind: "run"; dir: string } | { kind: "latest" };
  candidateDir: string;
  /** Serials that are gated; null: all of the candidate's run. */
  devices: string[] | null;
  config: GateConfig;
  /** Folder of images with annotations; null: the one that the candidate's run names. */
  images: string | null;
}

/** A run read from disk. */
interface SavedRun {
  run: RunRecord;
  records: AnyRecord[];
}

/** One comparison: a variant of the candidate's run with one of the baseline's. */
interface SavedPair {
  device: string;
  baseline: SavedRun;
  baselineId: string;
  candidateId: string;
}

/**
 * Returns the result of a gate on saved runs: every variant of the candidate's run that the baseline has too, on every device.
 *
 * A variant of the baseline that the candidate's run lacks makes it inconclusive. Throws `HarnessError` `not-comparable` naming the key when
 * the runs are not the same experiment, `bad-record` for a folder without a run.
 */
export async function gateSaved(
  options: SavedGateOptions,
  history: HistoryDatabase,
): Promise<GateOutcome> {
  const candidate = readRun(options.candidateDir);
  const devices = options.devices ??
    [...new Set(launchesOf(candidate).map(({ device }) => device))];
  const pairs: SavedPair[] = [];
  const missing: string[] = [];
  for (const device of devices) {
    if (options.baseline.kind === "latest") {
      pairs.push(...await latestPairs(candidate, device, history));
      continue;
    }
    const found = pairVariants(readRun(options.baseline.dir), candidate, device);
    pairs.push(...found.pairs);
    missing.push(...found.missing);
  }
  if (pairs.length === 0) {
    throw new HarnessError(
      "not-comparable",
      `Cannot gate the run in ${options.candidateDir}: it has no finished launch. Run it again`,
    );
  }
  const results: GateResult[] = [];
  for (const pair of pairs) results.push(await judgePair(pair, candidate, options, history));
  const merged = mergeGateResults(results);
  const isLacking = missing.length > 0 && merged.verdict === "pass";
  const result = {
    ...merged,
    verdict: isLacking ? "inconclusive" as const : merged.verdict,
    reasons: [
      ...testBuildReasons(launchesOf(candidate)),
      ...missing.map((variant) => `the candidate's run lacks ${variant}, which the baseline has`),
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
  options: SavedGateOptions,
  history: HistoryDatabase,
): Promise<GateResult> {
  const rules = gateRules(options.config, device, candidateId);
  const sides = {
    baseline: savedSide(baseline.records, device, baselineId),
    candidate: savedSide(candidate.records, device, candidateId),
  };
  const series = await seriesOf(candidate, device, candidateId);
  const annotations = rules.maxApDrop === null ? null : await annotationsOf(candidate, options);
  return judgeSavedRuns({
    ...sides,
    rules,
    sessionSd: sessionSds(history, series, rules),
    detectable: detectableOf(history, sides.candidate.launches[0], sides.candidate.device, rules),
    correctness: correctnessOf(
      { records: candidate.records, device, variantId: candidateId },
      { records: baseline.records, device, variantId: baselineId },
      annotations,
    ),
  });
}

/**
 * Returns which variants of two runs are compared on a device, and those of the baseline that the candidate lacks. The same id first, then what differs in its
 * shape only (which the comparison then refuses by name), then the only variant of each.
 *
 * Throws `not-comparable` when the runs share no device, or no variant.
 */
export function pairVariants(
  baseline: SavedRun,
  candidate: SavedRun,
  device: string,
): { pairs: SavedPair[]; missing: string[] } {
  const known = baseline.run.devices.map(({ serial }) => serial);
  if (!known.includes(device)) {
    throw new HarnessError(
      "not-comparable",
      `Cannot compare run ${candidate.run.runId} with run ${baseline.run.runId}: they are not the same experiment, device.serial differs: found "${device}", expected ${
        known.map((serial) => `"${serial}"`).join(" or ")
      } as in the baseline. Run both on the same device`,
    );
  }
  const [before, after] = [baseline, candidate].map((saved) => variantsOn(saved, device));
  const pairs: SavedPair[] = [];
  const taken = new Set<string>();
  for (const variant of after) {
    const partner = before.find(({ id }) => id === variant.id) ??
      before.find((other) => withoutShape(other) === withoutShape(variant)) ??
      (before.length === 1 && after.length === 1 ? before[0] : undefined);
    if (partner === undefined) continue;
    taken.add(partner.id);
    pairs.push({ device, baseline, baselineId: partner.id, candidateId: variant.id });
  }
  if (pairs.length === 0) {
    const list = (variants: VariantManifest[]) =>
      variants.map(({ id }) => id).join(", ") || "none at all";
    throw new HarnessError(
      "not-comparable",
      `Cannot compare run ${candidate.run.runId} with run ${baseline.run.runId} on "${device}": they share no variant: found ${
        list(after)
      }, expected some of ${list(before)}. Name runs of the same variants`,
    );
  }
  const missing = before.filter(({ id }) => !taken.has(id)).map(({ id }) => `${id} on ${device}`);
  return { pairs, missing };
}

/** Returns each variant on the device with its newest run in the history. */
async function latestPairs(
  candidate: SavedRun,
  device: string,
  history: HistoryDatabase,
): Promise<SavedPair[]> {
  const pairs: SavedPair[] = [];
  for (const { id } of variantsOn(candidate, device)) {
    const series = await seriesOf(candidate, device, id);
    const found = latestBaseline(history, series, candidate.run.runId);
    if (found === null) {
      throw new HarnessError(
        "not-comparable",
        `Cannot find a run to compare with: ${history.file} has none of "${id}" on "${device}" with the same build, threads, shape and images. Import runs by "deno task history DIR", or name one by --baseline`,
      );
    }
    if (found.folder === null) {
      throw new HarnessError(
        "not-comparable",
        `Cannot compare with run ${found.runId}: the history does not know its folder. Name it by --baseline`,
      );
    }
    const baseline = readRun(found.folder);
    if (baseline.run.runId !== found.runId) {
      throw new HarnessError(
        "not-comparable",
        `Cannot compare with run ${found.runId}: its folder ${found.folder} now holds run ${baseline.run.runId}. Give every run a folder of its own by --out, and keep the one that others are compared with`,
      );
    }
    pairs.push({ device, baseline, baselineId: id, candidateId: id });
  }
  return pairs;
}

async function seriesOf(saved: SavedRun, device: string, variantId: string): Promise<Series> {
  const side = savedSide(saved.records, device, variantId);
  return { device, variantId, experiment: await experimentHash(experimentKeys(side)) };
}

/** How much sessions of this series differ, by metric, as far as the history knows. */
function sessionSds(
  history: HistoryDatabase,
  series: Series,
  rules: GateRules,
): Partial<Record<MetricName, number>> {
  const known: Partial<Record<MetricName, number>> = {};
  for (const { name } of rules.thresholds) {
    const metric = HISTORY_METRICS.find((each) => each === name);
    const sd = metric === undefined ? null : sessionSd(trend(history, series, metric));
    if (sd !== null) known[name] = sd;
  }
  return known;
}

/** What a paired gate would resolve on the device within the budget, where it was calibrated. */
function detectableOf(
  history: HistoryDatabase,
  { runner }: LaunchRecord,
  device: { serial: string; buildFingerprint: string | null },
  rules: GateRules,
): Partial<Record<MetricName, number>> {
  const { threads, powersave, coreMask } = runner.options;
  const { noise, secondsPerBlock } = deviceNoiseOf(history, {
    device: device.serial,
    buildFingerprint: device.buildFingerprint,
    settings: { threads, powersave, coreMask },
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

function readRun(dir: string): SavedRun {
  const { records } = readRecords(path.join(dir, "records.jsonl"));
  const [run] = records;
  if (run?.kind === "run") return { run, records };
  throw new HarnessError(
    "bad-record",
    `Cannot read the run in ${dir}: its records.jsonl is empty, expected the run record. Run it again`,
  );
}

/** Returns what must be said of launches by a test build; empty for those in earnest. */
export function testBuildReasons(launches: readonly LaunchRecord[]): string[] {
  const percents = launches.filter(({ marks }) => marks.includes("test-build"))
    .map(({ runner }) => runner.options.injectSlowdownPercent);
  return percents.length === 0 ? [] : [
    `launches of a test build are among them, slowed down on purpose by up to ${
      Math.max(...percents)
    }%`,
  ];
}

function launchesOf({ records }: SavedRun): LaunchRecord[] {
  return records.filter((record) => record.kind === "launch");
}

/** Variants with a finished launch on the device. */
function variantsOn(saved: SavedRun, device: string): VariantManifest[] {
  const { experiment } = saved.run.options;
  const launched = new Set(
    launchesOf(saved).filter((launch) => launch.device === device).map(({ variantId }) =>
      variantId
    ),
  );
  return saved.run.variants.filter(({ id }) =>
    // a gate's own baseline is not what its run stands for
    launched.has(id) && !(experiment === "gate" && id.endsWith(BASELINE_SUFFIX))
  );
}

function withoutShape(
  { model, activation, speedOnly, head, precision, converter }: VariantManifest,
) {
  return [model, activation, speedOnly, head, precision, converter].join(" ");
}
