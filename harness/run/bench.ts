/**
 * The flow of `deno task bench`: prepare, build, deploy, measure, check, judge, report.
 *
 * @module
 */
import * as path from "@std/path";
import { buildRunner } from "../build/runner.ts";
import type { RunnerOptions, VariantOptions } from "../config.ts";
import type { Device, DeviceDescription } from "../device/device.ts";
import { PIN_OPTIONS } from "../device/adb_root.ts";
import { COOL_RULES, heatWarning, realWaiting, waitUntilCool } from "../device/cool_down.ts";
import { threadWarnings } from "../device/cores.ts";
import { openDevices } from "../device/devices.ts";
import { EXIT, HarnessError, type Warning } from "../errors.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import type { ParityBars } from "../parity/judge.ts";
import type { Progress } from "../progress.ts";
import type { AnyRecord, RunImage, RunRecord } from "../records.ts";
import { type ImageDataset, openDataset } from "../reference/images.ts";
import { reportExitCode } from "../report/build_report.ts";
import type { Report } from "../report/report_json.ts";
import { check } from "./check.ts";
import { deploy, deployImages, type DeviceSetup } from "./deploy.ts";
import { gitCommit, packageVersion, POSEMARK_VERSION } from "./harness_version.ts";
import { judge } from "./judge.ts";
import { measure } from "./measure.ts";
import { asWriteError, RecordLog } from "./record_log.ts";
import { requireSameExperiment } from "./resume.ts";
import { effectiveOptions } from "./runner_command.ts";
import { describeImages, loadRunImage, type RgbFile, spread, writeRgbFile } from "./rgb_files.ts";

/** Options of a run, checked. */
export interface BenchOptions {
  /** `host`, serials, or `all`. */
  devices: string[];
  variants: VariantOptions;
  runner: RunnerOptions;
  /** Folder of images. */
  images: string;
  rounds: number;
  /** Images that are timed, spread over the set. */
  measureImages: number;
  /** Images whose stages are judged one by one. */
  stageImages: number;
  benchncnnRounds: number;
  launchTimeoutMs: number;
  /** Longest wait for a hot phone before a round. */
  coolDownMs: number;
  /** Pin governor and frequencies of a rooted phone. */
  root: boolean;
  /** Id of the variant that ratios are taken against; null: the first. */
  base: string | null;
  bars: ParityBars;
  /** Another ncnn source tree than the pinned one; null: the pinned. */
  ncnnSource: string | null;
  /** Folder of the run. */
  out: string;
  resume: boolean;
  /** The command line, for the record. */
  command: string[];
}

/** Effects of a run on the world outside. */
export interface BenchContext {
  progress: Progress;
  signal: AbortSignal;
}

/** Everything that a run works on. */
interface Run {
  record: RunRecord;
  dataset: ImageDataset;
  variants: PreparedVariant[];
  devices: Device[];
  binaries: Map<string, Binaries>;
  log: RecordLog;
  earlier: AnyRecord[];
  /** Local folder for files on their way. */
  work: string;
}

/** The two programs that run on a device. */
interface Binaries {
  runner: string;
  benchncnn: string;
  runnerSha256: string;
  ncnnVersion: string;
}

/** Detections that NMS keeps at most, as ultralytics. */
const MAX_DETECTIONS = 300;

/**
 * Runs the whole flow and returns the report and the exit code; everything is written to `options.out`.
 *
 * Throws `HarnessError` when nothing can be measured; what was finished before stays on record.
 */
export async function bench(
  options: BenchOptions,
  context: BenchContext,
): Promise<{ report: Report; exitCode: number }> {
  const recordsPath = path.join(options.out, "records.jsonl");
  if (!options.resume) requireNoRecords(recordsPath);
  const dataset = await openDataset(options.images);
  const variants = await prepareVariants({ ...options.variants, ...context });
  await using opened = new AsyncDisposableStack();
  const devices = await openDevices(options.devices, {
    pin: options.root ? PIN_OPTIONS : null,
    tell: (message) => context.progress.step(message).done(),
  });
  devices.forEach((device) => opened.use(device));
  const binaries = await buildBinaries(devices, options, context);
  const record = await describeRun(options, dataset, variants, devices, binaries);
  const { log, earlier } = await openLog(recordsPath, record, options.resume);
  opened.use(log);
  const work = await Deno.makeTempDir({ prefix: "posemark-" });
  opened.defer(() => Deno.remove(work, { recursive: true }));
  const run: Run = { record, dataset, variants, devices, binaries, log, earlier, work };
  const warnings = [...dataset.warnings, ...await deviceWarnings(run, options)];
  const lost = await runDevices(run, options, context);
  const report = await judge(options.out, {
    images: new Map(dataset.images.map((image) => [image.id, image])),
    annotations: dataset.annotations,
    variants,
    warnings: [...warnings, ...lost],
  });
  return { report, exitCode: lost.length > 0 ? EXIT.environment : reportExitCode(report) };
}

function requireNoRecords(recordsPath: string): void {
  try {
    Deno.statSync(recordsPath);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return;
    throw cause;
  }
  throw new HarnessError(
    "output-exists",
    `Cannot start a run in ${path.dirname(recordsPath)}: it already holds one. ` +
      `Go on with it by --resume, or name another folder by --out`,
  );
}

/** Returns the programs for every device by serial, built once per target. */
async function buildBinaries(
  devices: Device[],
  options: BenchOptions,
  context: BenchContext,
): Promise<Map<string, Binaries>> {
  const binaries = new Map<string, Binaries>();
  for (const device of devices) {
    const built = await buildRunner({
      target: device.kind === "host" ? "host" : "arm64",
      ncnnSource: options.ncnnSource ?? undefined,
      ...context,
    });
    binaries.set(device.serial, {
      runner: built.runner,
      benchncnn: built.benchncnn,
      runnerSha256: built.sha256.runner,
      ncnnVersion: built.ncnnVersion,
    });
  }
  return binaries;
}

async function describeRun(
  options: BenchOptions,
  dataset: ImageDataset,
  variants: PreparedVariant[],
  devices: Device[],
  binaries: Map<string, Binaries>,
): Promise<RunRecord> {
  const manifests = variants.map(({ manifest }) => manifest);
  const base = options.base ?? manifests[0].id;
  if (!manifests.some(({ id }) => id === base)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use --base "${base}": no such variant in this run. Expected one of ${
        manifests.map(({ id }) => id).join(", ")
      }`,
    );
  }
  const { devices: _devices, variants: _variants, command, out: _out, resume: _resume, ...rest } =
    options;
  const descriptions: DeviceDescription[] = [];
  for (const device of devices) descriptions.push(await device.describe());
  const createdAt = new Date().toISOString();
  return {
    kind: "run",
    schemaVersion: 1,
    runId: `${createdAt.replace(/\D/g, "").slice(0, 14)}-${crypto.randomUUID().slice(0, 8)}`,
    createdAt,
    command,
    options: rest,
    devices: descriptions,
    variants: manifests,
    baseVariantId: base,
    images: await describeImages(dataset.images),
    harness: {
      version: POSEMARK_VERSION,
      gitCommit: await gitCommit(),
      deno: Deno.version.deno,
      onnxruntime: packageVersion("onnxruntime-node"),
      ncnn: [...binaries.values()][0].ncnnVersion,
      runnerSha256: Object.fromEntries(
        [...binaries].map(([serial, { runnerSha256 }]) => [serial, runnerSha256]),
      ),
    },
  };
}

/** Returns what speaks against the devices' settings. */
async function deviceWarnings(run: Run, options: BenchOptions): Promise<Warning[]> {
  const warnings: Warning[] = [];
  for (const [index, device] of run.devices.entries()) {
    const description = run.record.devices[index];
    const { threads, powersave, coreMask } = effectiveOptions(options.runner, description);
    const where = coreMask === null ? { powersave: powersave as 0 | 1 | 2 } : { coreMask };
    warnings.push(...threadWarnings(description, threads, where));
    const heat = heatWarning(description, await device.state());
    if (heat) warnings.push(heat);
  }
  return warnings;
}

/** Opens the log of the run; when it is resumed, `record` takes over the run id of the one on record. */
async function openLog(
  recordsPath: string,
  record: RunRecord,
  resume: boolean,
): Promise<{ log: RecordLog; earlier: AnyRecord[] }> {
  try {
    await Deno.mkdir(path.dirname(recordsPath), { recursive: true });
  } catch (cause) {
    throw asWriteError(cause, path.dirname(recordsPath));
  }
  if (!resume) {
    const log = RecordLog.create(recordsPath);
    log.append(record);
    return { log, earlier: [] };
  }
  const { log, records } = RecordLog.resume(recordsPath);
  const [first] = records;
  if (first === undefined) {
    log.append(record);
  } else if (first.kind === "run") {
    requireSameExperiment(first, record, path.dirname(recordsPath));
    record.runId = first.runId;
  }
  return { log, earlier: records };
}

/** Runs all devices at the same time; returns a warning for each that could not go on while others did. */
async function runDevices(
  run: Run,
  options: BenchOptions,
  context: BenchContext,
): Promise<Warning[]> {
  const timed = await writeTimedImages(run, options.measureImages);
  const outcomes = await Promise.allSettled(
    run.devices.map((device) => runDevice(run, device, timed, options, context)),
  );
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [{ device: run.devices[index], reason: outcome.reason }] : []
  );
  if (failed.length === run.devices.length || context.signal.aborted) {
    if (failed.length > 0) throw failed[0].reason;
  }
  return failed.map(({ device, reason }) => ({
    code: reason instanceof HarnessError ? reason.code : "device-failed",
    message: `Device ${device.serial} could not go on: ${reason.message}`,
    advice: "Its finished rounds are kept: mend the cause and run again with --resume.",
  }));
}

async function writeTimedImages(run: Run, count: number): Promise<RgbFile[]> {
  const byId = new Map(run.dataset.images.map((image) => [image.id, image]));
  const files: RgbFile[] = [];
  for (const image of spread(run.record.images, count)) {
    const pixels = await loadRunImage(byId.get(image.id)!, image);
    files.push(await writeRgbFile(image, pixels, run.work));
  }
  return files;
}

async function runDevice(
  run: Run,
  device: Device,
  timed: RgbFile[],
  options: BenchOptions,
  context: BenchContext,
): Promise<void> {
  const { record, log, earlier } = run;
  const { signal } = context;
  const description = record.devices.find(({ serial }) => serial === device.serial)!;
  const setup = await deploy(device, description, run.binaries.get(device.serial)!, run.variants, {
    runId: record.runId,
    options: options.runner,
    signal,
  });
  await measureRounds(setup, run, timed, options, context);
  const step = context.progress.step(`${device.serial}: checking keypoints against onnxruntime`);
  await check(setup, {
    run: record,
    images: new Map(run.dataset.images.map((image) => [image.id, image])),
    variants: run.variants,
    stageImageIds: new Set(spread(record.images, options.stageImages).map(({ id }) => id)),
    maxDetections: MAX_DETECTIONS,
    bars: options.bars,
    launchTimeoutMs: options.launchTimeoutMs,
    work: run.work,
  }, {
    log,
    earlier,
    signal,
    onProgress: (done, total, text) => step.update(done / total, text),
  });
  step.done();
  await device.removeRunDir(setup.runDir);
}

async function measureRounds(
  setup: DeviceSetup,
  run: Run,
  timed: RgbFile[],
  options: BenchOptions,
  { progress, signal }: BenchContext,
): Promise<void> {
  const step = progress.step(`${setup.device.serial}: ${options.rounds} rounds`);
  const baseline = await setup.device.state();
  const rules = { ...COOL_RULES, limitMs: options.coolDownMs };
  const waiting = realWaiting({ signal, tell: (message) => step.update(null, message) });
  const images: RunImage[] = timed.map(({ image }) => image);
  await measure(setup, {
    runId: run.record.runId,
    variants: run.record.variants,
    images,
    imageList: await deployImages(setup, timed, "timed", run.work, signal),
    rounds: options.rounds,
    benchncnnRounds: options.benchncnnRounds,
    launchTimeoutMs: options.launchTimeoutMs,
  }, {
    log: run.log,
    earlier: run.earlier,
    signal,
    async beforeLaunch() {
      const cool = await waitUntilCool(setup.device, baseline, rules, waiting);
      return { state: cool.state, marks: cool.marks.map(({ mark }) => mark) };
    },
    onProgress: (done, total, text) => step.update(done / total, text),
  });
  step.done();
}
