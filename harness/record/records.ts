/**
 * The contract of `records.jsonl`: one JSON object a line, appended and flushed at once.
 *
 * The runner prints lines (`RunnerLine`), the harness completes them to records (`AnyRecord`), and
 * all later steps (parity, statistics, gate, report) are pure functions of the records. Reading is
 * strict: unknown keys and missing values are errors that name the line.
 *
 * @module
 */
import { z } from "zod";
import { EFFECTIVE_PRECISIONS, PRECISIONS, VariantManifestSchema } from "./variant.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "./device.ts";
import { migrateRecord } from "./migrate.ts";
import { parseJson, parseStrictly } from "./strict_json.ts";

/** Newest version of the records' schema. */
export const RECORD_VERSION = 2 as const;

/** Schema of integer nanoseconds. */
const Ns = z.int().nonnegative();

/** What every record of a variant on a device begins with. */
const ofVariant = <Kind extends string>(kind: Kind) => ({
  kind: z.literal(kind),
  schemaVersion: z.literal(RECORD_VERSION),
  runId: z.string(),
  device: z.string(),
  variantId: z.string(),
});

/** Schema of one detection in the pixels of the original image. */
export const DetectionSchema = z.strictObject({
  score: z.number(),
  classIndex: z.int().nonnegative(),
  /** x1, y1, x2, y2 in pixels of the original image, clipped to it. */
  boxXyxyPx: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /**
   * K triples x, y (pixels of the original image, clipped to it), confidence (0 to 1; 1 where the
   * model has none).
   */
  keypoints: z.array(z.tuple([z.number(), z.number(), z.number()])),
});
/** See {@linkcode DetectionSchema}. */
export type Detection = z.infer<typeof DetectionSchema>;

/** Schema of the stages' samples in order of execution; all arrays have the same length. */
export const StageSamplesSchema = z.strictObject({
  /** Letterbox and normalisation. */
  preprocess: z.array(Ns),
  /** The network, from input to extracted outputs. */
  inference: z.array(Ns),
  /** Decode and NMS, and the way back to image pixels. */
  postprocess: z.array(Ns),
  /** From raw pixels to detections: measured on its own, not the sum. */
  total: z.array(Ns),
});
/** See {@linkcode StageSamplesSchema}. */
export type StageSamples = z.infer<typeof StageSamplesSchema>;

/** Schema of the runner's first line: what it is and which options took effect. */
export const RunnerHeaderSchema = z.strictObject({
  kind: z.literal("runner"),
  schemaVersion: z.literal(1),
  runnerVersion: z.string(),
  ncnnVersion: z.string(),
  /** Compiler and its version. */
  compiler: z.string(),
  debugBuild: z.boolean(),
  /** True for a build with test switches (injected slow-downs and defects). */
  testBuild: z.boolean(),
  abi: z.string(),
  /** CPU features that ncnn found at run time. */
  cpuFeatures: z.array(z.string()),
  cpuCount: z.int(),
  bigCpuCount: z.int(),
  options: z.strictObject({
    threads: z.int().positive(),
    /** ncnn's powersave: 0 all cores, 1 little, 2 big; null when a mask was given. */
    powersave: z.int().nullable(),
    /** CPUs that the threads may run on, hexadecimal; null when it was not set. */
    coreMask: z.string().nullable(),
    precisionRequested: z.enum(PRECISIONS),
    precisionEffective: z.enum(EFFECTIVE_PRECISIONS),
    /** ncnn's switches as they stood when the network was loaded. */
    fp16Packed: z.boolean(),
    fp16Storage: z.boolean(),
    fp16Arithmetic: z.boolean(),
    bf16Storage: z.boolean(),
    int8Inference: z.boolean(),
    winograd: z.boolean(),
    sgemm: z.boolean(),
    packing: z.boolean(),
    warmup: z.int().nonnegative(),
    /** 0 in a pass that only wants detections. */
    iterations: z.int().nonnegative(),
    scoreThreshold: z.number(),
    nmsIou: z.number(),
    maxDetections: z.int(),
    sigmoid: z.enum(["exact", "fast"]),
    /** Switches that reproduce known defects, for instance `swap-rb`; empty in a clean run. */
    traps: z.array(z.string()),
    injectSlowdownPercent: z.number(),
  }),
});
/** See {@linkcode RunnerHeaderSchema}. */
export type RunnerHeader = z.infer<typeof RunnerHeaderSchema>;

/** Schema of the runner's line for one image. */
export const RunnerImageSchema = z.strictObject({
  kind: z.literal("image"),
  /** Id of the image in the run. */
  imageId: z.string(),
  /** Size of the network's input for this image. */
  inputWidthPx: z.int().positive(),
  inputHeightPx: z.int().positive(),
  /**
   * The launch's first iteration on this image, kept apart from the samples; null when it was part
   * of the warm-up.
   */
  firstNs: z.strictObject({ preprocess: Ns, inference: Ns, postprocess: Ns, total: Ns }).nullable(),
  samplesNs: StageSamplesSchema,
  /** Cells over the threshold, before NMS. */
  candidateCount: z.int().nonnegative(),
  detections: z.array(DetectionSchema),
});
/** See {@linkcode RunnerImageSchema}. */
export type RunnerImage = z.infer<typeof RunnerImageSchema>;

/** Schema of the runner's last line: without it the launch did not finish. */
export const RunnerEndSchema = z.strictObject({
  kind: z.literal("end"),
  imageCount: z.int().nonnegative(),
  peakRssBytes: z.int().nullable(),
  elapsedNs: Ns,
  /**
   * FNV-1a 64 of all bytes of the lines before this one (newlines included), 16 hexadecimal digits.
   */
  fnv1a64: z.string().regex(/^[0-9a-f]{16}$/),
});
/** See {@linkcode RunnerEndSchema}. */
export type RunnerEnd = z.infer<typeof RunnerEndSchema>;

/** Schema of one image of the run. */
export const RunImageSchema = z.strictObject({
  id: z.string(),
  file: z.string(),
  widthPx: z.int().positive(),
  heightPx: z.int().positive(),
  /** Of the file's bytes. */
  sha256: z.string(),
  /** COCO's image id; null for a folder without annotations. */
  cocoImageId: z.int().nullable(),
});
/** See {@linkcode RunImageSchema}. */
export type RunImage = z.infer<typeof RunImageSchema>;

/** Schema of the first record of a file: everything that holds for the whole run. */
export const RunRecordSchema = z.strictObject({
  kind: z.literal("run"),
  schemaVersion: z.literal(RECORD_VERSION),
  runId: z.string(),
  createdAt: z.string(),
  /** The exact command line. */
  command: z.array(z.string()),
  options: z.record(z.string(), z.unknown()),
  devices: z.array(DeviceDescriptionSchema),
  variants: z.array(VariantManifestSchema),
  /** Id of the variant that ratios are taken against. */
  baseVariantId: z.string(),
  images: z.array(RunImageSchema),
  harness: z.strictObject({
    version: z.string(),
    gitCommit: z.string().nullable(),
    deno: z.string(),
    onnxruntime: z.string(),
    ncnn: z.string(),
    /** Hash of the runner binary per device serial. */
    runnerSha256: z.record(z.string(), z.string()),
  }),
});
/** See {@linkcode RunRecordSchema}. */
export type RunRecord = z.infer<typeof RunRecordSchema>;

/** Schema of one finished launch of a variant in a round. */
export const LaunchRecordSchema = z.strictObject({
  ...ofVariant("launch"),
  /** Counts from 0. */
  round: z.int().nonnegative(),
  /** Place of the variant within its round, from 0 (ABBA order). */
  position: z.int().nonnegative(),
  startedAt: z.string(),
  runner: RunnerHeaderSchema,
  images: z.array(RunnerImageSchema),
  end: RunnerEndSchema,
  stateBefore: DeviceStateSchema.nullable(),
  stateAfter: DeviceStateSchema.nullable(),
  /** Why the launch is not like the rest: `throttled`, `hot-start`, `emulated`, `test-build`, … */
  marks: z.array(z.string()),
});
/** See {@linkcode LaunchRecordSchema}. */
export type LaunchRecord = z.infer<typeof LaunchRecordSchema>;

/** Schema of a launch that did not finish. */
export const FailureRecordSchema = z.strictObject({
  ...ofVariant("failure"),
  round: z.int().nonnegative(),
  at: z.string(),
  code: z.string(),
  message: z.string(),
  stderrTail: z.array(z.string()),
});
/** See {@linkcode FailureRecordSchema}. */
export type FailureRecord = z.infer<typeof FailureRecordSchema>;

/**
 * Schema of benchncnn's own figures for a variant's param in a round (a second opinion on speed).
 */
export const BenchncnnRecordSchema = z.strictObject({
  ...ofVariant("benchncnn"),
  round: z.int().nonnegative(),
  at: z.string(),
  loops: z.int().positive(),
  threads: z.int().positive(),
  powersave: z.int(),
  inputWidthPx: z.int(),
  inputHeightPx: z.int(),
  minMs: z.number(),
  maxMs: z.number(),
  avgMs: z.number(),
});
/** See {@linkcode BenchncnnRecordSchema}. */
export type BenchncnnRecord = z.infer<typeof BenchncnnRecordSchema>;

/**
 * Schema of the times of a variant's layers, by a profiling build that is slower than the one of
 * the rounds.
 */
export const LayerTimesRecordSchema = z.strictObject({
  ...ofVariant("layer-times"),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS),
  threads: z.int().positive(),
  inputWidthPx: z.int().positive(),
  inputHeightPx: z.int().positive(),
  /** Iterations that the medians are taken over. */
  iterations: z.int().positive(),
  /** In the order of execution. */
  layers: z.array(
    z.strictObject({ type: z.string(), name: z.string(), medianNs: z.number().nonnegative() }),
  ),
});
/** See {@linkcode LayerTimesRecordSchema}. */
export type LayerTimesRecord = z.infer<typeof LayerTimesRecordSchema>;

/** Schema of the runner's line of kind `roofline`: what the CPU can do at best. */
export const RooflineSchema = z.strictObject({
  kind: z.literal("roofline"),
  schemaVersion: z.literal(1),
  threads: z.int().positive(),
  /** A fused multiply-add counts as two operations. */
  fp32GflopPerSecond: z.number().positive(),
  /** Instructions that were used, for instance `avx2 fma`. */
  fp32Kernel: z.string(),
  /** Null when the CPU has no fp16 arithmetic. */
  fp16GflopPerSecond: z.number().positive().nullable(),
  /** Of a triad over arrays far larger than the caches: two reads and one write. */
  bandwidthGbytePerSecond: z.number().positive(),
});
/** See {@linkcode RooflineSchema}. */
export type Roofline = z.infer<typeof RooflineSchema>;

/** Schema of the comparison of one blob with the reference's tensor. */
export const LayerComparisonSchema = z.strictObject({
  /** Place of the layer in the `.param`, from 0. */
  index: z.int().nonnegative(),
  layer: z.string(),
  type: z.string(),
  blob: z.string(),
  /** Nearest tensor of the reference; null when none has its size. */
  tensor: z.string().nullable(),
  /** Null without a tensor or when a value is not finite. */
  maxAbs: z.number().nullable(),
  rms: z.number().nullable(),
  /** Tolerances of both. */
  maxAllowed: z.number().nullable(),
  rmsAllowed: z.number().nullable(),
  verdict: z.enum(["pass", "fail", "not-compared"]),
});
/** See {@linkcode LayerComparisonSchema}. */
export type LayerComparison = z.infer<typeof LayerComparisonSchema>;

/** Schema of the comparison of all blobs of a variant on one image. */
export const LayerParityRecordSchema = z.strictObject({
  ...ofVariant("layer-parity"),
  imageId: z.string(),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS),
  compared: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  /** First layer beyond its tolerance whose inputs are within theirs; null when there is none. */
  firstBeyond: LayerComparisonSchema.nullable(),
  /** Those nearest to their tolerance or beyond it, worst first. */
  worst: z.array(LayerComparisonSchema),
});
/** See {@linkcode LayerParityRecordSchema}. */
export type LayerParityRecord = z.infer<typeof LayerParityRecordSchema>;

/** Schema of the roofline of a device, measured in this run. */
export const RooflineRecordSchema = RooflineSchema.extend({
  schemaVersion: z.literal(RECORD_VERSION),
  runId: z.string(),
  device: z.string(),
});
/** See {@linkcode RooflineRecordSchema}. */
export type RooflineRecord = z.infer<typeof RooflineRecordSchema>;

/** Stages in the order of the pipeline. */
export const STAGES = ["preprocess", "network", "decode", "nms", "end-to-end"] as const;

/** Schema of the judgement of one stage for one image. */
export const StageParitySchema = z.strictObject({
  stage: z.enum(STAGES),
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  /** Largest absolute difference, in `unit`. */
  maxAbsDiff: z.number().nullable(),
  tolerance: z.number().nullable(),
  /** `level/255`, `logit`, `px`, `boxes`, … */
  unit: z.string(),
  /** Where the tolerance comes from, and what was found. */
  reason: z.string(),
});
/** See {@linkcode StageParitySchema}. */
export type StageParity = z.infer<typeof StageParitySchema>;

/** Schema of one matched pair of detections. */
export const MatchSchema = z.strictObject({
  referenceIndex: z.int(),
  candidateIndex: z.int(),
  oks: z.number(),
  /** Distance per joint in pixels of the original image. */
  distancesPx: z.array(z.number()),
  scoreDiff: z.number(),
  /** Joints whose visibility crosses 0.5 in one of the two only. */
  visibilityFlips: z.int(),
});
/** See {@linkcode MatchSchema}. */
export type Match = z.infer<typeof MatchSchema>;

/** Schema of what one variant detects on one image, and its parity with the reference. */
export const ParityRecordSchema = z.strictObject({
  ...ofVariant("parity"),
  imageId: z.string(),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS),
  stages: z.array(StageParitySchema),
  /** First stage that fails; null when none does. */
  firstFailedStage: z.enum(STAGES).nullable(),
  /** Detections of the ONNX reference of the same activation and shape. */
  reference: z.array(DetectionSchema),
  /** Detections of the variant on the device. */
  candidate: z.array(DetectionSchema),
  matches: z.array(MatchSchema),
  /**
   * Indices without a partner. Those near the score threshold are explained by the tolerance and
   * don't fail.
   */
  unmatchedReference: z.array(z.int()),
  unmatchedCandidate: z.array(z.int()),
  /** Of the unmatched ones, how many the tolerance explains. */
  explainedUnmatched: z.int(),
});
/** See {@linkcode ParityRecordSchema}. */
export type ParityRecord = z.infer<typeof ParityRecordSchema>;

/** Schema of any line of `records.jsonl`. */
export const RecordSchema = z.discriminatedUnion("kind", [
  RunRecordSchema,
  LaunchRecordSchema,
  FailureRecordSchema,
  BenchncnnRecordSchema,
  ParityRecordSchema,
  LayerTimesRecordSchema,
  RooflineRecordSchema,
  LayerParityRecordSchema,
]);
/** See {@linkcode RecordSchema}. */
export type AnyRecord = z.infer<typeof RecordSchema>;

/**
 * Returns the record that a line of `records.jsonl` holds, in the newest version; null for a line
 * of an earlier version whose facts another record holds now, see {@linkcode migrateRecord}.
 *
 * Throws `HarnessError` `bad-record` that names `where` (file and line) and the key at fault.
 */
export function parseRecord(line: string, where: string): AnyRecord | null {
  const json = parseJson(line, where);
  const migrated = migrateRecord(json);
  return migrated === null && json !== null ? null : parseStrictly(RecordSchema, migrated, where);
}
