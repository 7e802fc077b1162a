/**
 * The command `trials`: how often the gate is wrong on this device, by gates whose truth is known.
 *
 * @module
 */
import type { CommandSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import {
  EXPERIMENT_OPTIONS,
  historyFile,
  readExperimentSettings,
  runFolder,
} from "./experiment_options.ts";
import { readVariantOptions, VARIANT_OPTIONS } from "./variant_options.ts";

/** `trials`: gates of one variant against itself, some slowed down on purpose. */
export const trialsCommand: CommandSpec = {
  name: "trials",
  description:
    "runs the gate many times on one variant against itself, with and without a slow-down put in on purpose, and counts how often it is wrong",
  options: [
    {
      flags: "--variant <side>",
      description:
        "the folder of a prepared variant, or a variant's id. Default: the first that the variant options produce",
    },
    {
      flags: "--sizes <list>",
      description: "thresholds, and slow-downs to be found at them, in percent",
      default: "2,5,10",
    },
    { flags: "--same <n>", description: "gates without a slow-down, in all", default: "50" },
    { flags: "--slow <n>", description: "gates with one, for each size", default: "20" },
    { flags: "--budget <seconds>", description: "device time of a gate", default: "300" },
    { flags: "--seed <n>", description: "seed of the order", default: "1" },
    {
      flags: "--history <file>",
      description:
        "history with the device's calibration: a file, or postgres://user@host:port/database. Default: history.db in the cache folder",
    },
    ...VARIANT_OPTIONS,
    ...EXPERIMENT_OPTIONS,
    { flags: "--out <dir>", description: "folder for the records. Default: reports/<time>-trials" },
    { flags: "--json", description: "print JSON" },
  ],
  async run(options, _args, signal) {
    const number = (option: string, text: string, min: number, max: number, integer = true) =>
      parseNumber(option, text, { min, max, integer });
    const settings = readExperimentSettings(options);
    if (settings.devices.length > 1 || settings.devices[0] === "all") {
      throw new HarnessError(
        "bad-option",
        `Cannot run trials on ${settings.devices.join(", ")}: expected one device`,
      );
    }
    const sizesPercent = String(options.sizes).split(",").map((text) =>
      number("--sizes", text, 0.1, 1000, false)
    );
    const { readSideName } = await import("../jobs/sides.ts");
    const { openDatabase } = await import("../store/open_store.ts");
    const { runTrials } = await import("../jobs/trials.ts");
    const { countTrials, trialsTable } = await import("../gate/trials.ts");
    await using history = await openDatabase(await historyFile(options.history), "--history");
    const results = await runTrials(
      {
        settings,
        variant: options.variant === undefined
          ? null
          : await readSideName("--variant", options.variant),
        variants: readVariantOptions(options),
        sizesPercent: [...new Set(sizesPercent)],
        counts: {
          same: number("--same", options.same, 0, 10_000),
          slow: number("--slow", options.slow, 0, 10_000),
        },
        budgetSeconds: number("--budget", options.budget, 1, 86_400, false),
        seed: number("--seed", options.seed, 0, 2 ** 31),
        out: runFolder(options.out, "trials"),
      },
      history,
      { progress: stderrProgress(), signal },
    );
    const rows = countTrials(results);
    console.log(options.json ? JSON.stringify(rows, null, 2) : trialsTable(rows));
    return EXIT.pass;
  },
};
