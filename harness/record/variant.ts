/**
 * What a variant is: its properties, its id in which each can be read, and its manifest on disk.
 *
 * @module
 */
import { z } from "zod";
import { HeadCodeSchema, YOLOV8 } from "./head_code.ts";
import { migrateManifest } from "./migrate.ts";
import { type Precision, PRECISION_NAMES } from "./precision.ts";
import {
  NO_SETTINGS,
  parseSettings,
  type RunSettings,
  RunSettingsSchema,
  settingsLabel,
  settingsText,
} from "./run_settings.ts";

/** Activations that can be asked for: SiLU may be swapped for the others, see `swapped`. */
export const ACTIVATION_CHOICES = ["silu", "relu", "hardswish"] as const;
/**
 * The activation that most of the variant's graph has. A graph may have others beside it, such as
 * the ReLU of a squeeze-and-excitation block.
 */
export const ACTIVATIONS = [
  ...ACTIVATION_CHOICES,
  ...[
    "leakyrelu",
    "prelu",
    "relu6",
    "elu",
    "selu",
    "celu",
    "gelu",
    "mish",
    "tanh",
    "none",
  ] as const,
] as const;
/**
 * Head of the variant's graph, see DESIGN: decode in the graph, three NHWC blobs, nine NCHW blobs.
 */
export const HEADS = ["decoded", "raw", "raw-nchw"] as const;
/**
 * Route from ONNX to ncnn. `pnnx` is followed by Posemark's passes over the graph, `pnnx-plain` by
 * nothing, `pnnx-optimized` by the passes and ncnnoptimize.
 */
export const CONVERTERS = ["pnnx", "onnx2ncnn", "pnnx-optimized", "pnnx-plain"] as const;
/** How a graph came about: one of {@linkcode CONVERTERS}, or by the user, who gives ncnn files. */
export const ROUTES = [...CONVERTERS, "given"] as const;
/**
 * Branch of the model that the variant's outputs are of: `o2m`, one-to-many, needs NMS; `o2o`,
 * one-to-one, gives the best k (YOLO26's end-to-end head).
 */
export const BRANCHES = ["o2m", "o2o"] as const;
/** See {@linkcode BRANCHES}. */
export type Branch = typeof BRANCHES[number];

/** See {@linkcode ACTIVATIONS}. */
export type Activation = typeof ACTIVATIONS[number];
/** See {@linkcode HEADS}. */
export type Head = typeof HEADS[number];
/** See {@linkcode CONVERTERS}. */
export type Converter = typeof CONVERTERS[number];
/** See {@linkcode ROUTES}. */
export type Route = typeof ROUTES[number];

/**
 * Ending of the baseline's id where both sides are the same variant: records tell them apart by it.
 */
export const BASELINE_SUFFIX = ".baseline";

/** Schema of a warning, see `Warning` in errors.ts. */
export const WarningSchema = z.strictObject({
  code: z.string().describe("Stable code, see the table of errors and warnings."),
  message: z.string().describe("What was found, in one sentence."),
  advice: z.string().describe("What to do about it, in one sentence."),
});

/** Schema of the network's input size: one fixed size, or the rectangle that each image needs. */
export const ShapeSchema = z.strictObject({
  mode: z.enum(["fixed", "rect"]).describe(
    "`fixed`: every image is letterboxed to widthPx × heightPx. `rect`: the long side becomes max(widthPx, heightPx), the short side is padded to a multiple of 32.",
  ),
  widthPx: z.int().positive().describe("Width of the network's input, pixels."),
  heightPx: z.int().positive().describe("Height of the network's input, pixels."),
});
/** See {@linkcode ShapeSchema}. */
export type Shape = z.infer<typeof ShapeSchema>;

/**
 * What the values of an output blob can be. Of a raw head: box code, class logits, keypoint code.
 * Of a head that is decoded in the graph: boxes, scores after the sigmoid, joints.
 */
export const OUTPUT_VALUES = ["box", "cls", "kpt", "boxes", "scores", "joints"] as const;

/** Schema of a layout of an output blob that is none of Posemark's own. */
export const OutputPartsSchema = z.strictObject({
  values: z.array(z.enum(OUTPUT_VALUES)).min(1).describe("What lies along the channels, in order."),
  isChannelsLast: z.boolean().describe(
    "True when the values of a cell lie side by side: [cells, C] or [H,W,C]; else [C, cells].",
  ),
  strides: z.array(z.int().positive()).min(1).describe(
    "Levels whose cells follow each other, in their order.",
  ),
  boxForm: z.enum(["xywh", "xyxy"]).describe("How boxes are written: centre and size, or corners."),
  isShare: z.boolean().describe("True when coordinates are shares of the input's sides."),
});
/** See {@linkcode OutputPartsSchema}. */
export type OutputParts = z.infer<typeof OutputPartsSchema>;

/** Schema of one output blob of a variant: its name in the `.param` and what it holds. */
export const OutputBlobSchema = z.strictObject({
  blob: z.string().describe("Name in the `.param`, for instance `out0`."),
  role: z.enum(["decoded", "raw", "box", "cls", "kpt", "parts"]).describe(
    "`decoded`: [4+nc+K·D, N], letterbox pixels, scores after the sigmoid. `raw`: [H,W,nc+4·regMax+K·D], in the order cls, box, kpt. `box` [4·regMax,H,W], `cls` [nc,H,W], `kpt` [K·D,H,W] (none when K is 0): logits as the convolutions give them. `parts`: as `parts` says.",
  ),
  stride: z.int().positive().nullable().describe(
    "Stride of the level in letterbox pixels; null for `decoded` and `parts`.",
  ),
  parts: OutputPartsSchema.optional().describe("Layout of an output with the role `parts`."),
});
/** See {@linkcode OutputBlobSchema}. */
export type OutputBlob = z.infer<typeof OutputBlobSchema>;

/** Schema of a file beside the manifest. */
export const FileRefSchema = z.strictObject({
  file: z.string().describe("Name of the file."),
  bytes: z.int().nonnegative().describe("Size of the file, bytes."),
  sha256: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the file's bytes, hexadecimal."),
});

/** Schema of a pass over the converted graph that changed it. */
export const AppliedPassSchema = z.strictObject({
  name: z.string().describe("Name of the pass, for instance `fuse-activation`."),
  count: z.int().positive().describe("Places of the graph that the pass changed."),
});
/** See {@linkcode AppliedPassSchema}. */
export type AppliedPass = z.infer<typeof AppliedPassSchema>;

/** What a converted graph has: its files lie beside the manifest. */
export const CONVERTED = {
  param: FileRefSchema.extend({
    layers: z.int().describe("Layers of the graph."),
    blobs: z.int().describe("Blobs of the graph."),
    fusedActivations: z.int().describe("Activations that are part of the layer before them."),
  }).describe("ncnn's graph."),
  bin: FileRefSchema.describe("ncnn's weights."),
  referenceOnnx: FileRefSchema.nullable().describe(
    "The ONNX graph that stands for this variant in the reference: same activation, raw head (NHWC, three outputs). Null of given ncnn files without one: only their speed is measured.",
  ),
  inputBlob: z.string().describe("Name of the input blob in the `.param`."),
  outputs: z.array(OutputBlobSchema).min(1).describe(
    "Output blobs, in the order of the head's levels.",
  ),
  parameterCount: z.int().describe("Parameters (weights and biases) of the graph."),
  macs: z.int().describe(
    "Multiply-accumulates of one inference at the variant's shape (for `rect` at the full square).",
  ),
  tools: z.record(z.string(), z.string()).describe(
    "Version of every tool that took part, by name.",
  ),
  logs: z.array(z.string()).describe("Logs of the converters."),
  passes: z.array(AppliedPassSchema).default([]).describe(
    "Posemark's passes that changed the converted graph, in their order.",
  ),
};

/** How a variant came to its ncnn files: Posemark converted a model, or the user gave them. */
export const ORIGINS = ["converted", "given"] as const;

/** Newest version of the manifest's schema. */
export const MANIFEST_VERSION = 2 as const;

/** Schema of the proof that a head is decoded as the model's own graph decodes it. */
export const DecodeProofSchema = z.strictObject({
  boxForm: z.enum(["xywh", "xyxy"]).describe(
    "How the model's own output writes boxes: centre and size, or corners.",
  ),
  isNormalised: z.boolean().describe(
    "True when its own coordinates are shares of the input's sides.",
  ),
  isUsualOrder: z.boolean().describe(
    "True when the rows of its own output are in the usual order.",
  ),
  cellCount: z.int().describe("Cells that were compared."),
  maxBoxPx: z.number().describe("Largest difference of a box's side, letterbox pixels."),
  maxScore: z.number().describe("Largest difference of a score."),
  maxKeypointPx: z.number().nullable().describe(
    "Largest difference of a keypoint, letterbox pixels; null without keypoints.",
  ),
  selection: z.strictObject({
    count: z.int().describe("Rows that the graph keeps of an image."),
    compared: z.int().describe("Rows that were compared, over all pictures."),
  }).nullable().default(null).describe(
    "Proof that the rows of an end-to-end file are the best ones of its own cells; null where the graph selects nothing, or by NMS.",
  ),
  notes: z.array(z.string()).describe("In what the model's decode differs from the usual one."),
});
/** See {@linkcode DecodeProofSchema}. */
export type DecodeProof = z.infer<typeof DecodeProofSchema>;

/** The properties of {@linkcode VariantManifestSchema}, in the newest version. */
export const VariantProperties = z.strictObject({
  schemaVersion: z.literal(MANIFEST_VERSION).describe(
    "Version of the schema that the value is by.",
  ),
  id: z.string().describe("Id of the variant: the name of its folder."),
  model: z.string().describe(
    "Model name: the stem of the source file, made safe for file names.",
  ),
  activation: z.enum(ACTIVATIONS).describe("Activation of most of the graph."),
  swapped: z.boolean().describe(
    "True when the activation is not the one that the model was trained with.",
  ),
  speedOnly: z.boolean().describe(
    "True for a swap that leaves no accuracy (SiLU → ReLU without retraining): only its speed may be reported.",
  ),
  branch: z.enum(BRANCHES).default("o2m").describe(
    "Branch of the model: one-to-many (needs NMS) or one-to-one.",
  ),
  head: z.enum(HEADS).describe(
    "What the graph gives: decoded boxes, or raw blobs in one of two layouts.",
  ),
  precision: z.enum(PRECISION_NAMES).describe("Precision that is asked of ncnn."),
  shape: ShapeSchema.describe("Size of the network's input."),
  converter: z.enum(ROUTES).describe(
    "Route from ONNX to ncnn; `given`: the user's own ncnn files.",
  ),
  origin: z.enum(ORIGINS).default("converted").describe(
    "`given`: the graph and weights are files of the user, as they are.",
  ),
  settings: RunSettingsSchema.default(NO_SETTINGS).describe(
    "Settings at run time that belong to the variant; they win over those of the run.",
  ),
  classCount: z.int().positive().describe("Classes of the model."),
  keypointCount: z.int().nonnegative().describe("Keypoints per object; 0 for detection."),
  keypointDims: z.union([z.literal(2), z.literal(3)]).describe(
    "Values per keypoint: 3 (x, y, visibility) or 2.",
  ),
  strides: z.array(z.int().positive()).describe(
    "Strides of the head's levels in letterbox pixels.",
  ),
  regMax: z.int().positive().describe(
    "Values per box side: the bins of DFL, 16 in YOLOv8; 1 of other codes.",
  ),
  names: z.array(z.string()).nullable().default(null).describe(
    "Name of each class, as the file's metadata give them (`names`); null where they don't, or not as many as the graph has.",
  ),
  keypointNames: z.array(z.string()).nullable().default(null).describe(
    "Name of each keypoint, as the file's metadata give them (`kpt_names`); null where they don't, or not as many as the graph has.",
  ),
  headCode: HeadCodeSchema.default(YOLOV8).describe("How these values become people."),
  decode: DecodeProofSchema.nullable().default(null).describe(
    "Proof that the model's own graph decodes its head in the same way; null in files of earlier versions.",
  ),
  source: z.strictObject({
    path: z.string().describe("Path as it was named."),
    sha256: z.string().describe("SHA-256 of the file's bytes, hexadecimal."),
    bytes: z.int().describe("Size of the file, bytes."),
    opset: z.int().describe("Version of ONNX's default operator set."),
    producer: z.string().describe("Program that wrote the file."),
    inputWidthPx: z.int().describe("Static width of the file's input, pixels."),
    inputHeightPx: z.int().describe("Static height of the file's input, pixels."),
  }).describe(
    "The ONNX file that the user named: of given ncnn files their reference, or the .param itself without one (opset 0).",
  ),
  ...CONVERTED,
  warnings: z.array(WarningSchema).describe("What a reader should know, with advice."),
});

/**
 * Schema of `manifest.json` in a prepared variant's folder; a manifest of an earlier version is
 * read as one of the newest.
 */
export const VariantManifestSchema = z.preprocess(migrateManifest, VariantProperties);
/** See {@linkcode VariantManifestSchema}. */
export type VariantManifest = z.infer<typeof VariantManifestSchema>;

/** Returns the files that the manifest names: graph, weights, and the reference if there is one. */
export function filesOf(
  { param, bin, referenceOnnx }: Pick<VariantManifest, "param" | "bin" | "referenceOnnx">,
): z.infer<typeof FileRefSchema>[] {
  return referenceOnnx === null ? [param, bin] : [param, bin, referenceOnnx];
}

/** What an id is made of. */
export interface VariantKey {
  model: string;
  activation: Activation;
  speedOnly: boolean;
  head: Head;
  branch: Branch;
  precision: Precision;
  shape: Shape;
  converter: Route;
  settings: RunSettings;
}

/**
 * Returns the name of a shape as options and ids write it: `640x640` (width × height) or `rect640`.
 */
export function shapeName(shape: Shape): string {
  return shape.mode === "rect"
    ? `rect${Math.max(shape.widthPx, shape.heightPx)}`
    : `${shape.widthPx}x${shape.heightPx}`;
}

/** One axis on which variants of a model differ. */
interface VariantAxis {
  /**
   * Returns how the value stands in an id: letters, digits, `-` and `_`; "" for a value that ids
   * leave out.
   */
  text(key: VariantKey): string;
  /** Returns the value as people read it. */
  label(key: VariantKey): string;
  /** Returns the properties that such a text means; null when it means none. */
  parse(text: string): Partial<VariantKey> | null;
  /** The choice of {@linkcode VariantChoice} whose one value the text is. */
  choice: keyof VariantChoice;
  /** What an id means that leaves the axis out; absent where none may. */
  leftOut?: Partial<VariantKey>;
}

/** Choices from which variants are made, one list per axis; see `VariantOptions` in config.ts. */
interface VariantChoice {
  activations: [Activation];
  heads: [Head];
  branches: [Branch];
  precisions: [Precision];
  shapes: [Shape];
  converters: [Route];
  settings: [RunSettings];
}

function listed<K extends "head" | "precision" | "converter">(
  key: K,
  choice: keyof VariantChoice,
  values: readonly VariantKey[K][],
): VariantAxis {
  return {
    choice,
    text: (variant) => variant[key],
    label: (variant) => variant[key],
    parse: (text) => {
      const value = values.find((each) => each === text);
      return value === undefined ? null : { [key]: value };
    },
  };
}

const ACTIVATION_LABELS: Record<Activation, string> = {
  silu: "SiLU",
  relu: "ReLU",
  hardswish: "HardSwish",
  leakyrelu: "LeakyReLU",
  prelu: "PReLU",
  relu6: "ReLU6",
  elu: "ELU",
  selu: "SELU",
  celu: "CELU",
  gelu: "GELU",
  mish: "Mish",
  tanh: "tanh",
  none: "–",
};

/** Behind an activation that was swapped in without training. */
const SPEED_ONLY = "-speedonly";

/** The axes, by the property that they tell, in the order in which they follow the model in ids. */
export const VARIANT_AXES = {
  activation: {
    choice: "activations",
    text: ({ activation, speedOnly }) => speedOnly ? activation + SPEED_ONLY : activation,
    label: ({ activation }) => ACTIVATION_LABELS[activation],
    parse: (text) => {
      const speedOnly = text.endsWith(SPEED_ONLY);
      const name = speedOnly ? text.slice(0, -SPEED_ONLY.length) : text;
      const activation = ACTIVATIONS.find((each) => each === name);
      return activation === undefined ? null : { activation, speedOnly };
    },
  },
  head: listed("head", "heads", HEADS),
  // ids of models that have one branch only say nothing of it
  branch: {
    choice: "branches",
    text: ({ branch }) => branch === "o2m" ? "" : branch,
    label: ({ branch }) => branch,
    parse: (text) => text === "o2o" ? { branch: "o2o" } : null,
    leftOut: { branch: "o2m" },
  },
  precision: listed("precision", "precisions", PRECISION_NAMES),
  shape: {
    choice: "shapes",
    text: ({ shape }) => shapeName(shape),
    label: ({ shape }) => shapeName(shape).replace("x", "×").replace("rect", "rect "),
    parse: (text) => {
      const [, long, width, height] = /^(?:rect(\d{1,5})|(\d{1,5})x(\d{1,5}))$/.exec(text) ?? [];
      const [widthPx, heightPx] = [Number(width ?? long), Number(height ?? long)];
      if (!(widthPx > 0 && heightPx > 0)) return null;
      return { shape: { mode: long === undefined ? "fixed" : "rect", widthPx, heightPx } };
    },
  },
  converter: listed("converter", "converters", ROUTES),
  // ids of variants that run as the run says tell nothing of it
  settings: {
    choice: "settings",
    text: ({ settings }) => settingsText(settings),
    label: ({ settings }) => settingsLabel(settings) || "–",
    parse: (text) => {
      const settings = parseSettings(text);
      return settings === null ? null : { settings };
    },
    leftOut: { settings: NO_SETTINGS },
  },
} satisfies Record<string, VariantAxis>;

/** Name of an axis. */
export type AxisName = keyof typeof VARIANT_AXES;
/** Names of {@linkcode VARIANT_AXES}, in its order. */
export const AXIS_NAMES = Object.keys(VARIANT_AXES) as AxisName[];

const AXES = Object.entries<VariantAxis>(VARIANT_AXES);

/** How ids are built, for messages: `model.activation.head.…`. */
export const ID_FORM = "model" +
  AXES.map(([name, { leftOut }]) => leftOut === undefined ? `.${name}` : `[.${name}]`).join("");

/**
 * Returns the stable id of a variant, safe as a file name.
 *
 * @example
 * ```ts
 * variantId({ model: "yolov8n-pose", activation: "silu", speedOnly: false, head: "raw", branch: "o2m",
 *   precision: "fp32", shape: { mode: "fixed", widthPx: 640, heightPx: 640 }, converter: "pnnx" });
 * // "yolov8n-pose.silu.raw.fp32.640x640.pnnx"
 * ```
 */
export function variantId(key: VariantKey): string {
  const parts = AXES.map(([, axis]) => axis.text(key)).filter((part) => part !== "");
  return [key.model, ...parts].join(".");
}

/**
 * Returns what an id tells, in the order and by the rules of {@linkcode VARIANT_AXES}; null when
 * the text is no id.
 */
export function parseVariantId(id: string): VariantKey | null {
  const [model, ...texts] = id.split(".");
  if (model === "") return null;
  const key = { model };
  for (const [, axis] of AXES) {
    const part = texts.length === 0 ? null : axis.parse(texts[0]);
    if (part !== null) texts.shift();
    else if (axis.leftOut === undefined) return null;
    Object.assign(key, part ?? axis.leftOut);
  }
  return texts.length === 0 ? key as VariantKey : null;
}

/** Returns the choice that asks for exactly this value on every axis. */
export function choiceOf(key: VariantKey): VariantChoice {
  const entries = AXES.map(([name, { choice }]) => [choice, [key[name as AxisName]]]);
  return Object.fromEntries(entries) as VariantChoice;
}

/** Returns the label of each axis, for instance `SiLU` and `640×640`. */
export function axisLabels(key: VariantKey): Record<AxisName, string> {
  const labels = AXES.map(([name, axis]) => [name, axis.label(key)]);
  return Object.fromEntries(labels) as Record<AxisName, string>;
}

/** Returns a text that variants share which differ on this axis alone, or not at all. */
export function withoutAxis(key: VariantKey, left: AxisName): string {
  const rest = AXES.filter(([name]) => name !== left).map(([, axis]) => axis.text(key));
  return [key.model, ...rest].join(".");
}

/**
 * Returns the name made safe for a file and for an id: letters, digits, `_` and `-`, at most 60.
 */
export function safeModelName(stem: string): string {
  const name = stem.normalize("NFKD").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "");
  return (name || "model").slice(0, 60);
}
