/**
 * What a variant is: its properties, its id in which each can be read, and its manifest on disk.
 *
 * @module
 */
import { z } from "zod";
import { HeadCodeSchema, YOLOV8 } from "./head_code.ts";
import { migrateManifest } from "./migrate.ts";

/** Activation of the variant's graph. `relu` and `hardswish` may be swapped in, see `swapped`. */
export const ACTIVATIONS = ["silu", "relu", "hardswish"] as const;
/**
 * Head of the variant's graph, see DESIGN: decode in the graph, three NHWC blobs, nine NCHW blobs.
 */
export const HEADS = ["decoded", "raw", "raw-nchw"] as const;
/**
 * Precision that is asked of ncnn. `fp32`: all fp16/bf16/int8 switches off. `fp16`: fp16 weights,
 * storage and arithmetic (ncnn's default on phones). `fp16-storage`: fp16 weights and storage,
 * arithmetic in fp32. `bf16`: bf16 storage. `int8`: weights and activations quantised by ncnn2table
 * and ncnn2int8.
 */
export const PRECISIONS = ["fp32", "fp16", "fp16-storage", "bf16", "int8"] as const;
/** Route from ONNX to ncnn. `pnnx-optimized` runs ncnnoptimize after pnnx. */
export const CONVERTERS = ["pnnx", "onnx2ncnn", "pnnx-optimized"] as const;
/**
 * What the CPU executed: `fp32`; `fp16-weights` (weights stored as fp16, blobs and arithmetic
 * fp32); `fp16-storage` (blobs fp16, arithmetic fp32); `fp16-arithmetic`; `bf16-storage`; `int8`.
 */
export const EFFECTIVE_PRECISIONS = [
  "fp32",
  "fp16-weights",
  "fp16-storage",
  "fp16-arithmetic",
  "bf16-storage",
  "int8",
] as const;

/** See {@linkcode ACTIVATIONS}. */
export type Activation = typeof ACTIVATIONS[number];
/** See {@linkcode HEADS}. */
export type Head = typeof HEADS[number];
/** See {@linkcode PRECISIONS}. */
export type Precision = typeof PRECISIONS[number];
/** See {@linkcode CONVERTERS}. */
export type Converter = typeof CONVERTERS[number];
/** See {@linkcode EFFECTIVE_PRECISIONS}. */
export type EffectivePrecision = typeof EFFECTIVE_PRECISIONS[number];

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

/** Schema of one output blob of a variant: its name in the `.param` and what it holds. */
export const OutputBlobSchema = z.strictObject({
  blob: z.string().describe("Name in the `.param`, for instance `out0`."),
  role: z.enum(["decoded", "raw", "box", "cls", "kpt"]).describe(
    "`decoded`: [4+nc+K·D, N], letterbox pixels, scores after the sigmoid. `raw`: [H,W,nc+4·regMax+K·D], in the order cls, box, kpt. `box` [4·regMax,H,W], `cls` [nc,H,W], `kpt` [K·D,H,W] (none when K is 0): logits as the convolutions give them.",
  ),
  stride: z.int().positive().nullable().describe(
    "Stride of the level in letterbox pixels; null for `decoded`.",
  ),
});
/** See {@linkcode OutputBlobSchema}. */
export type OutputBlob = z.infer<typeof OutputBlobSchema>;

/** Schema of a file beside the manifest. */
export const FileRefSchema = z.strictObject({
  file: z.string().describe("Name of the file."),
  bytes: z.int().nonnegative().describe("Size of the file, bytes."),
  sha256: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the file's bytes, hexadecimal."),
});

/** What a converted graph has: its files lie beside the manifest. */
export const CONVERTED = {
  param: FileRefSchema.extend({
    layers: z.int().describe("Layers of the graph."),
    blobs: z.int().describe("Blobs of the graph."),
    fusedActivations: z.int().describe("Activations that are part of the layer before them."),
  }).describe("ncnn's graph."),
  bin: FileRefSchema.describe("ncnn's weights."),
  referenceOnnx: FileRefSchema.describe(
    "The ONNX graph that stands for this variant in the reference: same activation, raw head (NHWC, three outputs).",
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
};

/** Newest version of the manifest's schema. */
export const MANIFEST_VERSION = 2 as const;

/**
 * Schema of `manifest.json` in a prepared variant's folder; a manifest of an earlier version is
 * read as one of the newest.
 */
export const VariantManifestSchema = z.preprocess(
  migrateManifest,
  z.strictObject({
    schemaVersion: z.literal(MANIFEST_VERSION).describe(
      "Version of the schema that the value is by.",
    ),
    id: z.string().describe("Id of the variant: the name of its folder."),
    model: z.string().describe(
      "Model name: the stem of the source file, made safe for file names.",
    ),
    activation: z.enum(ACTIVATIONS).describe("Activation of the graph."),
    swapped: z.boolean().describe(
      "True when the activation is not the one that the model was trained with.",
    ),
    speedOnly: z.boolean().describe(
      "True for a swap that leaves no accuracy (SiLU → ReLU without retraining): only its speed may be reported.",
    ),
    head: z.enum(HEADS).describe(
      "What the graph gives: decoded boxes, or raw blobs in one of two layouts.",
    ),
    precision: z.enum(PRECISIONS).describe("Precision that is asked of ncnn."),
    shape: ShapeSchema.describe("Size of the network's input."),
    converter: z.enum(CONVERTERS).describe("Route from ONNX to ncnn."),
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
    headCode: HeadCodeSchema.default(YOLOV8).describe("How these values become people."),
    source: z.strictObject({
      path: z.string().describe("Path as it was named."),
      sha256: z.string().describe("SHA-256 of the file's bytes, hexadecimal."),
      bytes: z.int().describe("Size of the file, bytes."),
      opset: z.int().describe("Version of ONNX's default operator set."),
      producer: z.string().describe("Program that wrote the file."),
      inputWidthPx: z.int().describe("Static width of the file's input, pixels."),
      inputHeightPx: z.int().describe("Static height of the file's input, pixels."),
    }).describe("The ONNX file that the user named."),
    ...CONVERTED,
    warnings: z.array(WarningSchema).describe("What a reader should know, with advice."),
  }),
);
/** See {@linkcode VariantManifestSchema}. */
export type VariantManifest = z.infer<typeof VariantManifestSchema>;

/** What an id is made of. */
export interface VariantKey {
  model: string;
  activation: Activation;
  speedOnly: boolean;
  head: Head;
  precision: Precision;
  shape: Shape;
  converter: Converter;
}

/**
 * Returns the name of a shape as options and ids write it: `640x640` (width × height) or `rect640`.
 */
export function shapeName(shape: Shape): string {
  return shape.mode === "rect"
    ? `rect${Math.max(shape.widthPx, shape.heightPx)}`
    : `${shape.widthPx}x${shape.heightPx}`;
}

/**
 * Returns the stable id of a variant, safe as a file name.
 *
 * @example
 * ```ts
 * variantId({ model: "yolov8n-pose", activation: "silu", speedOnly: false, head: "raw", precision: "fp32",
 *   shape: { mode: "fixed", widthPx: 640, heightPx: 640 }, converter: "pnnx" });
 * // "yolov8n-pose.silu.raw.fp32.640x640.pnnx"
 * ```
 */
export function variantId(key: VariantKey): string {
  const activation = key.speedOnly ? `${key.activation}-speedonly` : key.activation;
  return [key.model, activation, key.head, key.precision, shapeName(key.shape), key.converter].join(
    ".",
  );
}

/**
 * Returns the name made safe for a file and for an id: letters, digits, `_` and `-`, at most 60.
 */
export function safeModelName(stem: string): string {
  const name = stem.normalize("NFKD").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "");
  return (name || "model").slice(0, 60);
}
