/**
 * Options of the runner: one row each, from which the flag of the commands, its reader and limits,
 * the type, the schema in a shard's file and the runner's argument follow.
 *
 * The runner's own limits are in runner-cpp/options.inc; a test compares them.
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../errors.ts";
import {
  choice,
  integer,
  onOff,
  option,
  type ReadValue,
  share,
  type ValuesOf,
  withSchema,
} from "../options.ts";

const MASK = /^(0x)?[0-9a-fA-F]{1,16}$/;
const coreMask: ReadValue<string> = withSchema((name, text) => {
  if (MASK.test(text)) return text;
  throw new HarnessError(
    "bad-option",
    `Cannot use ${name} "${text}": expected hexadecimal digits, for instance f0 for CPUs 4 to 7`,
  );
}, z.string().regex(MASK));

/** How the runner runs, in the order of help. */
export const RUNNER_OPTIONS = {
  scoreThreshold: option("--score-threshold <score>", "least score of a detection", share, "0.25"),
  nmsIou: option("--nms-iou <iou>", "overlap from which NMS suppresses", share, "0.7"),
  maxDetections: option(
    "--max-detections <n>",
    "detections that are kept of an image, at most",
    integer(1, 100_000),
    "300",
  ),
  threads: option(
    "--threads <n>",
    "threads. Default: the number of big cores",
    integer(1, 256),
  ),
  powersave: option(
    "--powersave <mode>",
    "ncnn's: 0 all cores, 1 little, 2 big. Default: 2 on phones, 0 on the host",
    integer(0, 2),
  ),
  coreMask: option(
    "--core-mask <hex>",
    "CPUs to run on, for instance f0; wins over --powersave",
    coreMask,
  ),
  warmup: option("--warmup <n>", "iterations before anything counts", integer(0, 100_000), "3"),
  iterations: option(
    "--iterations <n>",
    "timed iterations per image and round",
    integer(1, 1_000_000),
    "3",
  ),
  turnWarmup: option(
    "--turn-warmup <n>",
    "unmeasured iterations of a variant's turn on an image, where variants share a launch",
    integer(0, 1000),
    "1",
  ),
  turnIterations: option(
    "--turn-iterations <n>",
    "timed iterations of a variant's turn on an image",
    integer(1, 1000),
    "1",
  ),
  sigmoid: option(
    "--sigmoid <kind>",
    "exact, or fast (the bit trick of some apps)",
    choice(["exact", "fast"]),
    "exact",
  ),
  winograd: option("--winograd <switch>", "ncnn's Winograd convolutions: on or off", onOff, "on"),
  sgemm: option("--sgemm <switch>", "ncnn's convolutions by sgemm: on or off", onOff, "on"),
  packing: option("--packing <switch>", "ncnn's packed layout of blobs: on or off", onOff, "on"),
};

/** Values of {@linkcode RUNNER_OPTIONS}; null: as the device has it. */
export type RunnerOptions = ValuesOf<typeof RUNNER_OPTIONS>;
/** Name of an option of the runner. */
export type RunnerOptionName = keyof RunnerOptions;

const NAMES = Object.keys(RUNNER_OPTIONS) as RunnerOptionName[];

/** Schema of {@linkcode RunnerOptions}. */
export const RunnerOptionsSchema = z.strictObject(
  Object.fromEntries(NAMES.map((name) => [name, RUNNER_OPTIONS[name].schema!])),
) as unknown as z.ZodType<RunnerOptions>;

/** Returns the options of the runner alone, of all that a command was given. */
export function readRunnerOptions(options: RunnerOptions): RunnerOptions {
  return Object.fromEntries(NAMES.map((name) => [name, options[name]])) as RunnerOptions;
}

/** Returns the runner's arguments of the options named; none for what is null. */
export function runnerArguments(
  options: RunnerOptions,
  names: readonly RunnerOptionName[] = NAMES,
): string[] {
  return names.flatMap((name) => {
    const value = options[name];
    if (value === null) return [];
    const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value);
    return [RUNNER_OPTIONS[name].flags.split(" ")[0], text];
  });
}
