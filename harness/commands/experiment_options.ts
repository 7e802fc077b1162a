/**
 * Options of the commands that run an experiment: `bench`, `gate`, `calibrate`, `compare-models`.
 *
 * @module
 */
import * as path from "@std/path";
import { commandLine } from "../caller.ts";
import { flag, integer, number, option, repeated, type ValuesOf } from "../options.ts";
import type { ExperimentSettings } from "../run/settings.ts";
import { readRunnerOptions, RUNNER_OPTIONS } from "../run/runner_options.ts";
import { NCNN_OPTION, SHIPPED_IMAGES } from "./variant_options.ts";

/** Options of what accuracy is judged on. */
export const DATASET_OPTIONS = {
  images: option(
    "--images <dir>",
    "folder of images, a data set as COCO, Roboflow, CVAT, FiftyOne, Label Studio or ultralytics have it, or a data.yaml. Default: the fixtures",
  ),
  annotations: option(
    "--annotations <file>",
    "COCO's JSON or a data.yaml with the annotations of the images. Default: what the folder holds",
  ),
  sigmas: option(
    "--sigmas <set>",
    "standard deviations of the joints for OKS: coco, crowdpose, ap10k, animalpose, halpe26, mpii, posetrack18, aic, wholebody, or a file with one a joint. Default: the data set's own, else by the joints' names",
  ),
  categories: option(
    "--categories <pairs>",
    "which class stands for which category, by number or name: 0=1,dog=hound; several as 0=1+2, all as 0=*. Default: by name, else by order",
  ),
  skipUnreadable: flag(
    "--skip-unreadable",
    "go on without images that can't be read; they are counted",
  ),
};

/** Options of how an experiment runs, besides which variants. */
export const EXPERIMENT_OPTIONS = {
  device: repeated(
    "--device <serial>",
    "host, a serial of adb, usb:1-2, transport:5, host:port, ssh://user@host, stf://host/SERIAL, or all phones; repeat for several. Default: host",
  ),
  ...DATASET_OPTIONS,
  ...RUNNER_OPTIONS,
  measureImages: option(
    "--measure-images <n>",
    "images that are timed in a launch, spread over the set",
    integer(1, 100_000),
    "8",
  ),
  stageImages: option(
    "--stage-images <n>",
    "images whose stages are compared one by one",
    integer(0, 100_000),
    "24",
  ),
  maxPx: option(
    "--max-px <px>",
    "largest distance of a joint from the reference's, on top of the derived tolerance; at the default int8 is held to that tolerance alone",
    number(0, 1e6),
    "10",
  ),
  minOks: option(
    "--min-oks <oks>",
    "least OKS of a person to the reference, on top of the derived tolerance; at the default int8 is held to that tolerance alone",
    number(0, 1),
    "0.9",
  ),
  timeout: option(
    "--timeout <seconds>",
    "longest time for one launch",
    integer(1, 86_400),
    "600",
  ),
  coolDown: option(
    "--cool-down <seconds>",
    "longest wait for a hot phone",
    integer(0, 86_400),
    "300",
  ),
  root: flag("--root", "on a rooted phone: pin governor and frequencies for the run"),
  ncnnSource: NCNN_OPTION,
};

/** Returns what accuracy is judged on. */
export function readDatasetOptions(
  options: ValuesOf<typeof DATASET_OPTIONS>,
): Pick<ExperimentSettings, keyof ValuesOf<typeof DATASET_OPTIONS>> {
  const { images, annotations, sigmas, categories, skipUnreadable } = options;
  return { images: images ?? SHIPPED_IMAGES, annotations, sigmas, categories, skipUnreadable };
}

/** Returns how the experiment runs. */
export function readExperimentSettings(
  options: ValuesOf<typeof EXPERIMENT_OPTIONS>,
): ExperimentSettings {
  return {
    devices: options.device ?? ["host"],
    runner: readRunnerOptions(options),
    ...readDatasetOptions(options),
    measureImages: options.measureImages,
    stageImages: options.stageImages,
    launchTimeoutMs: 1000 * options.timeout,
    coolDownMs: 1000 * options.coolDown,
    root: options.root,
    ncnnSource: options.ncnnSource,
    bars: { maxPx: options.maxPx, minOks: options.minOks },
    command: commandLine(),
  };
}

/**
 * Returns the folder of a run: the one given, or one under `reports/` named for the time and the
 * command.
 */
export function runFolder(out: string | null, command: string): string {
  if (out !== null) return path.resolve(out);
  const time = new Date().toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
  return path.resolve(path.join("reports", `${time}-${command}`));
}

/** Returns the file of the history: the one given, or the one in the cache folder. */
export async function historyFile(file: string | null): Promise<string> {
  if (file !== null) return file;
  const { cacheRoot } = await import("../toolchain/cache.ts");
  return path.join(cacheRoot(), "history.db");
}
