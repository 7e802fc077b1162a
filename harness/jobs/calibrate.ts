/**
 * The flow of a calibration: one variant against itself on each device, kept in the history.
 *
 * @module
 */
import type { VariantOptions } from "../config.ts";
import {
  type CalibrationBlocks,
  type Resolution,
  resolutions,
  runCalibration,
} from "../gate/calibrate.ts";
import { isOfProcess, METRIC_NAMES, type MetricName } from "../record/metrics.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { saveCalibration } from "../store/calibrations.ts";
import type { Sql } from "../store/sql.ts";
import { openExperiment, type Side } from "../run/experiment.ts";
import { openPair, type PairSide } from "../run/pair.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { requireNewFolder } from "../record/record_log.ts";
import { distinctSides, openOneSide, pairSides } from "./sides.ts";
import type { SideName } from "./side_names.ts";

/** Options of a calibration, checked. */
export interface CalibrateOptions {
  settings: ExperimentSettings;
  /** What is run; null: the first variant that the options produce. */
  variant: SideName | null;
  variants: VariantOptions;
  blockCount: number;
  /** Budgets for which it is told what the device resolves, seconds. */
  budgetsSeconds: readonly number[];
  /** Metrics for which it is told; times are kept all, metrics of the process when asked for. */
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
  const { settings, variants, blockCount, out } = options;
  if (out !== null) requireNewFolder(out);
  const dataset = await openCheckedDataset(settings);
  const request = { variants, ncnnSource: settings.ncnnSource };
  const side = await openOneSide(options.variant, request, context);
  const [pair] = pairSides([side], [side]);
  await using experiment = await openExperiment({
    settings,
    kind: "calibrate",
    options: {},
    dataset,
    sides: distinctSides([pair]),
    base: null,
    builds: ["release"],
    benchncnn: false,
    out,
  }, context);
  const calibrations: DeviceCalibration[] = [];
  for (const device of experiment.devices) {
    const sideOf = ({ name, variant }: Side): PairSide => ({
      name,
      variantId: variant.manifest.id,
      runnerArguments: [],
    });
    const sides = { baseline: sideOf(pair.baseline), candidate: sideOf(pair.candidate) };
    const { variantId } = sides.candidate;
    const step = context.progress.step(
      `${device.serial}: ${blockCount} blocks of ${variantId} against itself`,
    );
    const stay = { name: "calibrate", variantIds: [sides.baseline.variantId, variantId] };
    const calibration = await experiment.onDevice(device, stay, async (session) => {
      const running = await openPair(session, sides, (message) => step.update(null, message));
      let blocksDone = 0;
      const found = await runCalibration({
        device: device.serial,
        // metrics of the process cost launches of their own: those alone that are asked for
        metrics: METRIC_NAMES.filter((name) =>
          !isOfProcess(name) || options.metrics.includes(name)
        ),
        blockCount,
        runBlock: running.runBlock,
        elapsedSeconds: running.elapsedSeconds,
        stopReason: running.stopReason,
        onBlock: (done) => {
          blocksDone = done;
          step.update(done / blockCount);
        },
      });
      await saveCalibration(history, {
        device: device.serial,
        buildFingerprint: session.setup.description.buildFingerprint,
        settings: running.calibrationSettings,
        workload: running.workload,
      }, { createdAt: new Date().toISOString(), ...found });
      return {
        device: device.serial,
        variantId,
        ...running.calibrationSettings,
        blocks: blocksDone,
        secondsPerBlock: found.secondsPerBlock,
        resolutions: resolutions(only(found, options.metrics), options.budgetsSeconds),
      };
    });
    step.done();
    calibrations.push(calibration);
  }
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
