/**
 * The contract of `report.json`: everything that the HTML report shows, so that the page is a
 * function of it.
 *
 * @module
 */
import { z } from "zod";
import { migrateReport } from "./migrate.ts";
import {
  ACTIVATIONS,
  CONVERTERS,
  EFFECTIVE_PRECISIONS,
  FileRefSchema,
  HEADS,
  PRECISIONS,
  ShapeSchema,
  WarningSchema,
} from "../record/variant.ts";
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

const Percentiles = z.strictObject({ p50: z.number(), p90: z.number(), p99: z.number() });

/**
 * Schema of an estimate with its 95 % confidence interval; null bounds when the rounds are too few
 * for one.
 */
export const IntervalSchema = z.strictObject({
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

/** Schema of one variant on one device, judged. */
export const ReportVariantSchema = z.strictObject({
  id: z.string(),
  /** Serial of the device. */
  device: z.string(),
  model: z.string(),
  activation: z.enum(ACTIVATIONS),
  swapped: z.boolean(),
  speedOnly: z.boolean(),
  head: z.enum(HEADS),
  precision: z.strictObject({
    requested: z.enum(PRECISIONS),
    /** What ran; null when no launch finished. */
    effective: z.enum(EFFECTIVE_PRECISIONS).nullable(),
  }),
  shape: ShapeSchema,
  converter: z.enum(CONVERTERS),
  weights: FileRefSchema,
  param: FileRefSchema,
  layers: z.int(),
  fusedActivations: z.int(),
  parameterCount: z.int(),
  macs: z.int(),
  /** Nanoseconds over all samples of all finished rounds; null when none finished. */
  latencyNs: z.strictObject({
    preprocess: Percentiles,
    inference: Percentiles,
    postprocess: Percentiles,
    total: Percentiles,
  }).nullable(),
  /** 95 % interval of the median total over rounds, nanoseconds. */
  medianTotalNs: IntervalSchema.nullable(),
  /**
   * 1e9 / median total (p50; for `rect` shapes `medianTotalNs.value`); null when parity failed, on
   * an emulated device, or without samples.
   */
  fps: z.number().nullable(),
  /** Speed-up over the base: base time / this variant's time, paired by round; null as `fps`. */
  ratio: IntervalSchema.extend({ base: z.string() }).nullable(),
  /** Rank by median total on this device, from 1; null when it has no claim to one. */
  rank: z.int().nullable(),
  rounds: z.int().nonnegative(),
  peakRssBytes: z.int().nullable(),
  parity: z.strictObject({
    verdict: z.enum(["pass", "fail", "inconclusive"]),
    /** Pixels of the original image; null when nothing was matched. */
    maxPx: z.number().nullable(),
    p99Px: z.number().nullable(),
    minOks: z.number().nullable(),
    /** Detections without a partner that the tolerance does not explain. */
    unmatched: z.int(),
    matched: z.int(),
    explainedUnmatched: z.int(),
    firstFailedStage: z.enum(STAGES).nullable(),
    tolerancePx: z.number().nullable(),
    /** The verdict in words, with the tolerance and its reason. */
    reason: z.string(),
    stages: z.array(StageParitySchema),
    /** Per joint: p99 and max distance in pixels; empty when nothing was matched. */
    joints: z.array(z.strictObject({ name: z.string(), p99Px: z.number(), maxPx: z.number() })),
    /** Null in reports before it was told. */
    details: z.strictObject({
      /** COCO's sizes that occur. */
      sizes: z.array(
        z.strictObject({
          size: z.enum(["small", "medium", "large"]),
          people: z.int(),
          meanPx: z.number(),
          maxPx: z.number(),
          minOks: z.number(),
        }),
      ),
      /** Joints whose visibility crosses 0.5 in one of the two only, of how many. */
      visibilityFlips: z.int(),
      joints: z.int(),
      /** Candidate minus reference; null when nothing was matched. */
      scoreShift: z.strictObject({ mean: z.number(), maxAbs: z.number() }).nullable(),
      /** Detections that the reference alone has, and the candidate alone. */
      vanished: z.int(),
      appeared: z.int(),
    }).nullable().default(null),
  }),
  /**
   * COCO keypoint AP on the run's images; null without annotations, and for speed-only variants.
   */
  accuracy: z.strictObject({
    ap: z.number(),
    ap50: z.number(),
    ap75: z.number(),
    /** AP of the ONNX reference of this variant. */
    referenceAp: z.number(),
    /** AP minus referenceAp, 95 % bootstrap interval over images. */
    difference: IntervalSchema.nullable(),
  }).nullable(),
  /** benchncnn's figures beside ours; null when it did not run for this variant. */
  benchncnn: z.strictObject({
    minMs: z.number(),
    avgMs: z.number(),
    /** Median over rounds of our inference median / benchncnn's average of the same round. */
    ratio: z.number(),
    rounds: z.int(),
    note: z.string(),
  }).nullable(),
  warnings: z.array(WarningSchema),
});
/** See {@linkcode ReportVariantSchema}. */
export type ReportVariant = z.infer<typeof ReportVariantSchema>;

/** Schema of the samples of one finished launch, as in the record. */
export const ReportLaunchSchema = z.strictObject({
  device: z.string(),
  variantId: z.string(),
  round: z.int(),
  position: z.int(),
  startedAt: z.string(),
  marks: z.array(z.string()),
  stateBefore: DeviceStateSchema.nullable(),
  stateAfter: DeviceStateSchema.nullable(),
  images: z.array(z.strictObject({ imageId: z.string(), samplesNs: StageSamplesSchema })),
});
/** See {@linkcode ReportLaunchSchema}. */
export type ReportLaunch = z.infer<typeof ReportLaunchSchema>;

/** Schema of one picture of the parity gallery. */
export const GalleryItemSchema = z.strictObject({
  imageId: z.string(),
  device: z.string(),
  variantId: z.string(),
  reference: z.array(DetectionSchema),
  candidate: z.array(DetectionSchema),
  matches: z.array(MatchSchema),
  unmatchedReference: z.array(z.int()),
  unmatchedCandidate: z.array(z.int()),
});
/** See {@linkcode GalleryItemSchema}. */
export type GalleryItem = z.infer<typeof GalleryItemSchema>;

/** Schema of one layer at a stage of the conversion. What is not known is null. */
export const ReportGraphLayerSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  fusedActivation: z.string().nullable(),
  /** What the next step does to it, else what the last one made of it. */
  fate: z.enum(["same", "fused", "removed", "added"]),
  parameters: z.int().nullable(),
  flops: z.int().nullable(),
  /** At four bytes a value. */
  bytesMoved: z.int().nullable(),
});

/**
 * Schema of a graph's structure for the section on fusion. Reports of before have no costs, steps
 * and layers.
 */
export const ReportGraphSchema = z.strictObject({
  variantId: z.string(),
  /**
   * `ONNX`, `ncnn`, `ncnn optimised`, `ncnn float`, `ncnn int8`: those that the variant has, in the
   * order of the chain.
   */
  stages: z.array(
    z.strictObject({
      name: z.string(),
      layers: z.int(),
      fusedActivations: z.int(),
      byType: z.record(z.string(), z.int()),
      /** Sums over the layers; null when nothing is known. */
      parameters: z.int().nullable().default(null),
      flops: z.int().nullable().default(null),
      /** At four bytes a value, whatever the stage stores. */
      bytesMoved: z.int().nullable().default(null),
      /**
       * Layers that each sum leaves out because their share is not known: it is a lower bound where
       * this is not 0.
       */
      leftOut: z.strictObject({ parameters: z.int(), flops: z.int(), bytesMoved: z.int() })
        .default({ parameters: 0, flops: 0, bytesMoved: 0 }),
      /** Size on disk with the weights; null for stages between the first and the last. */
      fileBytes: z.int().nullable().default(null),
      layerCosts: z.array(ReportGraphLayerSchema).default([]),
    }),
  ),
  /** What led from each stage to the next: one fewer than stages. */
  steps: z.array(
    z.strictObject({
      from: z.string(),
      to: z.string(),
      /** Layers by type; those that were fused are in neither. */
      removed: z.record(z.string(), z.int()),
      added: z.record(z.string(), z.int()),
      /** Activations that became part of the layer before them, which keeps its place. */
      fused: z.array(
        z.strictObject({ layer: z.string(), activation: z.string(), kind: z.string() }),
      ),
    }),
  ).default([]),
  /** The drawing, an `<svg>` element; null when too large. */
  svg: z.string().nullable(),
});

/** Schema of the time of one layer in the profiling build, with its roofline. */
export const ReportLayerTimeSchema = z.strictObject({
  device: z.string(),
  variantId: z.string(),
  layer: z.string(),
  type: z.string(),
  timeNs: z.number(),
  macs: z.number().nullable(),
  bytes: z.number().nullable(),
});

/** Schema of `report.json`; a report of an earlier version is read as one of the newest. */
export const ReportSchema = z.preprocess(
  migrateReport,
  z.strictObject({
    schemaVersion: z.literal(REPORT_VERSION),
    runId: z.string(),
    createdAt: z.string(),
    /** The exact command line. */
    command: z.array(z.string()),
    options: z.record(z.string(), z.unknown()),
    harness: z.record(z.string(), z.unknown()),
    devices: z.array(DeviceDescriptionSchema),
    /** Id of the variant that ratios are taken against. */
    base: z.string(),
    variants: z.array(ReportVariantSchema),
    images: z.array(
      z.strictObject({
        id: z.string(),
        file: z.string(),
        widthPx: z.int(),
        heightPx: z.int(),
        /**
         * `data:image/webp;base64,…` at most 640 px on the long side; null for images outside of the
         * gallery.
         */
        thumbnail: z.string().nullable(),
      }),
    ),
    launches: z.array(ReportLaunchSchema),
    failures: z.array(
      z.strictObject({
        device: z.string(),
        variantId: z.string(),
        round: z.int(),
        code: z.string(),
        message: z.string(),
      }),
    ),
    gallery: z.array(GalleryItemSchema),
    graphs: z.array(ReportGraphSchema),
    layerTimes: z.array(ReportLayerTimeSchema),
    /** Measured ceilings of the device for the roofline. */
    roofline: z.array(
      z.strictObject({
        device: z.string(),
        /** In fp32. */
        gflops: z.number(),
        /** Null without fp16 arithmetic, and in reports before it was measured. */
        fp16Gflops: z.number().nullable().default(null),
        gbPerSecond: z.number(),
      }),
    ),
    /** Comparisons layer by layer; empty when none were asked for. */
    layerParity: z.array(
      LayerParityRecordSchema.omit({ kind: true, schemaVersion: true, runId: true }).extend({
        /**
         * The graph with each layer's verdict, an `<svg>` element; null when no layer is beyond its
         * tolerance.
         */
        svg: z.string().nullable(),
      }),
    ).default([]),
    warnings: z.array(WarningSchema),
  }),
);
/** See {@linkcode ReportSchema}. */
export type Report = z.infer<typeof ReportSchema>;
