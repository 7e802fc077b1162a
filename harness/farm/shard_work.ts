/**
 * What a shard does on its phone: deploy both sides, measure them interleaved, check the keypoints.
 *
 * @module
 */
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import type { DeviceDescription } from "../record/device.ts";
import { type CoolLaunches, coolLaunches, realWaiting } from "../device/cool_down.ts";
import { HarnessError } from "../errors.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { type AnyRecord, RECORD_VERSION, type RunRecord } from "../record/records.ts";
import { check } from "../run/check.ts";
import { deploy, deployImages, type DeviceSetup } from "../run/deploy.ts";
import { measure } from "../run/measure.ts";
import type { RecordLog } from "../record/record_log.ts";
import { loadRunImage, type RgbFile, writeRgbFile } from "../images/rgb_files.ts";
import { type FarmRun, type ShardFile, sideOf } from "./shard_file.ts";

/** Everything that a shard works with. */
export interface ShardJob {
  run: FarmRun;
  shard: ShardFile;
  device: Device;
  description: DeviceDescription;
  /** Local path of each artefact by its hash. */
  artefacts: ReadonlyMap<string, string>;
  /** Records of an earlier attempt on this device. */
  earlier: AnyRecord[];
  log: RecordLog;
  /** Local folder for files on their way. */
  work: string;
  signal: AbortSignal;
  /** Hears of progress, before each launch and each image. */
  onProgress(text: string): void;
}

/** Returns the run record that a shard's records begin with. */
export function shardRunRecord(
  run: FarmRun,
  shard: ShardFile,
  description: DeviceDescription,
): RunRecord {
  const { target } = description;
  const base = sideOf(run, shard.base, target);
  const candidate = sideOf(run, shard.candidate, target);
  return {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    runId: run.runId,
    createdAt: run.createdAt,
    command: run.command,
    options: { shard: shard.index, rounds: run.rounds, runner: run.options },
    devices: [description],
    variants: [base.manifest, candidate.manifest],
    baseVariantId: shard.base,
    images: run.images,
    harness: {
      ...run.harness,
      ncnn: candidate.ncnnVersion,
      runnerSha256: { [description.serial]: candidate.runner.sha256 },
    },
  };
}

/**
 * Runs the shard to its end; every record is in the log when it was made.
 *
 * Throws `device-hot` when the phone does not cool down within the run's limit, before the first
 * launch or between two.
 */
export async function measureShard(job: ShardJob): Promise<void> {
  const { run, shard, device, description, log, earlier } = job;
  // measure() takes an error before a launch for one of that launch; heat ends the attempt.
  const hot = new AbortController();
  const signal = AbortSignal.any([job.signal, hot.signal]);
  const cool = await coolDown(job, hot);
  // a phone that is hot gets nothing pushed
  await cool.beforeLaunch();
  const { target } = description;
  const variants: PreparedVariant[] = [];
  const setups: DeviceSetup[] = [];
  for (const id of [shard.base, shard.candidate]) {
    const { manifest, runner } = sideOf(run, id, target);
    const variant = { manifest, dir: await sideFolder(job, id) };
    variants.push(variant);
    const binaries = { runner: job.artefacts.get(runner.sha256)!, benchncnn: null };
    const context = { runId: `${run.runId}-${shard.index}`, options: run.options, signal };
    setups.push(await deploy(device, description, binaries, [variant], context));
  }
  const setup = joinSides(setups);
  const timed = new Set(run.timedImageIds);
  const files: RgbFile[] = [];
  for (const image of run.images.filter(({ id }) => timed.has(id))) {
    const pixels = await loadRunImage(datasetImage(job, image.id), image);
    files.push(await writeRgbFile(image, pixels, job.work));
  }
  await measure(setup, {
    runId: run.runId,
    variants: variants.map(({ manifest }) => manifest),
    images: files.map(({ image }) => image),
    imageList: (await deployImages(setup, files, "timed", job.work, signal)).list,
    rounds: run.rounds,
    benchncnnRounds: 0,
    launchTimeoutMs: run.launchTimeoutMs,
  }, {
    log,
    earlier,
    signal,
    ...cool,
    onProgress: (done, total, text) => job.onProgress(`${done}/${total} ${text}`),
  });
  signal.throwIfAborted();
  await checkSides(job, setups, variants);
  await device.removeRunDir(setup.runDir);
}

/** Checks each side with its own runner. */
async function checkSides(
  job: ShardJob,
  setups: readonly DeviceSetup[],
  variants: readonly PreparedVariant[],
): Promise<void> {
  const { run, shard, description, log, earlier, signal } = job;
  for (const [index, variant] of variants.entries()) {
    await check(setups[index], {
      run: shardRunRecord(run, shard, description),
      images: new Map(run.images.map(({ id }) => [id, datasetImage(job, id)])),
      variants: [variant],
      stageImageIds: new Set(run.stageImageIds),
      maxDetections: run.maxDetections,
      bars: run.bars,
      launchTimeoutMs: run.launchTimeoutMs,
      work: job.work,
    }, {
      log,
      earlier,
      signal,
      onProgress: (done, total, text) => job.onProgress(`check ${done}/${total} ${text}`),
    });
  }
}

/**
 * Returns one setup for both sides: each variant is launched by the runner of its own side.
 *
 * `devicePaths()` lets what stands beside a variant's param and bin win over the setup's runner.
 */
export function joinSides(setups: readonly DeviceSetup[]): DeviceSetup {
  const models = new Map(
    setups.flatMap(({ models, runner }) =>
      [...models].map(([id, files]) => [id, { ...files, runner }] as const)
    ),
  );
  return { ...setups[0], models };
}

/** Returns a folder with a side's files under the names that its manifest gives them. */
export async function sideFolder(job: ShardJob, id: string): Promise<string> {
  const { manifest } = job.run.sides[id];
  const dir = path.join(job.work, id);
  await Deno.mkdir(dir, { recursive: true });
  for (const file of [manifest.param, manifest.bin, manifest.referenceOnnx]) {
    const source = job.artefacts.get(file.sha256)!;
    const target = path.join(dir, file.file);
    try {
      await Deno.link(source, target);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) continue;
      // Another file system than the cache's.
      await Deno.copyFile(source, target);
    }
  }
  return dir;
}

function datasetImage(job: ShardJob, id: string) {
  const image = job.run.images.find((image) => image.id === id)!;
  return {
    id,
    file: job.artefacts.get(image.sha256)!,
    cocoImageId: image.cocoImageId,
    annotatedSize: null,
  };
}

/**
 * The phone's launches, each begun cool; one that does not become cool gives the shard up by
 * `device-hot`.
 */
async function coolDown(
  job: ShardJob,
  hot: AbortController,
): Promise<Pick<CoolLaunches, "beforeLaunch" | "afterLaunch">> {
  const { device, run, signal } = job;
  const cool = await coolLaunches(device, run.coolDownMs, realWaiting({ signal }));
  return {
    afterLaunch: cool.afterLaunch,
    async beforeLaunch() {
      hot.signal.throwIfAborted();
      const begun = await cool.beforeLaunch();
      if (begun.reasons.length === 0) return begun;
      const error = new HarnessError(
        "device-hot",
        `Cannot measure on device "${device.serial}": ${
          begun.reasons.join("; ")
        }. The shard is given back: the farm tries again later, or on another phone`,
      );
      hot.abort(error);
      throw error;
    },
  };
}
