/**
 * The rounds: every variant launched once a round, records appended as they come.
 *
 * @module
 */
import { benchncnnCommand, parseBenchncnn } from "../toolchain/benchncnn.ts";
import type { DeviceState } from "../record/device.ts";
import { throttleMarks } from "../device/cool_down.ts";
import { isDeviceFailure, isLaunchFailure } from "../errors.ts";
import {
  type AnyRecord,
  type LaunchRecord,
  RECORD_VERSION,
  type RunImage,
  type RunnerHeader,
} from "../record/records.ts";
import type { VariantManifest } from "../record/variant.ts";
import { devicePaths, type DeviceSetup } from "./deploy.ts";
import { failureRecord, type RecordLog } from "../record/record_log.ts";
import { runCommand, variantOptions } from "./runner_command.ts";
import { parseRunnerOutput } from "../record/runner_lines.ts";
import { type PlannedLaunch, planRounds } from "./schedule.ts";

/** What a run measures on one device. */
export interface MeasurePlan {
  runId: string;
  variants: VariantManifest[];
  images: RunImage[];
  /** Image list on the device. */
  imageList: string;
  rounds: number;
  /** Rounds in which benchncnn runs as well, from the first on. */
  benchncnnRounds: number;
  /** Longest time for one launch. */
  launchTimeoutMs: number;
  /** Local folder for files on their way. */
  work: string;
  /** Further arguments of the runner, for instance of a test build; none when absent. */
  runnerArguments?: readonly string[];
}

/** Effects of the rounds on the world outside of the device. */
export interface MeasureHooks {
  log: Pick<RecordLog, "append">;
  /** Finished records of an earlier session of the same run. */
  earlier: readonly AnyRecord[];
  /**
   * Called before each launch; returns the state from which it starts, with marks for its record
   * (`hot-start`).
   */
  beforeLaunch(): Promise<{ state: DeviceState; marks: string[] }>;
  /** Hears the state after each launch. */
  afterLaunch?(state: DeviceState): void;
  onProgress?(done: number, total: number, text: string): void;
  signal?: AbortSignal;
}

/** Launches of one variant that may fail before the rest of its rounds is given up. */
const MAX_FAILURES = 2;

/**
 * Runs all launches of the plan that are not on record yet, and returns the number of failed ones.
 *
 * A launch that fails is recorded as a failure and tried once more in its round; a variant that
 * fails {@linkcode MAX_FAILURES} launches in a row is given up, the others go on. Throws
 * `HarnessError` when the device or the disk can't go on; everything finished is on record.
 */
export async function measure(
  setup: DeviceSetup,
  plan: MeasurePlan,
  hooks: MeasureHooks,
): Promise<{ failed: number }> {
  const byId = new Map(plan.variants.map((manifest) => [manifest.id, manifest]));
  const done = new Set(
    hooks.earlier.filter((record) => record.kind === "launch")
      .filter((record) => record.device === setup.device.serial)
      .map((record) => `${record.round} ${record.variantId}`),
  );
  const launches = planRounds([...byId.keys()], plan.rounds);
  const failures = new Map<string, number>();
  let failed = 0;
  for (const [index, launch] of launches.entries()) {
    hooks.signal?.throwIfAborted();
    if (done.has(`${launch.round} ${launch.variantId}`)) continue;
    if ((failures.get(launch.variantId) ?? 0) >= MAX_FAILURES) continue;
    hooks.onProgress?.(index, launches.length, `round ${launch.round + 1} of ${plan.rounds}`);
    const manifest = byId.get(launch.variantId)!;
    while ((failures.get(launch.variantId) ?? 0) < MAX_FAILURES) {
      try {
        hooks.log.append(await measureOnce(setup, plan, manifest, launch, hooks));
        failures.set(launch.variantId, 0);
        break;
      } catch (error) {
        if (!isDeviceFailure(error)) throw error;
        failed++;
        // a model that ncnn refuses is refused again
        const isFinal = isDeviceFailure(error) && error.code === "model-refused";
        const before = failures.get(launch.variantId) ?? 0;
        failures.set(launch.variantId, isFinal ? MAX_FAILURES : before + 1);
        const where = { runId: plan.runId, device: setup.device.serial };
        hooks.log.append(failureRecord({ ...where, ...launch }, error));
        if (!isLaunchFailure(error)) throw error;
      }
    }
    if (launch.round < plan.benchncnnRounds && manifest.shape.mode === "fixed") {
      await secondOpinion(setup, plan, manifest, launch, hooks);
    }
  }
  hooks.onProgress?.(launches.length, launches.length, "done");
  return { failed };
}

/** What one launch needs of a plan. */
export type LaunchPlan = Pick<
  MeasurePlan,
  "runId" | "images" | "imageList" | "launchTimeoutMs" | "work" | "runnerArguments"
>;

/** Effects around one launch. */
export type LaunchHooks = Pick<MeasureHooks, "beforeLaunch" | "afterLaunch" | "signal">;

/**
 * Returns the record of one launch of the runner; it is not in any log yet. Throws what the device
 * throws, and `bad-device-output`.
 */
export async function measureOnce(
  setup: DeviceSetup,
  plan: LaunchPlan,
  manifest: VariantManifest,
  launch: PlannedLaunch,
  hooks: LaunchHooks,
): Promise<LaunchRecord> {
  const { device, options } = setup;
  const command = [
    ...runCommand(manifest, devicePaths(setup, manifest.id, plan.imageList), options),
    ...plan.runnerArguments ?? [],
  ];
  const name = `round${launch.round}-${launch.position}`;
  const { stdout, ...about } = await launchRunner(setup, plan, { command, name }, hooks);
  const output = parseRunnerOutput(stdout, {
    imageIds: plan.images.map((image) => image.id),
    iterations: options.iterations,
    where: `${manifest.id} in round ${launch.round + 1} on ${device.serial}`,
  });
  return {
    kind: "launch",
    schemaVersion: RECORD_VERSION,
    runId: plan.runId,
    device: device.serial,
    variantId: manifest.id,
    round: launch.round,
    position: launch.position,
    runner: output.header,
    images: output.images,
    end: output.end,
    ...withTestMark(about, output.header),
  };
}

/** What a launch is told by besides what the runner printed. */
type AboutLaunch = Pick<LaunchRecord, "startedAt" | "stateBefore" | "stateAfter" | "marks">;

/** Returns what is known of the launch, marked when its runner is a test build. */
export function withTestMark(about: AboutLaunch, { testBuild }: RunnerHeader): AboutLaunch {
  return testBuild ? { ...about, marks: [...about.marks, "test-build"] } : about;
}

/** Returns what a launch of the runner printed, with the device's state around it. */
export async function launchRunner(
  setup: DeviceSetup,
  plan: Pick<LaunchPlan, "launchTimeoutMs">,
  { command, name }: { command: string[]; name: string },
  hooks: LaunchHooks,
): Promise<AboutLaunch & { stdout: string }> {
  const { device, description } = setup;
  const { state: stateBefore, marks } = await hooks.beforeLaunch();
  const startedAt = new Date().toISOString();
  const limits = { timeoutMs: plan.launchTimeoutMs, signal: hooks.signal };
  const { stdout } = await device.launch({ command, name, runDir: setup.runDir }, limits);
  const stateAfter = await device.state();
  hooks.afterLaunch?.(stateAfter);
  const heat = throttleMarks(stateBefore, stateAfter, description, setup.frequencyCapsKHz);
  const all = [
    ...marks,
    ...(description.emulated ? ["emulated"] : []),
    ...heat.map(({ mark }) => mark),
  ];
  return { stdout, startedAt, stateBefore, stateAfter, marks: [...new Set(all)] };
}

/**
 * Appends benchncnn's own figures for the variant's graph; a failure is recorded and costs nothing
 * else.
 */
async function secondOpinion(
  setup: DeviceSetup,
  plan: MeasurePlan,
  manifest: VariantManifest,
  launch: PlannedLaunch,
  hooks: MeasureHooks,
): Promise<void> {
  const { benchncnn, param } = setup.models.get(manifest.id)!;
  if (benchncnn === null) return;
  const { device } = setup;
  const options = variantOptions(manifest, setup.options);
  const where = {
    runId: plan.runId,
    device: device.serial,
    variantId: manifest.id,
    round: launch.round,
    at: new Date().toISOString(),
  };
  const loops = Math.max(4, Math.min(64, plan.images.length * options.iterations));
  const { widthPx, heightPx } = manifest.shape;
  try {
    const result = await device.launch({
      command: benchncnnCommand({
        benchncnn,
        param,
        loops,
        threads: options.threads,
        powersave: options.powersave,
        widthPx,
        heightPx,
        precision: manifest.precision,
      }),
      name: `benchncnn${launch.round}-${launch.position}`,
      runDir: setup.runDir,
    }, { timeoutMs: plan.launchTimeoutMs, signal: hooks.signal });
    hooks.log.append({
      kind: "benchncnn",
      schemaVersion: RECORD_VERSION,
      ...where,
      loops,
      threads: options.threads,
      powersave: options.powersave,
      inputWidthPx: widthPx,
      inputHeightPx: heightPx,
      ...parseBenchncnn(result.stderr),
    });
  } catch (error) {
    if (!isLaunchFailure(error)) throw error;
    hooks.log.append(failureRecord(where, error, "benchncnn: "));
  }
}
