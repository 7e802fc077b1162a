import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { seededRandom } from "../pose/testdata/random.ts";
import { YOLO26, YOLOV8 } from "../record/head_code.ts";
import { boxChannelCount, boxQuestion, boxSlopePx, decodeBox } from "./box.ts";
import { decodeKeypoints, keypointSlopePx } from "./keypoint.ts";

const PLACE = { column: 3, row: 1, stride: 8 };
const DFL = { regMax: 4, headCode: YOLOV8 };
const LTRB = { regMax: 1, headCode: YOLO26 };

Deno.test("decodeBox() is the corners computed by hand for both codes, wherever the distances start", () => {
  const values = { data: [1, 2, 0.5, 3], start: 0, step: 1 };
  assertEquals(decodeBox(LTRB, values, PLACE, Math.exp), [20, -4, 32, 36]);
  const corner = { ...LTRB, headCode: { box: { code: "ltrb" as const, origin: 0 } } };
  assertEquals(decodeBox(corner, values, PLACE, Math.exp), [16, -8, 28, 32]);
  // all weight on the bins 1, 2, 0, 3; every second value is another cell's
  const bins = new Array(32).fill(-200);
  [1, 6, 8, 15].forEach((bin) => bins[1 + 2 * bin] = 0);
  assertEquals(
    decodeBox(DFL, { data: bins, start: 1, step: 2 }, PLACE, Math.exp),
    [20, -4, 28, 36],
  );
});

Deno.test("boxChannelCount() is four times the bins, and 4 where there are none", () => {
  assertEquals(boxChannelCount(DFL), 16);
  assertEquals(boxChannelCount(LTRB), 4);
  // a manifest may keep the bins of the model that it was made from
  assertEquals(boxChannelCount({ ...LTRB, regMax: 16 }), 4);
});

Deno.test("boxSlopePx() and keypointSlopePx() bound what a small change of the values moves, and not by much", () => {
  const random = seededRandom(5);
  const small = 1e-4;
  for (const spec of [DFL, LTRB]) {
    let nearest = 0;
    for (let round = 0; round < 300; round++) {
      const data = Array.from({ length: boxChannelCount(spec) }, () => 6 * random() - 3);
      const moved = data.map((value) => value + (random() < 0.5 ? small : -small));
      const view = (each: number[]) => ({ data: each, start: 0, step: 1 });
      const before = decodeBox(spec, view(data), PLACE, Math.exp);
      const after = decodeBox(spec, view(moved), PLACE, Math.exp);
      const most = Math.max(...before.map((side, at) => Math.abs(after[at] - side))) / small;
      const bound = boxSlopePx(spec, view(data), PLACE.stride);
      assert(most <= bound * (1 + 1e-6), `${most} of ${bound}`);
      nearest = Math.max(nearest, most / bound);
    }
    assert(nearest > 0.4, `${nearest}`);
  }
  const spec = { keypointCount: 1, keypointDims: 2 as const, headCode: YOLOV8 };
  const x = (value: number) => {
    const triple = new Float64Array(3);
    decodeKeypoints(spec, { data: [value, 0], start: 0, step: 1 }, PLACE, Math.exp, triple, 0);
    return triple[0];
  };
  assertAlmostEquals((x(1 + small) - x(1)) / small, keypointSlopePx(spec, PLACE.stride), 1e-6);
});

Deno.test("boxQuestion() asks about bins only where there are bins", () => {
  assertEquals([DFL, LTRB].map(boxQuestion), [
    "where DFL bins start?",
    "where distances start?",
  ]);
});
