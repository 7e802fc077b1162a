/**
 * Raw blobs → people in image pixels, as it should be and in the ways in which apps get it wrong:
 * pure.
 *
 * @module
 */
import { boxChannelCount } from "../head/box.ts";
import { cellValues, decodeCell, type LevelPlanes, levelPlanes } from "../head/decode.ts";
import { sigmoid } from "../head/exponential.ts";
import type { HeadSpec, InputSize } from "../head/head_spec.ts";
import { iou } from "../head/select.ts";
import type { Letterbox } from "../pose/letterbox.ts";
import type { Detection } from "../record/records.ts";

/** What an app does otherwise on the way from blobs to people. */
export interface Way {
  decode?:
    | "strides-swapped"
    | "transposed"
    | "bins-from-one"
    | "likeliest-bin"
    | "sides-swapped"
    | "centre-size"
    | "whole-pixels"
    | "left-right"
    | "x-y"
    | "joints-shifted"
    | "logit-score"
    | "logit-threshold"
    | "sigmoid-twice"
    | "visibility-logit"
    | "level-missing"
    | "odd-columns"
    | "fast-exponential"
    | "cell-corner"
    | "keypoint-half-cell"
    | "keypoint-scale";
  select?:
    | "ascending"
    | "unsorted"
    | "smaller"
    | "none"
    | "last-dropped"
    | "first-twice"
    | "other-limit";
  map?:
    | "not-scaled"
    | "padding-kept"
    | "keypoints-not-mapped"
    | "unsure-zeroed"
    | "axes-alone"
    | "not-clipped";
}

/** Settings of the app. */
export interface PeopleOptions {
  scoreThreshold: number;
  nmsIou: number;
  maxDetections: number;
}

/** A candidate in letterbox pixels. */
interface Row {
  box: [number, number, number, number];
  score: number;
  classIndex: number;
  keypoints: [number, number, number][];
}

/** Returns the people of raw blobs in image pixels, got in that way. */
export function peopleOf(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  geometry: Letterbox,
  options: PeopleOptions,
  way: Way = {},
): Detection[] {
  const rows = candidatesOf(spec, blobs, geometry, options, way.decode);
  return mapped(selected(rows, options, way.select), geometry, way.map);
}

/** Returns detections that were selected from candidates of any origin, mapped in that way. */
export function peopleOfRows(
  rows: readonly Row[],
  geometry: Letterbox,
  options: PeopleOptions,
  way: Way = {},
): Detection[] {
  return mapped(selected(rows, options, way.select), geometry, way.map);
}

function candidatesOf(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
  { scoreThreshold }: PeopleOptions,
  way: Way["decode"],
): Row[] {
  const told = specOf(spec, way);
  const levels = levelPlanes(spec, blobs, input);
  const strides = levels.map(({ stride }) => stride);
  const [finest, coarsest] = [Math.min(...strides), Math.max(...strides)];
  const rows: Row[] = [];
  for (const level of levels) {
    if (way === "level-missing" && level.stride === coarsest) continue;
    const stride = way !== "strides-swapped"
      ? level.stride
      : level.stride === finest
      ? coarsest
      : level.stride === coarsest
      ? finest
      : level.stride;
    for (let cell = 0; cell < level.columns * level.rows; cell++) {
      if (way === "odd-columns" && cell % level.columns % 2 === 1) continue;
      const row = cellRow(told, level, cell, stride, scoreThreshold, way);
      if (row !== null) rows.push(row);
    }
  }
  return rows;
}

/** Constants of the head that an app may have wrong. */
function specOf(spec: HeadSpec, way: Way["decode"]): HeadSpec {
  const { headCode } = spec;
  const { box, keypoint } = headCode;
  switch (way) {
    case "cell-corner":
      return { ...spec, headCode: { ...headCode, box: { ...box, origin: 0 } } };
    case "keypoint-half-cell":
      return {
        ...spec,
        headCode: {
          ...headCode,
          keypoint: { ...keypoint, origin: keypoint.origin === 0 ? 0.5 : 0 },
        },
      };
    case "keypoint-scale":
      return {
        ...spec,
        headCode: { ...headCode, keypoint: { ...keypoint, scale: 3 - keypoint.scale } },
      };
    case "visibility-logit":
      return { ...spec, headCode: { ...headCode, keypoint: { ...keypoint, visibility: "logit" } } };
    default:
      return spec;
  }
}

function cellRow(
  spec: HeadSpec,
  level: LevelPlanes,
  cell: number,
  stride: number,
  threshold: number,
  way: Way["decode"],
): Row | null {
  const classes = cellValues(level.cls, cell);
  let [best, classIndex] = [-Infinity, 0];
  for (let index = 0; index < spec.classCount; index++) {
    const value = classes.data[classes.start + index * classes.step];
    if (value > best) [best, classIndex] = [value, index];
  }
  const share = sigmoid(best);
  const compared = way === "logit-threshold"
    ? best
    : way === "sigmoid-twice"
    ? sigmoid(share)
    : share;
  if (!(compared > threshold)) return null;
  const score = way === "logit-score" ? best : way === "sigmoid-twice" ? sigmoid(share) : share;
  const row = new Float64Array(6 + 3 * spec.keypointCount);
  decodeCell({ ...level, stride }, cell, spec, row, way === "fast-exponential" ? "fast" : "exact");
  if (way === "transposed") shiftTo(row, level, cell, stride);
  const box = boxOf(spec, level, cell, stride, [row[0], row[1], row[2], row[3]], way);
  const keypoints = Array.from(
    { length: spec.keypointCount },
    (_, joint): [number, number, number] => [
      row[6 + 3 * joint],
      row[7 + 3 * joint],
      row[8 + 3 * joint],
    ],
  );
  const cut = way === "whole-pixels" ? Math.trunc : (value: number) => value;
  return {
    box: box.map(cut) as Row["box"],
    score,
    classIndex,
    keypoints: jointsOf(keypoints, way).map(([x, y, seen]) => [cut(x), cut(y), seen]),
  };
}

/** Moves a row from its cell to the one with column and row exchanged. */
function shiftTo(row: Float64Array, { columns }: LevelPlanes, cell: number, stride: number): void {
  const [column, line] = [cell % columns, Math.floor(cell / columns)];
  const [dx, dy] = [(line - column) * stride, (column - line) * stride];
  for (const at of [0, 2]) [row[at], row[at + 1]] = [row[at] + dx, row[at + 1] + dy];
  for (let at = 6; at < row.length; at += 3) {
    [row[at], row[at + 1]] = [row[at] + dx, row[at + 1] + dy];
  }
}

function boxOf(
  spec: HeadSpec,
  level: LevelPlanes,
  cell: number,
  stride: number,
  box: Row["box"],
  way: Way["decode"],
): Row["box"] {
  const [x1, y1, x2, y2] = box;
  const { origin } = spec.headCode.box;
  const [centreX, centreY] = [
    (cell % level.columns + origin) * stride,
    (Math.floor(cell / level.columns) + origin) * stride,
  ];
  switch (way) {
    case "bins-from-one":
      return [x1 - stride, y1 - stride, x2 + stride, y2 + stride];
    case "sides-swapped":
      return [2 * centreX - x2, y1, 2 * centreX - x1, y2];
    case "centre-size":
      return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
    case "likeliest-bin": {
      const values = cellValues(level.box, cell);
      const bins = boxChannelCount(spec) / 4;
      const [left, top, right, bottom] = [0, 1, 2, 3].map((side) => {
        let best = 0;
        const at = (bin: number) => values.data[values.start + (side * bins + bin) * values.step];
        for (let bin = 1; bin < bins; bin++) if (at(bin) > at(best)) best = bin;
        return best * stride;
      });
      return [centreX - left, centreY - top, centreX + right, centreY + bottom];
    }
    default:
      return box;
  }
}

function jointsOf(
  keypoints: readonly [number, number, number][],
  way: Way["decode"],
): [number, number, number][] {
  const count = keypoints.length;
  const first = count % 2;
  switch (way) {
    case "left-right":
      return keypoints.map((_, joint) => {
        const partner = joint < first ? joint : first + ((joint - first) ^ 1);
        return keypoints[partner < count ? partner : joint];
      });
    case "joints-shifted":
      return keypoints.map((_, joint) => keypoints[(joint + 1) % count]);
    case "x-y":
      return keypoints.map(([x, y, seen]) => [y, x, seen]);
    default:
      return [...keypoints];
  }
}

function selected(
  rows: readonly Row[],
  { nmsIou, maxDetections }: PeopleOptions,
  way: Way["select"],
): Row[] {
  const order = [...rows.keys()];
  if (way !== "unsorted") {
    order.sort((a, b) => (way === "ascending" ? -1 : 1) * (rows[b].score - rows[a].score) || a - b);
  }
  if (way === "none") return order.slice(0, maxDetections).map((index) => rows[index]);
  const limit = way === "other-limit" ? (nmsIou > 0.6 ? 0.45 : 0.7) : nmsIou;
  const overlap = way === "smaller" ? overSmaller : iou;
  const kept: Row[] = [];
  for (const index of order) {
    const row = rows[index];
    const isFree = kept.every((other) =>
      other.classIndex !== row.classIndex || !(overlap(other.box, row.box) > limit)
    );
    if (isFree) kept.push(row);
    if (kept.length >= maxDetections) break;
  }
  if (way === "last-dropped") return kept.slice(0, -1);
  return way === "first-twice" ? [...kept, ...kept.slice(0, 1)] : kept;
}

function overSmaller(a: Row["box"], b: Row["box"]): number {
  const across = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const down = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x1, y1, x2, y2]: Row["box"]) => (x2 - x1) * (y2 - y1);
  return across * down / Math.min(area(a), area(b));
}

function mapped(rows: readonly Row[], geometry: Letterbox, way: Way["map"]): Detection[] {
  const { leftPx, topPx, scale, imageWidthPx, imageHeightPx } = geometry;
  const across = geometry.resizedWidthPx / imageWidthPx;
  const down = geometry.resizedHeightPx / imageHeightPx;
  const [sx, sy] = way === "not-scaled"
    ? [1, 1]
    : way === "axes-alone"
    ? [across, down]
    : [scale, scale];
  const [left, top] = way === "padding-kept" ? [0, 0] : [leftPx, topPx];
  const clip = (value: number, most: number) =>
    way === "not-clipped" ? value : Math.min(Math.max(value, 0), most);
  const x = (value: number) => clip((value - left) / sx, imageWidthPx);
  const y = (value: number) => clip((value - top) / sy, imageHeightPx);
  return rows.map(({ box, score, classIndex, keypoints }) => ({
    score,
    classIndex,
    boxXyxyPx: [x(box[0]), y(box[1]), x(box[2]), y(box[3])],
    keypoints: keypoints.map(([kx, ky, seen]): [number, number, number] =>
      way === "unsure-zeroed" && seen < 0.5
        ? [0, 0, seen]
        : way === "keypoints-not-mapped"
        ? [clip(kx, imageWidthPx), clip(ky, imageHeightPx), seen]
        : [x(kx), y(ky), seen]
    ),
  }));
}
