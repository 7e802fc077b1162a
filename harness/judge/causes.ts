/**
 * The known ways in which an app goes wrong: a name, a sentence, and what it does otherwise.
 *
 * @module
 */
import { CLEAN_FEEDING, type Feeding } from "./feed.ts";
import type { Way } from "./decode_ways.ts";

/** Stages of an app, in the order in which they are judged. */
export const APP_STAGES = ["image", "preprocess", "network", "decode", "nms", "back"] as const;
/** See {@linkcode APP_STAGES}. */
export type AppStage = typeof APP_STAGES[number];

/** One way to go wrong. */
export interface Cause {
  /** Stable name. */
  name: string;
  stage: AppStage;
  /** What the app does, for people: "red and blue are swapped". */
  text: string;
  feeding?: Partial<Feeding>;
  way?: Way;
}

const fed = (name: string, text: string, feeding: Partial<Feeding>): Cause => ({
  name,
  stage: "preprocess",
  text,
  feeding,
});
const decoded = (name: NonNullable<Way["decode"]>, text: string): Cause => ({
  name,
  stage: "decode",
  text,
  way: { decode: name },
});
const selected = (name: NonNullable<Way["select"]>, text: string): Cause => ({
  name: `nms-${name}`,
  stage: "nms",
  text,
  way: { select: name },
});
const back = (name: NonNullable<Way["map"]>, text: string): Cause => ({
  name: `back-${name}`,
  stage: "back",
  text,
  way: { map: name },
});

/** What an app feeds wrongly. */
export const FEEDING_CAUSES: readonly Cause[] = [
  fed("bgr", "red and blue are swapped", { order: [2, 1, 0] }),
  fed("gbr", "the planes are green, blue, red", { order: [1, 2, 0] }),
  fed("brg", "the planes are blue, red, green", { order: [2, 0, 1] }),
  fed("grb", "red and green are swapped", { order: [1, 0, 2] }),
  fed("rbg", "green and blue are swapped", { order: [0, 2, 1] }),
  fed("interleaved", "pixels are interleaved where planes are expected", { isInterleaved: true }),
  fed("mirrored", "the picture is mirrored", { turn: "mirrored" }),
  fed("upside-down", "the picture is flipped upside down", { turn: "upside-down" }),
  fed("half-turn", "the picture is turned by 180°", { turn: "half" }),
  fed("turned-right", "the picture is turned by 90° to the right", { turn: "right" }),
  fed("turned-left", "the picture is turned by 90° to the left", { turn: "left" }),
  fed("pad-0", "the padding is 0 and not 114", { padLevel: 0 }),
  fed("pad-128", "the padding is 128 and not 114", { padLevel: 128 }),
  fed("pad-255", "the padding is 255 and not 114", { padLevel: 255 }),
  fed("top-left", "all padding is right and below: the picture is not centred", {
    place: "top-left",
  }),
  fed("one-further", "the picture lies one pixel too far right and down", { place: "one-further" }),
  fed("one-left", "the picture lies one pixel too far left", { place: "one-left" }),
  fed("truncated", "the resized sides are cut to whole pixels and not rounded", {
    place: "truncated",
  }),
  fed("stretched", "the picture is stretched to the input, its aspect is lost", {
    place: "stretched",
  }),
  fed("nearest", "the nearest pixel is taken in place of bilinear interpolation", {
    resize: "nearest",
  }),
  fed("corners", "pixels are sampled at their corners, half a pixel off", { resize: "corners" }),
  fed("levels", "values are 0 to 255, not divided by 255", { values: "level" }),
  fed("signed", "values are in -1 to 1 instead of 0 to 1", { values: "signed" }),
  fed("imagenet", "ImageNet's mean and deviation are applied", { values: "imagenet" }),
];

/** What an app does wrongly with the network's outputs. */
export const WAY_CAUSES: readonly Cause[] = [
  decoded("strides-swapped", "the finest and the coarsest level exchange their strides"),
  decoded("transposed", "rows and columns of the grid are exchanged"),
  decoded("bins-from-one", "the box's bins count from 1 (DFL)"),
  decoded("likeliest-bin", "the likeliest bin is taken in place of the expectation (DFL)"),
  decoded("sides-swapped", "left and right distances of the box are exchanged"),
  decoded("centre-size", "boxes are centre and size where corners are expected"),
  decoded("whole-pixels", "coordinates are cut to whole pixels"),
  decoded("left-right", "left and right joints are exchanged"),
  decoded("x-y", "x and y of the joints are exchanged"),
  decoded("joints-shifted", "the joints are shifted by one in their order"),
  decoded("logit-score", "the score lacks its sigmoid"),
  decoded("logit-threshold", "the threshold of scores is compared with logits"),
  decoded("sigmoid-twice", "the score goes through the sigmoid twice"),
  decoded("visibility-logit", "the joints' confidence lacks its sigmoid"),
  decoded("level-missing", "the coarsest level is not decoded"),
  decoded("odd-columns", "every second column of cells is not decoded"),
  decoded("fast-exponential", "a fast exponential is used in softmax and sigmoid"),
  decoded("cell-corner", "boxes start at the cell's corner and not at its middle"),
  decoded("keypoint-half-cell", "joints start half a cell off (the rule of another generation)"),
  decoded("keypoint-scale", "joints are scaled by the rule of another generation"),
  selected("ascending", "NMS keeps the lowest scores"),
  selected("unsorted", "NMS takes boxes in the order of cells, not by score"),
  selected("smaller", "NMS divides the overlap by the smaller box and not by the union"),
  selected("none", "there is no NMS"),
  selected("last-dropped", "the last person is lost"),
  selected("first-twice", "the first person is there twice"),
  selected("other-limit", "NMS has another limit of overlap (0.7 for 0.45, or the reverse)"),
  back("not-scaled", "people are not scaled back to the picture"),
  back("padding-kept", "the padding is not subtracted on the way back"),
  back("keypoints-not-mapped", "boxes are mapped back to the picture, joints are not"),
  back("unsure-zeroed", "joints of a confidence below 0.5 are set to 0"),
];

/** Returns the feeding of a cause: the clean one with what it changes. */
export function feedingOf({ feeding }: Pick<Cause, "feeding">): Feeding {
  return { ...CLEAN_FEEDING, ...feeding };
}
