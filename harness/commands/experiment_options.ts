/**
 * Options of the commands that run an experiment: `bench`, `gate`, `calibrate`, `compare-models`.
 *
 * @module
 */
import * as path from "@std/path";
import type { OptionSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import type { ExperimentSettings } from "../run/settings.ts";
import {
  NCNN_OPTION,
  readRunnerOptions,
  RUNNER_OPTIONS,
  SHIPPED_IMAGES,
} from "./variant_options.ts";

/** Options of how an experiment runs, besides which variants. */
export const EXPERIMENT_OPTIONS: OptionSpec[] = [
  {
    flags: "--device <serial>",
    description:
      "host, a serial of adb, host:port, stf://host/SERIAL, or all; repeat for several. Default: host",
    repeat: true,
  },
  {
    flags: "--images <dir>",
    description:
      "folder of images, or one with images/ and person_keypoints.json, or a COCO root. Default: the fixtures",
  },
  ...RUNNER_OPTIONS,
  {
    flags: "--measure-images <n>",
    description: "images that are timed in a launch, spread over the set",
    default: "8",
  },
  {
    flags: "--stage-images <n>",
    description: "images whose stages are compared one by one",
    default: "24",
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
  { flags: "--timeout <seconds>", description: "longest time for one launch", default: "600" },
  { flags: "--cool-down <seconds>", description: "longest wait for a hot phone", default: "300" },
  { flags: "--root", description: "on a rooted phone: pin governor and frequencies for the run" },
  NCNN_OPTION,
];

/** Returns how the experiment runs; throws `bad-option`. */
// deno-lint-ignore no-explicit-any
export function readExperimentSettings(options: any): ExperimentSettings {
  const number = (option: string, text: string, min: number, max: number, integer = true) =>
    parseNumber(option, text, { min, max, integer });
  return {
    devices: options.device ?? ["host"],
    runner: readRunnerOptions(options),
    images: options.images ?? SHIPPED_IMAGES,
    measureImages: number("--measure-images", options.measureImages, 1, 100_000),
    stageImages: number("--stage-images", options.stageImages, 0, 100_000),
    launchTimeoutMs: 1000 * number("--timeout", options.timeout, 1, 86_400),
    coolDownMs: 1000 * number("--cool-down", options.coolDown, 0, 86_400),
    root: options.root ?? false,
    ncnnSource: options.ncnnSource ?? null,
    bars: {
      maxPx: number("--max-px", options.maxPx, 0, 1e6, false),
      minOks: number("--min-oks", options.minOks, 0, 1, false),
    },
    command: ["deno", "task", ...Deno.args],
  };
}

/**
 * Returns the folder of a run: the one given, or one under `reports/` named for the time and the
 * command.
 */
export function runFolder(out: string | undefined, command: string): string {
  if (out !== undefined) return path.resolve(out);
  const time = new Date().toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
  return path.resolve(path.join("reports", `${time}-${command}`));
}

/** Returns the file of the history: the one given, or the one in the cache folder. */
export async function historyFile(file: string | undefined): Promise<string> {
  if (file !== undefined) return file;
  const { cacheRoot } = await import("../toolchain/cache.ts");
  return path.join(cacheRoot(), "history.db");
}
