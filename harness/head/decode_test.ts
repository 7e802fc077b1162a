import { YOLOV8 } from "../record/head_code.ts";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { rowAt } from "./candidates.ts";
import { decode } from "./decode.ts";
import { fastExp, fastSigmoid, logit, sigmoid } from "./exponential.ts";
import type { HeadSpec } from "./head_spec.ts";

/**
 * Two classes, two keypoints, four bins, levels of stride 8 and 16 on a 32 x 16 input: 4x2 and 2x1
 * cells.
 */
const SPEC: HeadSpec = {
  classCount: 2,
  keypointCount: 2,
  keypointDims: 3,
  regMax: 4,
  headCode: YOLOV8,
  strides: [8, 16],
  outputs: [
    { blob: "a", role: "raw", stride: 8 },
    { blob: "b", role: "raw", stride: 16 },
  ],
};
const INPUT = { widthPx: 32, heightPx: 16 };
const CHANNELS = 2 + 16 + 6;

function emptyBlobs(): Float32Array[] {
  const blobs = [new Float32Array(8 * CHANNELS), new Float32Array(2 * CHANNELS)];
  for (const blob of blobs) {
    for (let cell = 0; cell < blob.length / CHANNELS; cell++) {
      blob.fill(-10, cell * CHANNELS, cell * CHANNELS + 2);
    }
  }
  return blobs;
}

/**
 * Cell 6 (x 2, y 1) of level 8: class 1; sides exactly 1, 2, 3, 1.5 strides; keypoints (0.5, -0.25,
 * 0), (1, 2, 2).
 */
function oneCandidate(): Float32Array[] {
  const blobs = emptyBlobs();
  const row = blobs[0].subarray(6 * CHANNELS, 7 * CHANNELS);
  row.set([-3, 2]);
  row.set([-100, 0, -100, -100], 2);
  row.set([-100, -100, 0, -100], 6);
  row.set([-100, -100, -100, 0], 10);
  row.set([0, 0, 0, 0], 14);
  row.set([0.5, -0.25, 0, 1, 2, 2], 18);
  return blobs;
}

const ONE_ROW = [
  (2.5 - 1) * 8,
  (1.5 - 2) * 8,
  (2.5 + 3) * 8,
  (1.5 + 1.5) * 8,
  1 / (1 + Math.exp(-2)),
  1,
  (2 * 0.5 + 2) * 8,
  (2 * -0.25 + 1) * 8,
  0.5,
  (2 * 1 + 2) * 8,
  (2 * 2 + 1) * 8,
  1 / (1 + Math.exp(-2)),
].map(Math.fround);

Deno.test("decode() gives the row computed by hand when one cell of a raw head passes", () => {
  const candidates = decode(SPEC, oneCandidate(), INPUT, { scoreThreshold: 0.25 });
  assertEquals(candidates.count, 1);
  assertEquals([...rowAt(candidates, 0)], ONE_ROW);
  assertEquals([...candidates.strides], [8]);
  assertEquals([...candidates.cells], [6]);
});

Deno.test("decode() gives the same row when the head is nine planes or the decoded matrix", () => {
  const raw = oneCandidate();
  const planes = [8, 16].flatMap((stride, level) => {
    const cells = [8, 2][level];
    return ([["box", 2, 16], ["cls", 0, 2], ["kpt", 18, 6]] as const).map(
      ([role, start, count]) => {
        const data = new Float32Array(count * cells);
        for (let cell = 0; cell < cells; cell++) {
          for (let channel = 0; channel < count; channel++) {
            data[channel * cells + cell] = raw[level][cell * CHANNELS + start + channel];
          }
        }
        return { output: { blob: `${role}${stride}`, role, stride }, data };
      },
    );
  });
  const nchw = decode(
    { ...SPEC, outputs: planes.map(({ output }) => output) },
    planes.map(({ data }) => data),
    INPUT,
    { scoreThreshold: 0.25 },
  );
  assertEquals([...rowAt(nchw, 0)], ONE_ROW);

  // 64 x 32 has 8x4 + 4x2 + 2x1 = 42 cells; column 40 is the first of stride 32
  const matrix = new Float32Array(12 * 42);
  const column = [20, 6, 16, 8, 0.1, 0.9, 1, 2, 0.5, 3, 4, 0.25];
  column.forEach((value, line) => matrix[line * 42 + 40] = value);
  const decoded = decode(
    { ...SPEC, strides: [8, 16, 32], outputs: [{ blob: "out0", role: "decoded", stride: null }] },
    [matrix],
    { widthPx: 64, heightPx: 32 },
    { scoreThreshold: 0.25 },
  );
  assertEquals(
    [...rowAt(decoded, 0)],
    [12, 2, 28, 10, 0.9, 1, 1, 2, 0.5, 3, 4, 0.25].map(Math.fround),
  );
  assertEquals([...decoded.strides], [32]);
});

Deno.test("decode() goes level by level and cell by cell when several pass", () => {
  const blobs = emptyBlobs();
  blobs[1][1 * CHANNELS] = 5;
  blobs[0][7 * CHANNELS + 1] = 1;
  blobs[0][0] = 1;
  const candidates = decode(SPEC, blobs, INPUT, { scoreThreshold: 0.5 });
  assertEquals([...candidates.cells], [0, 7, 9]);
  assertEquals([...candidates.strides], [8, 8, 16]);
});

Deno.test("decode() takes the first class when two are equal, and none when the logit only reaches the threshold", () => {
  const blobs = emptyBlobs();
  blobs[0].set([3, 3]);
  assertEquals(rowAt(decode(SPEC, blobs, INPUT, { scoreThreshold: 0.5 }), 0)[5], 0);
  blobs[0].set([0, -1]);
  assertEquals(decode(SPEC, blobs, INPUT, { scoreThreshold: 0.5 }).count, 0);
  assertEquals(decode(SPEC, blobs, INPUT, { scoreThreshold: 0.4999 }).count, 1);
});

Deno.test("decode() gives no candidate when a class logit is NaN, and keeps a NaN of a box visible", () => {
  const blobs = oneCandidate();
  blobs[0].fill(NaN, 6 * CHANNELS, 6 * CHANNELS + 2);
  assertEquals(decode(SPEC, blobs, INPUT, { scoreThreshold: 0.25 }).count, 0);
  const boxes = oneCandidate();
  boxes[0][6 * CHANNELS + 3] = NaN;
  assertEquals(rowAt(decode(SPEC, boxes, INPUT, { scoreThreshold: 0.25 }), 0)[0], NaN);
});

Deno.test("decode() sets the confidence to 1 when keypoints have two values", () => {
  const spec: HeadSpec = {
    ...SPEC,
    keypointDims: 2,
    outputs: [{ blob: "a", role: "raw", stride: 8 }],
  };
  const blob = new Float32Array(8 * (2 + 16 + 4)).fill(-9);
  blob[0] = 9;
  const row = rowAt(decode(spec, [blob], INPUT, { scoreThreshold: 0.25 }), 0);
  assertEquals([row[8], row[11]], [1, 1]);
});

Deno.test("decode() moves box and confidence a little when the exponential is the seed's", () => {
  const blobs = oneCandidate();
  blobs[0].set([0.3, 0.1, -0.2, 0.4], 6 * CHANNELS + 2);
  const exact = rowAt(decode(SPEC, blobs, INPUT, { scoreThreshold: 0.25 }), 0);
  const fast = rowAt(decode(SPEC, blobs, INPUT, { scoreThreshold: 0.25, sigmoid: "fast" }), 0);
  const shift = Math.abs(exact[0] - fast[0]);
  assertEquals(shift > 0.01 && shift < 0.5, true, `shift ${shift}`);
  assertAlmostEquals(exact[4], fast[4], 0.02);
  assertEquals(exact[6], fast[6]);
});

Deno.test("decode() throws when a blob is missing, has another size, or the threshold is no probability", () => {
  const options = { scoreThreshold: 0.25 };
  assertThrows(() => decode(SPEC, [emptyBlobs()[0]], INPUT, options), RangeError, "found 1 blobs");
  assertThrows(
    () => decode(SPEC, emptyBlobs().reverse(), INPUT, options),
    RangeError,
    'output "a" (raw): found 48 values, expected 192',
  );
  assertThrows(
    () => decode(SPEC, emptyBlobs(), { widthPx: 20, heightPx: 16 }, options),
    RangeError,
    "stride",
  );
  for (const scoreThreshold of [0, 1, NaN, -1]) {
    assertThrows(() => decode(SPEC, emptyBlobs(), INPUT, { scoreThreshold }), RangeError, "logit");
  }
});

Deno.test("fastExp() is within 4% of e^x over its range and says 0 or Infinity outside", () => {
  for (let x = -80; x <= 80; x += 0.37) {
    const ratio = fastExp(x) / Math.exp(x);
    assertEquals(ratio > 0.955 && ratio < 1.025, true, `x ${x}: ratio ${ratio}`);
  }
  assertEquals([fastExp(-200), fastExp(200), fastExp(NaN)], [0, Infinity, NaN]);
  // the float whose bits are 2^23 · 126.934906 (the constant as a float32): exponent -1, mantissa
  // 1.934906
  assertAlmostEquals(fastExp(0), 1.934906 / 2, 1e-6);
});

Deno.test("logit() is the inverse of sigmoid(), and fastSigmoid() is near it", () => {
  for (const p of [0.001, 0.25, 0.5, 0.999]) assertAlmostEquals(sigmoid(logit(p)), p, 1e-12);
  assertAlmostEquals(fastSigmoid(0.7), sigmoid(0.7), 0.011);
});
