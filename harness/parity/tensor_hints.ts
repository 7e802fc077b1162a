/**
 * What a wrong letterboxed tensor looks like: the known ways to get it wrong, tried one after the
 * other.
 *
 * @module
 */
import type { InputSize } from "../head/head_spec.ts";
import { PAD_LEVEL } from "../pose/letterbox.ts";

/** Two tensors of one size, R, G and B planes of values in 0..1. */
interface Pair {
  expected: Float32Array;
  found: Float32Array;
  input: InputSize;
}

/** Every how many pixels the planes are looked at. */
const STEP = 7;
/** Share of the looked-at values that must agree. */
const SHARE = 0.99;
/** Furthest shift that is recognised, pixels. */
const MAX_SHIFT = 2;

function near(a: number, b: number): boolean {
  return Math.abs(a - b) * 255 < 0.5;
}

/**
 * True when the test holds for nearly all of the pixels that are looked at; `counts` leaves some
 * out.
 */
function holds(
  { input }: Pair,
  test: (x: number, y: number) => boolean,
  counts: (x: number, y: number) => boolean = () => true,
): boolean {
  let agree = 0;
  let count = 0;
  for (let at = 0; at < input.widthPx * input.heightPx; at += STEP) {
    const [x, y] = [at % input.widthPx, Math.floor(at / input.widthPx)];
    if (!counts(x, y)) continue;
    count++;
    if (test(x, y)) agree++;
  }
  return count > 0 && agree / count > SHARE;
}

/** Names of the orders of the planes other than R, G, B. */
const ORDERS: readonly { order: readonly number[]; text: string }[] = [
  { order: [2, 1, 0], text: "red and blue are swapped" },
  { order: [1, 2, 0], text: "planes are in the order green, blue, red" },
  { order: [2, 0, 1], text: "planes are in the order blue, red, green" },
  { order: [1, 0, 2], text: "red and green are swapped" },
  { order: [0, 2, 1], text: "green and blue are swapped" },
];

/**
 * Returns what the found tensor looks like, as a clause; empty when it looks like nothing known.
 */
export function tensorHint(
  expected: Float32Array,
  found: Float32Array,
  input: InputSize,
): string {
  const pair = { expected, found, input };
  const { widthPx, heightPx } = input;
  const plane = widthPx * heightPx;
  const value = (tensor: Float32Array, channel: number, x: number, y: number) =>
    tensor[channel * plane + y * widthPx + x];
  const channels = [0, 1, 2];
  for (const { order, text } of ORDERS) {
    const isOrder = (x: number, y: number) =>
      channels.every((channel) =>
        near(value(found, channel, x, y), value(expected, order[channel], x, y))
      );
    if (holds(pair, isOrder)) return text;
  }
  const transformed = (change: (value: number) => number) => (x: number, y: number) =>
    channels.every((channel) =>
      near(change(value(found, channel, x, y)), value(expected, channel, x, y))
    );
  if (holds(pair, transformed((level) => level / 255))) {
    return "values are levels, not divided by 255";
  }
  if (holds(pair, transformed((signed) => (signed + 1) / 2))) {
    return "values are in -1 to 1 instead of 0 to 1";
  }
  const mirrored = (x: number, y: number) =>
    channels.every((channel) =>
      near(value(found, channel, x, y), value(expected, channel, widthPx - 1 - x, y))
    );
  if (holds(pair, mirrored)) return "the image is mirrored";
  const interleaved = (x: number, y: number) =>
    channels.every((channel) =>
      near(found[(y * widthPx + x) * 3 + channel], value(expected, channel, x, y))
    );
  if (holds(pair, interleaved)) return "pixels are interleaved instead of in planes";
  const isPadding = (x: number, y: number) =>
    channels.every((channel) => near(value(expected, channel, x, y), PAD_LEVEL / 255));
  const inImage = (x: number, y: number) => !isPadding(x, y);
  const sameInside = holds(pair, transformed((same) => same), inImage);
  if (sameInside) return "only the padding differs: its value is not 114";
  for (let dy = -MAX_SHIFT; dy <= MAX_SHIFT; dy++) {
    for (let dx = -MAX_SHIFT; dx <= MAX_SHIFT; dx++) {
      const isShifted = (x: number, y: number) =>
        channels.every((channel) =>
          near(value(found, channel, x + dx, y + dy), value(expected, channel, x, y))
        );
      const isWithin = (x: number, y: number) =>
        x + dx >= 0 && x + dx < widthPx && y + dy >= 0 && y + dy < heightPx;
      if ((dx !== 0 || dy !== 0) && holds(pair, isShifted, isWithin)) {
        return `the image lies ${dx} px to the right and ${dy} px further down than it should`;
      }
    }
  }
  const samePlaces = holds(
    pair,
    (x, y) =>
      isPadding(x, y) ===
        channels.every((channel) => near(value(found, channel, x, y), PAD_LEVEL / 255)),
  );
  return samePlaces
    ? "the padding is in place, the picture in it is another: another resize, or another image"
    : "the padding is elsewhere: another size or place of the image (truncated instead of rounded, stretched, not centred), or another image";
}
