/**
 * What detections with a wrong way back to the image look like: the known ways, tried one after the
 * other.
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import { ROW_HEAD, rowAt } from "../head/candidates.ts";
import type { Detected } from "../pose/detect.ts";
import type { Letterbox } from "../pose/letterbox.ts";

/** Difference that counts as none here, pixels. */
const NEAR_PX = 0.05;

/** Known wrong ways from letterbox to image pixels. */
const WAYS: readonly {
  text: string;
  map: (value: number, padding: number, scale: number) => number;
}[] = [
  { text: "are letterbox pixels", map: (value) => value },
  { text: "are not scaled back", map: (value, padding) => value - padding },
  { text: "still have the padding in them", map: (value, _, scale) => value / scale },
];

/**
 * Returns what the found detections look like beside the expected ones, as a clause; empty when
 * they look like nothing known.
 */
export function mappingHint(
  expected: Detected,
  found: readonly Detection[],
  geometry: Letterbox,
): string {
  if (found.length === 0 || expected.kept.length === 0) return "";
  const { leftPx, topPx, scale, imageWidthPx, imageHeightPx } = geometry;
  // the best of both: NMS and order are right where only the way back is wrong
  const row = rowAt(expected.candidates, expected.kept[0]);
  const [best] = found;
  const isWay = (
    way: typeof WAYS[number],
    x: number,
    y: number,
    foundX: number,
    foundY: number,
  ) => {
    const clip = (value: number, size: number) => Math.min(Math.max(value, 0), size);
    return Math.abs(clip(way.map(x, leftPx, scale), imageWidthPx) - foundX) < NEAR_PX &&
      Math.abs(clip(way.map(y, topPx, scale), imageHeightPx) - foundY) < NEAR_PX;
  };
  const [first] = expected.detections;
  const boxIsRight = first.boxXyxyPx.every((side, at) =>
    Math.abs(side - best.boxXyxyPx[at]) < NEAR_PX
  );
  if (!boxIsRight) {
    const [x1, y1, x2, y2] = best.boxXyxyPx;
    const way = WAYS.find((each) =>
      isWay(each, row[0], row[1], x1, y1) && isWay(each, row[2], row[3], x2, y2)
    );
    return way === undefined ? "" : `boxes ${way.text}`;
  }
  const isZeroed = best.keypoints.every(([x, y, confidence], joint) =>
    confidence < 0.5
      ? x === 0 && y === 0
      : Math.hypot(x - first.keypoints[joint][0], y - first.keypoints[joint][1]) < NEAR_PX
  );
  if (isZeroed && best.keypoints.some(([, , confidence]) => confidence < 0.5)) {
    return "keypoints with a confidence below 0.5 are set to 0";
  }
  const way = WAYS.find((each) =>
    best.keypoints.every(([x, y], joint) =>
      isWay(each, row[ROW_HEAD + 3 * joint], row[ROW_HEAD + 3 * joint + 1], x, y)
    )
  );
  return way === undefined ? "" : `keypoints ${way.text}`;
}
