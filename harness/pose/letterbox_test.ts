import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { decodeBase64 } from "@std/encoding";
import {
  letterbox,
  letterboxGeometry,
  PAD_LEVEL,
  resizeBilinear,
  roundHalfEven,
  toImageXPx,
  toImageYPx,
} from "./letterbox.ts";
import type { Shape } from "../record/variant.ts";

const SQUARE: Shape = { mode: "fixed", widthPx: 640, heightPx: 640 };
const RECT: Shape = { mode: "rect", widthPx: 640, heightPx: 640 };

Deno.test("roundHalfEven() goes to the even neighbour when the value is halfway", () => {
  assertEquals([0.5, 1.5, 2.5, -0.5, 2.4, 2.6, 7].map(roundHalfEven), [0, 2, 2, -0, 2, 3, 7]);
});

Deno.test("letterboxGeometry() centres the image when the target is a square", () => {
  assertEquals(letterboxGeometry(1280, 720, SQUARE), {
    imageWidthPx: 1280,
    imageHeightPx: 720,
    widthPx: 640,
    heightPx: 640,
    scale: 0.5,
    resizedWidthPx: 640,
    resizedHeightPx: 360,
    leftPx: 0,
    topPx: 140,
  });
});

Deno.test("letterboxGeometry() puts the odd pixel below when the padding is odd, as ultralytics does", () => {
  // 333 x 500: scale 1.28, 426.24 → 426, padding 214 → 107; 335: 428.8 → 429, padding 211 → 105
  // left, 106 right
  assertEquals(letterboxGeometry(333, 500, SQUARE).leftPx, 107);
  assertEquals(letterboxGeometry(335, 500, SQUARE).leftPx, 105);
});

Deno.test("letterboxGeometry() rounds halves to even when the scaled size ends in .5", () => {
  assertEquals(letterboxGeometry(640, 361, { ...SQUARE, widthPx: 320 }).resizedHeightPx, 180);
  assertEquals(letterboxGeometry(640, 363, { ...SQUARE, widthPx: 320 }).resizedHeightPx, 182);
});

Deno.test("letterboxGeometry() pads both sides to multiples of 32 when the shape is a rectangle", () => {
  const bus = letterboxGeometry(810, 1080, RECT);
  assertEquals([bus.widthPx, bus.heightPx, bus.resizedWidthPx, bus.leftPx], [480, 640, 480, 0]);
  const wide = letterboxGeometry(1000, 10, RECT);
  assertEquals([wide.widthPx, wide.heightPx, wide.resizedHeightPx, wide.topPx], [640, 32, 6, 13]);
  // a long side that is no multiple of 32 is padded as well
  const odd = letterboxGeometry(100, 100, { mode: "rect", widthPx: 600, heightPx: 600 });
  assertEquals([odd.widthPx, odd.heightPx, odd.leftPx], [608, 608, 4]);
});

Deno.test("letterboxGeometry() keeps one pixel when the image is extremely narrow", () => {
  assertEquals(letterboxGeometry(1, 5000, SQUARE).resizedWidthPx, 1);
});

Deno.test("letterboxGeometry() throws when a size is not a positive integer", () => {
  for (const width of [0, -1, 1.5, NaN]) {
    assertThrows(() => letterboxGeometry(width, 10, SQUARE), RangeError);
  }
});

Deno.test("resizeBilinear() equals ncnn bit for bit on the recorded cases", async () => {
  const cases = JSON.parse(
    await Deno.readTextFile(new URL("testdata/resize_cases.json", import.meta.url)),
  );
  assertEquals(cases.length, 6);
  for (const { widthPx, heightPx, newWidthPx, newHeightPx, rgb, resized } of cases) {
    assertEquals(
      resizeBilinear({ widthPx, heightPx, rgb: decodeBase64(rgb) }, newWidthPx, newHeightPx),
      decodeBase64(resized),
    );
  }
});

Deno.test("resizeBilinear() is the mean of neighbours when two pixels become one", () => {
  const rgb = new Uint8Array([10, 20, 30, 20, 40, 60]);
  assertEquals(
    resizeBilinear({ widthPx: 2, heightPx: 1, rgb }, 1, 1),
    new Uint8Array([15, 30, 45]),
  );
});

Deno.test("resizeBilinear() repeats the pixel when the source has one row, one column or both", () => {
  const one = { widthPx: 1, heightPx: 1, rgb: new Uint8Array([1, 128, 255]) };
  assertEquals([...resizeBilinear(one, 2, 2)], [
    1,
    128,
    255,
    1,
    128,
    255,
    1,
    128,
    255,
    1,
    128,
    255,
  ]);
  // the runner widens such an image to two rows, and each of two terms is cut to whole numbers
  const bright = new Uint8Array([20, 21, 22, 90, 91, 92, 250, 3, 77]);
  assertEquals(
    resizeBilinear({ widthPx: 3, heightPx: 1, rgb: bright }, 64, 21),
    resizeBilinear(
      { widthPx: 3, heightPx: 2, rgb: new Uint8Array([...bright, ...bright]) },
      64,
      21,
    ),
  );
  const row = { widthPx: 2, heightPx: 1, rgb: new Uint8Array([0, 0, 0, 200, 200, 200]) };
  const tall = resizeBilinear(row, 2, 3);
  assertEquals(tall.slice(0, 6), tall.slice(12, 18));
});

Deno.test("resizeBilinear() throws when bytes are missing", () => {
  assertThrows(
    () => resizeBilinear({ widthPx: 2, heightPx: 2, rgb: new Uint8Array(11) }, 4, 4),
    RangeError,
    "found 11 bytes, expected 12",
  );
});

Deno.test("letterbox() writes R, G, B planes between bars of 114", () => {
  const image = { widthPx: 2, heightPx: 1, rgb: new Uint8Array([255, 0, 51, 255, 0, 51]) };
  const geometry = letterboxGeometry(2, 1, { mode: "fixed", widthPx: 4, heightPx: 4 });
  const tensor = letterbox(image, geometry);
  const pad = Math.fround(PAD_LEVEL * Math.fround(1 / 255));
  const plane = (value: number) => {
    const v = Math.fround(value * Math.fround(1 / 255));
    return [pad, pad, pad, pad, v, v, v, v, v, v, v, v, pad, pad, pad, pad];
  };
  assertEquals([...tensor], [...plane(255), ...plane(0), ...plane(51)]);
});

Deno.test("letterbox() throws when the geometry is another image's", () => {
  assertThrows(
    () =>
      letterbox(
        { widthPx: 2, heightPx: 2, rgb: new Uint8Array(12) },
        letterboxGeometry(2, 1, SQUARE),
      ),
    RangeError,
  );
});

Deno.test("toImageXPx() and toImageYPx() undo the letterbox and clip to the image", () => {
  const geometry = letterboxGeometry(1280, 720, SQUARE);
  assertEquals(toImageXPx(320, geometry), 640);
  assertEquals(toImageYPx(140 + 90, geometry), 180);
  assertEquals([toImageXPx(-5, geometry), toImageXPx(1e9, geometry)], [0, 1280]);
  assertEquals([toImageYPx(0, geometry), toImageYPx(640, geometry)], [0, 720]);
  assertEquals(toImageXPx(NaN, geometry), NaN);
  const odd = letterboxGeometry(333, 500, SQUARE);
  for (const x of [0, 100.25, 333]) {
    assertAlmostEquals(toImageXPx(x * odd.scale + odd.leftPx, odd), x, 1e-9);
  }
});
