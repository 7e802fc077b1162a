/**
 * What all experiments share (bench, gate, calibration, comparison of models): settings, the run
 * record, the timed images, the check of keypoints, devices side by side.
 *
 * @module
 */
import { newRunId } from "../record/run_id.ts";
import { type BuildKind, buildRunner, type BuiltRunner } from "../toolchain/runner.ts";
import type { RunnerOptions } from "../config.ts";
import { PIN_OPTIONS } from "../device/shell/root.ts";
import { requireCores } from "../device/cores.ts";
import type { Device } from "../device/device.ts";
import type { DeviceDescription } from "../record/device.ts";
import { openDevices } from "../device/devices.ts";
import { HarnessError, type Warning } from "../errors.ts";
import { layerSetOf } from "../model/ncnn/layer_set.ts";
import { paramFile, type PreparedVariant } from "../model/prepare.ts";
import type { ParityBars } from "../parity/judge.ts";
import type { Progress } from "../progress.ts";
import {
  type AnyRecord,
  RECORD_VERSION,
  type RunImage,
  type RunRecord,
} from "../record/records.ts";
import type { ImageDataset } from "../images/dataset.ts";
import type { VariantManifest } from "../record/variant.ts";
import { check } from "./check.ts";
import type { DeviceSetup } from "./deploy.ts";
import { gitCommit, packageVersion, POSEMARK_VERSION } from "../version.ts";
import type { RecordLog } from "../record/record_log.ts";
import {
  describeImages,
  loadRunImage,
  type RgbFile,
  spread,
  writeRgbFile,
} from "../images/rgb_files.ts";

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
  /** Another ncnn source tree than the pinned one; null: the pinned. */
  ncnnSource: string | null;
  /** The command line, for the record. */
  command: string[];
}

/** Effects on the world outside. */
export interface ExperimentContext {
  progress: Progress;
  signal: AbortSignal;
}

/** Detections that NMS keeps at most, as ultralytics. */
export const MAX_DETECTIONS = 300;

/**
 * Returns the run record. `runners` are the builds by key: the device's serial, with a word for the
 * side where both differ.
 *
 * Throws `HarnessError` `bad-option` for a core mask of which a device has no CPU: before anything
 * is written or measured.
 */
export async function describeExperiment(
  settings: ExperimentSettings,
  experiment: {
    kind: "bench" | "gate" | "calibrate" | "compare-models";
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
  const { coreMask } = settings.runner;
  if (coreMask !== null) devices.forEach((device) => requireCores(device, coreMask));
  const at = new Date();
  const versions = new Set([...runners.values()].map(({ ncnnVersion }) => ncnnVersion));
  return {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    runId: newRunId(at),
    createdAt: at.toISOString(),
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

/**
 * Returns the devices of the settings, opened; `stack` gives them back. Throws as {@linkcode
 * openDevices}.
 */
export async function openExperimentDevices(
  { devices: names, root }: Pick<ExperimentSettings, "devices" | "root">,
  stack: AsyncDisposableStack,
  { progress }: ExperimentContext,
): Promise<Device[]> {
  const devices = await openDevices(names, {
    pin: root ? PIN_OPTIONS : null,
    tell: (message) => progress.step(message).done(),
  });
  devices.forEach((device) => stack.use(device));
  return devices;
}

/**
 * Returns the programs for every device by serial, with every layer of ncnn that the variants need,
 * built once per target. Throws as {@linkcode
 * buildRunner}.
 */
export async function buildRunners(
  kind: BuildKind,
  devices: readonly Device[],
  variants: readonly PreparedVariant[],
  { ncnnSource }: Pick<ExperimentSettings, "ncnnSource">,
  context: ExperimentContext,
): Promise<Map<string, BuiltRunner>> {
  const runners = new Map<string, BuiltRunner>();
  const layers = await layerSetOf(...variants.map(paramFile));
  for (const device of devices) {
    const request = {
      layers,
      target: (await device.describe()).target,
      kind,
      ncnnSource: ncnnSource ?? undefined,
    } as const;
    runners.set(device.serial, await buildRunner({ ...request, ...context }));
  }
  return runners;
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

/**
 * Runs all devices at the same time; returns a warning for each that could not go on while others
 * did. Throws what the first one threw when all failed, or when the run was interrupted.
 */
export async function runDevices(
  devices: readonly Device[],
  runOne: (device: Device) => Promise<void>,
  signal: AbortSignal,
  advice: string,
): Promise<Warning[]> {
  const outcomes = await Promise.allSettled(devices.map(runOne));
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [{ device: devices[index], reason: outcome.reason }] : []
  );
  if (failed.length > 0 && (failed.length === devices.length || signal.aborted)) {
    throw failed[0].reason;
  }
  return failed.map(({ device, reason }) => ({
    code: reason instanceof HarnessError ? reason.code : "device-failed",
    message: `Device ${device.serial} could not go on: ${reason.message}`,
    advice: `Its finished rounds are kept: ${advice}`,
  }));
}

/** What the check of keypoints needs of an experiment. */
export interface CheckedExperiment {
  settings: Pick<ExperimentSettings, "stageImages" | "bars" | "launchTimeoutMs">;
  context: ExperimentContext;
  record: RunRecord;
  dataset: ImageDataset;
  log: RecordLog;
  /** Records of an earlier session of the same run; none when absent. */
  earlier?: AnyRecord[];
  work: string;
}

/**
 * Checks the variants' keypoints on a device against onnxruntime, with progress. Throws as
 * {@linkcode check}.
 */
export async function checkKeypoints(
  setup: DeviceSetup,
  experiment: CheckedExperiment,
  variants: PreparedVariant[],
): Promise<void> {
  const { settings, context, record, dataset, log, earlier, work } = experiment;
  const step = context.progress.step(
    `${setup.device.serial}: checking keypoints against onnxruntime`,
  );
  await check(setup, {
    run: record,
    images: new Map(dataset.images.map((image) => [image.id, image])),
    variants,
    stageImageIds: new Set(spread(record.images, settings.stageImages).map(({ id }) => id)),
    maxDetections: MAX_DETECTIONS,
    bars: settings.bars,
    launchTimeoutMs: settings.launchTimeoutMs,
    work,
  }, {
    log,
    earlier: earlier ?? [],
    signal: context.signal,
    onProgress: (done, total, text) => step.update(done / total, text),
  });
  step.done();
}
