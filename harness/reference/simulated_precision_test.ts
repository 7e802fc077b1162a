import { assertEquals } from "@std/assert";
import { encodeOnnx, floatsOf } from "../model/onnx/onnx_file.ts";
import { dotLengths } from "./dot_lengths.ts";
import { openSession } from "../model/onnx/session.ts";
import {
  roundToHalf,
  roundToPnnxHalf,
  simulatePrecision,
  truncateToBfloat16,
} from "./simulated_precision.ts";
import { tinyModel } from "./testdata/tiny_model.ts";

Deno.test("roundToHalf() equals the platform's float16 for normal, subnormal, tied and overflowing values", () => {
  const view = new DataView(new ArrayBuffer(2)) as DataView & {
    setFloat16(at: number, value: number): void;
    getFloat16(at: number): number;
  };
  const values = [
    0,
    1,
    -1,
    1 / 3,
    65504,
    65519.9,
    65520,
    1e9,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -25,
    2049,
    2051,
    1e-5,
    NaN,
  ];
  for (const value of [...values, ...values.map((each) => -each * 1.00049)]) {
    view.setFloat16(0, value);
    assertEquals(roundToHalf(value) + 0, view.getFloat16(0) + 0, `value ${value}`);
  }
});

Deno.test("truncateToBfloat16() cuts the mantissa to 7 bits", () => {
  assertEquals(truncateToBfloat16(1 + 2 ** -7), 1 + 2 ** -7);
  assertEquals(truncateToBfloat16(1 + 2 ** -7 + 2 ** -8), 1 + 2 ** -7);
  assertEquals(truncateToBfloat16(-1.999), -(1 + 127 / 128));
});

Deno.test("simulatePrecision() rounds weights only, not biases, when the precision is fp16-weights", () => {
  const model = simulatePrecision(tinyModel([1 / 3, 0, 0, 0, 1, 1], [1 / 3, 0]), "fp16-weights");
  assertEquals(floatsOf(model.initializers.get("w")!)[0], roundToHalf(1 / 3));
  assertEquals(floatsOf(model.initializers.get("b")!)[0], Math.fround(1 / 3));
  assertEquals(model.nodes.length, 1);
});

Deno.test("simulatePrecision() rounds what lies between operators when the precision stores 16 bits", async () => {
  const model = tinyModel([1, 0, 0, 0, 0, 0], [0, 0], true);
  const values = [3 + 2 ** -10 + 2 ** -11, 3.0149, -1.999, 0.99999, -0.001234, 0];
  for (const precision of ["fp16-storage", "bf16-storage"] as const) {
    await using session = await openSession(encodeOnnx(simulatePrecision(model, precision)), {
      threads: 1,
    });
    for (const value of values.map(Math.fround)) {
      const stored = precision === "fp16-storage" ? roundToHalf(value) : truncateToBfloat16(value);
      const [blob] = await session.blobs(Float32Array.of(value, 0, 0), { widthPx: 1, heightPx: 1 });
      const expected = 1 / (1 + Math.exp(-stored));
      assertEquals(Math.abs(blob[0] - expected) < 1e-6, true, `${precision} of ${value}`);
    }
  }
});

Deno.test("dotLengths() is input channels times kernel area, and 1 for a graph without convolutions", () => {
  const model = tinyModel([1, 2, 3, 4, 5, 6], [0, 0]);
  assertEquals(dotLengths(model), { longest: 3, mean: 3 });
  assertEquals(dotLengths({ ...model, nodes: [] }), { longest: 1, mean: 1 });
});

Deno.test("roundToPnnxHalf() rounds ties away from zero and drops what is below the normal numbers", () => {
  assertEquals(roundToPnnxHalf(1 + 2 ** -11), 1 + 2 ** -10);
  assertEquals(roundToHalf(1 + 2 ** -11), 1);
  assertEquals(roundToPnnxHalf(-0.031105041503906250), -0.0311126708984375);
  assertEquals(roundToPnnxHalf(2 ** -15), 0);
  assertEquals(roundToPnnxHalf(2 ** -14), 2 ** -14);
  assertEquals(roundToPnnxHalf(1 / 3), roundToHalf(1 / 3));
  assertEquals(roundToPnnxHalf(-70000), -Infinity);
});
