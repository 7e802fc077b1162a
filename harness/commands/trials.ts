/**
 * The command `trials`: how often the gate is wrong on this device, by gates whose truth is known.
 *
 * @module
 */
import { command } from "../cli.ts";
import { each, flag, integer, number, option } from "../options.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import { printResult } from "../terminal.ts";
import {
  EXPERIMENT_OPTIONS,
  historyFile,
  readExperimentSettings,
  runFolder,
} from "./experiment_options.ts";
import { readVariantOptions, VARIANT_OPTIONS } from "./variant_options.ts";

/** `trials`: gates of one variant against itself, some slowed down on purpose. */
export const trialsCommand = command({
  name: "trials",
  description:
    "runs the gate many times on one variant against itself, with and without a slow-down put in on purpose, and counts how often it is wrong",
  options: {
    variant: option(
      "--variant <side>",
      "the folder of a prepared variant, or a variant's id. Default: the first that the variant options produce",
    ),
    sizes: option(
      "--sizes <list>",
      "thresholds, and slow-downs to be found at them, in percent",
      each(number(0.1, 1000)),
      "2,5,10",
    ),
    same: option("--same <n>", "gates without a slow-down, in all", integer(0, 10_000), "50"),
    slow: option("--slow <n>", "gates with one, for each size", integer(0, 10_000), "20"),
    budget: option("--budget <seconds>", "device time of a gate", number(1, 86_400), "300"),
    turns: flag(
      "--turns",
      "instead of gates: ratios by turns beside ratios of launches alone, of the variants of each shape and setting, and the first against itself by turns (--same)",
    ),
    rounds: option(
      "--rounds <n>",
      "with --turns: launches of each variant, alone and by turns",
      integer(2, 100_000),
      "16",
    ),
    seed: option("--seed <n>", "seed of the order", integer(0, 2 ** 31), "1"),
    history: option(
      "--history <file>",
      "history with the device's calibration: a file, or postgres://user@host:port/database. Default: history.db in the cache folder",
    ),
    ...VARIANT_OPTIONS,
    ...EXPERIMENT_OPTIONS,
    out: option("--out <dir>", "folder for the records. Default: reports/<time>-trials"),
    json: flag("--json", "print JSON"),
  },
  async run(options, _args, signal) {
    const settings = readExperimentSettings(options);
    if (settings.devices.length > 1 || settings.devices[0] === "all") {
      throw new HarnessError(
        "bad-option",
        `Cannot run trials on ${settings.devices.join(", ")}: expected one device`,
      );
    }
    if (options.turns) {
      const { runTurnsTrials, turnsTable } = await import("../jobs/turns_trials.ts");
      const rows = await runTurnsTrials({
        settings,
        variants: readVariantOptions(options),
        rounds: options.rounds,
        same: options.same,
        out: runFolder(options.out, "trials"),
      }, { progress: stderrProgress(), signal });
      printResult(options.json, rows, turnsTable);
      return EXIT.pass;
    }
    const { readSideName } = await import("../jobs/side_names.ts");
    const { openDatabase } = await import("../store/open_store.ts");
    const { runTrials } = await import("../jobs/trials.ts");
    const { countTrials, trialsTable } = await import("../gate/trials.ts");
    await using history = await openDatabase(await historyFile(options.history), "--history");
    const results = await runTrials(
      {
        settings,
        variant: options.variant === null ? null : await readSideName("--variant", options.variant),
        variants: readVariantOptions(options),
        sizesPercent: [...new Set(options.sizes)],
        counts: {
          same: options.same,
          slow: options.slow,
        },
        budgetSeconds: options.budget,
        seed: options.seed,
        out: runFolder(options.out, "trials"),
      },
      history,
      { progress: stderrProgress(), signal },
    );
    const rows = countTrials(results);
    printResult(options.json, rows, trialsTable);
    return EXIT.pass;
  },
});
