import { assertEquals } from "@std/assert";
import { countMacs, countParameters } from "./cost.ts";
import { findPoseHead } from "./head.ts";
import { cutModel } from "./surgery.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";

/** Sizes of the tiny model's convolutions: [channels in, channels out, kernel, cells]. */
function convolutions(): [number, number, number, number][] {
  const cells = [48 * 32, 24 * 16, 12 * 8, 6 * 4, 3 * 2];
  const body = cells.map((count, i): [number, number, number, number] => [i ? 6 : 3, 6, 3, count]);
  const head = cells.slice(2).flatMap((count): [number, number, number, number][] =>
    [15, 3, 64].flatMap((out): [number, number, number, number][] => [
      [6, 6, 3, count],
      [6, out, 1, count],
    ])
  );
  return [...body, ...head];
}

Deno.test("countParameters() and countMacs() give what the convolutions' sizes say", () => {
  const model = tinyPose();
  const { model: cut } = cutModel(model, findPoseHead(model, "m.onnx"), "raw", null);
  const parameters = convolutions().reduce((sum, [a, b, k]) => sum + a * b * k * k + b, 0);
  const macs = convolutions().reduce((sum, [a, b, k, cells]) => sum + a * b * k * k * cells, 0);
  assertEquals(countParameters(cut), parameters);
  assertEquals(countMacs(cut), macs);
  assertEquals(countMacs(cut, new Map([["x0", [1, 3, 128, 192]]])), 4 * macs);
});

Deno.test("countParameters() counts the decode's convolution too when the head is decoded", () => {
  const model = tinyPose();
  const head = findPoseHead(model, "m.onnx");
  const raw = countParameters(cutModel(model, head, "raw", null).model);
  assertEquals(countParameters(cutModel(model, head, "decoded", null).model), raw + 16);
});
