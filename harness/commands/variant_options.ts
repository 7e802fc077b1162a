/**
 * Options that several commands share: which variants, and which ncnn.
 *
 * @module
 */
import * as path from "@std/path";
import { parseRunSettings, parseShapes, type VariantOptions } from "../config.ts";
import { list, option, repeated, type ValuesOf } from "../options.ts";
import { PRECISION_NAMES } from "../record/precision.ts";
import { ACTIVATION_CHOICES, BRANCHES, CONVERTERS, HEADS } from "../record/variant.ts";

/** Models that ship with the project: a SiLU and a ReLU one, trained alike. */
export const SHIPPED_MODELS = ["posemark-n-silu", "posemark-n-relu"];
/** Images that ship with the project. */
export const SHIPPED_IMAGES = path.fromFileUrl(new URL("../../fixtures", import.meta.url));

/** Options that choose variants. */
export const VARIANT_OPTIONS = {
  model: repeated(
    "--model <file>",
    "ONNX file as ultralytics exports it, .pt file, or a name (yolov8n-pose, …); repeat for several. Default: the two models that ship with Posemark",
  ),
  activation: option(
    "--activation <list>",
    `of ${ACTIVATION_CHOICES.join(", ")}. Default: as each model was trained. ` +
      "hardswish swaps SiLU without retraining; relu on a SiLU model is a swap for speed alone",
    list(ACTIVATION_CHOICES),
  ),
  head: option("--head <list>", `of ${HEADS.join(", ")}`, list(HEADS), "raw"),
  branch: option(
    "--branch <list>",
    "of o2m (one-to-many, with NMS), o2o (one-to-one, without). Default: what each file has; o2m of a .pt that has both",
    list(BRANCHES),
  ),
  precision: option(
    "--precision <list>",
    `of ${PRECISION_NAMES.join(", ")}`,
    list(PRECISION_NAMES),
    "fp32,fp16",
  ),
  shape: option(
    "--shape <list>",
    "network input as WIDTHxHEIGHT, rect (the rectangle that each image needs) or rect640 (with this long side). Default: the model's own",
    parseShapes,
  ),
  converter: option("--converter <list>", `of ${CONVERTERS.join(", ")}`, list(CONVERTERS), "pnnx"),
  settings: option(
    "--settings <list>",
    "settings at run time as variants: t1, t2 (threads), p2 (powersave), mf0 (CPUs), no_winograd, no_sgemm, no_packing, joined by -. Default: as the run has them",
    parseRunSettings,
  ),
  calibrationImages: option(
    "--calibration-images <dir>",
    "images that int8 is calibrated on. Default: the fixtures",
  ),
};

/** Another ncnn than the pinned one. */
export const NCNN_OPTION = option(
  "--ncnn-source <dir>",
  "another ncnn source tree than the pinned one",
);

/** Returns the choice of variants; without `--model` the shipped ones. */
export function readVariantOptions(options: ValuesOf<typeof VARIANT_OPTIONS>): VariantOptions {
  return {
    models: options.model ?? SHIPPED_MODELS,
    activations: options.activation,
    heads: options.head,
    branches: options.branch ?? undefined,
    precisions: options.precision,
    shapes: options.shape ?? [{ mode: "own" }],
    converters: options.converter,
    settings: options.settings ?? undefined,
    calibrationImages: options.calibrationImages ?? undefined,
  };
}
