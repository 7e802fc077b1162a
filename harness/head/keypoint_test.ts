import { assertEquals } from "@std/assert";
import { YOLO26, YOLOV8 } from "../record/head_code.ts";
import {
  decodeKeypoints,
  isVisibility,
  keypointChannelCount,
  type KeypointSpec,
} from "./keypoint.ts";

function triplesOf(spec: KeypointSpec, data: number[]): number[] {
  const triples = new Float64Array(1 + 3 * spec.keypointCount);
  const place = { column: 3, row: 1, stride: 8 };
  decodeKeypoints(spec, { data, start: 0, step: 1 }, place, (x) => x / 2, triples, 1);
  return [...triples];
}

Deno.test("decodeKeypoints() is (scale·k + cell + origin)·stride, computed by hand", () => {
  const spec = { keypointCount: 2, keypointDims: 3 as const };
  const data = [0.5, -0.25, 1, 0, 2, -3];
  assertEquals(triplesOf({ ...spec, headCode: YOLOV8 }, data), [0, 32, 4, 0.5, 24, 40, -1.5]);
  assertEquals(triplesOf({ ...spec, headCode: YOLO26 }, data), [0, 32, 10, 0.5, 28, 28, -1.5]);
  const logit = { keypoint: { ...YOLO26.keypoint, visibility: "logit" as const } };
  assertEquals(triplesOf({ ...spec, headCode: logit }, data), [0, 32, 10, 1, 28, 28, -3]);
});

Deno.test("decodeKeypoints() gives the visibility 1 to keypoints of two values, and nothing to none", () => {
  const two = { keypointCount: 1, keypointDims: 2 as const, headCode: YOLOV8 };
  assertEquals(triplesOf(two, [0, 0]), [0, 24, 8, 1]);
  assertEquals(triplesOf({ ...two, keypointCount: 0 }, []), [0]);
  assertEquals(keypointChannelCount(two), 2);
  assertEquals([0, 1, 2, 3].map((channel) => isVisibility(two, channel)).includes(true), false);
  const three = { ...two, keypointDims: 3 as const };
  assertEquals([0, 1, 2, 5].map((channel) => isVisibility(three, channel)), [
    false,
    false,
    true,
    true,
  ]);
});
