/**
 * One launch of the runner on a device: its command, what it printed, and the device's state around
 * it.
 *
 * @module
 */
import type { DeviceState } from "../record/device.ts";
import { throttleMarks } from "../device/cool_down.ts";
import {
  type LaunchRecord,
  RECORD_VERSION,
  type RunImage,
  type RunnerHeader,
} from "../record/records.ts";
import type { VariantManifest } from "../record/variant.ts";
import { devicePaths, type DeviceSetup } from "./deploy.ts";
import { runCommand } from "./runner_command.ts";
import { parseRunnerOutput } from "../record/runner_lines.ts";
import type { PlannedLaunch } from "./schedule.ts";

/** What launches on the timed images have in common. */
export interface LaunchPlan {
  runId: string;
  images: RunImage[];
  /** Image list on the device. */
  imageList: string;
  /** Those of the images that launches by turns run, and their list on the device. */
  turnImages: RunImage[];
  turnImageList: string;
  /** Longest time for one launch. */
  launchTimeoutMs: number;
  /** Local folder for files on their way. */
  work: string;
  /** Further arguments of the runner, for instance of a test build; none when absent. */
  runnerArguments?: readonly string[];
}

/** Effects around one launch. */
export interface LaunchHooks {
  /**
   * Called before each launch; returns the state from which it starts, with marks for its record
   * (`hot-start`).
   */
  beforeLaunch(): Promise<{ state: DeviceState; marks: string[] }>;
  /** Hears the state after each launch. */
  afterLaunch?(state: DeviceState): void;
  signal?: AbortSignal;
}

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
