import { assertEquals } from "@std/assert";
import { letterbox, letterboxGeometry, type RgbImage } from "../pose/letterbox.ts";
import { seededRandom } from "../pose/testdata/random.ts";
import { rowAt } from "../head/candidates.ts";
import type { Detection } from "../record/records.ts";
import { headReference, type ImageEvidence } from "./judge.ts";
import { mappingHint } from "./mapping_hints.ts";
import { rowHint } from "./row_hints.ts";
import { tensorHint } from "./tensor_hints.ts";
import { cleanEvidence } from "./testdata/evidence.ts";
import { testManifest } from "./testdata/manifest.ts";

const SHAPE = { mode: "fixed", widthPx: 96, heightPx: 96 } as const;
const GEOMETRY = letterboxGeometry(96, 64, SHAPE);

function noise(seed: number): RgbImage {
  const random = seededRandom(seed);
  return {
    widthPx: 96,
    heightPx: 64,
    rgb: Uint8Array.from({ length: 96 * 64 * 3 }, () => 256 * random()),
  };
}

Deno.test("tensorHint() recognises each known way to letterbox wrongly", () => {
  const expected = letterbox(noise(1), GEOMETRY);
  const plane = 96 * 96;
  const from = (source: (channel: number, x: number, y: number) => number) =>
    Float32Array.from({ length: 3 * plane }, (_, at) => {
      const rest = at % plane;
      return source(Math.floor(at / plane), rest % 96, Math.floor(rest / 96));
    });
  const at = (channel: number, x: number, y: number) => expected[channel * plane + y * 96 + x];
  const pad = 114 / 255;
  const cases: [Float32Array, string][] = [
    [from((c, x, y) => at(2 - c, x, y)), "red and blue are swapped"],
    [from((c, x, y) => at((c + 1) % 3, x, y)), "planes are in the order green, blue, red"],
    [expected.map((v) => 255 * v), "values are levels, not divided by 255"],
    [expected.map((v) => 2 * v - 1), "values are in -1 to 1 instead of 0 to 1"],
    [from((c, x, y) => at(c, 95 - x, y)), "the image is mirrored"],
    [
      Float32Array.from({ length: 3 * plane }, (_, i) => {
        const pixel = Math.floor(i / 3);
        return at(i % 3, pixel % 96, Math.floor(pixel / 96));
      }),
      "pixels are interleaved instead of in planes",
    ],
    [
      from((c, x, y) => y < 16 || y >= 80 ? 0 : at(c, x, y)),
      "only the padding differs: its value is not 114",
    ],
    [
      from((c, x, y) => x < 1 || y < 2 ? pad : at(c, x - 1, y - 2)),
      "the image lies 1 px to the right and 2 px further down than it should",
    ],
    [
      letterbox(noise(2), GEOMETRY),
      "the padding is in place, the picture in it is another: another resize, or another image",
    ],
    [
      from((c, x, y) => y < 64 ? at(c, x, y + 16) : pad),
      "the padding is elsewhere: another size or place of the image (truncated instead of rounded, stretched, not centred), or another image",
    ],
  ];
  for (const [found, hint] of cases) {
    assertEquals(tensorHint(expected, found, SHAPE), hint);
  }
});

Deno.test("rowHint() recognises each known way to decode wrongly", () => {
  const expected = Float32Array.of(
    10.3,
    20.6,
    50.9,
    90.2,
    0.8,
    0,
    30.4,
    40.7,
    0.9,
    35.1,
    60.3,
    0.2,
  );
  const changed = (changes: Record<number, number>) =>
    expected.map((value, at) => changes[at] ?? value);
  const cases: [Float32Array, string][] = [
    [
      expected.map((v, at) => at === 4 || at % 3 === 2 && at > 5 ? v : Math.trunc(v)),
      "coordinates are cut to integers",
    ],
    [changed({ 0: 10, 1: 20, 2: 50, 3: 90 }), "boxes are cut to integers"],
    [changed({ 4: 1.4 }), "the score is outside of 0..1 (no sigmoid?)"],
    [changed({ 8: -2 }), "visibility is outside of 0..1 (no sigmoid?)"],
    [
      changed({ 0: 6.3, 1: 16.6, 2: 46.9, 3: 86.2 }),
      "the whole box is off by -4.00 px, -0.50 cells (where anchors start?)",
    ],
    [
      changed({ 0: 2.3, 1: 12.6, 2: 58.9, 3: 98.2 }),
      "every side is 1.00 strides further out (where DFL bins start?)",
    ],
    [
      changed({ 0: 30.6, 1: 55.4, 2: 40.6, 3: 69.6 }),
      "the box is centre and size instead of corners",
    ],
    [changed({ 0: 15.3, 2: 55.9 }), "left and right distances are exchanged"],
    [
      changed({ 6: 34.4, 7: 44.7, 9: 39.1, 10: 64.3 }),
      "all keypoints are off by 4.00, 4.00 px, 0.50 cells (where the grid starts?)",
    ],
    [changed({ 6: 40.7, 7: 30.4, 9: 60.3, 10: 35.1 }), "x and y of keypoints are exchanged"],
    [
      changed({ 6: 35.1, 7: 60.3, 9: 30.4, 10: 40.7 }),
      "keypoints 0 and 1 are exchanged",
    ],
    [changed({ 6: 99 }), "only keypoints differ"],
    [changed({ 0: 99 }), ""],
  ];
  for (const [found, hint] of cases) assertEquals(rowHint(expected, found, 8), hint);
});

Deno.test("mappingHint() recognises each known wrong way back to the image", () => {
  // an image whose best detection lies within it, so that clipping hides nothing
  const isInside = ({ detections }: ImageEvidence) => {
    const [x1, y1, x2, y2] = detections![0]?.boxXyxyPx ?? [0, 0, 0, 0];
    return x1 > 40 && y1 > 40 && x2 < 600 && x2 > 0 && y2 < 280;
  };
  const made = (seed: number) =>
    cleanEvidence({
      variant: testManifest({ shape: { mode: "fixed", widthPx: 320, heightPx: 192 } }),
      seed,
      people: 1,
      imageWidthPx: 640,
      imageHeightPx: 320,
    });
  let seed = 0;
  while (!isInside(made(seed))) seed++;
  const { manifest, options, reference, detections } = made(seed);
  const { detected } = headReference(manifest, reference, options);
  const { geometry } = reference;
  const row = rowAt(detected.candidates, detected.kept[0]);
  const inLetterbox = (joint: number): [number, number] => [row[6 + 3 * joint], row[7 + 3 * joint]];
  const hintOf = (change: (detection: Detection) => Partial<Detection>) =>
    mappingHint(detected, detections!.map((each) => ({ ...each, ...change(each) })), geometry);
  const clip = (value: number, size: number) => Math.min(Math.max(value, 0), size);
  const clipped = (x: number, y: number): [number, number] => [
    clip(x, geometry.imageWidthPx),
    clip(y, geometry.imageHeightPx),
  ];
  const box = (map: (x: number, y: number) => [number, number]): Partial<Detection> => ({
    boxXyxyPx: [...clipped(...map(row[0], row[1])), ...clipped(...map(row[2], row[3]))],
  });
  assertEquals(hintOf(() => ({})), "");
  assertEquals(hintOf(() => box((x, y) => [x, y])), "boxes are letterbox pixels");
  assertEquals(
    hintOf(() => box((x, y) => [x - geometry.leftPx, y - geometry.topPx])),
    "boxes are not scaled back",
  );
  assertEquals(
    hintOf(() => box((x, y) => [x / geometry.scale, y / geometry.scale])),
    "boxes still have the padding in them",
  );
  assertEquals(
    hintOf(({ keypoints }) => ({
      keypoints: keypoints.map(([, , v], joint) => [...clipped(...inLetterbox(joint)), v]),
    })),
    "keypoints are letterbox pixels",
  );
  assertEquals(
    hintOf(({ keypoints }) => ({
      keypoints: keypoints.map(([x, y, v], joint) =>
        joint === 5 ? [0, 0, 0.2] : [x, y, Math.max(v, 0.5)]
      ),
    })),
    "keypoints with a confidence below 0.5 are set to 0",
  );
  assertEquals(mappingHint(detected, [], geometry), "");
});
