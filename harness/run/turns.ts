/**
 * A launch that several contestants share: they live in one process and take turns on each image,
 * so that what the machine does meets all alike within fractions of a second.
 *
 * @module
 */
import { type HarnessError, isLaunchFailure } from "../errors.ts";
import { RECORD_VERSION, type TurnsRecord } from "../record/records.ts";
import { parseTurnsOutput } from "../record/runner_lines.ts";
import type { VariantManifest } from "../record/variant.ts";
import { devicePaths, type DeviceSetup } from "./deploy.ts";
import { type LaunchHooks, type LaunchPlan, launchRunner, withTestMark } from "./launch.ts";
import { contestantArguments, turnsCommand } from "./runner_command.ts";

/** A contestant of a shared launch. */
export interface TurnContestant {
  /** Of one of the variants that were deployed; the contestants of a launch have different ids. */
  manifest: VariantManifest;
  /** Further arguments of the runner; only a test build takes any. */
  runnerArguments?: readonly string[];
}

/** One shared launch to be done. */
export interface TurnLaunch {
  round: number;
  /** Number of the launch among those of the round, from 0. */
  group: number;
  /** In the order in which they are loaded. */
  contestants: readonly TurnContestant[];
  /** Step of the order of turns that the first image has. */
  firstStep: number;
}

/**
 * Returns the contestants of the `index`th launch of a group in the order in which they are loaded,
 * and the step at which their turns begin: two are loaded AB BA BA AB, and over four launches each
 * of these orders meets each order of turns, however few the images.
 */
export function arrangeLaunch<T>(
  group: readonly T[],
  index: number,
  imageCount: number,
): { contestants: T[]; firstStep: number } {
  const turn = Math.floor(index / 2);
  const rotated = group.map((_, place) => group[(place + turn) % group.length]);
  return {
    contestants: index % 2 === 0 ? rotated : rotated.reverse(),
    firstStep: turn * imageCount,
  };
}

/**
 * Returns the records of a shared launch, one a contestant in the order of loading; they are not in
 * any log yet.
 *
 * The contestants can share a launch (`canShare()`). Throws what the device throws, and
 * `bad-device-output`; {@linkcode contestantAtFault} tells whose turn it was.
 */
export async function measureTurns(
  setup: DeviceSetup,
  plan: LaunchPlan,
  launch: TurnLaunch,
  hooks: LaunchHooks,
): Promise<TurnsRecord[]> {
  const { device, options } = setup;
  const { round, group, contestants, firstStep } = launch;
  const pathsOf = ({ manifest }: TurnContestant) =>
    devicePaths(setup, manifest.id, plan.turnImageList);
  const name = `turns${round}-${group}`;
  const file = await pushContestants(
    setup,
    plan,
    name,
    contestants.map((each) => [
      each.manifest.id,
      ...contestantArguments(each.manifest, pathsOf(each), options),
      ...each.runnerArguments ?? [],
    ]),
    hooks.signal,
  );
  const command = turnsCommand(pathsOf(contestants[0]), options, file, firstStep);
  const { stdout, ...about } = await launchRunner(setup, plan, { command, name }, hooks);
  const ids = contestants.map(({ manifest }) => manifest.id);
  const output = parseTurnsOutput(stdout, {
    imageIds: plan.turnImages.map((image) => image.id),
    iterations: options.turnIterations,
    contestantCount: ids.length,
    where: `${ids.join(", ")} by turns in round ${round + 1} on ${device.serial}`,
  });
  // memory and the way to the first inference are the process's, not one contestant's
  const { imageCount, elapsedNs, fnv1a64, peakRssBytes } = output.end;
  const end = { kind: "end" as const, imageCount, peakRssBytes: null, elapsedNs, fnv1a64 };
  return output.contestants.map(({ header, images, turnOfImage }, position): TurnsRecord => ({
    kind: "turns",
    schemaVersion: RECORD_VERSION,
    runId: plan.runId,
    device: device.serial,
    variantId: ids[position],
    round,
    position,
    runner: header,
    images,
    end,
    ...withTestMark(about, header),
    turns: {
      launch: name,
      contestants: ids,
      unmeasured: output.turns.unmeasured,
      firstStep: output.turns.firstStep,
      turnOfImage,
      peakRssBytes,
    },
  }));
}

/** Puts the contestants' file into the folder of the run on the device and returns its path. */
async function pushContestants(
  { device, runDir }: DeviceSetup,
  { work }: LaunchPlan,
  name: string,
  rows: readonly (readonly string[])[],
  signal?: AbortSignal,
): Promise<string> {
  const bad = rows.flat().find((word) => /[\t\n]/.test(word));
  if (bad !== undefined) {
    throw new TypeError(`Cannot hand "${bad}" to the runner: it has a tab or a line break in it`);
  }
  const local = await Deno.makeTempFile({ dir: work, prefix: "contestants-" });
  await Deno.writeTextFile(local, rows.map((row) => row.join("\t") + "\n").join(""));
  const onDevice = `${runDir}/${name}.tsv`;
  await device.pushTo(local, onDevice, { signal });
  await Deno.remove(local);
  return onDevice;
}

/** What the runner says at a turn's beginning, and of a contestant that it has to give up. */
const WHOSE = /^posemark-runner: (?:loading|warm-up of|turn of|Contestant) "([^"]*)"/;

/**
 * Returns the id of the contestant whose loading or turn a shared launch did not survive; null when
 * the launch came to its end, or nothing is known.
 */
export function contestantAtFault(error: HarnessError): string | null {
  // a time limit, or a device that rebooted, is no one contestant's doing
  if (!isLaunchFailure(error) || !BY_CONTESTANT.has(error.code)) return null;
  for (const line of error.stderrTail.toReversed()) {
    const match = WHOSE.exec(line);
    if (match !== null) return match[1];
  }
  return null;
}

const BY_CONTESTANT: ReadonlySet<string> = new Set(["model-refused", "runner-failed"]);
