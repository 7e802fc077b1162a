/**
 * The flow of a live gate: sides, runners, devices, blocks until it is decided, keypoints, one
 * result.
 *
 * @module
 */
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import { asWriteError, makeFolder } from "../disk.ts";
import { isLaunchFailure } from "../errors.ts";
import { knownNoise } from "../gate/calibrate.ts";
import { type GateConfig, gateRules, type RulesOf } from "../gate/config.ts";
import { type DeviceEvidence, noEvidence } from "../gate/evidence.ts";
import { type Figure, launchFigures } from "../gate/formats/figures.ts";
import { judgeGate } from "../gate/judge_gate.ts";
import { collectLive } from "../gate/live.ts";
import type { GateCorrectness, MergedResult } from "../gate/verdict.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import type { ImageDataset } from "../images/dataset.ts";
import { userCommit } from "../record/commits.ts";
import { deviceFeatures, phoneKind } from "../record/device_features.ts";
import { newestCalibration } from "../store/calibrations.ts";
import type { Sql } from "../store/sql.ts";
import { correctnessOf } from "../gate/correctness.ts";
import type { Crash } from "../gate/crash.ts";
import { newRunId } from "../record/run_id.ts";
import { findCrash } from "../run/find_crash.ts";
import { type Experiment, openExperiment } from "../run/experiment.ts";
import { openPair, type SideWord } from "../run/pair.ts";
import { checkKeypoints, type DeviceSession } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { readRecords, requireNewFolder } from "../record/record_log.ts";
import { distinctSides, openSides, type SidePair } from "./sides.ts";
import type { SideName } from "./side_names.ts";
import type { VariantOptions } from "../config.ts";

/** Options of a live gate, checked. */
export interface LiveGateOptions {
  settings: ExperimentSettings;
  baseline: SideName;
  /** Null: what the variant options produce. */
  candidate: SideName | null;
  variants: VariantOptions;
  config: GateConfig;
  /** File that the configuration was read from; null or absent: none. */
  configFile?: string | null;
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
  /** The commit that it is filed under; null when unknown. */
  gitCommit: string | null;
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
  const dataset = await openCheckedDataset(options.settings);
  await using sides = await openSides(
    { ...options, ncnnSource: options.settings.ncnnSource },
    context,
  );
  if (sides.crash !== null) return await gateWithoutVariants(sides.crash, options);
  return await gatePairs(sides.pairs, dataset, options, history, context);
}

/** Returns the outcome of a gate of which a side's tool could not make the variants. */
async function gateWithoutVariants(
  crash: Crash,
  { settings, baseline, candidate, config, out }: LiveGateOptions,
): Promise<GateOutcome> {
  const sideOf = (name: SideName | null) => {
    const text = name?.kind === "tool" ? `${name.tool}:${name.version}` : name?.kind ?? "variant";
    return { id: text, name: text };
  };
  const named = { baseline: sideOf(baseline), candidate: sideOf(candidate) };
  const evidence = settings.devices.map((device) => ({
    ...noEvidence(device, "", named),
    crash,
    stopped: `a side ${crash.what}`,
  }));
  const result = judgeGate(
    evidence,
    (device, id) => gateRules(config, device, id, evidence.length),
  );
  const at = new Date();
  makeFolder(out);
  await writeResult(path.join(out, "gate.json"), result);
  const run = { runId: newRunId(at), createdAt: at.toISOString(), gitCommit: null, figures: [] };
  return { result, ...run };
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
  const { configFile = null } = options;
  await using experiment = await openExperiment({
    settings,
    kind: "gate",
    options: { baseline, candidate, config, configFile, injectSlowdownPercent },
    dataset,
    sides: distinctSides(pairs),
    filedUnder: pairs.map((pair) => pair.candidate),
    base: null,
    builds: [injectSlowdownPercent === null ? "release" : "test"],
    benchncnn: false,
    out,
  }, context);
  const { devices, record, log } = experiment;
  const gateCount = devices.length * pairs.length;
  const rulesOf: RulesOf = (device, candidateId) =>
    gateRules(config, device, candidateId, gateCount);
  const run: GateRun = { options, history, experiment, rulesOf };
  const evidence: DeviceEvidence[] = [];
  for (const device of devices) {
    for (const [index, pair] of pairs.entries()) {
      evidence.push(await collectPair(run, device, pair, `pair${index}`));
    }
  }
  const result = judgeGate(evidence, rulesOf);
  await writeResult(path.join(options.out, "gate.json"), result);
  const launches = readRecords(log.path).records.filter((each) =>
    each.kind === "launch" || each.kind === "turns"
  );
  return {
    result,
    runId: record.runId,
    createdAt: record.createdAt,
    gitCommit: userCommit(record.commits),
    figures: launchFigures(launches, record.baseVariantId),
  };
}

/** Everything that the pairs share. */
interface GateRun {
  options: LiveGateOptions;
  history: Sql;
  experiment: Experiment;
  rulesOf: RulesOf;
}

/** What one device shows about one pair. */
async function collectPair(
  run: GateRun,
  device: Device,
  pair: SidePair,
  name: string,
): Promise<DeviceEvidence> {
  const { options, experiment: { context, record, dataset } } = run;
  const percent = options.injectSlowdownPercent;
  const { id } = pair.candidate.variant.manifest;
  const rules = run.rulesOf(device.serial, id);
  const description = record.devices.find(({ serial }) => serial === device.serial)!;
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
    const calibration = await newestCalibration(run.history, {
      device: device.serial,
      buildFingerprint: description.buildFingerprint,
      settings: running.calibrationSettings,
      workload: running.workload,
    });
    const named = {
      baseline: { id: sides.baseline.variantId, name: sides.baseline.name },
      candidate: { id: sides.candidate.variantId, name: sides.candidate.name },
    };
    const begun = {
      ...noEvidence(device.serial, phoneKind(deviceFeatures(description)), named),
      ...knownNoise(calibration, device.serial),
    };
    const collecting = collectLive({
      begun,
      rules,
      runBlock: running.runBlock,
      elapsedSeconds: running.elapsedSeconds,
      stopReason: running.stopReason,
      correctness: () =>
        checkPair(session, pair, rules.maxApDrop === null ? null : dataset.annotations),
      onLook: ({ block, seconds }) =>
        step.update(Math.min(1, seconds / rules.budgetSeconds), `${block} blocks`),
    });
    const evidence = await collecting.catch(async (error): Promise<DeviceEvidence> => {
      if (!isLaunchFailure(error)) throw error;
      step.update(null, "a launch failed: looking for the side that crashes");
      const crash = await findCrash(session, pair);
      if (crash === null) throw error;
      return { ...begun, crash, stopped: `a side ${crash.what}` };
    });
    evidence.notes = [...evidence.notes, ...running.notes];
    step.done(`${evidence.blockCount} blocks`);
    return evidence;
  });
}

/** The name of a side, which says so when it is slowed down on purpose. */
function sideName(pair: SidePair, side: SideWord, percent: number | null): string {
  return percent === null || side === "baseline"
    ? pair[side].name
    : `${pair.candidate.name}, slowed down on purpose by ${percent}%`;
}

/**
 * Checks the candidate's keypoints; the baseline's too when AP is compared, or when the candidate's
 * are wrong: what was wrong before is no regression.
 */
async function checkPair(
  session: DeviceSession,
  pair: SidePair,
  annotations: ImageDataset["annotations"],
): Promise<GateCorrectness> {
  const check = (side: SideWord) => checkKeypoints(session, [pair[side].variant.manifest.id]);
  const judged = () => {
    const { records } = readRecords(session.experiment.log.path);
    const device = session.setup.device.serial;
    const recorded = (side: SideWord) => ({
      records,
      device,
      variantId: pair[side].variant.manifest.id,
    });
    return correctnessOf(recorded("candidate"), recorded("baseline"), annotations);
  };
  await check("candidate");
  if (annotations === null && judged().parity?.verdict !== "fail") return judged();
  await check("baseline");
  return judged();
}

async function writeResult(file: string, result: MergedResult): Promise<void> {
  try {
    await Deno.writeTextFile(file, JSON.stringify(result, null, 2) + "\n");
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}
