/**
 * The commands `bench` and `prepare`.
 *
 * What a command works with is imported when it runs: each task then needs its own permissions only, and starts at once.
 *
 * @module
 */
import * as path from "@std/path";
import type { CommandSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import { summaryText } from "../report/summary_text.ts";
import {
  readRunnerOptions,
  readVariantOptions,
  RUNNER_OPTIONS,
  SHIPPED_IMAGES,
  VARIANT_OPTIONS,
} from "./variant_options.ts";

/** `bench`: the main job. */
export const benchCommand: CommandSpec = {
  name: "bench",
  description: "prepares, builds, runs, checks and reports variants on this machine or on phones",
  options: [
    {
      flags: "--device <serial>",
      description: "host, a serial of adb, host:port, or all; repeat for several. Default: host",
      repeat: true,
    },
    ...VARIANT_OPTIONS,
    {
      flags: "--images <dir>",
      description:
        "folder of images, or one with images/ and person_keypoints.json, or a COCO root. Default: the fixtures",
    },
    ...RUNNER_OPTIONS,
    { flags: "--rounds <n>", description: "launches of each variant", default: "10" },
    {
      flags: "--measure-images <n>",
      description: "images that are timed, spread over the set; the others count for accuracy only",
      default: "24",
    },
    {
      flags: "--stage-images <n>",
      description: "images whose stages are compared one by one",
      default: "24",
    },
    {
      flags: "--base <variant>",
      description: "id that ratios are taken against. Default: the first",
    },
    {
      flags: "--max-px <px>",
      description:
        "largest distance of a joint from the reference's, on top of the derived tolerance",
      default: "10",
    },
    {
      flags: "--min-oks <oks>",
      description: "least OKS of a person to the reference, on top of the derived tolerance",
      default: "0.9",
    },
    {
      flags: "--benchncnn-rounds <n>",
      description: "rounds in which benchncnn runs beside the runner as a second opinion",
      default: "5",
    },
    { flags: "--timeout <seconds>", description: "longest time for one launch", default: "600" },
    { flags: "--cool-down <seconds>", description: "longest wait for a hot phone", default: "300" },
    { flags: "--root", description: "on a rooted phone: pin governor and frequencies for the run" },
    { flags: "--ncnn-source <dir>", description: "another ncnn source tree than the pinned one" },
    { flags: "--out <dir>", description: "folder of the run. Default: reports/<time>" },
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
    const number = (option: string, text: string, min: number, max: number, integer = true) =>
      parseNumber(option, text, { min, max, integer });
    const out = path.resolve(options.out ?? path.join("reports", timeName(new Date())));
    const { bench } = await import("../run/bench.ts");
    const { report, exitCode } = await bench({
      devices: options.device ?? ["host"],
      variants: readVariantOptions(options),
      runner: readRunnerOptions(options),
      images: options.images ?? SHIPPED_IMAGES,
      rounds: number("--rounds", options.rounds, 1, 100_000),
      measureImages: number("--measure-images", options.measureImages, 1, 100_000),
      stageImages: number("--stage-images", options.stageImages, 0, 100_000),
      base: options.base ?? null,
      bars: {
        maxPx: number("--max-px", options.maxPx, 0, 1e6, false),
        minOks: number("--min-oks", options.minOks, 0, 1, false),
      },
      benchncnnRounds: number("--benchncnn-rounds", options.benchncnnRounds, 0, 100_000),
      launchTimeoutMs: 1000 * number("--timeout", options.timeout, 1, 86_400),
      coolDownMs: 1000 * number("--cool-down", options.coolDown, 0, 86_400),
      root: options.root ?? false,
      ncnnSource: options.ncnnSource ?? null,
      out,
      resume: options.resume ?? false,
      command: ["deno", "task", ...Deno.args],
    }, { progress: stderrProgress(), signal });
    console.log(options.json ? JSON.stringify(report, null, 2) : summaryText(report).trimEnd());
    console.error(`\nReport: ${path.join(out, "report.html")}`);
    return exitCode;
  },
};

/** `prepare`: variants without running them. */
export const prepareCommand: CommandSpec = {
  name: "prepare",
  description: "makes ncnn variants of a model: param, bin, manifest and the converters' logs",
  options: [
    ...VARIANT_OPTIONS,
    {
      flags: "--out <dir>",
      description: "folder that gets a folder per variant",
      default: "variants",
    },
    { flags: "--json", description: "print the manifests" },
  ],
  async run(options, _args, signal) {
    const { prepareVariants } = await import("../model/prepare.ts");
    const prepared = await prepareVariants({
      ...readVariantOptions(options),
      outDir: path.resolve(options.out),
      progress: stderrProgress(),
      signal,
    });
    const manifests = prepared.map(({ manifest }) => manifest);
    if (options.json) console.log(JSON.stringify(manifests, null, 2));
    else for (const { dir } of prepared) console.log(dir);
    return EXIT.pass;
  },
};

/** Returns the name of a run's folder: local time to the second, sortable. */
function timeName(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}-` +
    [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join("");
}
