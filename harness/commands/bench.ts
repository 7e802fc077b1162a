/**
 * The commands `bench` and `prepare`.
 *
 * What a command works with is imported when it runs: each task then needs its own permissions
 * only, and starts at once.
 *
 * @module
 */
import * as path from "@std/path";
import type { CommandSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import { summaryText } from "../report/summary_text.ts";
import { EXPERIMENT_OPTIONS, readExperimentSettings, runFolder } from "./experiment_options.ts";
import { NCNN_OPTION, readVariantOptions, VARIANT_OPTIONS } from "./variant_options.ts";

/** `bench`: the main job. */
export const benchCommand: CommandSpec = {
  name: "bench",
  description: "prepares, builds, runs, checks and reports variants on this machine or on phones",
  options: [
    ...VARIANT_OPTIONS,
    ...EXPERIMENT_OPTIONS.map((option) =>
      option.flags.startsWith("--measure-images") ? { ...option, default: "24" } : option
    ),
    { flags: "--rounds <n>", description: "launches of each variant", default: "10" },
    {
      flags: "--base <variant>",
      description: "id that ratios are taken against. Default: the first",
    },
    {
      flags: "--benchncnn-rounds <n>",
      description: "rounds in which benchncnn runs beside the runner as a second opinion",
      default: "5",
    },
    {
      flags: "--layer-times",
      description:
        "measure every layer by a profiling build after the rounds, and what the CPU could do (roofline)",
    },
    {
      flags: "--compare-layers",
      description:
        "compare every layer on the first image with onnxruntime's, and keep the blobs in DIR/layers",
    },
    { flags: "--out <dir>", description: "folder of the run. Default: reports/<time>-bench" },
    { flags: "--resume", description: "go on with the run in --out" },
    { flags: "--json", description: "print report.json instead of the table" },
  ],
  async run(options, _args, signal) {
    if (options.resume && options.out === undefined) {
      throw new HarnessError(
        "bad-option",
        "Cannot resume: --resume needs --out DIR, the folder of the run to go on with",
      );
    }
    const count = (option: string, text: string, min: number) =>
      parseNumber(option, text, { min, max: 100_000, integer: true });
    const out = runFolder(options.out, "bench");
    const { bench } = await import("../jobs/bench.ts");
    const asked = {
      settings: readExperimentSettings(options),
      variants: readVariantOptions(options),
      rounds: count("--rounds", options.rounds, 1),
      benchncnnRounds: count("--benchncnn-rounds", options.benchncnnRounds, 0),
      layerTimes: options.layerTimes ?? false,
      compareLayers: options.compareLayers ?? false,
      base: options.base ?? null,
      out,
      resume: options.resume ?? false,
    };
    const context = { progress: stderrProgress(), signal };
    const { report, exitCode } = await bench(asked, context).catch(async (error) => {
      await tellHowToGoOn(out, signal.aborted ? signal.reason : error);
      throw error;
    });
    console.log(options.json ? JSON.stringify(report, null, 2) : summaryText(report).trimEnd());
    console.error(`\nReport: ${path.join(out, "report.html")}`);
    return exitCode;
  },
};

/** Prints how to resume, unless the error was a wrong option. */
async function tellHowToGoOn(out: string, error: unknown): Promise<void> {
  const { hasRecords } = await import("../record/record_log.ts");
  const isWrong = error instanceof HarnessError && error.exitCode === EXIT.usage;
  if (isWrong || !hasRecords(out)) return;
  console.error(
    `Records are kept in ${out}: the same command with --out ${out} --resume goes on with them`,
  );
}

/** `prepare`: variants without running them. */
export const prepareCommand: CommandSpec = {
  name: "prepare",
  description: "makes ncnn variants of a model: param, bin, manifest and the converters' logs",
  options: [
    ...VARIANT_OPTIONS,
    NCNN_OPTION,
    {
      flags: "--out <dir>",
      description: "folder that gets a folder per variant",
      default: "variants",
    },
    { flags: "--json", description: "print the manifests" },
  ],
  async run(options, _args, signal) {
    const { prepareVariants } = await import("../model/prepare.ts");
    const { variants, warnings } = await prepareVariants({
      ...readVariantOptions(options),
      ncnnSource: options.ncnnSource,
      outDir: path.resolve(options.out),
      progress: stderrProgress(),
      signal,
    });
    const manifests = variants.map(({ manifest }) => manifest);
    for (const { message, advice } of warnings) console.error(`warning: ${message}. ${advice}`);
    if (options.json) console.log(JSON.stringify(manifests, null, 2));
    else for (const { dir } of variants) console.log(dir);
    return EXIT.pass;
  },
};
