/**
 * The command `simulate`: how often the gate is wrong, and what it costs, against other methods.
 *
 * @module
 */
import type { CommandSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import { EXIT } from "../errors.ts";

/** `simulate`: the table of error rates. */
export const simulateCommand: CommandSpec = {
  name: "simulate",
  description:
    "false alarms, misses and device seconds of the gate on simulated devices, beside Mann-Whitney, means and MLPerf's single run",
  options: [
    {
      flags: "--records <file>",
      description: "fit a noise model to the devices of this records.jsonl too",
      repeat: true,
    },
    { flags: "--quick", description: "a rough look: seconds instead of minutes", default: false },
    { flags: "--seed <n>", description: "seed of the random generator" },
    { flags: "--json", description: "print JSON" },
  ],
  async run(options, _args, signal) {
    const { FULL_SIMULATION, QUICK_SIMULATION } = await import("../simulate/simulation.ts");
    const { simulateAll } = await import("../simulate/simulate.ts");
    const { simulationTable } = await import("../simulate/table.ts");
    const base = options.quick ? QUICK_SIMULATION : FULL_SIMULATION;
    const seed = options.seed === undefined
      ? base.seed
      : parseNumber("--seed", options.seed, { min: 0, max: 2 ** 31, integer: true });
    const rows = await simulateAll(
      options.records ?? [],
      { ...base, seed },
      (model) =>
        console.error(
          `simulating "${model.name}" (${options.quick ? "about 5 s" : "about half a minute"}) …`,
        ),
      signal,
    );
    console.log(options.json ? JSON.stringify(rows, null, 2) : simulationTable(rows));
    return EXIT.pass;
  },
};
