/**
 * The commands `bench` and `prepare`.
 *
 * What a command works with is imported when it runs: each task then needs its own permissions
 * only, and starts at once.
 *
 * @module
 */
import * as path from "@std/path";
import { command } from "../cli.ts";
import { flag, integer, option, textOption } from "../options.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import { summaryText } from "../report/summary_text.ts";
import { DECISION_OPTIONS, readDecision } from "./decision_options.ts";
import { print, printJson, printResult, tell } from "../terminal.ts";
import { terminalColumns } from "../text/lines.ts";
import { EXPERIMENT_OPTIONS, readExperimentSettings, runFolder } from "./experiment_options.ts";
import { NCNN_OPTION, readVariantOptions, VARIANT_OPTIONS } from "./variant_options.ts";

/** `bench`: the main job. */
export const benchCommand = command({
  name: "bench",
  description: "prepares, builds, runs, checks and reports variants on this machine or on phones",
  options: {
    ...VARIANT_OPTIONS,
    ...EXPERIMENT_OPTIONS,
    measureImages: { ...EXPERIMENT_OPTIONS.measureImages, default: "24" },
    ...DECISION_OPTIONS,
    base: option("--base <variant>", "id that ratios are taken against. Default: the first"),
    benchncnnRounds: option(
      "--benchncnn-rounds <n>",
      "rounds in which benchncnn runs beside the runner as a second opinion",
      integer(0, 100_000),
      "5",
    ),
    layerTimes: flag(
      "--layer-times",
      "measure every layer by a profiling build after the rounds, and what the CPU could do (roofline)",
    ),
    compareLayers: flag(
      "--compare-layers",
      "compare every layer on the first image with onnxruntime's, and keep the blobs in DIR/layers",
    ),
    out: option("--out <dir>", "folder of the run. Default: reports/<time>-bench"),
    resume: flag("--resume", "go on with the run in --out"),
    json: flag("--json", "print report.json instead of the table"),
  },
  async run(options, _args, signal) {
    if (options.resume && options.out === null) {
      throw new HarnessError(
        "bad-option",
        "Cannot resume: --resume needs --out DIR, the folder of the run to go on with",
      );
    }
    const out = runFolder(options.out, "bench");
    const { bench } = await import("../jobs/bench.ts");
    const asked = {
      settings: readExperimentSettings(options),
      variants: readVariantOptions(options),
      ...readDecision(options),
      benchncnnRounds: options.benchncnnRounds,
      layerTimes: options.layerTimes,
      compareLayers: options.compareLayers,
      base: options.base,
      out,
      resume: options.resume,
    };
    const context = { progress: stderrProgress(), signal };
    const { report, exitCode } = await bench(asked, context).catch(async (error) => {
      await tellHowToGoOn(out, signal.aborted ? signal.reason : error);
      throw error;
    });
    printResult(options.json, report, (shown) => summaryText(shown, terminalColumns()));
    tell(`\nReport: ${path.join(out, "report.html")}`);
    return exitCode;
  },
});

/** Prints how to resume, unless the error was a wrong option. */
async function tellHowToGoOn(out: string, error: unknown): Promise<void> {
  const { hasRecords } = await import("../record/record_log.ts");
  const isWrong = error instanceof HarnessError && error.exitCode === EXIT.usage;
  if (isWrong || !hasRecords(out)) return;
  tell(
    `Records are kept in ${out}: the same command with --out ${out} --resume goes on with them`,
  );
}

/** `prepare`: variants without running them. */
export const prepareCommand = command({
  name: "prepare",
  description: "makes ncnn variants of a model: param, bin, manifest and the converters' logs",
  options: {
    ...VARIANT_OPTIONS,
    ncnnSource: NCNN_OPTION,
    out: textOption("--out <dir>", "folder that gets a folder per variant", "variants"),
    json: flag("--json", "print the manifests"),
  },
  async run(options, _args, signal) {
    const { prepareVariants } = await import("../model/prepare.ts");
    const { variants, warnings } = await prepareVariants({
      ...readVariantOptions(options),
      ncnnSource: options.ncnnSource ?? undefined,
      outDir: path.resolve(options.out),
      progress: stderrProgress(),
      signal,
    });
    const manifests = variants.map(({ manifest }) => manifest);
    for (const { message, advice } of warnings) tell(`warning: ${message}. ${advice}`);
    if (options.json) printJson(manifests);
    else for (const { dir } of variants) print(dir);
    return EXIT.pass;
  },
});
