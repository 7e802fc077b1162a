/**
 * `deno task bench`: prepare, build, deploy, measure, check, judge, report.
 *
 * @module
 */
import * as path from "@std/path";
import { buildRunner } from "../build/runner.ts";
import type { RunnerOptions, VariantOptions } from "../config.ts";
import type { Device, DeviceDescription } from "../device/device.ts";
import { openDevices } from "../device/devices.ts";
import { EXIT, HarnessError, type Warning } from "../errors.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import type { Progress } from "../progress.ts";
import { type Dataset, openDataset } from "../reference/images.ts";
import type { AnyRecord, RunRecord } from "../records.ts";
import type { Report } from "../report/report_json.ts";
import { reportExitCode } from "../report/build_report.ts";
import { check } from "./check.ts";
import { deploy, deployImages, type DeviceSetup } from "./deploy.ts";
import { describeHarness } from "./harness_version.ts";
import { judge } from "./judge.ts";
import { measure } from "./measure.ts";
import { RecordLog } from "./record_log.ts";
import { requireSameExperiment } from "./resume.ts";
import { writeRgbFiles } from "./rgb_files.ts";

/** Options of a run, checked. */
export interface BenchOptions {
  devices: string[];
  variants: VariantOptions;
  runner: RunnerOptions;
  images: string;
  rounds: number;
  /** Images that are measured; the others count for accuracy only. */
  measureImages: number;
  /** Images whose stages are judged one by one. */
  stageImages: number;
  benchncnnRounds: number;
  /** Longest time for one launch. */
  launchTimeoutMs: number;
  /** Variant that ratios are taken against; null: the first. */
  base: string | null;
  /** Bar on top of the derived tolerance. */
  bar: { maxPx: number | null; minOks: number | null };
  out: string;
  resume: boolean;
  /** The command line, for the record. */
  command: string[];
  /** Another ncnn source tree than the pinned one; null: the pinned. */
  ncnnSource: string | null;
}

/** What a run came to. */
export interface BenchResult {
  report: Report;
  exitCode: number;
}

/** Runs the whole flow and returns the report and the exit code; everything is written to `options.out`. */
export async function bench(
  options: BenchOptions,
  context: { progress: Progress; signal: AbortSignal },
): Promise<BenchResult> {
  const { progress, signal } = context;
  const recordsPath = path.join(options.out, "records.jsonl");
  if (!options.resume) requireNoRecords(recordsPath);
  await Deno.mkdir(options.out, { recursive: true });
  const dataset = await openDataset(options.images);
  const variants = await prepareVariants({ ...options.variants, progress, signal });
  const work = await Deno.makeTempDir({ prefix: "posemark-" });
  await using devices = await openAll(options.devices);
  try {
    const binaries = await buildFor(devices.list, options, context);
    const run = await runRecord(options, dataset, variants, devices.list, binaries);
    const { log, earlier } = openLog(recordsPath, run, options.resume, progress);
    using _log = log;
    const measured = await writeRgbFiles(
      dataset,
      measuredImages(run, options.measureImages),
      path.join(work, "measured"),
    );
    const outcomes = await Promise.allSettled(devices.list.map(async (device, index) => {
      const description = run.devices[index];
      const setup = await deploy(device, description, binaries.get(device.serial)!, variants, {
        runId: run.runId,
        options: options.runner,
        signal,
      });
      const imageList = await deployImages(setup, measured, "measured", work, signal);
      await measureOn(setup, imageList, run, options, { log, earlier, progress, signal });
      await check(setup, { run, dataset, variants, options, work }, {
        log,
        earlier,
        progress,
        signal,
      });
      await device.removeRunDir(setup.runDir);
    }));
    const failures = outcomes.filter((outcome) => outcome.status === "rejected");
    for (const { reason } of failures) if (devices.list.length === 1) throw reason;
    const report = await judge(options.out, {
      dataset,
      variants,
      warnings: lostDevices(devices.list, outcomes),
    }, progress);
    return {
      report,
      exitCode: failures.length > 0 ? EXIT.environment : reportExitCode(report),
    };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
