/**
 * The job of the command `simulate`: noise models (of phones, and fitted to records) → the table of
 * error rates and device time.
 *
 * @module
 */
import type { LaunchRecord } from "../record/records.ts";
import { readRecords } from "../record/record_log.ts";
import { fitNoise } from "./noise_fit.ts";
import { type NoiseModel, PHONE_MODELS, VIRTUAL_MACHINE } from "./noise_model.ts";
import { simulateModel, type SimulationOptions, type SimulationRow } from "./simulation.ts";

/**
 * Returns the rows for every noise model: first those fitted to each device of the record files,
 * then this project's test machine and the phones. `onModel` is called before each.
 *
 * Throws `HarnessError` `bad-record` for a file that can't be read, `RangeError` for one with too
 * few launches.
 */
export async function simulateAll(
  recordFiles: readonly string[],
  options: SimulationOptions,
  onModel: (model: NoiseModel) => void,
  signal?: AbortSignal,
): Promise<SimulationRow[]> {
  const models = [...recordFiles.flatMap(fittedModels), VIRTUAL_MACHINE, ...PHONE_MODELS];
  const rows: SimulationRow[] = [];
  for (const model of models) {
    onModel(model);
    rows.push(...await simulateModel(model, options, signal));
  }
  return rows;
}

/** Returns a noise model per device of a records file. */
export function fittedModels(file: string): NoiseModel[] {
  const launches = readRecords(file).records.filter((record): record is LaunchRecord =>
    record.kind === "launch"
  );
  const byDevice = Map.groupBy(launches, (launch) => launch.device);
  return [...byDevice].map(([device, own]) => fitNoise(`${device} (fitted)`, own));
}
