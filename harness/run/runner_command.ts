/**
 * From a variant's manifest and the run's options to the runner's command line (pure).
 *
 * @module
 */
import type { VariantManifest } from "../variant.ts";
import type { RunnerOptions } from "../config.ts";

/** Paths on the device of everything that a launch needs. */
export interface DevicePaths {
  runner: string;
  param: string;
  bin: string;
  /** The image list, see runner-cpp/README.md. */
  imageList: string;
}

/** Returns the arguments that describe the variant: graph, head, outputs, shape, precision. */
function variantArguments(manifest: VariantManifest, paths: DevicePaths): string[] {
  const { shape } = manifest;
  const outputs = manifest.outputs.map(({ blob, role, stride }) =>
    `${blob}:${role}:${stride ?? 0}`
  );
  return [
    ...["--param", paths.param, "--bin", paths.bin, "--images", paths.imageList],
    ...["--head", manifest.head, "--input-blob", manifest.inputBlob],
    ...["--outputs", outputs.join(",")],
    ...["--classes", String(manifest.classCount), "--keypoints", String(manifest.keypointCount)],
    ...["--keypoint-dims", String(manifest.keypointDims), "--reg-max", String(manifest.regMax)],
    ...(shape.mode === "rect"
      ? ["--rect", String(Math.max(shape.widthPx, shape.heightPx))]
      : ["--shape", `${shape.widthPx}x${shape.heightPx}`]),
    ...["--precision", manifest.precision],
  ];
}

/** Returns the arguments that hold for every variant of a run. */
function optionArguments(options: RunnerOptions, threads: number): string[] {
  return [
    ...["--threads", String(threads)],
    ...(options.coreMask === null
      ? ["--powersave", String(options.powersave)]
      : ["--core-mask", options.coreMask]),
    ...["--score-threshold", String(options.scoreThreshold), "--nms-iou", String(options.nmsIou)],
    ...["--sigmoid", options.sigmoid],
    ...(options.traps.length > 0 ? ["--trap", options.traps.join(",")] : []),
  ];
}

/** Returns the command that measures a variant: `posemark-runner run …`. */
export function runCommand(
  manifest: VariantManifest,
  paths: DevicePaths,
  options: RunnerOptions & { threads: number; extra?: string[] },
): string[] {
  return [
    paths.runner,
    "run",
    ...variantArguments(manifest, paths),
    ...optionArguments(options, options.threads),
    ...["--warmup", String(options.warmup), "--iterations", String(options.iterations)],
    ...(options.extra ?? []),
  ];
}

/** Returns the command that runs each stage on the reference's tensors: `posemark-runner stages …`. */
export function stagesCommand(
  manifest: VariantManifest,
  paths: DevicePaths,
  options: RunnerOptions & { threads: number; extra?: string[] },
  folders: { reference: string; dump: string },
): string[] {
  return [
    paths.runner,
    "stages",
    ...variantArguments(manifest, paths),
    ...optionArguments(options, options.threads),
    ...["--reference-dir", folders.reference, "--dump-dir", folders.dump],
    ...(options.extra ?? []),
  ];
}
