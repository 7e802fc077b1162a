/**
 * Options that several commands share: which variants, which images, how the runner runs.
 *
 * @module
 */
import * as path from "@std/path";
import type { OptionSpec } from "../cli.ts";
import {
  parseChoice,
  parseList,
  parseNumber,
  parseVariantOptions,
  type RunnerOptions,
  type VariantOptions,
} from "../config.ts";
import { HarnessError } from "../errors.ts";
import { ACTIVATIONS, CONVERTERS, HEADS } from "../record/variant.ts";
import { PRECISION_NAMES } from "../record/precision.ts";

/** Models that ship with the project: a SiLU and a ReLU one, trained alike. */
export const SHIPPED_MODELS = ["posemark-n-silu", "posemark-n-relu"];
/** Images that ship with the project. */
export const SHIPPED_IMAGES = path.fromFileUrl(new URL("../../fixtures", import.meta.url));

/** Options that choose variants. */
export const VARIANT_OPTIONS: OptionSpec[] = [
  {
    flags: "--model <file>",
    description:
      "ONNX file as ultralytics exports it, .pt file, or a name (yolov8n-pose, …); repeat for several. Default: the two models that ship with Posemark",
    repeat: true,
  },
  {
    flags: "--activation <list>",
    description: `of ${ACTIVATIONS.join(", ")}. Default: as each model was trained. ` +
      "hardswish swaps SiLU without retraining; relu on a SiLU model is a swap for speed alone",
  },
  { flags: "--head <list>", description: `of ${HEADS.join(", ")}`, default: "raw" },
  {
    flags: "--precision <list>",
    description: `of ${PRECISION_NAMES.join(", ")}`,
    default: "fp32,fp16",
  },
  {
    flags: "--shape <list>",
    description:
      "network input as WIDTHxHEIGHT, rect (the rectangle that each image needs) or rect640 (with this long side). Default: the model's own",
  },
  { flags: "--converter <list>", description: `of ${CONVERTERS.join(", ")}`, default: "pnnx" },
  {
    flags: "--calibration-images <dir>",
    description: "images that int8 is calibrated on. Default: the fixtures",
  },
];

/** Another ncnn than the pinned one. */
export const NCNN_OPTION: OptionSpec = {
  flags: "--ncnn-source <dir>",
  description: "another ncnn source tree than the pinned one",
};

/** Options of how the runner runs. */
export const RUNNER_OPTIONS: OptionSpec[] = [
  {
    flags: "--score-threshold <score>",
    description: "least score of a detection",
    default: "0.25",
  },
  { flags: "--nms-iou <iou>", description: "overlap from which NMS suppresses", default: "0.7" },
  { flags: "--threads <n>", description: "threads. Default: the number of big cores" },
  {
    flags: "--powersave <mode>",
    description: "ncnn's: 0 all cores, 1 little, 2 big. Default: 2 on phones, 0 on the host",
  },
  {
    flags: "--core-mask <hex>",
    description: "CPUs to run on, for instance f0; wins over --powersave",
  },
  { flags: "--warmup <n>", description: "iterations before anything counts", default: "3" },
  { flags: "--iterations <n>", description: "timed iterations per image and round", default: "3" },
  {
    flags: "--sigmoid <kind>",
    description: "exact, or fast (the bit trick of some apps)",
    default: "exact",
  },
  {
    flags: "--trap <list>",
    description:
      "known defects to switch on and see caught: swap-rb, letterbox-truncate, integer-boxes",
  },
];

/** Returns the choice of variants; without `--model` the shipped ones. */
// deno-lint-ignore no-explicit-any
export function readVariantOptions(options: any): VariantOptions {
  return parseVariantOptions({ ...options, model: options.model ?? SHIPPED_MODELS });
}

/** Returns how the runner runs; throws `bad-option`. */
// deno-lint-ignore no-explicit-any
export function readRunnerOptions(options: any): RunnerOptions {
  const integer = (option: string, text: string | undefined, min: number, max: number) =>
    text === undefined ? null : parseNumber(option, text, { min, max, integer: true });
  const share = (option: string, text: string) =>
    parseNumber(option, text, { min: 0, max: 1, exclusive: true });
  if (options.coreMask !== undefined && !/^(0x)?[0-9a-fA-F]{1,16}$/.test(options.coreMask)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use --core-mask "${options.coreMask}": expected hexadecimal digits, for instance f0 for CPUs 4 to 7`,
    );
  }
  return {
    threads: integer("--threads", options.threads, 1, 64),
    powersave: integer("--powersave", options.powersave, 0, 2),
    coreMask: options.coreMask ?? null,
    scoreThreshold: share("--score-threshold", options.scoreThreshold),
    nmsIou: share("--nms-iou", options.nmsIou),
    sigmoid: parseChoice("--sigmoid", options.sigmoid, ["exact", "fast"]),
    traps: options.trap === undefined
      ? []
      : parseList("--trap", options.trap, ["swap-rb", "letterbox-truncate", "integer-boxes"]),
    warmup: integer("--warmup", options.warmup, 0, 10_000)!,
    iterations: integer("--iterations", options.iterations, 1, 100_000)!,
  };
}
