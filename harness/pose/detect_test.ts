import { YOLOV8 } from "../record/head_code.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { detect, toDetection } from "./detect.ts";
import { newCandidates, rowAt } from "../head/candidates.ts";
import type { HeadSpec } from "../head/head_spec.ts";
import { letterboxGeometry } from "./letterbox.ts";

Deno.test("detect() decodes, suppresses and goes back to image pixels", () => {
  const spec: HeadSpec = {
    classCount: 1,
    keypointCount: 1,
    keypointDims: 3,
    regMax: 2,
    headCode: YOLOV8,
    strides: [8],
    outputs: [{ blob: "a", role: "raw", stride: 8 }],
  };
  // a 32 x 16 image enlarged twice to 64 x 32, in a 64 x 64 input: 8 x 8 cells, 16 rows of padding
  // above
  const geometry = letterboxGeometry(32, 16, { mode: "fixed", widthPx: 64, heightPx: 64 });
  const channels = 1 + 8 + 3;
  const blob = new Float32Array(64 * channels);
  for (let cell = 0; cell < 64; cell++) {
    blob[cell * channels] = -9;
    for (let side = 0; side < 4; side++) blob.set([-50, 50], cell * channels + 1 + 2 * side);
  }
  const first = 3 * 8 + 3; // cell x 3, y 3: box 20 to 36, both ways
  blob[first * channels] = 2;
  blob.set([0.5, 0.5, 0], first * channels + 9);
  blob[(first + 1) * channels] = 1; // overlaps by a third
  const options = { scoreThreshold: 0.25, nmsIou: 0.3, maxDetections: 300 };
  const { candidates, kept, detections } = detect(spec, [blob], geometry, options);
  assertEquals(candidates.count, 2);
  assertEquals([...kept], [0]);
  assertEquals(detections, [{
    score: Math.fround(1 / (1 + Math.exp(-2))),
    classIndex: 0,
    boxXyxyPx: [10, 2, 18, 10],
    keypoints: [[16, 8, 0.5]],
  }]);
  const loose = detect(spec, [blob], geometry, { ...options, nmsIou: 0.5 });
  assertEquals(loose.detections.length, 2);
});

Deno.test("toDetection() goes back to image pixels and clips", () => {
  const made = newCandidates([{ level: 0, stride: 8, cell: 0, score: 0.75, classIndex: 0 }], 1);
  rowAt(made, 0).set([-10, 140, 320, 320, 0.75, 0, 100, 100, 0.5]);
  const geometry = letterboxGeometry(1280, 720, { mode: "fixed", widthPx: 640, heightPx: 640 });
  const detection = toDetection(made, 0, geometry);
  assertEquals(detection.boxXyxyPx, [0, 0, 640, 360]);
  assertEquals(detection.keypoints, [[200, 0, 0.5]]);
  assertAlmostEquals(detection.score, 0.75);
});
