/**
 * A/A on a farm: both sides the same on every phone, so that what differs is noise; kept in the
 * store for the gates to come.
 *
 * @module
 */
import { METRIC_NAMES } from "../record/metrics.ts";
import { type Calibration, type CalibrationKey, saveCalibration } from "../store/calibrations.ts";
import { FEWEST_CALIBRATION_BLOCKS } from "../stats/detectable.ts";
import type { FarmStore } from "../store/store.ts";
import { type FarmGateRequest, gateOnFarm, mergedShards } from "./farm_gate.ts";
import type { Plan } from "./plan.ts";
import { shardResult } from "../gate/phones/shard_result.ts";

/** What calibrating found of one phone. */
export interface CalibratedPhone {
  phone: string;
  blocks: number;
  /** Null when it gave too few blocks for a calibration. */
  key: CalibrationKey | null;
}

/**
 * Runs the base against itself on the phones of the request, keeps a calibration of each phone that
 * gave enough blocks, and returns all phones.
 *
 * Throws what `gateOnFarm()` throws.
 */
export async function calibrateOnFarm(request: FarmGateRequest): Promise<CalibratedPhone[]> {
  const { store, settings } = request;
  const { outcome, plan } = await gateOnFarm({ ...request, candidates: [request.base] });
  const createdAt = new Date().toISOString();
  return await keepCalibrations(
    store,
    plan,
    settings.runId,
    outcome.missing,
    createdAt,
    request.countEmulated,
  );
}

/** Keeps the calibrations that an A/A run in the store gives. */
export async function keepCalibrations(
  store: FarmStore,
  plan: Plan,
  runId: string,
  missing: ReadonlyMap<number, string>,
  createdAt: string,
  countEmulated = false,
): Promise<CalibratedPhone[]> {
  interface Found {
    key: CalibrationKey | null;
    blocks: Calibration["blocks"];
    seconds: number;
  }
  const phones = new Map<string, Found>();
  let seconds = 0;
  const shards = mergedShards(store, plan, runId, missing, (records, pair) => {
    seconds = records.reduce((sum, record) =>
      sum + (record.kind === "launch" ? record.end.elapsedNs : 0), 0) / 1e9;
    return shardResult(records, pair, METRIC_NAMES, { countEmulated });
  });
  for await (const { phone, kind, result } of shards) {
    const name = phone ?? kind;
    const found = phones.get(name) ?? { key: null, blocks: {}, seconds: 0 };
    phones.set(name, found);
    found.key ??= result.calibrationKey;
    found.seconds += seconds;
    for (const metric of METRIC_NAMES) {
      const blocks = result.blocks[metric];
      if (blocks !== undefined) (found.blocks[metric] ??= []).push(...blocks);
    }
  }
  const kept: CalibratedPhone[] = [];
  for (const [phone, { key, blocks, seconds }] of phones) {
    const count = Math.max(0, ...Object.values(blocks).map((each) => each.length));
    const enough = key !== null && count >= FEWEST_CALIBRATION_BLOCKS;
    if (enough) {
      await saveCalibration(store.database, { ...key, workload: null }, {
        createdAt,
        secondsPerBlock: seconds / count,
        blocks,
      });
    }
    kept.push({ phone, blocks: count, key: enough ? key : null });
  }
  return kept;
}
