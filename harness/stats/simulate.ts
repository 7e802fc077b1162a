/**
 * The task `simulate`: prints false alarms, misses and device time of the gate and of other methods on simulated devices.
 *
 * `deno task simulate [--quick] [--seed N] [--records RUN/records.jsonl]…` adds a noise model fitted to each device of those records.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type LaunchRecord, parseRecord } from "../records.ts";
import { fitNoise } from "./noise_fit.ts";
import { type NoiseModel, PHONE_MODELS } from "./noise_model.ts";
import { FULL_SIMULATION, QUICK_SIMULATION, simulateModel } from "./simulation.ts";
import { simulationTable } from "./simulation_table.ts";

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      seed: { type: "string" },
      records: { type: "string", multiple: true, default: [] },
    },
  });
  const base = values.quick ? QUICK_SIMULATION : FULL_SIMULATION;
  const options = { ...base, seed: values.seed === undefined ? base.seed : Number(values.seed) };
  const models = [...values.records.flatMap(fittedModels), ...PHONE_MODELS];
  const rows = models.flatMap((model) => {
    console.error(`Simulating "${model.name}" (about half a minute) …`);
    return simulateModel(model, options);
  });
  console.log(simulationTable(rows));
}

function fittedModels(file: string): NoiseModel[] {
  const launches = Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").map((
    line,
    index,
  ) => parseRecord(line, `${file} line ${index + 1}`)).filter((record): record is LaunchRecord =>
    record.kind === "launch"
  );
  const byDevice = Map.groupBy(launches, (launch) => launch.device);
  return [...byDevice].map(([device, own]) => fitNoise(`${device} (fitted)`, own));
}
