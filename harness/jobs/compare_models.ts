/**
 * The flow of `compare-models`: any models and prepared variants, run interleaved on every device,
 * ranked as far as can be told.
 *
 * @module
 */
import * as path from "@std/path";
import type { BuiltRunner } from "../toolchain/runner.ts";
import type { VariantOptions } from "../config.ts";
import { coolLaunches, realWaiting } from "../device/cool_down.ts";
import type { Device } from "../device/device.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import type { LaunchRecord, RunRecord } from "../record/records.ts";
import { type ImageDataset, openDataset } from "../images/dataset.ts";
import { reportExitCode } from "../report/build_report.ts";
import { sortRecords } from "../record/run_records.ts";
import type { ComparisonFile } from "../report/comparison.ts";
import { writeWhole } from "../report/report_file.ts";
import type { Report } from "../report/report_json.ts";
import { writeReport } from "../report/write_report.ts";
import {
  type ComparedVariant,
  type ComparisonResult,
  judgeComparison,
} from "../stats/comparison.ts";
import { comparedVariants } from "./compare_variants.ts";
import { deploy, deployImages, type DeviceSetup } from "../run/deploy.ts";
import { requireNewFolder } from "./gate_live.ts";
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
import { judge } from "./judge_run.ts";
import { measure } from "../run/measure.ts";
import { readRecords, RecordLog } from "../record/record_log.ts";
import type { RgbFile } from "../images/rgb_files.ts";
import { openOneSide, readPreparedFolder, type SideName } from "./sides.ts";

/** What is compared: a model (file or name), or a variant as `sides.ts` names it. */
export type Compared = { kind: "model"; model: string } | SideName;

/** Options of a comparison, checked. */
export interface CompareOptions extends ExperimentSettings {
  compared: Compared[];
  /** Which variants of each model. Its models are those that ids are looked up in. */
  variants: VariantOptions;
  /** Launches of each variant; fewest rounds under a sustained load. */
  rounds: number;
  /**
   * Time for which the load goes on without a pause, seconds; null waits for a cool device before
   * each launch.
   */
  sustainedSeconds: number | null;
  /** Folder of the run. */
  out: string;
}

/** What came of a comparison. */
export interface CompareOutcome {
  report: Report;
  variants: ComparedVariant[];
  result: ComparisonResult;
  exitCode: number;
}

/** Fewest rounds under a sustained load: a burst and an end must be told apart. */
const FEWEST_SUSTAINED_ROUNDS = 10;

/**
 * Runs the comparison and returns its judgements; records, report, page and `comparison.json` are
 * in `options.out`.
 *
 * Throws `HarnessError`: `bad-option` for fewer than two variants, `output-exists`, and what
 * preparing, devices and launches throw. A device that could not go on while others did is a
 * warning of the report.
 */
export async function compareModels(
  options: CompareOptions,
  context: ExperimentContext,
): Promise<CompareOutcome> {
  requireNewFolder(options.out);
  const dataset = await openDataset(options.images);
  const variants = await openCompared(options, context);
  await using stack = new AsyncDisposableStack();
  const devices = await openExperimentDevices(options, stack, context);
  const runners = await buildRunners("release", devices, variants, options, context);
  const record = await describeComparison(options, dataset, devices, variants, runners);
  const log = stack.use(RecordLog.create(path.join(options.out, "records.jsonl")));
  log.append(record);
  const work = await Deno.makeTempDir({ prefix: "posemark-" });
  stack.defer(() => Deno.remove(work, { recursive: true }));
  const timed = await writeTimedImages(record.images, dataset, options.measureImages, work);
  const run: CompareRun = { options, context, dataset, variants, record, log, timed, work };
  const lost = await runDevices(
    devices,
    (device) => runDevice(run, device, runners.get(device.serial)!),
    context.signal,
    "mend the cause and compare again.",
  );
  const report = await judge(options.out, {
    images: new Map(dataset.images.map((image) => [image.id, image])),
    annotations: dataset.annotations,
    variants,
    warnings: [...dataset.warnings, ...lost],
  });
  const records = sortRecords(readRecords(log.path).records);
  const compared = comparedVariants(report, records, dataset.annotations);
  const result = judgeComparison(compared, records.launches.filter(counts), {
    sustained: options.sustainedSeconds !== null,
  });
  const judgement: ComparisonFile = { runId: record.runId, variants: compared, ...result };
  await writeWhole(
    path.join(options.out, "comparison.json"),
    JSON.stringify(judgement, null, 2) + "\n",
  );
  await writeReport(options.out);
  const exitCode = lost.length > 0 ? EXIT.environment : reportExitCode(report);
  return { report, variants: compared, result, exitCode };
}

/** Times of an emulated phone count for nothing. */
function counts(launch: LaunchRecord): boolean {
  return !launch.marks.includes("emulated");
}

/** Everything that the devices share. */
interface CompareRun {
  options: CompareOptions;
  context: ExperimentContext;
  dataset: ImageDataset;
  variants: PreparedVariant[];
  record: RunRecord;
  log: RecordLog;
  timed: RgbFile[];
  work: string;
}

/**
 * Returns the variants of everything that is compared, models first, each under an id of its own.
 */
async function openCompared(
  { compared, variants, ncnnSource }: CompareOptions,
  context: ExperimentContext,
): Promise<PreparedVariant[]> {
  const models = compared.flatMap((each) => each.kind === "model" ? [each.model] : []);
  const prepared = models.length === 0 ? [] : await prepareVariants({
    ...variants,
    models,
    ncnnSource: ncnnSource ?? undefined,
    ...context,
  });
  for (const name of compared) {
    if (name.kind === "model") continue;
    prepared.push(
      name.kind === "folder"
        ? await readPreparedFolder(name.dir)
        : (await openOneSide(name, { variants, ncnnSource }, context)).variant,
    );
  }
  if (prepared.length < 2) {
    throw new HarnessError(
      "bad-option",
      `Cannot compare: found ${prepared.length} variants, expected at least two. Name two models or prepared folders, or several by --precision, --activation, …`,
    );
  }
  return distinctVariants(prepared);
}

/**
 * Returns the variants with a number behind an id that was there before: two weights of one model
 * have the same.
 */
export function distinctVariants(variants: readonly PreparedVariant[]): PreparedVariant[] {
  const taken = new Set<string>();
  return variants.map(({ manifest, dir }) => {
    let id = manifest.id;
    for (let number = 2; taken.has(id); number++) id = `${manifest.id}.${number}`;
    taken.add(id);
    return { manifest: { ...manifest, id }, dir };
  });
}

async function describeComparison(
  options: CompareOptions,
  dataset: ImageDataset,
  devices: readonly Device[],
  variants: readonly PreparedVariant[],
  runners: ReadonlyMap<string, BuiltRunner>,
): Promise<RunRecord> {
  const descriptions = [];
  for (const device of devices) descriptions.push(await device.describe());
  const { compared, rounds, sustainedSeconds, out: _out, variants: _v, ...settings } = options;
  const manifests = variants.map(({ manifest }) => manifest);
  return await describeExperiment(settings, {
    kind: "compare-models",
    options: { compared, rounds, sustainedSeconds },
    dataset,
    devices: descriptions,
    variants: manifests,
    baseVariantId: manifests[0].id,
    runners,
  });
}

async function runDevice(run: CompareRun, device: Device, runner: BuiltRunner): Promise<void> {
  const { options, context, record } = run;
  const description = record.devices.find(({ serial }) => serial === device.serial)!;
  const binaries = { runner: runner.runner, benchncnn: null };
  const setup = await deploy(device, description, binaries, run.variants, {
    runId: record.runId,
    options: options.runner,
    signal: context.signal,
  });
  await measureDevice(run, setup);
  await checkKeypoints(setup, { ...run, settings: options }, run.variants);
  await device.removeRunDir(setup.runDir);
}

/** Runs the rounds: a number of them, or under a load that goes on for a time. */
async function measureDevice(run: CompareRun, setup: DeviceSetup): Promise<void> {
  const { options, context, record, log, timed } = run;
  const { rounds, sustainedSeconds } = options;
  const { device } = setup;
  const { signal } = context;
  const step = context.progress.step(
    sustainedSeconds === null
      ? `${device.serial}: ${rounds} rounds`
      : `${device.serial}: sustained load`,
    sustainedSeconds,
  );
  const waiting = realWaiting({ signal, tell: (message) => step.update(null, message) });
  // a sustained load is not to cool down
  const launches = sustainedSeconds === null
    ? await coolLaunches(device, options.coolDownMs, waiting)
    : { beforeLaunch: async () => ({ state: await device.state(), marks: [] }) };
  const { list } = await deployImages(setup, timed, "timed", run.work, signal);
  const plan = {
    runId: record.runId,
    variants: record.variants,
    images: timed.map(({ image }) => image),
    imageList: list,
    benchncnnRounds: 0,
    launchTimeoutMs: options.launchTimeoutMs,
  };
  const earlier: LaunchRecord[] = [];
  const hooks = {
    log: {
      append(line: Parameters<RecordLog["append"]>[0]) {
        log.append(line);
        if (line.kind === "launch") earlier.push(line);
      },
    },
    earlier,
    signal,
    ...launches,
  };
  if (sustainedSeconds === null) {
    await measure(setup, { ...plan, rounds }, {
      ...hooks,
      onProgress: (done, total, text) => step.update(done / total, text),
    });
    step.done();
    return;
  }
  const beganMs = performance.now();
  const seconds = () => (performance.now() - beganMs) / 1000;
  const fewest = Math.max(rounds, FEWEST_SUSTAINED_ROUNDS);
  let failed = 0;
  for (let round = 0; round < fewest || seconds() < sustainedSeconds; round++) {
    ({ failed } = await measure(setup, { ...plan, rounds: round + 1 }, hooks));
    if (failed > 0 && earlier.length === 0) break;
    step.update(Math.min(1, seconds() / sustainedSeconds), `${round + 1} rounds`);
  }
  step.done();
}
