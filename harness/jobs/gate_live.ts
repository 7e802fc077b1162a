/**
 * The flow of a live gate: sides, runners, devices, blocks until it is decided, keypoints, one
 * result.
 *
 * @module
 */
import * as path from "@std/path";
import type { BuildKind, BuiltRunner } from "../toolchain/runner.ts";
import type { Device } from "../device/device.ts";
import { asWriteError } from "../disk.ts";
import { HarnessError } from "../errors.ts";
import { type GateConfig, gateRules } from "../gate/config.ts";
import type { Figure } from "../gate/formats/figures.ts";
import { type LiveGate, runLiveGate } from "../gate/live.ts";
import type { GateCorrectness, GateResult, MergedResult } from "../gate/verdict.ts";
import { type ImageDataset, openDataset } from "../images/dataset.ts";
import type { RunRecord } from "../record/records.ts";
import { FEWEST_CALIBRATION_BLOCKS } from "../stats/detectable.ts";
import { calibratedNoise, newestCalibration } from "../store/calibrations.ts";
import type { Sql } from "../store/sql.ts";
import { correctnessOf } from "../gate/correctness.ts";
import { launchFigures } from "./gate_formats.ts";
import { mergeGateResults } from "../gate/merge.ts";
import {
  checkKeypoints,
  describeExperiment,
  type ExperimentContext,
  type ExperimentSettings,
  openExperimentDevices,
  writeTimedImages,
} from "../run/experiment.ts";
import { openSession, type PairSession, type SideWord } from "../run/session.ts";
import { hasRecords, readRecords, RecordLog } from "../record/record_log.ts";
import type { RgbFile } from "../images/rgb_files.ts";
import { openSides, type SideName, type SidePair } from "./sides.ts";
import type { VariantOptions } from "../config.ts";

/** Options of a live gate, checked. */
export interface LiveGateOptions extends ExperimentSettings {
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

/** Both sides of a pair with their runners by device. */
export interface BuiltPair {
  pair: SidePair;
  /** Runners by `serial side`. */
  runners: Map<string, BuiltRunner>;
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
  const dataset = await openDataset(options.images);
  await using sides = await openSides(options, context);
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
  await using stack = new AsyncDisposableStack();
  const devices = await openExperimentDevices(options, stack, context);
  const kind = options.injectSlowdownPercent === null ? "release" : "test";
  const built: BuiltPair[] = [];
  for (const pair of pairs) built.push(await buildPair(pair, devices, kind));
  const record = await describeGate(options, dataset, devices, built);
  const file = path.join(options.out, "records.jsonl");
  const log = stack.use(RecordLog.create(file));
  log.append(record);
  const work = await Deno.makeTempDir({ prefix: "posemark-" });
  stack.defer(() => Deno.remove(work, { recursive: true }));
  const timed = await writeTimedImages(record.images, dataset, options.measureImages, work);
  const gateCount = devices.length * built.length;
  const run: GateRun = { options, context, history, dataset, record, log, timed, work, gateCount };
  const results: GateResult[] = [];
  for (const device of devices) {
    for (const [index, each] of built.entries()) {
      results.push(await gatePair(run, device, each, `pair${index}`));
    }
  }
  const result = mergeGateResults(results);
  await writeResult(path.join(options.out, "gate.json"), result);
  const launches = readRecords(file).records.filter((each) => each.kind === "launch");
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
  context: ExperimentContext;
  history: Sql;
  dataset: ImageDataset;
  record: RunRecord;
  log: RecordLog;
  timed: RgbFile[];
  work: string;
  /** Pairs × devices. */
  gateCount: number;
}

/** Returns the pair with the runners of both sides for every device. */
export async function buildPair(
  pair: SidePair,
  devices: readonly Device[],
  kind: BuildKind,
): Promise<BuiltPair> {
  const runners = new Map<string, BuiltRunner>();
  for (const device of devices) {
    const { target } = await device.describe();
    for (const side of ["baseline", "candidate"] as const) {
      runners.set(`${device.serial} ${side}`, await pair[side].build(target, kind));
    }
  }
  return { pair, runners };
}

async function describeGate(
  options: LiveGateOptions,
  dataset: ImageDataset,
  devices: readonly Device[],
  built: readonly BuiltPair[],
): Promise<RunRecord> {
  const descriptions = [];
  for (const device of devices) descriptions.push(await device.describe());
  const manifests = built.flatMap(({ pair }) =>
    [pair.baseline, pair.candidate].map(({ variant }) => variant.manifest)
  );
  const { baseline, candidate, config, injectSlowdownPercent, out: _, ...rest } = options;
  const { variants: _variants, ...settings } = rest;
  return await describeExperiment(settings, {
    kind: "gate",
    options: { baseline, candidate, config, injectSlowdownPercent },
    dataset,
    devices: descriptions,
    variants: [...new Map(manifests.map((manifest) => [manifest.id, manifest])).values()],
    baseVariantId: manifests[0].id,
    runners: recordedRunners(built),
  });
}

/** The candidate's runner by serial; the baseline's as `serial baseline` where it is another. */
export function recordedRunners(built: readonly BuiltPair[]): Map<string, BuiltRunner> {
  const recorded = new Map<string, BuiltRunner>();
  for (const { runners } of built) {
    for (const [key, runner] of runners) {
      const [serial] = key.split(" ");
      const candidate = runners.get(`${serial} candidate`)!;
      if (runner.sha256.runner === candidate.sha256.runner) recorded.set(serial, candidate);
      else recorded.set(key, runner);
    }
  }
  return recorded;
}

async function gatePair(
  run: GateRun,
  device: Device,
  built: BuiltPair,
  name: string,
): Promise<GateResult> {
  const { options, context, record, dataset } = run;
  const { pair } = built;
  const percent = options.injectSlowdownPercent;
  const { id } = pair.candidate.variant.manifest;
  const rules = gateRules(options.config, device.serial, id, run.gateCount);
  const description = record.devices.find(({ serial }) => serial === device.serial)!;
  const step = context.progress.step(
    `${device.serial}: ${pair.candidate.name} against ${pair.baseline.name}`,
  );
  const sideOf = (side: SideWord) => ({
    name: sideName(pair, side, percent),
    variant: pair[side].variant,
    runner: built.runners.get(`${device.serial} ${side}`)!,
    runnerArguments: slowdownArguments(side, percent),
  });
  await using session = await openSession(device, {
    run: record,
    name,
    description,
    sides: { baseline: sideOf("baseline"), candidate: sideOf("candidate") },
    timed: run.timed,
    settings: options,
    log: run.log,
    work: run.work,
    signal: context.signal,
    tell: (message) => step.update(null, message),
  });
  const { notes, ...known } = await deviceNoiseOf(run.history, {
    device: device.serial,
    buildFingerprint: description.buildFingerprint,
    settings: session.calibrationSettings,
    workload: session.workload,
  });
  const result = await runLiveGate({
    device: device.serial,
    baseline: sideName(pair, "baseline", percent),
    candidate: sideName(pair, "candidate", percent),
    rules,
    ...known,
    runBlock: session.runBlock,
    elapsedSeconds: session.elapsedSeconds,
    stopReason: session.stopReason,
    correctness: () =>
      checkPair(run, session, pair, rules.maxApDrop === null ? null : dataset.annotations),
    onLook: ({ block, seconds }) =>
      step.update(Math.min(1, seconds / rules.budgetSeconds), `${block} blocks`),
  });
  step.done(result.verdict);
  return { ...result, reasons: [...result.reasons, ...notes] };
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
  run: GateRun,
  session: PairSession,
  pair: SidePair,
  annotations: ImageDataset["annotations"],
): Promise<GateCorrectness> {
  const sides: SideWord[] = annotations === null ? ["candidate"] : ["candidate", "baseline"];
  for (const side of sides) {
    await checkKeypoints(session.setups[side], { ...run, settings: run.options }, [
      pair[side].variant,
    ]);
  }
  const { records } = readRecords(run.log.path);
  const device = session.setups.candidate.device.serial;
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

/** Throws `output-exists` when the folder already holds records, or the file given. */
export function requireNewFolder(out: string, file?: string): void {
  if (!hasRecords(out, file)) return;
  throw new HarnessError(
    "output-exists",
    `Cannot write records to ${out}: it already holds a run. Name another folder by --out`,
  );
}
