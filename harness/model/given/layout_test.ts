import { assert, assertEquals } from "@std/assert";
import { headBlobs, rawSpec } from "../../head/head_blobs.ts";
import { decode } from "../../head/decode.ts";
import { type HeadSpec, outputText, parseOutputs } from "../../head/head_spec.ts";
import { YOLO26, YOLOV8 } from "../../record/head_code.ts";
import { seededRandom } from "../../pose/testdata/random.ts";
import { findLayout } from "./layout.ts";

const INPUT = { widthPx: 160, heightPx: 96 };

function rawOf(regMax: number, keypointCount: number): HeadSpec {
  return rawSpec({
    classCount: 2,
    keypointCount,
    keypointDims: 3,
    regMax,
    headCode: regMax === 1 ? YOLO26 : YOLOV8,
    strides: [8, 16, 32],
  });
}

function randomBlobs(raw: HeadSpec, seed: number): Float32Array[] {
  const random = seededRandom(seed);
  return headBlobs(
    raw,
    raw.outputs.map((output) => {
      const cells = (INPUT.widthPx / output.stride!) * (INPUT.heightPx / output.stride!);
      const channels = 2 + 4 * raw.regMax + 3 * raw.keypointCount;
      return Float32Array.from({ length: cells * channels }, () => 4 * random() - 2);
    }),
    raw,
    INPUT,
  );
}

/** Layouts that exporters, examples and apps write. */
const LAYOUTS = [
  "out0:boxes+scores+joints/first:8+16+32",
  "out0:boxes+scores+joints/last/xyxy:8+16+32",
  "out0:boxes+scores+joints/first/xyxy/share:8+16+32",
  "a:boxes+scores/last:8+16+32,b:joints/first:8+16+32",
  "a:cls+box+kpt/last:8,b:cls+box+kpt/last:16,c:cls+box+kpt/last:32",
  "a:box+cls/last:8+16+32,b:kpt/last:8+16+32",
  "a:kpt+box+scores/first:8,b:kpt+box+scores/first:16,c:kpt+box+scores/first:32",
  "a:box/first:32+16+8,b:scores/last:32+16+8,c:kpt/first:32+16+8",
];

for (const layout of LAYOUTS) {
  Deno.test(`findLayout() finds ${layout} by the values, among blobs that are none`, () => {
    for (const raw of [rawOf(16, 5), rawOf(1, 3)]) {
      const outputs = parseOutputs(layout)!;
      const spec = { ...raw, outputs };
      const runs = [1, 2].map((seed) => {
        const rawBlobs = randomBlobs(raw, seed);
        const own = headBlobs(raw, rawBlobs, spec, INPUT);
        const blobs = new Map(outputs.map(({ blob }, i) => [blob, own[i]]));
        const other = Float32Array.from(own[0], (_, i) => Math.sin(i + seed));
        return { input: INPUT, rawBlobs, blobs: new Map([["x", other], ...blobs]) };
      });
      const found = findLayout(raw, runs);
      if (!("outputs" in found)) throw new Error(JSON.stringify(found));
      const decoded = found.outputs.length === 1 && found.outputs[0].role === "decoded";
      if (decoded) assertEquals(layout, LAYOUTS[0]);
      else assertEquals(found.outputs.map(outputText).sort(), layout.split(",").sort());
      assert(found.agreement > 0.999999);
    }
  });
}

Deno.test("findLayout() takes a damaged model for what it is, and another training for nothing", () => {
  const raw = rawOf(16, 5);
  const spec = { ...raw, outputs: parseOutputs(LAYOUTS[5])! };
  const run = (change: (value: number, i: number) => number) => {
    const rawBlobs = randomBlobs(raw, 3);
    const own = headBlobs(raw, rawBlobs, spec, INPUT).map((blob) => blob.map(change));
    return [{ input: INPUT, rawBlobs, blobs: new Map([["a", own[0]], ["b", own[1]]]) }];
  };
  const damaged = findLayout(raw, run((value, i) => value + 0.3 * Math.sin(i)));
  assert("outputs" in damaged && damaged.agreement < 0.98);
  const other = findLayout(raw, run((_, i) => Math.sin(7 * i)));
  if (!("guesses" in other)) throw new Error("it was taken");
  assertEquals(other.guesses.map(({ blob }) => blob).sort(), ["a", "b"]);
  assert("guesses" in findLayout(raw, run(() => NaN)));
});

Deno.test("decode() finds the same people in every layout", () => {
  const raw = rawOf(16, 5);
  const rawBlobs = randomBlobs(raw, 4);
  const options = { scoreThreshold: 0.85 };
  const expected = decode(raw, rawBlobs, INPUT, options);
  assert(expected.count > 5);
  for (const layout of LAYOUTS.filter((text) => !text.includes("32+16+8"))) {
    const spec = { ...raw, outputs: parseOutputs(layout)! };
    const found = decode(spec, headBlobs(raw, rawBlobs, spec, INPUT), INPUT, options);
    assertEquals(found.count, expected.count, layout);
    assertEquals(found.cells, expected.cells, layout);
    const largest = found.rows.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - expected.rows[i])),
      0,
    );
    assert(largest < 1e-3, `${layout}: ${largest}`);
  }
});

Deno.test("parseOutputs() reads what outputText() writes, and nothing else", () => {
  for (const text of [...LAYOUTS, "out0:decoded:0", "a:b:raw:8,c:kpt:16"]) {
    assertEquals(parseOutputs(text)?.map(outputText).join(","), text);
  }
  for (
    const text of ["", "a", "a:8", "a:fly:8", "a:box:0", "a:box/middle:8", "a:box:8+", "a:raw:x"]
  ) {
    assertEquals(parseOutputs(text), null, text);
  }
});
