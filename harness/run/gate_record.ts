/**
 * The run record of an experiment that is not a `bench`: a gate, a calibration, a comparison of models.
 *
 * @module
 */
import type { BuiltRunner } from "../build/runner.ts";
import type { RunnerOptions } from "../config.ts";
import type { DeviceDescription } from "../device/device.ts";
import type { ParityBars } from "../parity/judge.ts";
import type { Progress } from "../progress.ts";
import type { RunImage, RunRecord } from "../records.ts";
import type { ImageDataset } from "../reference/images.ts";
import type { VariantManifest } from "../variant.ts";
import { gitCommit, packageVersion, POSEMARK_VERSION } from "./harness_version.ts";
import { describeImages, loadRunImage, type RgbFile, spread, writeRgbFile } from "./rgb_files.ts";

/** How an experiment runs on its devices. */
export interface ExperimentSettings {
  /** `host`, serials, or `all`. */
  devices: string[];
  runner: RunnerOptions;
  /** Folder of images. */
  images: string;
  /** Images that are timed, spread over the set. */
  measureImages: number;
  /** Images whose stages are judged one by one. */
  stageImages: number;
  launchTimeoutMs: number;
  /** Longest wait for a hot phone before a launch. */
  coolDownMs: number;
  /** Pin governor and frequencies of a rooted phone. */
  root: boolean;
  bars: ParityBars;
  /** The command line, for the record. */
  command: string[];
}

/** Effects on the world outside. */
export interface ExperimentContext {
  progress: Progress;
  signal: AbortSignal;
}

/** Detections that NMS keeps at most, as in `bench`. */
export const MAX_DETECTIONS = 300;

/** Returns the run record. `runners` are the builds by key: the device's serial, with a word for the side where both differ. */
export async function describeExperiment(
  settings: ExperimentSettings,
  experiment: {
    kind: "gate" | "calibrate" | "compare-models";
    options: Record<string, unknown>;
    dataset: ImageDataset;
    devices: DeviceDescription[];
    variants: VariantManifest[];
    baseVariantId: string;
    runners: ReadonlyMap<string, BuiltRunner>;
  },
): Promise<RunRecord> {
  const { kind, options, dataset, devices, variants, baseVariantId, runners } = experiment;
  const { devices: _devices, command, ...rest } = settings;
  const createdAt = new Date().toISOString();
  const versions = new Set([...runners.values()].map(({ ncnnVersion }) => ncnnVersion));
  return {
    kind: "run",
    schemaVersion: 1,
    runId: `${createdAt.replace(/\D/g, "").slice(0, 14)}-${crypto.randomUUID().slice(0, 8)}`,
    createdAt,
    command,
    options: { experiment: kind, ...rest, ...options },
    devices,
    variants,
    baseVariantId,
    images: await describeImages(dataset.images),
    harness: {
      version: POSEMARK_VERSION,
      gitCommit: await gitCommit(),
      deno: Deno.version.deno,
      onnxruntime: packageVersion("onnxruntime-node"),
      ncnn: [...versions].join(", "),
      runnerSha256: Object.fromEntries(
        [...runners].map(([key, { sha256 }]) => [key, sha256.runner]),
      ),
    },
  };
}

/** Returns the raw files of the images that are timed, written to the folder. */
export async function writeTimedImages(
  images: readonly RunImage[],
  dataset: ImageDataset,
  count: number,
  folder: string,
): Promise<RgbFile[]> {
  const byId = new Map(dataset.images.map((image) => [image.id, image]));
  const files: RgbFile[] = [];
  for (const image of spread(images, count)) {
    files.push(
      await writeRgbFile(image, await loadRunImage(byId.get(image.id)!, image), folder),
    );
  }
  return files;
}
