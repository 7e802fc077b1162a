/**
 * The command `simulate`: how often the gate is wrong, and what it costs, against other methods.
 *
 * @module
 */
import { command } from "../cli.ts";
import { flag, integer, option, repeated } from "../options.ts";
import { EXIT } from "../errors.ts";
import { printResult, tell } from "../terminal.ts";

/** `simulate`: the table of error rates. */
export const simulateCommand = command({
  name: "simulate",
  description:
    "false alarms, misses and device seconds of the gate on simulated devices, beside Mann-Whitney, means and MLPerf's single run",
  options: {
    records: repeated(
      "--records <file>",
      "fit a noise model to the devices of this records.jsonl too",
    ),
    quick: flag("--quick", "a rough look: seconds instead of minutes"),
    seed: option("--seed <n>", "seed of the random generator", integer(0, 2 ** 31)),
    json: flag("--json", "print JSON"),
  },
  async run(options, _args, signal) {
    const { FULL_SIMULATION, QUICK_SIMULATION } = await import("../simulate/simulation.ts");
    const { simulateAll } = await import("../simulate/simulate.ts");
    const { simulationTable } = await import("../simulate/table.ts");
    const base = options.quick ? QUICK_SIMULATION : FULL_SIMULATION;
    const seed = options.seed ?? base.seed;
    const rows = await simulateAll(
      options.records ?? [],
      { ...base, seed },
      (model) =>
        tell(
          `simulating "${model.name}" (${options.quick ? "about 5 s" : "about half a minute"}) …`,
        ),
      signal,
    );
    printResult(options.json, rows, simulationTable);
    return EXIT.pass;
  },
});
