import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import { withInt8Steps } from "./int8_steps.ts";
import { openSession } from "../model/onnx/session.ts";
import { tinyModel } from "./testdata/tiny_model.ts";

/** ncnn2table's `aciq`: the threshold of `count` values of which this is the largest. */
function threshold(largest: number, count: number): number {
  const constant = (0.5 * 0.35) * (1 + Math.sqrt(3.14159265358979323846 * Math.log(4)));
  return 3.92403714 * largest * 2 * constant / Math.sqrt(2 * Math.log(count));
}

function inSteps(value: number, end: number): number {
  const steps = Math.round(value / (end / 127));
  return Math.max(-127, Math.min(127, steps)) * (end / 127);
}

Deno.test("withInt8Steps() clips and rounds inputs and weights as ncnn2table's scales do", async () => {
  const weights = [1 / 3, 0.3, -0.7, 0.1, 0.2, 0.9];
  const model = withInt8Steps(tinyModel(weights, [0.1, -0.2]));
  const tensor = Float32Array.from({ length: 12 }, (_, at) => at / 12);
  await using session = await openSession(encodeOnnx(model), { threads: 1 });
  const [found] = await session.blobs(tensor, { widthPx: 2, heightPx: 2 });
  // 256 images of 1e5 values: the size is not known
  const inputEnd = threshold(11 / 12, 256e5);
  assert(inputEnd < 11 / 12, "the largest value is clipped");
  const weightEnds = [0.7, 0.9].map((largest) => threshold(largest, 3));
  const expected = [0, 1].flatMap((channel) =>
    [0, 1, 2, 3].map((pixel) =>
      [0, 1, 2].reduce(
        (sum, from) =>
          sum + inSteps(weights[3 * channel + from], weightEnds[channel]) *
            inSteps(tensor[4 * from + pixel], inputEnd),
        [0.1, -0.2][channel],
      )
    )
  );
  assertEquals(found.length, 8);
  for (const [at, value] of found.entries()) assertAlmostEquals(value, expected[at], 1e-5);
});
