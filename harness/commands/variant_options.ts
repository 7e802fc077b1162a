/**
 * Options that several commands share: which variants, and which ncnn.
 *
 * @module
 */
import * as path from "@std/path";
import { parseRunSettings, parseShapes, type VariantOptions } from "../config.ts";
import { list, option, repeated, type ValuesOf } from "../options.ts";
import { PRECISION_NAMES } from "../record/precision.ts";
import { HarnessError } from "../errors.ts";
import { parseOutputs } from "../head/head_spec.ts";
import {
  ACTIVATION_CHOICES,
  BRANCHES,
  CONVERTERS,
  HEADS,
  type OutputBlob,
} from "../record/variant.ts";

/** Returns the outputs of `--head-layout`; throws `bad-option` for another text. */
function parseHeadLayout(option: string, text: string): OutputBlob[] {
  const outputs = parseOutputs(text);
  if (outputs !== null) return outputs;
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} "${text}": expected BLOB:VALUES:STRIDES, separated by commas, such as out0:boxes+scores+joints:8+16+32`,
  );
}

/** Models that ship with the project: a SiLU and a ReLU one, trained alike. */
export const SHIPPED_MODELS = ["posemark-n-silu", "posemark-n-relu"];
/** Images that ship with the project. */
export const SHIPPED_IMAGES = path.fromFileUrl(new URL("../../fixtures", import.meta.url));

/** Options that choose variants. */
export const VARIANT_OPTIONS = {
  model: repeated(
    "--model <file>",
    "ONNX file as ultralytics exports it, .pt file, a name (yolov8n-pose, …), or ncnn files (a .param, a folder or a zip of it with its .bin); repeat for several. Default: the two models that ship with Posemark",
  ),
  reference: repeated(
    "--reference <model>",
    "ONNX file, .pt file or name that ncnn files are compared with; one for all or one for each. Default: what lies beside them by their name",
  ),
  input: option("--input <blob>", "input blob of ncnn files. Default: their only one"),
  output: option(
    "--output <list>",
    "output blobs of ncnn files. Default: the blobs that nobody reads",
  ),
  headLayout: option(
    "--head-layout <list>",
    "what the outputs of ncnn files hold, as BLOB:VALUES:STRIDES, for instance out0:box+cls/last:8+16+32,out1:kpt/last:8+16+32 (VALUES of box, cls, kpt, boxes, scores, joints; /first or /last: channels first or last; /xyxy; /share). Default: found by the reference's values",
    parseHeadLayout,
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
    given: {
      references: options.reference ?? [],
      input: options.input,
      outputs: options.headLayout,
      outputNames: options.output?.split(",").map((name) => name.trim()) ?? null,
    },
  };
}
