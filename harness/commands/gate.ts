/**
 * The commands `gate` and `calibrate`.
 *
 * What a command works with is imported when it runs: each task then needs its own permissions
 * only, and starts at once.
 *
 * @module
 */
import * as path from "@std/path";
import { command } from "../cli.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { FARM_GATE_OPTIONS } from "../farm/engine_options.ts";
import type { FarmGateInput } from "../farm/gate_command.ts";
import type { Target } from "../record/device.ts";
import { DEFAULT_GATE_CONFIG } from "../gate/config.ts";
import type { FormatInput } from "../gate/formats/figures.ts";
import { each, flag, integer, list, number, option, repeated, type ValuesOf } from "../options.ts";
import { userCommit } from "../record/commits.ts";
import { METRIC_NAMES } from "../record/metrics.ts";
import { gateExitCode, type MergedResult } from "../gate/verdict.ts";
import { stderrProgress } from "../progress.ts";
import { printCommands, printResult, tell } from "../terminal.ts";
import type { FormatRequest } from "../jobs/gate_formats.ts";
import type { GateOutcome } from "../jobs/gate_live.ts";
import type { ExperimentContext } from "../run/settings.ts";
import type { SideName } from "../jobs/side_names.ts";
import type { SidePair } from "../jobs/sides.ts";
import type { Sql } from "../store/sql.ts";
import { CONFIG_FILE, configText, type ReadConfig, readConfig } from "./config_file.ts";
import {
  EXPERIMENT_OPTIONS,
  historyFile,
  readExperimentSettings,
  runFolder,
} from "./experiment_options.ts";
import { readVariantOptions, SHIPPED_MODELS, VARIANT_OPTIONS } from "./variant_options.ts";

const CONFIG_OPTIONS = {
  config: option(
    "--config <file>",
    `thresholds and budget. Default: the nearest ${CONFIG_FILE} from the caller's folder up to the top of its git repository`,
  ),
  history: option(
    "--history <file>",
    "history with calibrations and earlier runs: a file, or postgres://user@host:port/database. Default: history.db in the cache folder",
  ),
};

const GATE_OPTIONS = {
  baseline: option(
    "--baseline <side>",
    "git:REF (the commit's models, and its runner in Posemark's own repository); ncnn:VERSION, pnnx:VERSION or ultralytics:VERSION, or a PATH in place of the version (the variants as that tool makes or runs them); an .onnx or .pt file, the folder of a prepared variant, a variant's id; for saved runs the folder of a run, or latest",
  ),
  candidate: option(
    "--candidate <side>",
    "as --baseline. Default: what the variant options produce",
  ),
  ...CONFIG_OPTIONS,
  ...VARIANT_OPTIONS,
  ...EXPERIMENT_OPTIONS,
  format: repeated(
    "--format <list>",
    "for CI: github, junit=FILE, bencher=FILE, github-action-benchmark=FILE, openmetrics=FILE, csv=FILE, parquet=FILE; separated by commas",
  ),
  injectSlowdown: option(
    "--inject-slowdown <percent>",
    "to try the gate: slow the candidate's network down, by a test build of the runner",
    number(0, 1000),
  ),
  rounds: option("--rounds <n>", "on a farm: rounds of a shard", integer(4, 1000), "20"),
  ...FARM_GATE_OPTIONS,
  out: option("--out <dir>", "folder for records and result. Default: reports/<time>-gate"),
  json: flag("--json", "print the result as JSON"),
};

/** Values of the options of `gate`. */
type GateOptions = ValuesOf<typeof GATE_OPTIONS>;
/** Values of the options that `gate` and `calibrate` share. */
type Options = Pick<GateOptions, keyof GateOptions & keyof ValuesOf<typeof CALIBRATE_OPTIONS>>;

/** `gate`: pass, fail or inconclusive. */
export const gateCommand = command({
  name: "gate",
  description:
    "says whether a candidate got slower or wrong: pass (0), fail (1), inconclusive (4), interleaved on one device or from saved runs",
  options: GATE_OPTIONS,
  async run(options, _args, signal) {
    const { parseFormats } = await import("../jobs/gate_formats.ts");
    const formats = parseFormats(options.format ?? []);
    const config = await readConfig(options.config);
    tell(configText(config));
    const context = { progress: stderrProgress(), signal };
    try {
      return options.farm === null
        ? await gateHere(options, config, formats, context)
        : await gateFarm(options, config, formats, context);
    } catch (error) {
      if (error instanceof HarnessError && error.exitCode === EXIT.environment) {
        await writeFormats(options, formats, {
          runId: "none",
          createdAt: new Date().toISOString(),
          gitCommit: await commitAsked(options.model ?? SHIPPED_MODELS),
          figures: [],
          gate: null,
          environmentError: { code: error.code, message: error.message },
        });
      }
      throw error;
    }
  },
});

/** Runs the gate on devices that are reached from here, or on saved runs. */
async function gateHere(
  options: GateOptions,
  config: ReadConfig,
  formats: readonly FormatRequest[],
  context: ExperimentContext,
): Promise<number> {
  const { baseline, candidate } = await readSides(options);
  // two runs are compared without a history too: it tells only how much sessions differ
  const { history: opened, reasons } = await openGateHistory(options, baseline.kind === "run");
  await using history = opened;
  let outcome: GateOutcome;
  if (baseline.kind === "run" || baseline.kind === "latest") {
    if (candidate?.kind !== "run") {
      throw new HarnessError(
        "bad-option",
        "Cannot gate saved runs: --baseline names one, --candidate must be the folder of a run too",
      );
    }
    refuseWithSavedRuns(options);
    const { gateSaved } = await import("../jobs/gate_saved.ts");
    outcome = await gateSaved({
      baseline,
      candidateDir: candidate.dir,
      devices: options.device,
      config: config.config,
      dataset: {
        images: options.images,
        annotations: options.annotations,
        sigmas: options.sigmas,
        categories: options.categories,
      },
    }, history);
  } else {
    const { gateLive } = await import("../jobs/gate_live.ts");
    outcome = await gateLive(
      {
        settings: readExperimentSettings(options),
        baseline,
        candidate,
        variants: readVariantOptions(options),
        ...{ config: config.config, configFile: config.file },
        injectSlowdownPercent: options.injectSlowdown,
        out: runFolder(options.out, "gate"),
      },
      history,
      context,
    );
  }
  const { result, ...run } = outcome;
  result.reasons.unshift(...reasons);
  return await conclude(options, formats, result, run);
}

/**
 * Opens the history; one that can't be opened is empty when it is optional, with a reason that says
 * so.
 */
async function openGateHistory(
  options: GateOptions,
  isOptional: boolean,
): Promise<{ history: Sql; reasons: string[] }> {
  const { openDatabase } = await import("../store/open_store.ts");
  try {
    const address = await historyFile(options.history);
    return { history: await openDatabase(address, "--history"), reasons: [] };
  } catch (error) {
    if (!isOptional || !(error instanceof HarnessError)) throw error;
    const reasons = [`nothing is known of earlier sessions and of the noise: ${error.message}`];
    return { history: await openDatabase(":memory:"), reasons };
  }
}

/** Hands the sides over to the farm. */
async function gateFarm(
  options: GateOptions,
  config: ReadConfig,
  formats: readonly FormatRequest[],
  context: ExperimentContext,
): Promise<number> {
  if (options.injectSlowdown !== null) {
    throw new HarnessError(
      "bad-option",
      "Cannot use --inject-slowdown on a farm: it is for trying the gate on one device",
    );
  }
  const names = await readSides(options);
  const out = options.out === null ? null : path.resolve(options.out);
  if (out !== null) {
    // Before hours on the farm, not after them.
    const { requireNewFolder } = await import("../record/record_log.ts");
    requireNewFolder(out);
  }
  const { openSides } = await import("../jobs/sides.ts");
  await using sides = await openSides({
    ...names,
    variants: readVariantOptions(options),
    ncnnSource: options.ncnnSource,
  }, context);
  if (sides.crash !== null) {
    const { what, said } = sides.crash;
    throw new HarnessError("convert-failed", `Cannot gate: a side ${what}: ${said}`);
  }
  const { farmGate } = await import("../farm/gate_command.ts");
  const { runId, result, figures, gitCommit, warnings } = await farmGate(options, {
    ...await farmInput(options, config.config, sides.pairs),
    rounds: options.rounds,
    wantsFigures: formats.length > 0,
    out,
  }, context);
  for (const { message, advice } of warnings) tell(`warning: ${message}. ${advice}`);
  const run = { runId, createdAt: new Date().toISOString(), gitCommit, figures };
  return await conclude(options, formats, result, run);
}

/** Writes and prints the result; returns the exit code. */
async function conclude(
  options: Options,
  formats: readonly FormatRequest[],
  result: MergedResult,
  run: Pick<FormatInput, "runId" | "createdAt" | "gitCommit" | "figures">,
): Promise<number> {
  await writeFormats(options, formats, { ...run, gate: result, environmentError: null });
  const { gateText } = await import("../gate/merge.ts");
  printResult(options.json, result, gateText);
  return gateExitCode(result.verdict);
}

const CALIBRATE_OPTIONS = {
  variant: option(
    "--variant <side>",
    "the folder of a prepared variant, or a variant's id. Default: the first that the variant options produce",
  ),
  blocks: option("--blocks <n>", "blocks of four launches, at least 8", integer(8, 10_000), "20"),
  budgets: option(
    "--budgets <list>",
    "seconds of device time for which it is told",
    each(number(1, 86_400)),
    "60,300,900",
  ),
  metrics: option(
    "--metrics <list>",
    `for which it is told; those of the process cost launches of their own: ${
      METRIC_NAMES.join(", ")
    }`,
    list(METRIC_NAMES),
    "total.p50,total.p90",
  ),
  history: CONFIG_OPTIONS.history,
  ...VARIANT_OPTIONS,
  ...EXPERIMENT_OPTIONS,
  ...FARM_GATE_OPTIONS,
  out: option("--out <dir>", "folder for the records. Default: none are kept"),
  json: flag("--json", "print JSON"),
};

/** `calibrate`: what a device can resolve. */
export const calibrateCommand = command({
  name: "calibrate",
  description:
    "runs one variant against itself on a device, keeps its noise, and says which changes the gate can find within some budgets",
  options: CALIBRATE_OPTIONS,
  async run(options, _args, signal) {
    const context = { progress: stderrProgress(), signal };
    const { blocks: blockCount } = options;
    const { readSideName } = await import("../jobs/side_names.ts");
    const variant = options.variant === null
      ? null
      : await readSideName("--variant", options.variant);
    const variants = readVariantOptions(options);
    const ncnnSource = options.ncnnSource;
    if (options.farm !== null) {
      const { openOneSide, pairSides } = await import("../jobs/sides.ts");
      const side = await openOneSide(variant, { variants, ncnnSource }, context);
      const { farmCalibrate } = await import("../farm/gate_command.ts");
      const phones = await farmCalibrate(options, {
        ...await farmInput(options, DEFAULT_GATE_CONFIG, pairSides([side], [side])),
        rounds: 2 * blockCount,
      }, context);
      printResult(
        options.json,
        phones,
        (shown) =>
          shown.map(({ phone, blocks, key }) =>
            `${phone}: ${blocks} blocks${key === null ? ", too few for a calibration" : ", kept"}`
          ).join("\n"),
      );
      return phones.some(({ key }) => key !== null) ? EXIT.pass : EXIT.inconclusive;
    }
    const { openDatabase } = await import("../store/open_store.ts");
    await using history = await openDatabase(await historyFile(options.history), "--history");
    const { calibrate, calibrationText } = await import("../jobs/calibrate.ts");
    const calibrations = await calibrate(
      {
        settings: readExperimentSettings(options),
        variant,
        variants,
        blockCount,
        budgetsSeconds: options.budgets,
        metrics: options.metrics,
        out: options.out === null ? null : path.resolve(options.out),
      },
      history,
      context,
    );
    printResult(options.json, calibrations, calibrationText);
    return EXIT.pass;
  },
});

async function readSides(
  options: GateOptions,
): Promise<{ baseline: SideName; candidate: SideName | null }> {
  if (options.baseline === null) {
    throw new HarnessError(
      "bad-option",
      "Cannot gate: --baseline is missing: expected git:REF, the folder of a prepared variant, a variant's id, or for saved runs the folder of a run or latest",
    );
  }
  const { readSideName } = await import("../jobs/side_names.ts");
  return {
    baseline: await readSideName("--baseline", options.baseline),
    candidate: options.candidate === null
      ? null
      : await readSideName("--candidate", options.candidate),
  };
}

/** Refuses what would change the verdict if something ran, and tells of what is not used. */
function refuseWithSavedRuns(options: GateOptions): void {
  if (options.injectSlowdown !== null) {
    throw new HarnessError(
      "bad-option",
      "Cannot use --inject-slowdown with saved runs: nothing is run. Name something to be run by --baseline and --candidate",
    );
  }
  const asked = {
    "--out": options.out,
    "--threads": options.threads,
    "--powersave": options.powersave,
    "--core-mask": options.coreMask,
  };
  for (const [name, value] of Object.entries(asked)) {
    if (value !== null) {
      tell(`${name} is not used: saved runs are compared, nothing is run`);
    }
  }
}

async function farmInput(
  options: Options,
  config: ReadConfig["config"],
  pairs: readonly SidePair[],
): Promise<Omit<FarmGateInput, "rounds" | "out" | "wantsFigures">> {
  const { openCheckedDataset } = await import("../images/check_pictures.ts");
  const asked = readExperimentSettings(options);
  const { devices: _, root: _root, ncnnSource: _source, images: _images, ...settings } = asked;
  const side = ({ name, variant, build }: SidePair["candidate"]) => ({
    name,
    variant,
    build: (target: Target) => build(target, "release"),
  });
  return {
    ...settings,
    config,
    pairs: pairs.map(({ baseline, candidate }) => ({
      baseline: side(baseline),
      candidate: side(candidate),
    })),
    dataset: await openCheckedDataset(asked),
  };
}

/** The commit that a run of the models would be filed under. */
async function commitAsked(models: readonly string[]): Promise<string | null> {
  const { modelFiles } = await import("../jobs/commit.ts");
  const { runCommits } = await import("../git.ts");
  return userCommit(await runCommits(await modelFiles(models)));
}

async function writeFormats(
  options: Options,
  formats: readonly FormatRequest[],
  input: FormatInput,
): Promise<void> {
  if (formats.length === 0) return;
  const { writeFormats } = await import("../jobs/gate_formats.ts");
  await writeFormats(formats, input, {
    summaryFile: Deno.env.get("GITHUB_STEP_SUMMARY") ?? null,
    // stdout belongs to the result when it is JSON; GitHub reads commands from both
    print: (text) => printCommands(text, options.json ? "stderr" : "stdout"),
  });
}
