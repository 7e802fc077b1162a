/**
 * Defects that are nothing but wrong data: what the runner is told of the head and of the
 * selection is not so.
 *
 * @module
 */
import { type HeadCode, YOLOV8 } from "../../record/head_code.ts";

/** A defect of the table of mutations that a wrong description makes. */
export interface WrongDescription {
  name: string;
  /** Stage where it shows first. */
  stage: "decode" | "nms";
  what: string;
  /** What the runner is told. */
  told: { headCode?: HeadCode; nmsIou?: number; maxDetections?: number };
}

const withBox = (box: Partial<HeadCode["box"]>): { headCode: HeadCode } => ({
  headCode: { ...YOLOV8, box: { ...YOLOV8.box, ...box } },
});
const withKeypoint = (keypoint: Partial<HeadCode["keypoint"]>): { headCode: HeadCode } => ({
  headCode: { ...YOLOV8, keypoint: { ...YOLOV8.keypoint, ...keypoint } },
});

/** Wrong descriptions of YOLOv8's head. */
export const WRONG_DESCRIPTIONS: readonly WrongDescription[] = [
  {
    name: "anchor-off-by-half",
    stage: "decode",
    what: "boxes start at the cell's corner and not at its centre",
    told: withBox({ origin: 0 }),
  },
  {
    name: "missing-visibility-sigmoid",
    stage: "decode",
    what: "keypoint confidence is a logit",
    told: withKeypoint({ visibility: "logit" }),
  },
  {
    name: "keypoint-offset-not-doubled",
    stage: "decode",
    what: "keypoint offsets are not multiplied by 2",
    told: withKeypoint({ scale: 1 }),
  },
  {
    name: "keypoint-anchor-half",
    stage: "decode",
    what: "keypoints start at the cell's centre and not at its corner",
    told: withKeypoint({ origin: 0.5 }),
  },
  {
    name: "nms-threshold-ignored",
    stage: "nms",
    what: "nothing is suppressed",
    told: { nmsIou: 0.999999 },
  },
  {
    name: "max-detections-1",
    stage: "nms",
    what: "one detection is kept",
    told: { maxDetections: 1 },
  },
];
