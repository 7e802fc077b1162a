/**
 * A stay on one device: sides and timed images are deployed, rounds measured, keypoints checked,
 * and the folder on the device is removed in the end.
 *
 * @module
 */
import { type CoolLaunches, coolLaunches, realWaiting } from "../device/cool_down.ts";
import type { Device } from "../device/device.ts";
import type { ImageDataset } from "../images/dataset.ts";
import { type RgbFile, spread } from "../images/rgb_files.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { AnyRecord, RunRecord } from "../record/records.ts";
import type { RecordLog } from "../record/record_log.ts";
import { check } from "./check.ts";
import { deploy, type DeployedSide, deployImages, type DeviceSetup } from "./deploy.ts";
import type { LaunchHooks, LaunchPlan } from "./launch.ts";
import { measure } from "./measure.ts";
import type { Schedule } from "./schedule.ts";
import type { ExperimentContext, ExperimentSettings } from "./settings.ts";

/** What the stays on all devices of an experiment share. */
export interface SharedExperiment {
  settings: Pick<ExperimentSettings, "runner" | "bars" | "launchTimeoutMs" | "coolDownMs">;
  context: ExperimentContext;
  record: RunRecord;
  dataset: Pick<ImageDataset, "images">;
  /** Images whose stages are judged one by one. */
  stageImageIds: ReadonlySet<string>;
  /** Raw files of the images that are timed. */
  timed: readonly RgbFile[];
  log: Pick<RecordLog, "path" | "append">;
  /** Records of an earlier session of the same run. */
  earlier: readonly AnyRecord[];
  /** Local folder for files on their way. */
  work: string;
}

/** A stay on a device with everything in place. */
export interface DeviceSession {
  experiment: SharedExperiment;
  setup: DeviceSetup;
  /** The variants that were deployed. */
  variants: readonly PreparedVariant[];
  /** What launches on the timed images have in common. */
  launchPlan: LaunchPlan;
}

/**
 * Most images of a launch by turns. What differs from launch to launch (where memory came to lie)
 * is as large as what is left of the noise of so many pairs, so that more launches tell more than
 * longer ones. Two rounds of ABBA BAAB.
 */
const MOST_TURN_IMAGES = 8;

/**
 * Returns what `work` returns in a stay on the device; the folder on the device is removed
 * afterwards.
 *
 * `name` is unique among the stays of the run on the device; without one the folder is called after
 * the run. Throws what deploying and `work` throw.
 */
export async function onDevice<T>(
  experiment: SharedExperiment,
  device: Device,
  sides: readonly DeployedSide[],
  work: (session: DeviceSession) => Promise<T>,
  name?: string,
): Promise<T> {
  const { record, settings, context: { signal } } = experiment;
  const description = record.devices.find(({ serial }) => serial === device.serial)!;
  const setup = await deploy(device, description, sides, {
    runId: name === undefined ? record.runId : `${record.runId}-${name}`,
    options: settings.runner,
    signal,
  });
  const { timed } = experiment;
  let result: T;
  try {
    const { list } = await deployImages(setup, timed, "timed", experiment.work, signal);
    const some = spread(timed, MOST_TURN_IMAGES);
    const turnList = some.length === timed.length
      ? list
      : (await deployImages(setup, some, "turns", experiment.work, signal)).list;
    result = await work({
      experiment,
      setup,
      variants: sides.map(({ variant }) => variant),
      launchPlan: {
        runId: record.runId,
        images: timed.map(({ image }) => image),
        imageList: list,
        turnImages: some.map(({ image }) => image),
        turnImageList: turnList,
        launchTimeoutMs: settings.launchTimeoutMs,
        work: experiment.work,
      },
    });
  } catch (error) {
    // the cause counts: a device that is gone can't be tidied up either
    await device.removeRunDir(setup.runDir).catch(() => {});
    throw error;
  }
  await device.removeRunDir(setup.runDir);
  return result;
}

/** Returns the launches of the session, each begun cool. `tell` is told of waits. */
export async function coolSession(
  { experiment: { settings, context: { signal } }, setup }: DeviceSession,
  tell?: (message: string) => void,
): Promise<CoolLaunches> {
  return await coolLaunches(setup.device, settings.coolDownMs, realWaiting({ signal, tell }));
}

/**
 * Measures the rounds that are not on record yet, with progress. Every launch begins cool: by
 * `cool`, or as {@linkcode coolSession} waits.
 *
 * Throws as {@linkcode measure}.
 */
export async function measureRounds(
  session: DeviceSession,
  { schedule, benchncnnRounds }: { schedule: Schedule; benchncnnRounds: number },
  cool?: Pick<LaunchHooks, "beforeLaunch" | "afterLaunch">,
): Promise<void> {
  const { setup, variants, launchPlan, experiment } = session;
  const { log, earlier, context, record: { baseVariantId } } = experiment;
  const step = context.progress.step(`${setup.device.serial}: ${schedule.title}`);
  const launches = cool ?? await coolSession(session, (message) => step.update(null, message));
  const { failed, outcome } = await measure(setup, {
    ...launchPlan,
    variants: variants.map(({ manifest }) => manifest),
    base: baseVariantId,
    schedule,
    benchncnnRounds,
  }, {
    log,
    earlier,
    signal: context.signal,
    ...launches,
    onProgress: (share, text) => step.update(share, text),
  });
  const failures = failed === 0 ? "" : `${failed} launches failed`;
  step.done([outcome, failures].filter((text) => text !== "").join("; "));
}

/**
 * Checks the keypoints of the session's variants against onnxruntime, with progress; `ids` names
 * those that are checked, all when absent. Throws as {@linkcode check}.
 */
export async function checkKeypoints(
  { experiment, setup, variants }: DeviceSession,
  ids?: readonly string[],
): Promise<void> {
  const { settings, context, record, dataset, log, earlier, work } = experiment;
  const step = context.progress.step(
    `${setup.device.serial}: checking keypoints against onnxruntime`,
  );
  await check(setup, {
    run: record,
    images: new Map(dataset.images.map((image) => [image.id, image])),
    variants: variants.filter(({ manifest }) => ids?.includes(manifest.id) ?? true),
    stageImageIds: experiment.stageImageIds,
    bars: settings.bars,
    launchTimeoutMs: settings.launchTimeoutMs,
    work,
  }, {
    log,
    earlier,
    signal: context.signal,
    onProgress: (done, total, text) => step.update(done / total, text),
  });
  step.done();
}
