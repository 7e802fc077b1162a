/**
 * From a variant's manifest and the run's options to the runner's command line (pure).
 *
 * @module
 */
import { type HeadCode, YOLOV8 } from "../record/head_code.ts";
import { namedSwitches } from "../record/precision.ts";
import { outputText } from "../head/head_spec.ts";
import type { VariantManifest } from "../record/variant.ts";
import {
  RUNNER_OPTIONS,
  runnerArguments,
  type RunnerOptionName,
  type RunnerOptions,
} from "./runner_options.ts";
import type { DeviceDescription } from "../record/device.ts";

/** Paths on the device of everything that a launch needs. */
export interface DevicePaths {
  runner: string;
  param: string;
  bin: string;
  /** The image list, see runner-cpp/README.md. */
  imageList: string;
}

/** Options of the runner with the defaults of the device filled in. */
export type EffectiveOptions = RunnerOptions & { threads: number; powersave: number };

/**
 * Returns the options with the device's defaults: as many threads as big cores; on a phone the big
 * cores, on the host all.
 */
export function effectiveOptions(
  options: RunnerOptions,
  device: DeviceDescription,
): EffectiveOptions {
  const bigCores = device.bigCoreMask === null
    ? device.cores.length
    : BigInt(`0x${device.bigCoreMask.replace(/^0x/, "")}`).toString(2).replaceAll("0", "").length;
  return {
    ...options,
    threads: options.threads ?? Math.max(1, bigCores),
    powersave: options.powersave ?? device.defaultPowersave,
  };
}

/**
 * Returns the arguments that describe the code of the head: only where it is not YOLOv8's, since
 * the other side of a gate may be a runner that knows no other.
 */
function headArguments({ regMax, headCode }: VariantManifest): string[] {
  const { box, keypoint, select } = headCode;
  const changed = (name: string, value: string, known: string) =>
    value === known ? [] : [name, value];
  const boxText = (each: HeadCode["box"]) => `${each.code},${each.origin}`;
  const keypointText = ({ scale, origin, visibility }: HeadCode["keypoint"]) =>
    `${scale},${origin},${visibility}`;
  return [
    ...(box.code === "dfl" ? ["--reg-max", String(regMax)] : []),
    ...changed("--box", boxText(box), boxText(YOLOV8.box)),
    ...changed("--keypoint", keypointText(keypoint), keypointText(YOLOV8.keypoint)),
    ...changed("--select", select, YOLOV8.select),
  ];
}

/** Returns the arguments that describe the variant: graph, head, outputs, shape, precision. */
function variantArguments(
  manifest: VariantManifest,
  paths: Pick<DevicePaths, "param" | "bin">,
): string[] {
  const { shape } = manifest;
  const outputs = manifest.outputs.map(outputText);
  return [
    ...["--param", paths.param, "--bin", paths.bin],
    ...["--head", manifest.head, "--input-blob", manifest.inputBlob],
    ...["--outputs", outputs.join(",")],
    // only where the runner can't tell: the other side of a gate may be an older one
    ...(manifest.head === "decoded" && manifest.strides.join() !== "8,16,32"
      ? ["--strides", manifest.strides.join(",")]
      : []),
    ...["--classes", String(manifest.classCount), "--keypoints", String(manifest.keypointCount)],
    ...["--keypoint-dims", String(manifest.keypointDims)],
    ...headArguments(manifest),
    ...(shape.mode === "rect"
      ? ["--rect", String(Math.max(shape.widthPx, shape.heightPx))]
      : ["--shape", `${shape.widthPx}x${shape.heightPx}`]),
    ...namedSwitches(manifest.precision).flatMap(([name, on]) => [`--${name}`, on ? "on" : "off"]),
    ...["--precision-label", manifest.precision],
  ];
}

/** Returns the options of the run with those that the variant brings along. */
export function variantOptions(
  { settings }: Pick<VariantManifest, "settings">,
  options: EffectiveOptions,
): EffectiveOptions {
  const own = Object.entries(settings).filter(([, value]) => value !== null);
  const chosen: EffectiveOptions = { ...options, ...Object.fromEntries(own) };
  // a mode that the variant names takes the place of the run's mask
  if (settings.powersave !== null && settings.coreMask === null) chosen.coreMask = null;
  return chosen;
}

/** Returns the options as the runner takes them: a core mask or a powersave mode, not both. */
function forRunner(options: EffectiveOptions): RunnerOptions {
  return options.coreMask === null ? options : { ...options, powersave: null };
}

/** Options that say how it is timed. */
const TIMING = ["warmup", "iterations"] as const satisfies readonly RunnerOptionName[];
/** Options that say how contestants of a shared launch take turns. */
const TURNS = ["turnWarmup", "turnIterations"] as const satisfies readonly RunnerOptionName[];
/** Options that say where the threads run. */
const THREADS = ["threads", "powersave", "coreMask"] as const satisfies readonly RunnerOptionName[];

/** Returns the arguments that hold for every variant of a run. */
function optionArguments(options: EffectiveOptions): string[] {
  const names = (Object.keys(RUNNER_OPTIONS) as RunnerOptionName[])
    .filter((name) => ![...TIMING, ...TURNS].some((other) => other === name));
  return runnerArguments(forRunner(options), names);
}

/** Returns the command that measures a variant: `posemark-runner run …`. */
export function runCommand(
  manifest: VariantManifest,
  paths: DevicePaths,
  options: EffectiveOptions,
): string[] {
  return [
    paths.runner,
    "run",
    ...["--images", paths.imageList],
    ...variantArguments(manifest, paths),
    ...optionArguments(variantOptions(manifest, options)),
    ...runnerArguments(options, TIMING),
  ];
}

/** Returns the arguments that describe one contestant of a shared launch. */
export function contestantArguments(
  manifest: VariantManifest,
  paths: Pick<DevicePaths, "param" | "bin">,
  options: EffectiveOptions,
): string[] {
  return [
    ...variantArguments(manifest, paths),
    ...optionArguments(variantOptions(manifest, options)),
    ...runnerArguments(options, ["warmup"]),
  ];
}

/**
 * Returns the command of a launch that contestants share: `posemark-runner turns …`.
 *
 * `contestants` is a file on the device, `firstStep` the step of the order of turns that the first
 * image has (runner-cpp/turn_order.h).
 */
export function turnsCommand(
  { runner, imageList }: Pick<DevicePaths, "runner" | "imageList">,
  options: EffectiveOptions,
  contestants: string,
  firstStep: number,
): string[] {
  return [
    ...[runner, "turns", "--contestants", contestants, "--images", imageList],
    ...runnerArguments(options, TURNS),
    ...["--first-step", String(firstStep)],
  ];
}

/**
 * Returns the command that runs each stage on the reference's tensors: `posemark-runner stages …`.
 */
export function stagesCommand(
  manifest: VariantManifest,
  paths: DevicePaths,
  options: EffectiveOptions,
  folders: { reference: string; dump: string },
): string[] {
  return [
    paths.runner,
    "stages",
    ...["--images", paths.imageList],
    ...variantArguments(manifest, paths),
    ...optionArguments(variantOptions(manifest, options)),
    ...["--reference-dir", folders.reference, "--dump-dir", folders.dump],
  ];
}

/** Returns the command that measures what the CPU can do: `posemark-runner roofline …`. */
export function rooflineCommand(runner: string, options: EffectiveOptions): string[] {
  return [runner, "roofline", ...runnerArguments(forRunner(options), THREADS)];
}
