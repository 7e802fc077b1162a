/**
 * Which saved runs are compared: every variant of the candidate's run on every device with its
 * partner, and what the candidate's run lacks.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { experimentHash, experimentKeys } from "../record/experiment_keys.ts";
import { savedSide } from "../gate/saved.ts";
import type { AnyRecord, LaunchRecord, RunRecord } from "../record/records.ts";
import { latestBaseline, type Series } from "../store/history.ts";
import type { Sql } from "../store/sql.ts";
import { BASELINE_SUFFIX, type VariantManifest, withoutAxis } from "../record/variant.ts";
import { readRecords } from "../record/record_log.ts";

/** A run read from disk. */
export interface SavedRun {
  run: RunRecord;
  records: AnyRecord[];
}

/** One comparison: a variant of the candidate's run with one of the baseline's. */
export interface SavedPair {
  device: string;
  baseline: SavedRun;
  baselineId: string;
  candidateId: string;
}

/** What a gate on saved runs compares. */
export interface SavedPairing {
  pairs: SavedPair[];
  /** Variants without a finished launch on a device in the candidate's run. */
  missing: { id: string; device: string }[];
}

/**
 * Returns what is compared on the devices, which are all of both runs when null is given.
 * `baseline` null: each variant with its newest run in the history.
 *
 * Missing is a variant that the candidate's run was to measure, or that the baseline has, when the
 * candidate's run has no finished launch of it. Throws `HarnessError` `not-comparable` for one run
 * on both sides, runs that share no device or no variant, and when the history has no baseline.
 */
export async function pairSavedRuns(
  baseline: SavedRun | null,
  candidate: SavedRun,
  devices: readonly string[] | null,
  history: Sql,
): Promise<SavedPairing> {
  if (baseline?.run.runId === candidate.run.runId) {
    throw new HarnessError(
      "not-comparable",
      `Cannot compare run ${candidate.run.runId} with itself: found the same run on both sides. Name an earlier one by --baseline`,
    );
  }
  const known = [
    ...candidate.run.devices.map(({ serial }) => serial),
    ...launchesOf(baseline ?? candidate).map(({ device }) => device),
  ];
  const pairs: SavedPair[] = [];
  const missing: SavedPairing["missing"] = [];
  for (const device of devices ?? new Set(known)) {
    const found = baseline === null
      ? await latestPairs(candidate, device, history)
      : pairVariants(baseline, candidate, device);
    pairs.push(...found);
    const before = baseline === null ? found.map((pair) => pair.baseline) : [baseline];
    const taken = new Set(found.map(({ baselineId }) => baselineId));
    const launched = new Set(found.map(({ candidateId }) => candidateId));
    const lacking = new Set([
      ...before.flatMap((saved) => variantsOn(saved, device)).filter(({ id }) => !taken.has(id)),
      ...gatedVariants(candidate).filter(({ id }) => !launched.has(id)),
    ].map(({ id }) => id));
    for (const id of lacking) missing.push({ id, device });
  }
  return { pairs, missing };
}

/**
 * Returns which variants of two runs are compared on a device; none when the candidate's run has no
 * launch on it. The same id first, then what differs in its shape only (which the comparison then
 * refuses by name), then the only variant of each.
 */
function pairVariants(baseline: SavedRun, candidate: SavedRun, device: string): SavedPair[] {
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
  for (const variant of after) {
    const partner = before.find(({ id }) => id === variant.id) ??
      before.find((other) => withoutAxis(other, "shape") === withoutAxis(variant, "shape")) ??
      (before.length === 1 && after.length === 1 ? before[0] : undefined);
    if (partner === undefined) continue;
    pairs.push({ device, baseline, baselineId: partner.id, candidateId: variant.id });
  }
  if (pairs.length === 0 && after.length > 0) {
    const list = (variants: VariantManifest[]) =>
      variants.map(({ id }) => id).join(", ") || "none at all";
    throw new HarnessError(
      "not-comparable",
      `Cannot compare run ${candidate.run.runId} with run ${baseline.run.runId} on "${device}": they share no variant: found ${
        list(after)
      }, expected some of ${list(before)}. Name runs of the same variants`,
    );
  }
  return pairs;
}

/** Returns each variant on the device with its newest run in the history. */
async function latestPairs(
  candidate: SavedRun,
  device: string,
  history: Sql,
): Promise<SavedPair[]> {
  const pairs: SavedPair[] = [];
  for (const { id } of variantsOn(candidate, device)) {
    const series = await seriesOf(candidate, device, id);
    const found = await latestBaseline(history, series, candidate.run.runId);
    if (found === null) {
      throw new HarnessError(
        "not-comparable",
        `Cannot find a run to compare with: ${history.address} has none of "${id}" on "${device}" with the same build, threads, shape and images. Import runs by "deno task history DIR", or name one by --baseline`,
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

/** Returns under which key the history files a variant of a run. */
export async function seriesOf(
  saved: SavedRun,
  device: string,
  variantId: string,
): Promise<Series> {
  const side = savedSide(saved.records, device, variantId);
  return { device, variantId, experiment: await experimentHash(experimentKeys(side)) };
}

/**
 * Returns the run in the folder.
 *
 * Throws `HarnessError` `bad-record` for a folder without one.
 */
export function readRun(dir: string): SavedRun {
  const { records } = readRecords(path.join(dir, "records.jsonl"));
  const [run] = records;
  if (run?.kind === "run") return { run, records };
  throw new HarnessError(
    "bad-record",
    `Cannot read the run in ${dir}: its records.jsonl is empty, expected the run record. Run it again`,
  );
}

/** Returns the finished launches of a run, in the order of the records. */
export function launchesOf({ records }: SavedRun): LaunchRecord[] {
  return records.filter((record) => record.kind === "launch");
}

/** Variants with a finished launch on the device. */
function variantsOn(saved: SavedRun, device: string): VariantManifest[] {
  const launched = new Set(
    launchesOf(saved).filter((launch) => launch.device === device).map(({ variantId }) =>
      variantId
    ),
  );
  return gatedVariants(saved).filter(({ id }) => launched.has(id));
}

/** Variants that a run stands for: a gate's own baseline is none of them. */
function gatedVariants({ run }: SavedRun): VariantManifest[] {
  return run.options.experiment === "gate"
    ? run.variants.filter(({ id }) => !id.endsWith(BASELINE_SUFFIX))
    : run.variants;
}
