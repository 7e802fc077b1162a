/**
 * Which of two sides ends before its time on a device, and at which layer.
 *
 * @module
 */
import { HarnessError, isLaunchFailure } from "../errors.ts";
import { type Crash, whereCrashed } from "../gate/crash.ts";
import { parseParam } from "../model/ncnn/param_file.ts";
import { paramFile } from "../model/prepare.ts";
import { devicePaths } from "./deploy.ts";
import type { Side } from "./experiment.ts";
import { measureOnce } from "./launch.ts";
import { runCommand } from "./runner_command.ts";
import { coolSession, type DeviceSession } from "./session.ts";

/** The sides of a pair. */
export type CrashSides = Record<"baseline" | "candidate", Side>;

/** Launches that must fail before a side is said to crash. */
const TRIES = 2;

/** What is the runner's or the model's own fault. */
const OWN_FAULTS: readonly string[] = ["runner-failed", "model-refused"];

/**
 * Returns the crash of a side that fails when it is launched alone, each time; null when both can
 * run.
 *
 * A side that crashes is launched once more in its profiling build, which tells the last layer that
 * finished; where that can't be built, the layer stays unknown. Throws what devices throw.
 */
export async function findCrash(
  session: DeviceSession,
  sides: CrashSides,
): Promise<Crash | null> {
  const baseline = await failureOf(session, sides.baseline);
  const candidate = await failureOf(session, sides.candidate);
  const error = candidate ?? baseline;
  if (error === null) return null;
  return {
    side: baseline === null ? "candidate" : candidate === null ? "baseline" : "both",
    what: error.code === "model-refused"
      ? "is refused by the runner"
      : await findWhat(session, candidate === null ? sides.baseline : sides.candidate),
    said: error.message,
  };
}

/** Returns what the side's launches fail with; null when one of them does not. */
async function failureOf(session: DeviceSession, side: Side): Promise<HarnessError | null> {
  const { setup, launchPlan, experiment: { context } } = session;
  const { manifest } = side.variant;
  const hooks = { ...await coolSession(session), signal: context.signal };
  const launch = { variantId: manifest.id, round: 0, position: 0 };
  for (let tried = 1;; tried++) {
    try {
      await measureOnce(setup, launchPlan, manifest, launch, hooks);
      return null;
    } catch (error) {
      if (!isLaunchFailure(error) || !OWN_FAULTS.includes(error.code)) throw error;
      if (tried === TRIES) return error;
    }
  }
}

async function findWhat(session: DeviceSession, side: Side): Promise<string> {
  const { setup, launchPlan, experiment: { context: { signal } } } = session;
  const { device, description } = setup;
  const { manifest } = side.variant;
  const { layers } = parseParam(await Deno.readTextFile(paramFile(side.variant)), "model.param");
  const count = layers.filter(({ type }) => type !== "Input").length;
  try {
    const { runner } = await side.build(
      description.target,
      "profile",
      description.cpuFeatures,
    );
    const program = await device.push(runner, { executable: true, signal });
    const paths = { ...devicePaths(setup, manifest.id, launchPlan.imageList), runner: program };
    const command = runCommand(manifest, paths, { ...setup.options, iterations: 1, warmup: 0 });
    const name = `crash-${manifest.id}`;
    const limits = { timeoutMs: launchPlan.launchTimeoutMs, signal };
    await device.launch({ command, name, runDir: setup.runDir }, limits);
    return whereCrashed(null, count);
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    // a build that fails tells nothing of the runner
    return whereCrashed(error.code === "runner-failed" ? error.stderrTail : null, count);
  }
}
