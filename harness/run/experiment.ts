/**
 * An experiment as a resource: data set, devices, runners, record, log, timed images and a folder
 * for files on their way, which all end together. What is done with it is a job's.
 *
 * @module
 */
import * as path from "@std/path";
import { newRunId } from "../record/run_id.ts";
import type { BuildKind, BuiltRunner } from "../toolchain/runner.ts";
import { PIN_OPTIONS } from "../device/shell/root.ts";
import { requireCores } from "../device/cores.ts";
import type { Device } from "../device/device.ts";
import type { DeviceDescription, Target } from "../record/device.ts";
import { openDevices } from "../device/devices.ts";
import { HarnessError, type Warning } from "../errors.ts";
import { posemarkCommit, runCommits } from "../git.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import {
  type AnyRecord,
  RECORD_VERSION,
  type RunImage,
  type RunRecord,
} from "../record/records.ts";
import { requireSameExperiment } from "../record/experiment_keys.ts";
import type { ImageDataset } from "../images/dataset.ts";
import type { DeployedSide } from "./deploy.ts";
import { packageVersion, POSEMARK_VERSION } from "../version.ts";
import { openWorkFolder } from "../work_folder.ts";
import { RecordLog } from "../record/record_log.ts";
import {
  describeImages,
  loadRunImage,
  type RgbFile,
  spread,
  writeRgbFile,
} from "../images/rgb_files.ts";
import { type DeviceSession, onDevice, type SharedExperiment } from "./session.ts";
import type { ExperimentContext, ExperimentSettings } from "./settings.ts";

/** A variant that takes part, with the means to build its runner. */
export interface Side {
  /** As results show it. */
  name: string;
  variant: PreparedVariant;
  /** Returns its runner for a target, built when it is not in the cache. */
  build: BuildSide;
}

/**
 * Builds a side's runner. Sides that share one build share the function.
 *
 * `cpuFeatures` are the device's, for targets whose programs are built for one CPU.
 */
export type BuildSide = (
  target: Target,
  kind: BuildKind,
  cpuFeatures?: readonly string[],
) => Promise<BuiltRunner>;

/** What an experiment is opened with. */
export interface ExperimentRequest {
  settings: ExperimentSettings;
  kind: "bench" | "gate" | "calibrate" | "compare-models" | "tune" | "explain";
  /** What this kind of experiment is asked for besides the settings, for the record. */
  options: Record<string, unknown>;
  dataset: ImageDataset;
  /** Everything that is run; ids are unique. The last one's runner stands for the device's. */
  sides: readonly Side[];
  /** The sides whose models' commits the run is filed under; absent: all. */
  filedUnder?: readonly Side[];
  /** Id of the variant that ratios are taken against; null: the first. */
  base: string | null;
  /** The build whose launches are measured, and further ones that are wanted. */
  builds: readonly [BuildKind, ...BuildKind[]];
  /** Whether benchncnn is deployed too. */
  benchncnn: boolean;
  /** Folder that gets `records.jsonl`; null keeps none. */
  out: string | null;
  /** Go on with the run in `out`. */
  resume?: boolean;
}

/** An open experiment; give it back by `await using`. */
export interface Experiment extends SharedExperiment, AsyncDisposable {
  settings: ExperimentSettings;
  dataset: ImageDataset;
  devices: readonly Device[];
  /** Returns the programs of a variant on a device. */
  runnerOf(device: Device, variantId: string, kind: BuildKind): BuiltRunner;
  /** Returns what `work` returns in a stay on the device with these variants. */
  onDevice<T>(
    device: Device,
    stay: { name: string; variantIds: readonly string[] },
    work: (session: DeviceSession) => Promise<T>,
  ): Promise<T>;
  /**
   * Does the work on all devices at the same time with all variants deployed; returns a warning for
   * each device that could not go on while others did. `advice` says what to do then.
   *
   * Throws what the first one threw when all failed, or when the run was interrupted.
   */
  onEachDevice(
    work: (session: DeviceSession) => Promise<void>,
    advice: string,
  ): Promise<Warning[]>;
}

/**
 * Returns the experiment with its devices reserved, its runners built, and the run record in its
 * log. With `resume` it takes over the run id and the records of the run in `out`.
 *
 * Throws `HarnessError`: what devices and builds throw; `bad-option` for a base that is no variant
 * of the run and for a core mask of which a device has no CPU; `output-exists`; `not-comparable`
 * for a run that is gone on with and was another experiment. Nothing is written to `out` before.
 */
export async function openExperiment(
  request: ExperimentRequest,
  context: ExperimentContext,
): Promise<Experiment> {
  const { settings, dataset, sides, builds, out } = request;
  await using opened = new AsyncDisposableStack();
  const devices = await openExperimentDevices(settings, opened, context);
  const runners = await buildSides(sides, devices, builds);
  const runnerOf: Experiment["runnerOf"] = ({ serial }, variantId, kind) =>
    runners.get(`${serial} ${variantId} ${kind}`)!;
  const record = await describeExperiment(request, devices, runnerOf);
  for (const words of record.commits?.unknown ?? []) {
    context.progress.step(`git does not tell the commit: ${words}`).done();
  }
  const { path: work } = opened.use(await openWorkFolder("run"));
  const recordsFile = path.join(out ?? work, "records.jsonl");
  const { log, earlier } = openLog(recordsFile, record, request.resume ?? false);
  opened.use(log);
  const timed = await writeTimedImages(record.images, dataset, settings.measureImages, work);
  const stageImageIds = new Set(spread(record.images, settings.stageImages).map(({ id }) => id));
  const shared = { settings, context, record, dataset, stageImageIds, timed, log, earlier, work };
  const stay = <T>(
    device: Device,
    deployed: readonly Side[],
    work: (session: DeviceSession) => Promise<T>,
    name?: string,
  ) => {
    const local = deployed.map(({ variant }): DeployedSide => {
      const { runner, benchncnn } = runnerOf(device, variant.manifest.id, builds[0]);
      return { variant, runner, benchncnn: request.benchncnn ? benchncnn : null };
    });
    return onDevice(shared, device, local, work, name);
  };
  const stack = opened.move();
  return {
    ...shared,
    devices,
    runnerOf,
    onDevice: (device, { name, variantIds }, work) =>
      stay(
        device,
        sides.filter(({ variant }) => variantIds.includes(variant.manifest.id)),
        work,
        name,
      ),
    onEachDevice: (work, advice) =>
      runDevices(devices, (device) => stay(device, sides, work), context.signal, advice),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/**
 * Returns the run record; throws `bad-option` for a base that is no variant of the run and for a
 * core mask of which a device has no CPU.
 */
async function describeExperiment(
  { settings, kind, options, dataset, sides, base, builds: [build], filedUnder = sides }:
    ExperimentRequest,
  devices: readonly Device[],
  runnerOf: Experiment["runnerOf"],
): Promise<RunRecord> {
  const variants = sides.map(({ variant }) => variant.manifest);
  const ids = variants.map(({ id }) => id);
  const baseVariantId = base ?? ids[0];
  if (!ids.includes(baseVariantId)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use --base "${baseVariantId}": no such variant in this run. Expected one of ${
        ids.join(", ")
      }`,
    );
  }
  const descriptions: DeviceDescription[] = [];
  for (const device of devices) descriptions.push(await device.describe());
  const { devices: _devices, command, ...rest } = settings;
  const { coreMask } = settings.runner;
  if (coreMask !== null) descriptions.forEach((device) => requireCores(device, coreMask));
  const runnerSha256: Record<string, string> = {};
  const versions = new Set<string>();
  for (const device of devices) {
    const own = runnerOf(device, ids.at(-1)!, build).sha256.runner;
    for (const id of ids) {
      const { sha256, ncnnVersion } = runnerOf(device, id, build);
      versions.add(ncnnVersion);
      const key = sha256.runner === own ? device.serial : `${device.serial} baseline`;
      runnerSha256[key] = sha256.runner;
    }
  }
  const at = new Date();
  return {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    runId: newRunId(at),
    createdAt: at.toISOString(),
    command,
    // a saved run is read from elsewhere too
    options: { experiment: kind, ...rest, images: path.resolve(rest.images), ...options },
    devices: descriptions,
    variants,
    baseVariantId,
    images: await describeImages(dataset.images),
    commits: await runCommits(modelFiles(filedUnder)),
    harness: {
      version: POSEMARK_VERSION,
      gitCommit: await posemarkCommit(),
      deno: Deno.version.deno,
      onnxruntime: packageVersion("onnxruntime-node"),
      ncnn: [...versions].join(", "),
      runnerSha256,
    },
  };
}

/** Files of the sides' models that may lie in a repository. */
function modelFiles(sides: readonly Side[]): string[] {
  return sides.flatMap(({ variant: { modelFile } }) => modelFile === undefined ? [] : [modelFile]);
}

/**
 * Opens the log of the run; when it is gone on with, `record` takes over the run id of the one on
 * record.
 */
function openLog(
  recordsFile: string,
  record: RunRecord,
  resume: boolean,
): { log: RecordLog; earlier: AnyRecord[] } {
  if (!resume) {
    const log = RecordLog.create(recordsFile);
    log.append(record);
    return { log, earlier: [] };
  }
  const { log, records } = RecordLog.resume(recordsFile);
  try {
    const [first] = records;
    if (first === undefined) {
      log.append(record);
    } else if (first.kind === "run") {
      requireSameExperiment(first, record, path.dirname(recordsFile));
      record.runId = first.runId;
    }
    return { log, earlier: records };
  } catch (error) {
    log[Symbol.dispose]();
    throw error;
  }
}

/** Returns the devices of the settings, opened; `stack` gives them back. */
async function openExperimentDevices(
  { devices: names, root }: Pick<ExperimentSettings, "devices" | "root">,
  stack: AsyncDisposableStack,
  { progress }: ExperimentContext,
): Promise<Device[]> {
  const devices = await openDevices(names, {
    pin: root ? PIN_OPTIONS : null,
    tell: (message) => progress.step(message).done(),
    wait: (message) => void progress.step(message),
  });
  devices.forEach((device) => stack.use(device));
  return devices;
}

/** Returns the programs by `serial variantId kind`; each is built once for a target. */
async function buildSides(
  sides: readonly Side[],
  devices: readonly Device[],
  kinds: readonly BuildKind[],
): Promise<Map<string, BuiltRunner>> {
  const built = new Map<BuildSide, Map<string, BuiltRunner>>();
  const runners = new Map<string, BuiltRunner>();
  for (const device of devices) {
    const { target, cpuFeatures } = await device.describe();
    const own = target === "x86_64-linux" ? cpuFeatures : undefined;
    for (const { variant, build } of sides) {
      for (const kind of kinds) {
        const known = built.get(build) ?? new Map<string, BuiltRunner>();
        built.set(build, known);
        const key = [target, kind, ...own ?? []].join(" ");
        const runner = known.get(key) ?? await build(target, kind, own);
        known.set(key, runner);
        runners.set(`${device.serial} ${variant.manifest.id} ${kind}`, runner);
      }
    }
  }
  return runners;
}

/** Returns the raw files of the images that are timed, written to the folder. */
async function writeTimedImages(
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
async function runDevices(
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
