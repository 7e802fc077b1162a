/**
 * The contract of `report.json`: everything that the HTML report shows, so that the page is a
 * function of it.
 *
 * @module
 */
import { z } from "zod";
import { migrateManifest } from "../record/migrate.ts";
import { migrateReport } from "./migrate.ts";
import {
  ACTIVATIONS,
  AXIS_NAMES,
  CONVERTED,
  HEADS,
  VariantProperties,
  WarningSchema,
} from "../record/variant.ts";
import { EFFECTIVE_PRECISIONS, PRECISION_NAMES } from "../record/precision.ts";
import { DEFAULT_MAX_AP_DROP } from "../parity/ap_verdict.ts";
import { METRIC_UNITS } from "../record/metrics.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "../record/device.ts";
import {
  DetectionSchema,
  LayerParityRecordSchema,
  MatchSchema,
  StageParitySchema,
  STAGES,
  StageSamplesSchema,
} from "../record/records.ts";

/** Newest version of the report's schema. */
export const REPORT_VERSION = 2 as const;

const Percentiles = z.strictObject({
  p50: z.number().describe("Median, nanoseconds."),
  p90: z.number().describe("90th percentile, nanoseconds."),
  p99: z.number().describe("99th percentile, nanoseconds."),
});

/**
 * Schema of an estimate with its 95 % confidence interval; null bounds when the rounds are too few
 * for one.
 */
export const IntervalSchema = z.strictObject({
  value: z.number().describe("The estimate."),
  low: z.number().nullable().describe(
    "Lower bound of the 95 % interval; null when the rounds are too few for one.",
  ),
  high: z.number().nullable().describe(
    "Upper bound of the 95 % interval; null when the rounds are too few for one.",
  ),
});

/**
 * Schema of a variant's manifest in the report. A report of before version 0.2.0 told a part of it,
 * which is required here.
 */
const EmbeddedManifestSchema = z.preprocess(
  migrateManifest,
  VariantProperties.extend({
    param: CONVERTED.param.partial({ blobs: true }).describe(CONVERTED.param.description!),
  }).partial({
    classCount: true,
    keypointCount: true,
    keypointDims: true,
    strides: true,
    regMax: true,
    source: true,
    referenceOnnx: true,
    inputBlob: true,
    outputs: true,
    tools: true,
    logs: true,
    warnings: true,
  }),
).describe("Manifest of the variant; of a report before 0.2.0 the properties that it told.");

/** What can be in the way of a rank. */
export const UNRANKED_CODES = [
  "unfinished",
  "parity",
  "not-judged",
  "emulated",
  "test-build",
  "noise",
] as const;

const RankObject = z.strictObject({
  best: z.int().positive().describe("Best place that the launches leave."),
  worst: z.int().positive().describe("Worst place that the launches leave."),
});
/** Schema of a place; of a report of before, a number. */
const RankSchema = z.preprocess(
  (rank) => typeof rank === "number" ? { best: rank, worst: rank } : rank,
  RankObject,
);

/** Schema of the ranking on one device. */
export const RankingSchema = z.strictObject({
  device: z.string().describe("Serial of the device, with the load where there are several."),
  variants: z.array(z.strictObject({
    variantId: z.string().describe("Id of the variant."),
    rank: RankObject.nullable().describe("Its place; null when it has none."),
    unranked: z.string().nullable().describe("Why it has none; null when it has one."),
  })).describe("By time per image; as they were asked for where no order is known."),
  pairs: z.array(z.strictObject({
    faster: z.string().describe("Id of the variant that looks faster."),
    slower: z.string().describe("Id of the other one."),
    ratio: z.number().describe("Time of the slower / time of the faster, 1 and above."),
    low: z.number().nullable().describe(
      "Lower bound; the intervals of all pairs hold together with 95 %. Null when there is none.",
    ),
    high: z.number().nullable().describe("Upper bound, as `low`."),
    certain: z.boolean().describe("True when the interval excludes that both are the same."),
  })).describe("Every pair with a claim to a rank."),
  undecided: z.array(z.string()).describe("In words, each pair of neighbours that is open."),
});

/** Schema of what a device ran with, and of its states, as its launches tell them. */
export const ConditionsSchema = z.strictObject({
  device: z.string().describe("Serial of the device, `host` for this machine."),
  threads: z.array(z.int()).describe("Threads of the launches, each number once."),
  powersave: z.array(z.int().nullable()).describe("ncnn's powersave; null where a mask was given."),
  coreMasks: z.array(z.string().nullable()).describe("Masks of CPUs; null where none was set."),
  ncnnVersions: z.array(z.string()).describe("Versions of ncnn in the runners."),
  launches: z.int().describe("Launches that are in the figures."),
  heat: z.strictObject({
    verdict: z.enum(["cool", "hot", "unknown"]).describe(
      "`hot`: a launch ran throttled, began hot, or lost its pinned frequency; `unknown`: nothing tells.",
    ),
    hottestC: z.number().nullable().describe("Hottest zone that was read, degrees Celsius."),
    hotLaunches: z.int().describe("Launches with such a mark."),
  }).describe("Whether heat was in the figures."),
  speeds: z.strictObject({
    ratio: z.number().describe("Time in the slow state / time in the fast one, above 1."),
    fastLaunches: z.int().describe("Launches that met the fast state."),
    slowLaunches: z.int().describe("Launches that met the slow state."),
  }).nullable().describe("Two speeds of the machine; null when its launches have one."),
  drift: z.strictObject({
    ratio: z.number().describe("Time at the end / time at the beginning."),
  }).nullable().describe("A steady change over the run; null when there is none."),
  steal: z.strictObject({
    meanShare: z.number().describe(
      "Mean over the launches of the share of the CPUs' time, 0 to 1.",
    ),
    mostShare: z.number().describe("Most in a launch."),
  }).nullable().describe(
    "Time that the hypervisor gave to others; null when it does not matter or is not known.",
  ),
  stealKnown: z.int().describe("Launches whose stolen time the system told."),
});

/** Schema of one variant on one device, judged. */
export const ReportVariantSchema = z.strictObject({
  id: z.string().describe("Id of the variant."),
  device: z.string().describe("Serial of the device."),
  activation: z.enum(ACTIVATIONS).describe("Activation of most of the graph."),
  head: z.enum(HEADS).describe(
    "What the graph gives: decoded boxes, or raw blobs in one of two layouts.",
  ),
  precision: z.strictObject({
    requested: z.enum(PRECISION_NAMES).describe("Precision that was asked of ncnn."),
    effective: z.enum(EFFECTIVE_PRECISIONS).nullable().describe(
      "What ran; null when no launch finished.",
    ),
  }).describe("What was asked for and what ran."),
  variant: EmbeddedManifestSchema,
  labels: z.record(z.enum(AXIS_NAMES), z.string()).describe(
    "The value on each axis as people read it; of the precision the one that ran.",
  ),
  ranAsAsked: z.boolean().nullable().describe(
    "True when the precision that ran is what was asked for; null when no launch finished.",
  ),
  timeNs: z.number().nullable().describe(
    'Time per image, nanoseconds: the location of the launches\' medians of the total, whose quotients are the ratios. It is `medianTotalNs.value` and `figures["total.p50"].value`; null without samples.',
  ),
  latencyNs: z.strictObject({
    preprocess: Percentiles.describe("Letterbox and normalisation, nanoseconds."),
    inference: Percentiles.describe("The network, from input to extracted outputs, nanoseconds."),
    postprocess: Percentiles.describe(
      "Decode, selection and the way back to image pixels, nanoseconds.",
    ),
    total: Percentiles.describe("From raw pixels to detections, measured on its own, nanoseconds."),
  }).nullable().describe(
    "Percentiles of all samples of all finished launches pooled, nanoseconds: no figure of speed, that is `timeNs`. Null when no launch finished.",
  ),
  medianTotalNs: IntervalSchema.nullable().describe(
    "Time per image with its 95 % interval over launches, nanoseconds.",
  ),
  fps: z.number().nullable().describe(
    "Images per second: 1e9 / `timeNs`; null when parity failed, on an emulated device, or without samples.",
  ),
  ratio: IntervalSchema.extend({
    base: z.string().describe("Id of the variant that the ratio is taken against."),
    useless: z.boolean().default(false).describe(
      "True when the ratio has no interval, or one wider than ±10 % and than the effect itself: it is no headline.",
    ),
  }).nullable().describe(
    "Speed-up over the base: the base's time per image / this variant's. Its interval is over what both met alike: launches by turns, rounds. Null as `fps`.",
  ),
  rank: RankSchema.nullable().describe(
    "Best and worst place by time per image on this device that the launches leave, from 1; null: see `unranked`.",
  ),
  unranked: z.strictObject({
    code: z.enum(UNRANKED_CODES).describe("What is in the way of a rank."),
    message: z.string().describe("The same in words, with figures."),
  }).nullable().default(null).describe(
    "Why it has no rank; null when it has one, and in reports of before.",
  ),
  quality: z.strictObject({
    converted: z.enum(["right", "wrong", "not-judged"]).describe(
      "Converted right: its detections agree with its own reference. `not-judged` also where nobody was matched.",
    ),
    accurate: z.enum(["right", "lossy", "not-judged"]).describe(
      "Accurate enough: AP against the base within `apBudget`. `not-judged` without annotations, for speed-only variants, and where the images are too few to tell.",
    ),
  }).describe("The two questions that correctness is."),
  rounds: z.int().nonnegative().describe("Rounds that are in the figures."),
  figures: z.record(
    z.string(),
    IntervalSchema.extend({ unit: z.enum(METRIC_UNITS).describe("Unit of the values.") }),
  ).describe(
    "Every metric that is known, by name, in its unit: over launches, with the 95 % interval where there is one.",
  ),
  parity: z.strictObject({
    verdict: z.enum(["pass", "fail", "inconclusive"]).describe("The judgement."),
    maxPx: z.number().nullable().describe(
      "Largest distance, pixels of the original image; null when nothing was matched.",
    ),
    p99Px: z.number().nullable().describe(
      "99th percentile of the distances, pixels of the original image.",
    ),
    minOks: z.number().nullable().describe(
      "Smallest object keypoint similarity of a matched pair, 0 to 1.",
    ),
    unmatched: z.int().describe(
      "Detections without a partner that the tolerance does not explain.",
    ),
    matched: z.int().describe("Pairs of detections that were matched."),
    explainedUnmatched: z.int().describe(
      "Detections without a partner that the tolerance explains.",
    ),
    firstFailedStage: z.enum(STAGES).nullable().describe(
      "First stage that fails; null when none does.",
    ),
    tolerancePx: z.number().nullable().describe(
      "Distance that is allowed end to end, pixels; null when nothing was matched.",
    ),
    reason: z.string().describe("The verdict in words, with the tolerance and its reason."),
    stages: z.array(StageParitySchema).describe(
      "Judgements of the stages in the order of the pipeline.",
    ),
    joints: z.array(z.strictObject({
      name: z.string().describe("Name of the joint."),
      p99Px: z.number().describe("99th percentile of the distances, pixels of the original image."),
      maxPx: z.number().describe(
        "Largest distance, pixels of the original image; null when nothing was matched.",
      ),
    })).describe("Per joint: p99 and max distance in pixels; empty when nothing was matched."),
    details: z.strictObject({
      sizes: z.array(
        z.strictObject({
          size: z.enum(["small", "medium", "large"]).describe("COCO's size of the person."),
          people: z.int().describe("Matched people of this size."),
          meanPx: z.number().describe("Mean distance, pixels of the original image."),
          maxPx: z.number().describe(
            "Largest distance, pixels of the original image; null when nothing was matched.",
          ),
          minOks: z.number().describe(
            "Smallest object keypoint similarity of a matched pair, 0 to 1.",
          ),
        }),
      ).describe("COCO's sizes that occur."),
      visibilityFlips: z.int().describe(
        "Joints whose visibility crosses 0.5 in one of the two only, of how many.",
      ),
      joints: z.int().describe("Joints of the matched people."),
      scoreShift: z.strictObject({
        mean: z.number().describe("Mean of the differences of the scores."),
        maxAbs: z.number().describe("Largest absolute difference of the scores."),
      }).nullable().describe("Candidate minus reference; null when nothing was matched."),
      vanished: z.int().describe("Detections that the reference alone has."),
      appeared: z.int().describe("Detections that the candidate alone has."),
    }).nullable().default(null).describe("Null in reports before it was told."),
  }).describe("Whether the keypoints are those of the reference."),
  accuracy: z.strictObject({
    kind: z.enum(["keypoints", "boxes"]).default("keypoints").describe(
      "What the AP is of: keypoints by OKS, or boxes by IoU for a model without keypoints.",
    ),
    ap: z.number().describe("Average precision over OKS (IoU) 0.50 to 0.95, 0 to 1."),
    ap50: z.number().describe("Average precision at OKS (IoU) 0.50, 0 to 1."),
    ap75: z.number().describe("Average precision at OKS (IoU) 0.75, 0 to 1."),
    referenceAp: z.number().describe("AP of the ONNX reference of this variant."),
    difference: IntervalSchema.nullable().describe(
      "AP minus referenceAp, 95 % bootstrap interval over images.",
    ),
    sigmas: z.string().nullable().default(null).describe(
      "Which standard deviations of the joints OKS has; null for boxes and in older reports.",
    ),
    jointErrors: z.strictObject({
      joints: z.array(z.strictObject({
        name: z.string().describe("Name of the joint."),
        labelled: z.int().describe("Objects with the joint labelled."),
        found: z.int().describe("Those of them that were found, by their boxes."),
        meanPx: z.number().nullable().describe(
          "Mean distance in found objects, pixels of the original image; null when none was found.",
        ),
        pck: z.number().nullable().describe(
          "Share within a tenth of the longer side of the object's box, 0 to 1; null when none is labelled.",
        ),
      })).describe("By joint."),
      pck: z.number().nullable().describe("Over all labelled joints, 0 to 1."),
      meanPx: z.number().nullable().describe("Over all joints of found objects, pixels."),
    }).nullable().default(null).describe(
      "Errors against the annotations; null for boxes and in older reports.",
    ),
    doubts: z.array(z.string()).default([]).describe(
      "What to look at before believing the AP, in sentences.",
    ),
    againstBase: IntervalSchema.nullable().default(null).describe(
      "AP minus that of the base on this device, 95 % bootstrap interval over images; null for the base, where it has no AP or one near 0, and in reports of before.",
    ),
  }).nullable().describe(
    "COCO's AP on the run's images; null where it isn't known, see `accuracyAbsent`.",
  ),
  accuracyAbsent: z.string().nullable().default(null).describe(
    "Why there is no accuracy, as a clause; null when there is one and in older reports.",
  ),
  benchncnn: z.strictObject({
    minMs: z.number().describe("Least time of benchncnn's loops, milliseconds."),
    avgMs: z.number().describe("Location over rounds of benchncnn's average, milliseconds."),
    ratio: z.number().describe(
      'Our time of the network (`figures["inference.p50"].value`) / `avgMs`.',
    ),
    rounds: z.int().describe("Rounds that are in the figures."),
    note: z.string().describe("What the two figures have in common and what not."),
  }).nullable().describe(
    "benchncnn's figures beside ours; null when it did not run for this variant.",
  ),
  warnings: z.array(WarningSchema).describe("What a reader should know, with advice."),
});
/** See {@linkcode ReportVariantSchema}. */
export type ReportVariant = z.infer<typeof ReportVariantSchema>;

/** Schema of the samples of one finished launch, as in the record. */
export const ReportLaunchSchema = z.strictObject({
  device: z.string().describe("Serial of the device, `host` for this machine."),
  variantId: z.string().describe("Id of the variant."),
  round: z.int().describe("Round of the launch, from 0."),
  position: z.int().describe("Place of the variant within its round, from 0."),
  startedAt: z.string().describe("When the launch began, by the host's clock, ISO 8601."),
  marks: z.array(z.string()).describe("Why the launch is not like the rest."),
  speed: z.enum(["fast", "slow"]).nullable().default(null).describe(
    "Of a machine with two speeds the one that the launch met; null where there is one, where it can't be told, and in reports of before.",
  ),
  stateBefore: DeviceStateSchema.nullable().describe(
    "State of the device before the launch; null when it could not be read.",
  ),
  stateAfter: DeviceStateSchema.nullable().describe(
    "State of the device after the launch; null when it could not be read.",
  ),
  images: z.array(
    z.strictObject({
      imageId: z.string().describe("Id of the image in the run."),
      samplesNs: StageSamplesSchema.describe("Samples of each stage, nanoseconds."),
    }),
  ).describe("Images, in the order of the run."),
});
/** See {@linkcode ReportLaunchSchema}. */
export type ReportLaunch = z.infer<typeof ReportLaunchSchema>;

/** Schema of one picture of the parity gallery. */
export const GalleryItemSchema = z.strictObject({
  imageId: z.string().describe("Id of the image in the run."),
  device: z.string().describe("Serial of the device, `host` for this machine."),
  variantId: z.string().describe("Id of the variant."),
  reference: z.array(DetectionSchema).describe(
    "Detections of the ONNX reference of the same activation and shape.",
  ),
  candidate: z.array(DetectionSchema).describe("Detections of the variant on the device."),
  matches: z.array(MatchSchema).describe("Pairs of a reference and a candidate detection."),
  unmatchedReference: z.array(z.int()).describe(
    "Indices of reference detections without a partner.",
  ),
  unmatchedCandidate: z.array(z.int()).describe(
    "Indices of candidate detections without a partner.",
  ),
});
/** See {@linkcode GalleryItemSchema}. */
export type GalleryItem = z.infer<typeof GalleryItemSchema>;

/** Schema of one layer at a stage of the conversion. What is not known is null. */
export const ReportGraphLayerSchema = z.strictObject({
  name: z.string().describe("Name of the layer."),
  type: z.string().describe("Type of the layer."),
  fusedActivation: z.string().nullable().describe(
    "Activation that is part of the layer; null when there is none.",
  ),
  fate: z.enum(["same", "fused", "removed", "added"]).describe(
    "What the next step does to it, else what the last one made of it.",
  ),
  parameters: z.int().nullable().describe("Weights and biases."),
  flops: z.int().nullable().describe("Floating-point operations of one inference."),
  bytesMoved: z.int().nullable().describe("Bytes read and written, at four bytes a value."),
});

/**
 * Schema of a graph's structure for the section on fusion. Reports of before have no costs, steps
 * and layers.
 */
export const ReportGraphSchema = z.strictObject({
  variantId: z.string().describe("Id of the variant."),
  stages: z.array(
    z.strictObject({
      name: z.string().describe("Name of the stage."),
      layers: z.int().describe("Layers of the stage."),
      fusedActivations: z.int().describe("Activations that are part of the layer before them."),
      byType: z.record(z.string(), z.int()).describe("Layers by type."),
      parameters: z.int().nullable().default(null).describe(
        "Weights and biases: the sum over the layers, or how many layers it leaves out.",
      ),
      flops: z.int().nullable().default(null).describe(
        "Floating-point operations of one inference: the sum over the layers, or how many layers it leaves out.",
      ),
      bytesMoved: z.int().nullable().default(null).describe(
        "Bytes read and written, at four bytes a value whatever the stage stores: the sum over the layers, or how many layers it leaves out.",
      ),
      leftOut: z.strictObject({
        parameters: z.int().describe(
          "Weights and biases: the sum over the layers, or how many layers it leaves out.",
        ),
        flops: z.int().describe(
          "Floating-point operations of one inference: the sum over the layers, or how many layers it leaves out.",
        ),
        bytesMoved: z.int().describe(
          "Bytes read and written, at four bytes a value whatever the stage stores: the sum over the layers, or how many layers it leaves out.",
        ),
      })
        .default({ parameters: 0, flops: 0, bytesMoved: 0 }).describe(
          "Layers that each sum leaves out because their share is not known: it is a lower bound where this is not 0.",
        ),
      fileBytes: z.int().nullable().default(null).describe(
        "Size on disk with the weights, bytes; null for stages between the first and the last.",
      ),
      layerCosts: z.array(ReportGraphLayerSchema).default([]).describe("Layers with their costs."),
    }),
  ).describe(
    "`ONNX`, `ncnn`, `ncnn optimised`, `ncnn float`, `ncnn int8`: those that the variant has, in the order of the chain.",
  ),
  steps: z.array(
    z.strictObject({
      from: z.string().describe("Stage before the step."),
      to: z.string().describe("Stage after the step."),
      removed: z.record(z.string(), z.int()).describe(
        "Layers that went, by type; those that were fused are not among them.",
      ),
      added: z.record(z.string(), z.int()).describe(
        "Layers that came, by type; those that were fused are not among them.",
      ),
      fused: z.array(
        z.strictObject({
          layer: z.string().describe("Layer that the activation became part of."),
          activation: z.string().describe("Layer that was the activation."),
          kind: z.string().describe("Type of the activation."),
        }),
      ).describe("Activations that became part of the layer before them, which keeps its place."),
    }),
  ).default([]).describe("What led from each stage to the next: one fewer than stages."),
  svg: z.string().nullable().describe("The drawing, an `<svg>` element; null when too large."),
});

/** Schema of the time of one layer in the profiling build, with its roofline. */
export const ReportLayerTimeSchema = z.strictObject({
  device: z.string().describe("Serial of the device, `host` for this machine."),
  variantId: z.string().describe("Id of the variant."),
  layer: z.string().describe("Name of the layer in the `.param`."),
  type: z.string().describe("Type of the layer in ncnn."),
  timeNs: z.number().describe("Median time of the layer, nanoseconds."),
  macs: z.number().nullable().describe("Multiply-accumulates of the layer; null when unknown."),
  bytes: z.number().nullable().describe(
    "Bytes that the layer reads and writes; null when unknown.",
  ),
});

/** Schema of `report.json`; a report of an earlier version is read as one of the newest. */
export const ReportSchema = z.preprocess(
  migrateReport,
  z.strictObject({
    schemaVersion: z.literal(REPORT_VERSION).describe(
      "Version of the schema that the value is by.",
    ),
    runId: z.string().describe("Id of the run: time in UTC and eight random digits."),
    createdAt: z.string().describe("When the run began, ISO 8601."),
    command: z.array(z.string()).describe("The exact command line."),
    options: z.record(z.string(), z.unknown()).describe("Options of the run by name."),
    harness: z.record(z.string(), z.unknown()).describe(
      "What ran the run: versions, and the hash of the runner by device.",
    ),
    devices: z.array(DeviceDescriptionSchema).describe("Devices of the run."),
    base: z.string().describe("Id of the variant that ratios are taken against."),
    apBudget: z.number().default(DEFAULT_MAX_AP_DROP).describe(
      "Loss of AP against the base that is accurate enough.",
    ),
    conditions: z.array(ConditionsSchema).default([]).describe(
      "What each device ran with, and its states; empty in reports of before.",
    ),
    rankings: z.array(RankingSchema).default([]).describe(
      "The ranking on each device with its pairs; empty in reports of before.",
    ),
    variants: z.array(ReportVariantSchema).describe("Each variant on each device, judged."),
    images: z.array(
      z.strictObject({
        id: z.string().describe("Id of the image in the run."),
        file: z.string().describe("Name of the file."),
        widthPx: z.int().describe("Width of the image, pixels."),
        heightPx: z.int().describe("Height of the image, pixels."),
        thumbnail: z.string().nullable().describe(
          "`data:image/webp;base64,…` at most 640 px on the long side; null for images outside of the gallery.",
        ),
      }),
    ).describe("Images, in the order of the run."),
    launches: z.array(ReportLaunchSchema).describe("Samples of each finished launch."),
    failures: z.array(
      z.strictObject({
        device: z.string().describe("Serial of the device, `host` for this machine."),
        variantId: z.string().describe("Id of the variant."),
        round: z.int().describe("Round of the launch, from 0."),
        code: z.string().describe("Stable code, see the table of errors and warnings."),
        message: z.string().describe("What was found, in one sentence."),
      }),
    ).describe("Launches that did not finish."),
    gallery: z.array(GalleryItemSchema).describe("Pictures, the worst of each variant first."),
    skeletons: z.array(z.strictObject({
      keypointCount: z.int().positive().describe("Joints of the models that it is for."),
      jointNames: z.array(z.string()).nullable().describe(
        "Names in order, of the data set or else of the model; null when neither gives them.",
      ),
      bones: z.array(z.tuple([z.int(), z.int()])).describe("Joints that are joined, from 0."),
      flipPairs: z.array(z.tuple([z.int(), z.int()])).describe("Left and right joints, from 0."),
    })).default([]).describe("What joints are called and how they are joined, by their number."),
    graphs: z.array(ReportGraphSchema).describe("Graphs of the variants through the conversion."),
    layerTimes: z.array(ReportLayerTimeSchema).describe(
      "Times of the layers by the profiling build.",
    ),
    roofline: z.array(
      z.strictObject({
        device: z.string().describe("Serial of the device, `host` for this machine."),
        gflops: z.number().describe("Operations in fp32, 1e9 per second."),
        fp16Gflops: z.number().nullable().default(null).describe(
          "Operations in fp16, 1e9 per second; null without fp16 arithmetic, and in reports before it was measured.",
        ),
        gbPerSecond: z.number().describe("Bandwidth of the memory, 1e9 bytes per second."),
      }),
    ).describe("Measured ceilings of the device for the roofline."),
    layerParity: z.array(
      LayerParityRecordSchema.omit({ kind: true, schemaVersion: true, runId: true }).extend({
        svg: z.string().nullable().describe(
          "The graph with each layer's verdict, an `<svg>` element; null when no layer is beyond its tolerance.",
        ),
      }),
    ).default([]).describe("Comparisons layer by layer; empty when none were asked for."),
    warnings: z.array(WarningSchema).describe("What a reader should know, with advice."),
  }),
);
/** See {@linkcode ReportSchema}. */
export type Report = z.infer<typeof ReportSchema>;
