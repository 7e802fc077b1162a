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
import { RunCommitsSchema } from "./commits.ts";
import { VariantManifestSchema } from "./variant.ts";
import { EFFECTIVE_PRECISIONS, PRECISION_NAMES } from "./precision.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "./device.ts";
import { migrateRecord } from "./migrate.ts";
import { parseJson, parseStrictly } from "./strict_json.ts";

/** Newest version of the records' schema. */
export const RECORD_VERSION = 2 as const;

/** Schema of integer nanoseconds. */
const Ns = z.int().nonnegative();

/** What every record of a variant on a device begins with. */
const ofVariant = <Kind extends string>(kind: Kind) => ({
  kind: z.literal(kind).describe("What the line holds."),
  schemaVersion: z.literal(RECORD_VERSION).describe("Version of the schema that the value is by."),
  runId: z.string().describe("Id of the run: time in UTC and eight random digits."),
  device: z.string().describe("Serial of the device, `host` for this machine."),
  variantId: z.string().describe("Id of the variant."),
});

/** Schema of one detection in the pixels of the original image. */
export const DetectionSchema = z.strictObject({
  score: z.number().describe("Class score after the sigmoid, 0 to 1."),
  classIndex: z.int().nonnegative().describe("Index of the class, from 0."),
  boxXyxyPx: z.tuple([z.number(), z.number(), z.number(), z.number()]).describe(
    "x1, y1, x2, y2 in pixels of the original image, clipped to it.",
  ),
  keypoints: z.array(z.tuple([z.number(), z.number(), z.number()])).describe(
    "K triples x, y (pixels of the original image, clipped to it), confidence (0 to 1; 1 where the model has none).",
  ),
});
/** See {@linkcode DetectionSchema}. */
export type Detection = z.infer<typeof DetectionSchema>;

/** Schema of the stages' samples in order of execution; all arrays have the same length. */
export const StageSamplesSchema = z.strictObject({
  preprocess: z.array(Ns).describe("Letterbox and normalisation."),
  inference: z.array(Ns).describe("The network, from input to extracted outputs."),
  postprocess: z.array(Ns).describe("Decode and NMS, and the way back to image pixels."),
  total: z.array(Ns).describe("From raw pixels to detections: measured on its own, not the sum."),
});
/** See {@linkcode StageSamplesSchema}. */
export type StageSamples = z.infer<typeof StageSamplesSchema>;

/** Schema of the runner's first line: what it is and which options took effect. */
export const RunnerHeaderSchema = z.strictObject({
  kind: z.literal("runner").describe("What the line holds."),
  schemaVersion: z.literal(1).describe("Version of the schema that the value is by."),
  runnerVersion: z.string().describe("Version of the runner."),
  ncnnVersion: z.string().describe("Version of ncnn in the runner."),
  compiler: z.string().describe("Compiler and its version."),
  debugBuild: z.boolean().describe(
    "True for a build without optimisation: its times mean nothing.",
  ),
  testBuild: z.boolean().describe(
    "True for a build with test switches (injected slow-downs and defects).",
  ),
  abi: z.string().describe("ABI that the runner was built for, for instance `arm64-v8a`."),
  cpuFeatures: z.array(z.string()).describe("CPU features that ncnn found at run time."),
  cpuCount: z.int().describe("CPUs that ncnn counts."),
  bigCpuCount: z.int().describe("Big CPUs that ncnn counts."),
  cpuMask: z.string().nullable().optional().describe(
    "CPUs on which the scheduler let the threads run, read back after they were set; hexadecimal mask, null where the system does not tell, absent in records of before.",
  ),
  offlineCpus: z.array(z.int()).optional().describe(
    "CPUs that were there and switched off; absent in records of before.",
  ),
  options: z.strictObject({
    threads: z.int().positive().describe("Threads of the runner."),
    powersave: z.int().nullable().describe(
      "ncnn's powersave: 0 all cores, 1 little, 2 big; null when a mask was given.",
    ),
    coreMask: z.string().nullable().describe(
      "CPUs that the threads may run on, hexadecimal; null when it was not set.",
    ),
    precisionRequested: z.enum(PRECISION_NAMES).describe("Precision that was asked of ncnn."),
    precisionEffective: z.enum(EFFECTIVE_PRECISIONS).describe("What the CPU executed."),
    fp16Packed: z.boolean().describe("ncnn's switches as they stood when the network was loaded."),
    fp16Storage: z.boolean().describe("ncnn's `use_fp16_storage`."),
    fp16Arithmetic: z.boolean().describe("ncnn's `use_fp16_arithmetic`."),
    bf16Storage: z.boolean().describe("ncnn's `use_bf16_storage`."),
    int8Inference: z.boolean().describe("ncnn's `use_int8_inference`."),
    winograd: z.boolean().describe("ncnn's `use_winograd_convolution`."),
    sgemm: z.boolean().describe("ncnn's `use_sgemm_convolution`."),
    packing: z.boolean().describe("ncnn's `use_packing_layout`."),
    warmup: z.int().nonnegative().describe("Iterations before the samples, on the first image."),
    iterations: z.int().nonnegative().describe("0 in a pass that only wants detections."),
    scoreThreshold: z.number().describe("Lowest score of a detection, 0 to 1."),
    nmsIou: z.number().describe("IoU above which NMS drops the lower of two boxes, 0 to 1."),
    maxDetections: z.int().describe("Detections that are kept per image, at most."),
    sigmoid: z.enum(["exact", "fast"]).describe(
      "The exponential of the sigmoid: the library's, or the fast one.",
    ),
    traps: z.array(z.string()).default([]).describe(
      "Known defects that version 0.1.0 could switch on, for instance `swap-rb`; empty since then.",
    ),
    injectSlowdownPercent: z.number().describe(
      "Part of the inference time that a test build waits besides, percent.",
    ),
  }).describe("Options as they took effect."),
});
/** See {@linkcode RunnerHeaderSchema}. */
export type RunnerHeader = z.infer<typeof RunnerHeaderSchema>;

/** Schema of the runner's line for one image. */
export const RunnerImageSchema = z.strictObject({
  kind: z.literal("image").describe("What the line holds."),
  imageId: z.string().describe("Id of the image in the run."),
  inputWidthPx: z.int().positive().describe("Width of the network's input for this image, pixels."),
  inputHeightPx: z.int().positive().describe(
    "Height of the network's input for this image, pixels.",
  ),
  firstNs: z.strictObject({
    preprocess: Ns.describe("Letterbox and normalisation, nanoseconds."),
    inference: Ns.describe("The network, from input to extracted outputs, nanoseconds."),
    postprocess: Ns.describe("Decode, selection and the way back to image pixels, nanoseconds."),
    total: Ns.describe("From raw pixels to detections, measured on its own, nanoseconds."),
  }).nullable().describe(
    "The launch's first iteration on this image, nanoseconds, kept apart from the samples; null when it was part of the warm-up.",
  ),
  samplesNs: StageSamplesSchema.describe("Samples of each stage, nanoseconds."),
  candidateCount: z.int().nonnegative().describe("Cells over the threshold, before NMS."),
  notFinite: z.int().positive().optional().describe(
    "Values of the network's outputs, and detections left out, that are NaN or infinite; absent when there are none.",
  ),
  detections: z.array(DetectionSchema).describe("What the runner found on the image."),
});
/** See {@linkcode RunnerImageSchema}. */
export type RunnerImage = z.infer<typeof RunnerImageSchema>;

/** Schema of the runner's last line: without it the launch did not finish. */
export const RunnerEndSchema = z.strictObject({
  kind: z.literal("end").describe("What the line holds."),
  imageCount: z.int().nonnegative().describe("Images that were run."),
  coldStart: z.strictObject({
    paramNs: Ns.describe("Reading, checking and parsing the `.param`, nanoseconds."),
    binNs: Ns.describe("Reading the `.bin`, which the system may hold in its cache, nanoseconds."),
    pipelineNs: Ns.describe(
      "Unpacking the weights and laying them out for the kernels (ncnn's `load_model` and `create_pipeline`), nanoseconds.",
    ),
    firstInferenceNs: Ns.nullable().describe(
      "First run of the network in this process, nanoseconds; null when there was none.",
    ),
  }).optional().describe(
    "What the process spent before it could answer; absent in records of before, and where several networks shared the process.",
  ),
  loadedRssBytes: z.int().nullable().optional().describe(
    "Resident memory when the network was loaded, before the first inference, bytes; null when unknown, absent as `coldStart`.",
  ),
  steadyRssBytes: z.int().nullable().optional().describe(
    "Resident memory after the last inference, bytes; null when unknown, absent as `coldStart`.",
  ),
  peakRssBytes: z.int().nullable().describe(
    "Largest resident memory of the process, bytes; null when unknown.",
  ),
  elapsedNs: Ns.describe("Time of the whole launch, nanoseconds."),
  fnv1a64: z.string().regex(/^[0-9a-f]{16}$/).describe(
    "FNV-1a 64 of all bytes of the lines before this one (newlines included), 16 hexadecimal digits.",
  ),
});
/** See {@linkcode RunnerEndSchema}. */
export type RunnerEnd = z.infer<typeof RunnerEndSchema>;

/** Schema of the first line of a launch that several contestants share. */
export const RunnerTurnsSchema = z.strictObject({
  kind: z.literal("turns").describe("What the line holds."),
  contestantCount: z.int().min(2).describe("Contestants of the launch."),
  unmeasured: z.int().nonnegative().describe("Inferences of a turn before the measured ones."),
  measured: z.int().positive().describe("Measured inferences of a turn."),
  firstStep: z.int().nonnegative().describe("Step of the order that the first image has."),
});
/** See {@linkcode RunnerTurnsSchema}. */
export type RunnerTurns = z.infer<typeof RunnerTurnsSchema>;

/** Schema of one image of the run. */
export const RunImageSchema = z.strictObject({
  id: z.string().describe("Id of the image in the run."),
  file: z.string().describe("Name of the file."),
  widthPx: z.int().positive().describe("Width of the image, pixels."),
  heightPx: z.int().positive().describe("Height of the image, pixels."),
  sha256: z.string().describe("Of the file's bytes."),
  cocoImageId: z.int().nullable().describe(
    "COCO's image id; null for a folder without annotations.",
  ),
});
/** See {@linkcode RunImageSchema}. */
export type RunImage = z.infer<typeof RunImageSchema>;

/** Schema of the first record of a file: everything that holds for the whole run. */
export const RunRecordSchema = z.strictObject({
  kind: z.literal("run").describe("What the line holds."),
  schemaVersion: z.literal(RECORD_VERSION).describe("Version of the schema that the value is by."),
  runId: z.string().describe("Id of the run: time in UTC and eight random digits."),
  createdAt: z.string().describe("When the run began, ISO 8601."),
  command: z.array(z.string()).describe("The exact command line."),
  options: z.record(z.string(), z.unknown()).describe("Options of the run by name."),
  devices: z.array(DeviceDescriptionSchema).describe("Devices of the run."),
  variants: z.array(VariantManifestSchema).describe("Manifests of the variants."),
  baseVariantId: z.string().describe("Id of the variant that ratios are taken against."),
  images: z.array(RunImageSchema).describe("Images, in the order of the run."),
  commits: RunCommitsSchema.optional().describe(
    "Commits of the models and of the caller, by which the run is filed; absent in records of before.",
  ),
  harness: z.strictObject({
    version: z.string().describe("Version of Posemark."),
    gitCommit: z.string().nullable().describe(
      "Commit of Posemark's own checkout, with `-dirty` when its files had changed; null without one.",
    ),
    deno: z.string().describe("Version of Deno."),
    onnxruntime: z.string().describe("Version of onnxruntime."),
    ncnn: z.string().describe("Version of ncnn."),
    runnerSha256: z.record(z.string(), z.string()).describe(
      "Hash of the runner binary per device serial.",
    ),
  }).describe("What ran the run."),
});
/** See {@linkcode RunRecordSchema}. */
export type RunRecord = z.infer<typeof RunRecordSchema>;

/** Schema of one finished launch of a variant in a round. */
export const LaunchRecordSchema = z.strictObject({
  ...ofVariant("launch"),
  round: z.int().nonnegative().describe("Counts from 0."),
  position: z.int().nonnegative().describe(
    "Place of the variant within its round, from 0 (ABBA order).",
  ),
  startedAt: z.string().describe("When the launch began, by the host's clock, ISO 8601."),
  runner: RunnerHeaderSchema.describe("The runner's header."),
  images: z.array(RunnerImageSchema).describe("Images, in the order of the run."),
  end: RunnerEndSchema.describe("The runner's last line."),
  stateBefore: DeviceStateSchema.nullable().describe(
    "State of the device before the launch; null when it could not be read.",
  ),
  stateAfter: DeviceStateSchema.nullable().describe(
    "State of the device after the launch; null when it could not be read.",
  ),
  marks: z.array(z.string()).describe(
    "Why the launch is not like the rest: `throttled`, `hot-start`, `emulated`, `test-build`, …",
  ),
});
/** See {@linkcode LaunchRecordSchema}. */
export type LaunchRecord = z.infer<typeof LaunchRecordSchema>;

/** Schema of how a contestant took its turns in a launch that it shared with others. */
export const TurnsSchema = z.strictObject({
  launch: z.string().describe(
    "Names the shared launch within the run and device: those who took part have the same.",
  ),
  contestants: z.array(z.string()).min(2).describe(
    "Ids of the variants that took part, in the order in which they were loaded.",
  ),
  unmeasured: z.int().nonnegative().describe("Inferences of a turn before the measured ones."),
  firstStep: z.int().nonnegative().describe(
    "Step of the order of turns that the first image had (runner-cpp/turn_order.h).",
  ),
  turnOfImage: z.array(z.int().nonnegative()).describe(
    "For each image the place of this variant's turn among all turns of the launch, from 0.",
  ),
  peakRssBytes: z.int().nullable().describe(
    "Largest resident memory of the process with all contestants, bytes; null when unknown.",
  ),
});
/** See {@linkcode TurnsSchema}. */
export type Turns = z.infer<typeof TurnsSchema>;

/**
 * Schema of what one variant did in a launch that it shared with others, by turns on each image:
 * a launch record that counts for ratios within the launch alone. Times, memory and the time to
 * load come from launches of the variant alone.
 */
export const TurnsRecordSchema = LaunchRecordSchema.extend({
  kind: z.literal("turns").describe("What the line holds."),
  position: z.int().nonnegative().describe("Place of the variant in the order of loading, from 0."),
  turns: TurnsSchema.describe("How the variant took its turns."),
});
/** See {@linkcode TurnsRecordSchema}. */
export type TurnsRecord = z.infer<typeof TurnsRecordSchema>;

/** A launch of a variant alone, or its part in a shared one. */
export type AnyLaunch = LaunchRecord | TurnsRecord;

/** Schema of a launch that did not finish. */
export const FailureRecordSchema = z.strictObject({
  ...ofVariant("failure"),
  round: z.int().nonnegative().describe("Round of the launch, from 0."),
  at: z.string().describe("When it was, by the host's clock, ISO 8601."),
  code: z.string().describe("Stable code, see the table of errors and warnings."),
  message: z.string().describe("What was found, in one sentence."),
  stderrTail: z.array(z.string()).describe(
    "Last lines that the program wrote to its standard error.",
  ),
});
/** See {@linkcode FailureRecordSchema}. */
export type FailureRecord = z.infer<typeof FailureRecordSchema>;

/**
 * Schema of benchncnn's own figures for a variant's param in a round (a second opinion on speed).
 */
export const BenchncnnRecordSchema = z.strictObject({
  ...ofVariant("benchncnn"),
  round: z.int().nonnegative().describe("Round of the launch, from 0."),
  at: z.string().describe("When it was, by the host's clock, ISO 8601."),
  loops: z.int().positive().describe("Loops that benchncnn ran."),
  threads: z.int().positive().describe("Threads of the runner."),
  powersave: z.int().describe("ncnn's powersave: 0 all cores, 1 little, 2 big."),
  inputWidthPx: z.int().describe("Width of the network's input, pixels."),
  inputHeightPx: z.int().describe("Height of the network's input, pixels."),
  minMs: z.number().describe("Least time of a loop, milliseconds."),
  maxMs: z.number().describe("Largest time of a loop, milliseconds."),
  avgMs: z.number().describe("Average time of a loop, milliseconds."),
});
/** See {@linkcode BenchncnnRecordSchema}. */
export type BenchncnnRecord = z.infer<typeof BenchncnnRecordSchema>;

/**
 * Schema of the times of a variant's layers, by a profiling build that is slower than the one of
 * the rounds.
 */
export const LayerTimesRecordSchema = z.strictObject({
  ...ofVariant("layer-times"),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS).describe("What the CPU executed."),
  threads: z.int().positive().describe("Threads of the runner."),
  inputWidthPx: z.int().positive().describe("Width of the network's input, pixels."),
  inputHeightPx: z.int().positive().describe("Height of the network's input, pixels."),
  iterations: z.int().positive().describe("Iterations that the medians are taken over."),
  layers: z.array(
    z.strictObject({
      type: z.string().describe("Type of the layer in ncnn."),
      name: z.string().describe("Name of the layer in the `.param`."),
      medianNs: z.number().nonnegative().describe("Median time of the layer, nanoseconds."),
    }),
  ).describe("In the order of execution."),
});
/** See {@linkcode LayerTimesRecordSchema}. */
export type LayerTimesRecord = z.infer<typeof LayerTimesRecordSchema>;

/** Schema of the runner's line of kind `roofline`: what the CPU can do at best. */
export const RooflineSchema = z.strictObject({
  kind: z.literal("roofline").describe("What the line holds."),
  schemaVersion: z.literal(1).describe("Version of the schema that the value is by."),
  threads: z.int().positive().describe("Threads of the runner."),
  fp32GflopPerSecond: z.number().positive().describe(
    "Operations in fp32, 1e9 per second; a fused multiply-add counts as two.",
  ),
  fp32Kernel: z.string().describe("Instructions that were used, for instance `avx2 fma`."),
  fp16GflopPerSecond: z.number().positive().nullable().describe(
    "Operations in fp16, 1e9 per second; null when the CPU has no fp16 arithmetic.",
  ),
  bandwidthGbytePerSecond: z.number().positive().describe(
    "Bandwidth of the memory, 1e9 bytes per second: of a triad over arrays far larger than the caches, two reads and one write.",
  ),
});
/** See {@linkcode RooflineSchema}. */
export type Roofline = z.infer<typeof RooflineSchema>;

/** Schema of the comparison of one blob with the reference's tensor. */
export const LayerComparisonSchema = z.strictObject({
  index: z.int().nonnegative().describe("Place of the layer in the `.param`, from 0."),
  layer: z.string().describe("Name of the layer in the `.param`."),
  type: z.string().describe("Type of the layer in ncnn."),
  blob: z.string().describe("Name of the blob in the `.param`."),
  tensor: z.string().nullable().describe(
    "Nearest tensor of the reference; null when none has its size.",
  ),
  maxAbs: z.number().nullable().describe(
    "Largest absolute difference; null without a tensor or when a value is not finite.",
  ),
  rms: z.number().nullable().describe("Root mean square of the differences; null as `maxAbs`."),
  maxAllowed: z.number().nullable().describe("Tolerance of `maxAbs`; null without a tensor."),
  rmsAllowed: z.number().nullable().describe("Tolerance of `rms`; null without a tensor."),
  verdict: z.enum(["pass", "fail", "not-compared"]).describe("The judgement."),
});
/** See {@linkcode LayerComparisonSchema}. */
export type LayerComparison = z.infer<typeof LayerComparisonSchema>;

/** Schema of the comparison of all blobs of a variant on one image. */
export const LayerParityRecordSchema = z.strictObject({
  ...ofVariant("layer-parity"),
  imageId: z.string().describe("Id of the image in the run."),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS).describe("What the CPU executed."),
  compared: z.int().nonnegative().describe("Blobs that were compared."),
  failed: z.int().nonnegative().describe("Blobs beyond their tolerance."),
  firstBeyond: LayerComparisonSchema.nullable().describe(
    "First layer beyond its tolerance whose inputs are within theirs; null when there is none.",
  ),
  worst: z.array(LayerComparisonSchema).describe(
    "Those nearest to their tolerance or beyond it, worst first.",
  ),
});
/** See {@linkcode LayerParityRecordSchema}. */
export type LayerParityRecord = z.infer<typeof LayerParityRecordSchema>;

/** Schema of the roofline of a device, measured in this run. */
export const RooflineRecordSchema = RooflineSchema.extend({
  schemaVersion: z.literal(RECORD_VERSION).describe("Version of the schema that the value is by."),
  runId: z.string().describe("Id of the run: time in UTC and eight random digits."),
  device: z.string().describe("Serial of the device, `host` for this machine."),
});
/** See {@linkcode RooflineRecordSchema}. */
export type RooflineRecord = z.infer<typeof RooflineRecordSchema>;

/** Stages in the order of the pipeline. */
export const STAGES = ["preprocess", "network", "decode", "nms", "end-to-end"] as const;

/** Schema of the judgement of one stage for one image. */
export const StageParitySchema = z.strictObject({
  stage: z.enum(STAGES).describe("The stage that is judged."),
  verdict: z.enum(["pass", "fail", "inconclusive"]).describe("The judgement."),
  maxAbsDiff: z.number().nullable().describe("Largest absolute difference, in `unit`."),
  tolerance: z.number().nullable().describe(
    "Largest difference that is allowed, in `unit`; null when none could be derived.",
  ),
  unit: z.string().describe("`level/255`, `logit`, `px`, `boxes`, …"),
  reason: z.string().describe("Where the tolerance comes from, and what was found."),
});
/** See {@linkcode StageParitySchema}. */
export type StageParity = z.infer<typeof StageParitySchema>;

/** Schema of one matched pair of detections. */
export const MatchSchema = z.strictObject({
  referenceIndex: z.int().describe("Index in `reference`."),
  candidateIndex: z.int().describe("Index in `candidate`."),
  oks: z.number().describe("Object keypoint similarity of the two, 0 to 1."),
  distancesPx: z.array(z.number()).describe("Distance per joint in pixels of the original image."),
  scoreDiff: z.number().describe("Candidate's score minus the reference's."),
  visibilityFlips: z.int().describe("Joints whose visibility crosses 0.5 in one of the two only."),
});
/** See {@linkcode MatchSchema}. */
export type Match = z.infer<typeof MatchSchema>;

/** Schema of what one variant detects on one image, and its parity with the reference. */
export const ParityRecordSchema = z.strictObject({
  ...ofVariant("parity"),
  imageId: z.string().describe("Id of the image in the run."),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS).describe("What the CPU executed."),
  stages: z.array(StageParitySchema).describe(
    "Judgements of the stages in the order of the pipeline.",
  ),
  firstFailedStage: z.enum(STAGES).nullable().describe(
    "First stage that fails; null when none does.",
  ),
  reference: z.array(DetectionSchema).describe(
    "Detections of the ONNX reference of the same activation and shape.",
  ),
  candidate: z.array(DetectionSchema).describe("Detections of the variant on the device."),
  matches: z.array(MatchSchema).describe("Pairs of a reference and a candidate detection."),
  unmatchedReference: z.array(z.int()).describe(
    "Indices of reference detections without a partner. Those near the score threshold are explained by the tolerance and don't fail.",
  ),
  unmatchedCandidate: z.array(z.int()).describe(
    "Indices of candidate detections without a partner.",
  ),
  explainedUnmatched: z.int().describe("Of the unmatched ones, how many the tolerance explains."),
});
/** See {@linkcode ParityRecordSchema}. */
export type ParityRecord = z.infer<typeof ParityRecordSchema>;

/** Schema of any line of `records.jsonl`. */
export const RecordSchema = z.discriminatedUnion("kind", [
  RunRecordSchema,
  LaunchRecordSchema,
  TurnsRecordSchema,
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
