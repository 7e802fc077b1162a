/**
 * The flow of a calibration: one variant against itself on each device, kept in the history.
 *
 * @module
 */
import * as path from "@std/path";
import type { VariantOptions } from "../config.ts";
import type { Device } from "../device/device.ts";
import {
  type CalibrationBlocks,
  type Resolution,
  resolutions,
  runCalibration,
} from "../gate/calibrate.ts";
import { METRIC_NAMES, type MetricName } from "../record/metrics.ts";
import { openDataset } from "../images/dataset.ts";
import { saveCalibration } from "../store/calibrations.ts";
import type { Sql } from "../store/sql.ts";
import { buildPair, recordedRunners, requireNewFolder } from "./gate_live.ts";
import {
  describeExperiment,
  type ExperimentContext,
  type ExperimentSettings,
  openExperimentDevices,
  writeTimedImages,
} from "../run/experiment.ts";
import { openSession } from "../run/session.ts";
import { RecordLog } from "../record/record_log.ts";
import { openOneSide, pairSides, type SideName } from "./sides.ts";

/** Options of a calibration, checked. */
export interface CalibrateOptions extends ExperimentSettings {
  /** What is run; null: the first variant that the options produce. */
  variant: SideName | null;
  variants: VariantOptions;
  blockCount: number;
  /** Budgets for which it is told what the device resolves, seconds. */
  budgetsSeconds: readonly number[];
  /** Metrics for which it is told; all are kept. */
  metrics: readonly MetricName[];
  /** Folder that gets `records.jsonl`; null keeps none. */
  out: string | null;
}

/** What calibrating one device found. */
export interface DeviceCalibration {
  device: string;
  variantId: string;
  threads: number;
  powersave: number | null;
  coreMask: string | null;
  blocks: number;
  secondsPerBlock: number;
  resolutions: Resolution[];
}

/**
 * Runs A/A blocks on every device, one after the other, keeps them in the history and returns what
 * each device resolves.
 *
 * Throws `HarnessError` `not-comparable` for an emulated device, `device-hot` when it had to stop
 * too early, and what launches throw.
 */
export async function calibrate(
  options: CalibrateOptions,
  history: Sql,
  context: ExperimentContext,
): Promise<DeviceCalibration[]> {
  if (options.out !== null) requireNewFolder(options.out);
  const dataset = await openDataset(options.images);
  await using stack = new AsyncDisposableStack();
  const side = await openOneSide(options.variant, options, context);
  const [pair] = pairSides([side], [side]);
  const devices = await openExperimentDevices(options, stack, context);
  const built = await buildPair(pair, devices, "release");
  const descriptions = [];
  for (const device of devices) descriptions.push(await device.describe());
  const { variants: _variants, out, budgetsSeconds: _b, metrics: _m, variant: _v, ...settings } =
    options;
  const record = await describeExperiment(settings, {
    kind: "calibrate",
    options: {},
    dataset,
    devices: descriptions,
    variants: [pair.baseline, pair.candidate].map(({ variant }) => variant.manifest),
    baseVariantId: pair.baseline.variant.manifest.id,
    runners: recordedRunners([built]),
  });
  const work = await Deno.makeTempDir({ prefix: "posemark-" });
  stack.defer(() => Deno.remove(work, { recursive: true }));
  const log = stack.use(RecordLog.create(path.join(out ?? work, "records.jsonl")));
  log.append(record);
  const timed = await writeTimedImages(record.images, dataset, options.measureImages, work);

  const calibrateDevice = async (device: Device): Promise<DeviceCalibration> => {
    const description = record.devices.find(({ serial }) => serial === device.serial)!;
    const variantId = pair.candidate.variant.manifest.id;
    const step = context.progress.step(
      `${device.serial}: ${options.blockCount} blocks of ${variantId} against itself`,
    );
    const sideOf = (side: "baseline" | "candidate") => ({
      name: pair[side].name,
      variant: pair[side].variant,
      runner: built.runners.get(`${device.serial} ${side}`)!,
      runnerArguments: [],
    });
    await using session = await openSession(device, {
      run: record,
      name: "calibrate",
      description,
      sides: { baseline: sideOf("baseline"), candidate: sideOf("candidate") },
      timed,
      settings: options,
      log,
      work,
      signal: context.signal,
      tell: (message) => step.update(null, message),
    });
    const found = await runCalibration({
      device: device.serial,
      metrics: METRIC_NAMES,
      blockCount: options.blockCount,
      runBlock: session.runBlock,
      elapsedSeconds: session.elapsedSeconds,
      stopReason: session.stopReason,
      onBlock: (done) => step.update(done / options.blockCount),
    });
    const settings = session.calibrationSettings;
    await saveCalibration(history, {
      device: device.serial,
      buildFingerprint: description.buildFingerprint,
      settings,
      workload: session.workload,
    }, { createdAt: new Date().toISOString(), ...found });
    step.done();
    return {
      device: device.serial,
      variantId,
      ...settings,
      blocks: session.launches.length / 4,
      secondsPerBlock: found.secondsPerBlock,
      resolutions: resolutions(only(found, options.metrics), options.budgetsSeconds),
    };
  };
  const calibrations: DeviceCalibration[] = [];
  for (const device of devices) calibrations.push(await calibrateDevice(device));
  return calibrations;
}

function only(found: CalibrationBlocks, metrics: readonly MetricName[]): CalibrationBlocks {
  return {
    ...found,
    blocks: Object.fromEntries(
      Object.entries(found.blocks).filter(([name]) => metrics.includes(name as MetricName)),
    ),
  };
}

/** Returns the calibrations as text: a line per device, metric and budget. Lines end in `\n`. */
export function calibrationText(calibrations: readonly DeviceCalibration[]): string {
  return calibrations.map((each) => {
    const { device, variantId, threads, powersave, coreMask, blocks, secondsPerBlock } = each;
    const cores = coreMask === null ? `powersave ${powersave}` : `core mask ${coreMask}`;
    const head = `${device}, ${threads} threads, ${cores}: ${blocks} blocks of ${
      secondsPerBlock.toFixed(1)
    } s with ${variantId}`;
    const rows = each.resolutions.map(({ metric, budgetSeconds, detectable }) =>
      `  ${metric.padEnd(16)} within ${String(budgetSeconds).padStart(5)} s: ${
        detectable === null
          ? "no change below 100%"
          : `${(100 * (detectable - 1)).toFixed(1)}% and more`
      }`
    );
    return [head, ...rows].join("\n") + "\n";
  }).join("\n");
}
