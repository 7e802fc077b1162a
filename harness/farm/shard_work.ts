/**
 * What a shard does on its phone: deploy both sides, measure them interleaved, check the keypoints.
 *
 * @module
 */
import { filesOf } from "../record/variant.ts";
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import type { DeviceDescription } from "../record/device.ts";
import { type CoolLaunches, coolLaunches, realWaiting } from "../device/cool_down.ts";
import { HarnessError } from "../errors.ts";
import { type AnyRecord, RECORD_VERSION, type RunRecord } from "../record/records.ts";
import type { Progress } from "../progress.ts";
import type { DeployedSide } from "../run/deploy.ts";
import { fixedRounds } from "../run/schedule.ts";
import { checkKeypoints, type DeviceSession, measureRounds, onDevice } from "../run/session.ts";
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
    commits: run.commits,
    harness: {
      ...run.harness,
      ncnn: candidate.ncnnVersion,
      runnerSha256: { [description.serial]: candidate.runner.sha256 },
    },
  };
}

/**
 * Runs the shard to its end; every record is in the log when it was made. `work` is what is done in
 * the stay on the phone: by default its rounds and the check of the keypoints.
 *
 * Throws `device-hot` when the phone does not cool down within the run's limit, before the first
 * launch or between two.
 */
export async function measureShard(
  job: ShardJob,
  work: typeof roundsAndCheck = roundsAndCheck,
): Promise<void> {
  const { run, shard, device, description, log, earlier, onProgress } = job;
  // measure() takes an error before a launch for one of that launch; heat ends the attempt.
  const hot = new AbortController();
  const signal = AbortSignal.any([job.signal, hot.signal]);
  const cool = await coolDown(job, hot);
  // a phone that is hot gets nothing pushed
  await cool.beforeLaunch();
  const { target } = description;
  const sides: DeployedSide[] = [];
  for (const id of [shard.base, shard.candidate]) {
    const { manifest, runner } = sideOf(run, id, target);
    const variant = { manifest, dir: await sideFolder(job, id) };
    sides.push({ variant, runner: job.artefacts.get(runner.sha256)!, benchncnn: null });
  }
  const images = run.images.map((image) => datasetImage(job, image.id));
  const timedIds = new Set(run.timedImageIds);
  const timed: RgbFile[] = [];
  for (const image of run.images.filter(({ id }) => timedIds.has(id))) {
    const pixels = await loadRunImage(datasetImage(job, image.id), image);
    timed.push(await writeRgbFile(image, pixels, job.work));
  }
  await onDevice(
    {
      settings: { ...run, runner: run.options },
      context: { progress: toldProgress(onProgress), signal },
      record: shardRunRecord(run, shard, description),
      dataset: { images },
      stageImageIds: new Set(run.stageImageIds),
      timed,
      log,
      earlier,
      work: job.work,
    },
    device,
    sides,
    (session) => work(session, run.rounds, cool),
    String(shard.index),
  );
}

async function roundsAndCheck(
  session: DeviceSession,
  rounds: number,
  cool: Pick<CoolLaunches, "beforeLaunch" | "afterLaunch">,
): Promise<void> {
  const schedule = fixedRounds(session.variants.map(({ manifest: { id } }) => id), rounds);
  await measureRounds(session, { schedule, benchncnnRounds: 0 }, cool);
  session.experiment.context.signal.throwIfAborted();
  await checkKeypoints(session);
}

/** Progress as sentences for the shard's log. */
function toldProgress(tell: (text: string) => void): Progress {
  return {
    step: (title) => ({
      update: (fraction, text = "") =>
        tell([title, fraction === null ? "" : `${Math.round(100 * fraction)}%`, text].join(" ")),
      done: () => tell(`${title} done`),
    }),
  };
}

/** Returns a folder with a side's files under the names that its manifest gives them. */
async function sideFolder(job: ShardJob, id: string): Promise<string> {
  const { manifest } = job.run.sides[id];
  const dir = path.join(job.work, id);
  await Deno.mkdir(dir, { recursive: true });
  for (const file of filesOf(manifest)) {
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
