/**
 * Records of two saved runs → what they show about a variant on a device (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { ComparisonSide } from "../record/experiment_keys.ts";
import { METRIC_NAMES, type MetricName } from "../record/metrics.ts";
import type { AnyRecord, LaunchRecord } from "../record/records.ts";
import { groupByRound, metricOfLaunch } from "../stats/round.ts";
import { type DeviceEvidence, noEvidence, sharedKeys, type UnpairedRounds } from "./evidence.ts";

/**
 * Returns one side of a comparison from a run's records: the launches of one variant on one device,
 * the last of each round.
 *
 * Throws `HarnessError` `not-comparable` when the run knows no such device or has no finished
 * launch of the variant on it, saying what it has.
 */
export function savedSide(
  records: readonly AnyRecord[],
  device: string,
  variantId: string,
): ComparisonSide<LaunchRecord> {
  const run = records.find((record) => record.kind === "run");
  const runName = `run ${run?.runId ?? "without a run record"}`;
  const description = run?.devices.find(({ serial }) => serial === device);
  const all = records.filter((record): record is LaunchRecord => record.kind === "launch");
  const rounds = groupByRound(all.filter((launch) => launch.device === device)).get(variantId);
  const launches = [...rounds?.values() ?? []];
  if (run === undefined || description === undefined || launches.length === 0) {
    const known = new Set(all.map((launch) => `"${launch.variantId}" on "${launch.device}"`));
    throw new HarnessError(
      "not-comparable",
      `Cannot compare ${runName}: found no finished launch of "${variantId}" on "${device}", it has ${
        [...known].join(", ") || "none at all"
      }. Name another run, or another variant and device`,
    );
  }
  return { name: `${variantId} of ${runName}`, device: description, images: run.images, launches };
}

/**
 * Returns what two saved runs show about a variant on one device.
 *
 * Throws `HarnessError` `not-comparable` that names the key when the runs are not the same
 * experiment.
 */
export function savedEvidence(
  baseline: ComparisonSide<LaunchRecord>,
  candidate: ComparisonSide<LaunchRecord>,
  known: Pick<DeviceEvidence, "noise" | "secondsPerBlock" | "correctness" | "notes"> & {
    sessions: UnpairedRounds["sessions"];
  },
): DeviceEvidence {
  const keys = sharedKeys(baseline, candidate);
  const { sessions, ...more } = known;
  const sideOf = ({ name, launches }: ComparisonSide<LaunchRecord>) => ({
    id: launches[0].variantId,
    name,
  });
  const sides = { baseline: sideOf(baseline), candidate: sideOf(candidate) };
  return {
    ...noEvidence(baseline.device.serial, "", sides),
    ...more,
    unpaired: {
      baseline: valuesOf(baseline.launches),
      candidate: valuesOf(candidate.launches),
      sessions,
    },
    keys,
  };
}

/** Values of the rounds by metric. */
function valuesOf(launches: readonly LaunchRecord[]): Partial<Record<MetricName, number[]>> {
  return Object.fromEntries(METRIC_NAMES.map((name) => [
    name,
    launches.map((launch) => metricOfLaunch(launch, name)).filter((value) => value !== null),
  ]));
}
