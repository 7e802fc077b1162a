/**
 * The flow of `deno task bench`: prepare, build, deploy, measure, check, judge, report.
 *
 * @module
 */
import * as path from "@std/path";
import type { BuiltRunner } from "../toolchain/runner.ts";
import type { VariantOptions } from "../config.ts";
import type { Device } from "../device/device.ts";
import type { DeviceDescription } from "../record/device.ts";
import { coolLaunches, heatWarning, realWaiting } from "../device/cool_down.ts";
import { threadWarnings } from "../device/cores.ts";
import { EXIT, HarnessError, type Warning } from "../errors.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import type { AnyRecord, RunRecord } from "../record/records.ts";
import { type ImageDataset, openDataset } from "../images/dataset.ts";
import { reportExitCode } from "../report/build_report.ts";
import type { Report } from "../report/report_json.ts";
import { writeReport } from "../report/write_report.ts";
import { deploy, deployImages, type DeviceSetup } from "../run/deploy.ts";
import {
  buildRunners,
  checkKeypoints,
  describeExperiment,
  type ExperimentContext,
  type ExperimentSettings,
  openExperimentDevices,
  runDevices,
  writeTimedImages,
} from "../run/experiment.ts";
import { checkLayers } from "../run/layer_parity.ts";
import { judge } from "./judge_run.ts";
import { measure } from "../run/measure.ts";
import { profileLayers } from "../run/profile.ts";
import { hasRecords, RecordLog } from "../record/record_log.ts";
import { requireSameExperiment } from "../record/experiment_keys.ts";
import type { RgbFile } from "../images/rgb_files.ts";
import { effectiveOptions } from "../run/runner_command.ts";

/** Options of a run, checked. */
export interface BenchOptions extends ExperimentSettings {
  variants: VariantOptions;
  rounds: number;
  benchncnnRounds: number;
  /** Measure the layers' times by a profiling build after the rounds. */
  layerTimes: boolean;
  /** Compare every blob on the first image with onnxruntime's tensors, and keep the blobs. */
  compareLayers: boolean;
  /** Id of the variant that ratios are taken against; null: the first. */
  base: string | null;
  /** Folder of the run. */
  out: string;
  resume: boolean;
}

/** Everything that a run works on. */
interface Run {
  record: RunRecord;
  dataset: ImageDataset;
  variants: PreparedVariant[];
  devices: Device[];
  /** By serial. */
  runners: Map<string, BuiltRunner>;
  /** Profiling builds by serial; empty when layer times are not asked for. */
  profilers: Map<string, BuiltRunner>;
  timed: RgbFile[];
  log: RecordLog;
  earlier: AnyRecord[];
  /** Local folder for files on their way. */
  work: string;
}

/**
 * Runs the whole flow and returns the report and the exit code; everything is written to
 * `options.out`.
 *
 * Throws `HarnessError` when nothing can be measured; what was finished before stays on record.
 */
export async function bench(
  options: BenchOptions,
  context: ExperimentContext,
): Promise<{ report: Report; exitCode: number }> {
  const recordsPath = path.join(options.out, "records.jsonl");
  if (!options.resume) requireNoRecords(options.out);
  const dataset = await openDataset(options.images);
  const ncnnSource = options.ncnnSource ?? undefined;
  const variants = await prepareVariants({ ...options.variants, ncnnSource, ...context });
  await using opened = new AsyncDisposableStack();
  const devices = await openExperimentDevices(options, opened, context);
  const runners = await buildRunners("release", devices, variants, options, context);
  const profilers = options.layerTimes
    ? await buildRunners("profile", devices, variants, options, context)
    : new Map();
  const record = await describeRun(options, dataset, variants, devices, runners);
  const { log, earlier } = openLog(recordsPath, record, options.resume);
  opened.use(log);
  const work = await Deno.makeTempDir({ prefix: "posemark-" });
  opened.defer(() => Deno.remove(work, { recursive: true }));
  const timed = await writeTimedImages(record.images, dataset, options.measureImages, work);
  const run: Run = {
    ...{ record, dataset, variants, devices, runners, profilers, timed, log, earlier, work },
  };
  const warnings = [...dataset.warnings, ...await deviceWarnings(run, options)];
  const lost = await runDevices(
    devices,
    (device) => runDevice(run, device, options, context),
    context.signal,
    "mend the cause and run again with --resume.",
  );
  const report = await judge(options.out, {
    images: new Map(dataset.images.map((image) => [image.id, image])),
    annotations: dataset.annotations,
    variants,
    warnings: [...warnings, ...lost],
  });
  await writeReport(options.out);
  return {
    report,
    exitCode: lost.length > 0 ? EXIT.environment : reportExitCode(report, options.rounds),
  };
}

function requireNoRecords(out: string): void {
  if (!hasRecords(out)) return;
  throw new HarnessError(
    "output-exists",
    `Cannot start a run in ${out}: it already holds one. ` +
      `Go on with it by --resume, or name another folder by --out`,
  );
}

async function describeRun(
  options: BenchOptions,
  dataset: ImageDataset,
  variants: PreparedVariant[],
  devices: Device[],
  runners: Map<string, BuiltRunner>,
): Promise<RunRecord> {
  const manifests = variants.map(({ manifest }) => manifest);
  const baseVariantId = options.base ?? manifests[0].id;
  if (!manifests.some(({ id }) => id === baseVariantId)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use --base "${baseVariantId}": no such variant in this run. Expected one of ${
        manifests.map(({ id }) => id).join(", ")
      }`,
    );
  }
  const { variants: _variants, rounds, benchncnnRounds, layerTimes, compareLayers, base, ...rest } =
    options;
  const { out: _out, resume: _resume, ...settings } = rest;
  const descriptions: DeviceDescription[] = [];
  for (const device of devices) descriptions.push(await device.describe());
  return await describeExperiment(settings, {
    kind: "bench",
    options: { rounds, benchncnnRounds, layerTimes, compareLayers, base },
    dataset,
    devices: descriptions,
    variants: manifests,
    baseVariantId,
    runners,
  });
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

/**
 * Opens the log of the run; when it is resumed, `record` takes over the run id of the one on
 * record.
 */
function openLog(
  recordsPath: string,
  record: RunRecord,
  resume: boolean,
): { log: RecordLog; earlier: AnyRecord[] } {
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

async function runDevice(
  run: Run,
  device: Device,
  options: BenchOptions,
  context: ExperimentContext,
): Promise<void> {
  const { record, variants, runners, profilers } = run;
  const description = record.devices.find(({ serial }) => serial === device.serial)!;
  const setup = await deploy(device, description, runners.get(device.serial)!, variants, {
    runId: record.runId,
    options: options.runner,
    signal: context.signal,
  });
  await measureRounds(setup, run, options, context);
  await checkKeypoints(setup, { ...run, settings: options, context }, variants);
  if (options.compareLayers) {
    await checkLayers(
      setup,
      { ...run, settings: options, context, out: options.out },
      variants,
    );
  }
  const profiler = profilers.get(device.serial);
  if (profiler !== undefined) await profileLayers(setup, run, profiler, options, context);
  await device.removeRunDir(setup.runDir);
}

async function measureRounds(
  setup: DeviceSetup,
  run: Run,
  options: BenchOptions,
  { progress, signal }: ExperimentContext,
): Promise<void> {
  const step = progress.step(`${setup.device.serial}: ${options.rounds} rounds`);
  const waiting = realWaiting({ signal, tell: (message) => step.update(null, message) });
  const launches = await coolLaunches(setup.device, options.coolDownMs, waiting);
  const { list } = await deployImages(setup, run.timed, "timed", run.work, signal);
  const { failed } = await measure(setup, {
    runId: run.record.runId,
    variants: run.record.variants,
    images: run.timed.map(({ image }) => image),
    imageList: list,
    rounds: options.rounds,
    benchncnnRounds: options.benchncnnRounds,
    launchTimeoutMs: options.launchTimeoutMs,
  }, {
    log: run.log,
    earlier: run.earlier,
    signal,
    ...launches,
    onProgress: (done, total, text) => step.update(done / total, text),
  });
  step.done(failed === 0 ? "" : `${failed} launches failed`);
}
