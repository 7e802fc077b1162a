/**
 * The flow of a live gate: sides, runners, devices, blocks until it is decided, keypoints, one
 * result.
 *
 * @module
 */
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import { asWriteError } from "../disk.ts";
import { type GateConfig, gateRules } from "../gate/config.ts";
import type { Figure } from "../gate/formats/figures.ts";
import { type LiveGate, runLiveGate } from "../gate/live.ts";
import type { GateCorrectness, GateResult, MergedResult } from "../gate/verdict.ts";
import { type ImageDataset, openDataset } from "../images/dataset.ts";
import { FEWEST_CALIBRATION_BLOCKS } from "../stats/detectable.ts";
import { calibratedNoise, newestCalibration } from "../store/calibrations.ts";
import type { Sql } from "../store/sql.ts";
import { correctnessOf } from "../gate/correctness.ts";
import { launchFigures } from "./gate_formats.ts";
import { mergeGateResults } from "../gate/merge.ts";
import { type Experiment, openExperiment } from "../run/experiment.ts";
import { openPair, type SideWord } from "../run/pair.ts";
import { checkKeypoints, type DeviceSession } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { readRecords, requireNewFolder } from "../record/record_log.ts";
import { distinctSides, openSides, type SideName, type SidePair } from "./sides.ts";
import type { VariantOptions } from "../config.ts";

/** Options of a live gate, checked. */
export interface LiveGateOptions {
  settings: ExperimentSettings;
  baseline: SideName;
  /** Null: what the variant options produce. */
  candidate: SideName | null;
  variants: VariantOptions;
  config: GateConfig;
  /**
   * Slows the candidate's network down by so many percent, by a test build of the runner; null in
   * earnest.
   */
  injectSlowdownPercent: number | null;
  /** Folder that gets `records.jsonl` and `gate.json`. */
  out: string;
}

/** What came of a gate. */
export interface GateOutcome {
  result: MergedResult;
  runId: string;
  createdAt: string;
  figures: Figure[];
}

/** A side's arguments for the runner's test build. */
export function slowdownArguments(side: SideWord, percent: number | null): string[] {
  return side === "candidate" && percent !== null ? ["--inject-slowdown", String(percent)] : [];
}

/**
 * Runs the gate on every device, pair by pair, and returns the result; records and result are in
 * `options.out`.
 *
 * Throws `HarnessError`: what preparing, building, devices and launches throw, `bad-config` for
 * thresholds below what a device resolves, `not-comparable` for sides that are not the same
 * experiment and for emulated devices, `output-exists`.
 */
export async function gateLive(
  options: LiveGateOptions,
  history: Sql,
  context: ExperimentContext,
): Promise<GateOutcome> {
  requireNewFolder(options.out);
  const dataset = await openDataset(options.settings.images);
  await using sides = await openSides(
    { ...options, ncnnSource: options.settings.ncnnSource },
    context,
  );
  return await gatePairs(sides.pairs, dataset, options, history, context);
}

/**
 * Runs the gate of sides that are open on every device, as {@linkcode gateLive} does with those
 * that the options name.
 *
 * Throws as {@linkcode gateLive}.
 */
export async function gatePairs(
  pairs: readonly SidePair[],
  dataset: ImageDataset,
  options: LiveGateOptions,
  history: Sql,
  context: ExperimentContext,
): Promise<GateOutcome> {
  const { settings, baseline, candidate, config, injectSlowdownPercent, out } = options;
  await using experiment = await openExperiment({
    settings,
    kind: "gate",
    options: { baseline, candidate, config, injectSlowdownPercent },
    dataset,
    sides: distinctSides(pairs),
    base: null,
    builds: [injectSlowdownPercent === null ? "release" : "test"],
    benchncnn: false,
    out,
  }, context);
  const { devices, record, log } = experiment;
  const gateCount = devices.length * pairs.length;
  const run: GateRun = { options, history, experiment, gateCount };
  const results: GateResult[] = [];
  for (const device of devices) {
    for (const [index, pair] of pairs.entries()) {
      results.push(await gatePair(run, device, pair, `pair${index}`));
    }
  }
  const result = mergeGateResults(results);
  await writeResult(path.join(options.out, "gate.json"), result);
  const launches = readRecords(log.path).records.filter((each) => each.kind === "launch");
  return {
    result,
    runId: record.runId,
    createdAt: record.createdAt,
    figures: launchFigures(launches, record.baseVariantId),
  };
}

/** Everything that the pairs share. */
interface GateRun {
  options: LiveGateOptions;
  history: Sql;
  experiment: Experiment;
  /** Pairs × devices. */
  gateCount: number;
}

async function gatePair(
  run: GateRun,
  device: Device,
  pair: SidePair,
  name: string,
): Promise<GateResult> {
  const { options, experiment: { context, record, dataset } } = run;
  const percent = options.injectSlowdownPercent;
  const { id } = pair.candidate.variant.manifest;
  const rules = gateRules(options.config, device.serial, id, run.gateCount);
  const { buildFingerprint } = record.devices.find(({ serial }) => serial === device.serial)!;
  const step = context.progress.step(
    `${device.serial}: ${pair.candidate.name} against ${pair.baseline.name}`,
  );
  const sideOf = (side: SideWord) => ({
    name: sideName(pair, side, percent),
    variantId: pair[side].variant.manifest.id,
    runnerArguments: slowdownArguments(side, percent),
  });
  const sides = { baseline: sideOf("baseline"), candidate: sideOf("candidate") };
  const variantIds = [sides.baseline.variantId, sides.candidate.variantId];
  return await run.experiment.onDevice(device, { name, variantIds }, async (session) => {
    const running = await openPair(session, sides, (message) => step.update(null, message));
    const { notes, ...known } = await deviceNoiseOf(run.history, {
      device: device.serial,
      buildFingerprint,
      settings: running.calibrationSettings,
      workload: running.workload,
    });
    const result = await runLiveGate({
      device: device.serial,
      baseline: sides.baseline.name,
      candidate: sides.candidate.name,
      rules,
      ...known,
      runBlock: running.runBlock,
      elapsedSeconds: running.elapsedSeconds,
      stopReason: running.stopReason,
      correctness: () =>
        checkPair(session, pair, rules.maxApDrop === null ? null : dataset.annotations),
      onLook: ({ block, seconds }) =>
        step.update(Math.min(1, seconds / rules.budgetSeconds), `${block} blocks`),
    });
    step.done(result.verdict);
    return { ...result, reasons: [...result.reasons, ...notes] };
  });
}

/** The name of a side, which says so when it is slowed down on purpose. */
function sideName(pair: SidePair, side: SideWord, percent: number | null): string {
  return percent === null || side === "baseline"
    ? pair[side].name
    : `${pair.candidate.name}, slowed down on purpose by ${percent}%`;
}

/**
 * Returns what is known of a device's noise from its newest calibration, and what to know of that.
 */
export async function deviceNoiseOf(
  history: Sql,
  key: Parameters<typeof newestCalibration>[1],
): Promise<Pick<LiveGate, "noise" | "secondsPerBlock"> & { notes: string[] }> {
  const calibration = await newestCalibration(history, key);
  if (calibration === null) return { noise: {}, secondsPerBlock: null, notes: [] };
  const enough = Object.entries(calibration.blocks).filter(([, blocks]) =>
    blocks.length >= FEWEST_CALIBRATION_BLOCKS
  );
  return {
    noise: calibratedNoise({ ...calibration, blocks: Object.fromEntries(enough) }),
    secondsPerBlock: calibration.secondsPerBlock,
    notes: calibration.isOfWorkload ? [] : [
      `"${key.device}" was calibrated with another variant, or other iterations or images: what it resolves here is a rough figure until this one is calibrated (deno task calibrate)`,
    ],
  };
}

/** Checks the candidate's keypoints; the baseline's detections too when AP is compared. */
async function checkPair(
  session: DeviceSession,
  pair: SidePair,
  annotations: ImageDataset["annotations"],
): Promise<GateCorrectness> {
  const sides: SideWord[] = annotations === null ? ["candidate"] : ["candidate", "baseline"];
  for (const side of sides) await checkKeypoints(session, [pair[side].variant.manifest.id]);
  const { records } = readRecords(session.experiment.log.path);
  const device = session.setup.device.serial;
  const recorded = (side: SideWord) => ({
    records,
    device,
    variantId: pair[side].variant.manifest.id,
  });
  return correctnessOf(recorded("candidate"), recorded("baseline"), annotations);
}

async function writeResult(file: string, result: MergedResult): Promise<void> {
  try {
    await Deno.writeTextFile(file, JSON.stringify(result, null, 2) + "\n");
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}
