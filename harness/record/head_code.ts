/**
 * How a head's blobs become people, as data: what a manifest says of it beside its counts.
 *
 * @module
 */
import { z } from "zod";

/**
 * How the distances of a box's sides from its cell are written, in strides: `dfl`, the expectation
 * over the bins of a softmax (Li and others, "Generalized Focal Loss", 2020; `regMax` bins);
 * `ltrb`, left, top, right, bottom as they are.
 */
export const BOX_CODES = ["dfl", "ltrb"] as const;
/**
 * What makes detections of candidates: `nms`, greedy and by class; `top-k`, the best pairs of cell
 * and class whatever they overlap, for a branch that was trained to give one cell per object.
 */
export const SELECTIONS = ["nms", "top-k"] as const;
/** Which of a head's branches the outputs are: cells per object while training. */
export const BRANCHES = ["one-to-many", "one-to-one"] as const;

/** See {@linkcode SELECTIONS}. */
export type Selection = typeof SELECTIONS[number];

/** Schema of a head's code; the defaults of manifests that say nothing are {@linkcode YOLOV8}. */
export const HeadCodeSchema = z.strictObject({
  box: z.strictObject({
    code: z.enum(BOX_CODES).describe("code of a box side's distance, in strides"),
    origin: z.number().describe("where in its cell a distance starts, in cells"),
  }).describe("How a box is coded."),
  keypoint: z.strictObject({
    scale: z.number().describe("keypoint = (scale·k + cell + origin)·stride"),
    origin: z.number().describe("keypoint = (scale·k + cell + origin)·stride, in cells"),
    visibility: z.enum(["sigmoid", "logit"]).describe("what the third value goes through"),
  }).describe("How a keypoint is coded."),
  select: z.enum(SELECTIONS).describe("what makes detections of candidates"),
  branch: z.enum(BRANCHES).describe("branch of the model that the outputs are of"),
});
/** See {@linkcode HeadCodeSchema}. */
export type HeadCode = z.infer<typeof HeadCodeSchema>;

/** Head of YOLOv8 and YOLO11. */
export const YOLOV8: HeadCode = {
  box: { code: "dfl", origin: 0.5 },
  keypoint: { scale: 2, origin: 0, visibility: "sigmoid" },
  select: "nms",
  branch: "one-to-many",
};

/** Head of YOLO26 in its branch that needs NMS. Its `regMax` is 1. */
export const YOLO26: HeadCode = {
  box: { code: "ltrb", origin: 0.5 },
  keypoint: { scale: 1, origin: 0.5, visibility: "sigmoid" },
  select: "nms",
  branch: "one-to-many",
};
