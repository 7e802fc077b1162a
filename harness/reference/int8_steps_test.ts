import { assertAlmostEquals, assertEquals } from "@std/assert";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import { withInt8Steps } from "./int8_steps.ts";
import { openSession } from "../model/onnx/session.ts";
import { tinyModel } from "./testdata/tiny_model.ts";

Deno.test("withInt8Steps() gives what 127 steps up to the largest input and weight give", async () => {
  const weights = [1 / 3, 0.3, -0.7, 0.1, 0.2, 0.9];
  const model = withInt8Steps(tinyModel(weights, [0.1, -0.2]));
  const tensor = Float32Array.from({ length: 12 }, (_, at) => at / 12);
  const inSteps = (value: number, largest: number) =>
    Math.round(value / (largest / 127)) * (largest / 127);
  await using session = await openSession(encodeOnnx(model), { threads: 1 });
  const [found] = await session.blobs(tensor, { widthPx: 2, heightPx: 2 });
  const expected = [0, 1].flatMap((channel) =>
    [0, 1, 2, 3].map((pixel) =>
      [0, 1, 2].reduce(
        (sum, from) =>
          sum + inSteps(weights[3 * channel + from], [0.7, 0.9][channel]) *
            inSteps(tensor[4 * from + pixel], 11 / 12),
        [0.1, -0.2][channel],
      )
    )
  );
  assertEquals(found.length, 8);
  for (const [at, value] of found.entries()) assertAlmostEquals(value, expected[at], 1e-5);
});
