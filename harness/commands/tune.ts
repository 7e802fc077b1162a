/**
 * The command `tune`: which variant to ship on a device.
 *
 * @module
 */
import * as path from "@std/path";
import { command } from "../cli.ts";
import { HarnessError } from "../errors.ts";
import { flag, list, number, option } from "../options.ts";
import { stderrProgress } from "../progress.ts";
import { printResult, tell } from "../terminal.ts";
import { parseDuration } from "./decision_options.ts";
import { EXPERIMENT_OPTIONS, readExperimentSettings, runFolder } from "./experiment_options.ts";
import { PRECISION_NAMES } from "../record/precision.ts";
import { CONVERTERS, HEADS } from "../record/variant.ts";
import { SHIPPED_MODELS, VARIANT_OPTIONS } from "./variant_options.ts";

/** Options that choose variants; without defaults, since an axis that is not given is searched. */
const AXES = {
  ...VARIANT_OPTIONS,
  head: option(VARIANT_OPTIONS.head.flags, VARIANT_OPTIONS.head.description, list(HEADS)),
  precision: option(
    VARIANT_OPTIONS.precision.flags,
    VARIANT_OPTIONS.precision.description,
    list(PRECISION_NAMES),
  ),
  converter: option(
    VARIANT_OPTIONS.converter.flags,
    VARIANT_OPTIONS.converter.description,
    list(CONVERTERS),
  ),
};

/** `tune`: the fastest variant within an accuracy. */
export const tuneCommand = command({
  name: "tune",
  description:
    "finds the fastest variant of a model on a device within an accuracy, by races, and writes what to type into an app",
  options: {
    ...AXES,
    model: {
      ...VARIANT_OPTIONS.model,
      description: "the model, one. Default: the SiLU model that ships with Posemark",
    },
    ...EXPERIMENT_OPTIONS,
    maxApDrop: option(
      "--max-ap-drop <ap>",
      "largest loss of AP against the model as it was exported; without annotations of agreement",
      number(0, 1),
      "0.01",
    ),
    minFps: option("--min-fps <fps>", "say when no variant is as fast", number(0, 1e6)),
    maxMb: option("--max-mb <mb>", "largest size of the weights, megabytes", number(0, 1e6)),
    budget: option("--budget <time>", "time of all races: 90s, 10m, 1h", parseDuration, "10m"),
    margin: option(
      "--margin <share>",
      "share of time within which two variants count as equally fast",
      number(0, 1),
      "0.01",
    ),
    out: option("--out <dir>", "folder of the run. Default: reports/<time>-tune"),
    resume: flag("--resume", "go on with the run in --out"),
    json: flag("--json", "print tune.json instead of the text"),
  },
  async run(options, _args, signal) {
    if (options.resume && options.out === null) {
      throw new HarnessError(
        "bad-option",
        "Cannot resume: --resume needs --out DIR, the folder of the run to go on with",
      );
    }
    const out = runFolder(options.out, "tune");
    const { tune } = await import("../jobs/tune.ts");
    const { answerText } = await import("../tune/answer.ts");
    const { answer, exitCode } = await tune({
      settings: readExperimentSettings(options),
      model: {
        models: options.model ?? SHIPPED_MODELS.slice(0, 1),
        branches: options.branch ?? undefined,
        calibrationImages: options.calibrationImages ?? undefined,
      },
      given: {
        activations: options.activation ?? undefined,
        precisions: options.precision ?? undefined,
        heads: options.head ?? undefined,
        converters: options.converter ?? undefined,
        shapes: options.shape ?? undefined,
        settings: options.settings ?? undefined,
      },
      limits: { maxApDrop: options.maxApDrop, minFps: options.minFps, maxMb: options.maxMb },
      budgetSeconds: options.budget,
      margin: options.margin,
      out,
      resume: options.resume,
    }, { progress: stderrProgress(), signal });
    printResult(options.json, answer, answerText);
    tell(`\nReport: ${path.join(out, "report.html")}`);
    if (answer.winner !== null) tell(`What to type: ${path.join(out, "tuned")}`);
    return exitCode;
  },
});
