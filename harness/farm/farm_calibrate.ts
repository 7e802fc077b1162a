/**
 * A/A on a farm: both sides the same on every phone, so that what differs is noise; kept in the
 * store for the gates to come.
 *
 * @module
 */
import { METRIC_NAMES } from "../record/metrics.ts";
import { saveCalibration, type WorkloadKey } from "../store/calibrations.ts";
import { FEWEST_CALIBRATION_BLOCKS } from "../stats/detectable.ts";
import type { FarmStore } from "../store/store.ts";
import { collectShards, type PhoneEvidence } from "./farm_evidence.ts";
import { type FarmRequest, runOnFarm } from "./farm_gate.ts";

/** What calibrating found of one phone. */
export interface CalibratedPhone {
  phone: string;
  blocks: number;
  /** Null when it gave too few blocks for a calibration. */
  key: WorkloadKey | null;
}

/** Takes all blocks, whatever the budget of a gate is. */
const EVERYTHING = { names: {}, metrics: METRIC_NAMES, config: null, annotations: null };

/**
 * Runs the pair of the request, a variant against itself, on its phones, keeps a calibration of
 * each phone that gave enough blocks, and returns all phones.
 *
 * Throws what `runOnFarm()` throws.
 */
export async function calibrateOnFarm(request: FarmRequest): Promise<CalibratedPhone[]> {
  const { store } = request;
  const { runId, outcome, plan } = await runOnFarm(request);
  const phones = await collectShards(store, plan, runId, outcome.missing, EVERYTHING);
  return await keepCalibrations(store, phones, new Date().toISOString());
}

/** Keeps the calibrations that A/A evidence gives. */
export async function keepCalibrations(
  store: FarmStore,
  phones: readonly PhoneEvidence[],
  createdAt: string,
): Promise<CalibratedPhone[]> {
  const kept: CalibratedPhone[] = [];
  for (const { phone, evidence, calibration } of phones) {
    const { blockCount, seconds } = evidence;
    const key = blockCount >= FEWEST_CALIBRATION_BLOCKS ? calibration : null;
    if (key !== null) {
      const told = Object.entries(evidence.blocks).filter(([, blocks]) => blocks !== null);
      await saveCalibration(store.database, key, {
        createdAt,
        secondsPerBlock: seconds / blockCount,
        blocks: Object.fromEntries(told),
      });
    }
    kept.push({ phone, blocks: blockCount, key });
  }
  return kept;
}
