/**
 * Letterbox: an RGB image → the network's input tensor, and the way back to image pixels.
 *
 * The same arithmetic as `runner-cpp`, bit for bit: geometry of ultralytics' LetterBox (centred,
 * scaling up allowed, rounded half to even), the 8-bit fixed-point bilinear resize of OpenCV's
 * INTER_LINEAR and of ncnn's `resize_bilinear_c3` (`src/mat_pixel_resize.cpp` at a4d2ea1d), padding
 * 114.
 *
 * @module
 */
import type { Shape } from "../record/variant.ts";

/** Value of the padding in each channel, as ultralytics trains with. */
export const PAD_LEVEL = 114;

/** An image as raw pixels: rows of R, G, B bytes without gaps. */
export interface RgbImage {
  widthPx: number;
  heightPx: number;
  /** widthPx · heightPx · 3 bytes. */
  rgb: Uint8Array;
}

/** How an image lies within the network's input. */
export interface Letterbox {
  /** Size of the original image. */
  imageWidthPx: number;
  imageHeightPx: number;
  /** Size of the network's input. */
  widthPx: number;
  heightPx: number;
  /** Letterbox pixels per image pixel. */
  scale: number;
  /** Size of the image within the input. */
  resizedWidthPx: number;
  resizedHeightPx: number;
  /** Padding left of and above the image. */
  leftPx: number;
  topPx: number;
}

/** Returns the integer nearest to the value, halves going to the even one, as Python's `round`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Returns where an image of that size lies in the network's input.
 *
 * `fixed`: the whole target. `rect`: the long side becomes the shape's longer side, both sides are
 * padded to the next multiple of 32. Throws `RangeError` when a size is not a positive integer.
 *
 * @example
 * ```ts
 * letterboxGeometry(1280, 720, { mode: "fixed", widthPx: 640, heightPx: 640 });
 * // scale 0.5, resized 640 × 360, left 0, top 140
 * ```
 */
export function letterboxGeometry(
  imageWidthPx: number,
  imageHeightPx: number,
  shape: Shape,
): Letterbox {
  for (const size of [imageWidthPx, imageHeightPx, shape.widthPx, shape.heightPx]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(
        `Cannot letterbox ${imageWidthPx}x${imageHeightPx} to ${shape.widthPx}x${shape.heightPx}: sizes must be positive integers`,
      );
    }
  }
  const longSide = Math.max(shape.widthPx, shape.heightPx);
  const scale = shape.mode === "rect"
    ? longSide / Math.max(imageWidthPx, imageHeightPx)
    : Math.min(shape.widthPx / imageWidthPx, shape.heightPx / imageHeightPx);
  const resizedWidthPx = Math.max(1, roundHalfEven(imageWidthPx * scale));
  const resizedHeightPx = Math.max(1, roundHalfEven(imageHeightPx * scale));
  const widthPx = shape.mode === "rect" ? Math.ceil(resizedWidthPx / 32) * 32 : shape.widthPx;
  const heightPx = shape.mode === "rect" ? Math.ceil(resizedHeightPx / 32) * 32 : shape.heightPx;
  return {
    imageWidthPx,
    imageHeightPx,
    widthPx,
    heightPx,
    scale,
    resizedWidthPx,
    resizedHeightPx,
    leftPx: Math.max(0, roundHalfEven((widthPx - resizedWidthPx) / 2 - 0.1)),
    topPx: Math.max(0, roundHalfEven((heightPx - resizedHeightPx) / 2 - 0.1)),
  };
}

/**
 * First source index and the two weights (11-bit fixed point, sum 2048) of each target index along
 * one axis.
 */
function axisWeights(sourceSize: number, targetSize: number) {
  const scale = sourceSize / targetSize;
  const first = new Int32Array(targetSize);
  const second = new Int32Array(targetSize);
  const weight0 = new Int32Array(targetSize);
  const weight1 = new Int32Array(targetSize);
  for (let target = 0; target < targetSize; target++) {
    const position = Math.fround((target + 0.5) * scale - 0.5);
    let index = Math.floor(position);
    let fraction = Math.fround(position - index);
    if (index < 0) {
      index = 0;
      fraction = 0;
    }
    if (index >= sourceSize - 1) {
      index = sourceSize - 2;
      fraction = 1;
    }
    first[target] = index;
    second[target] = index + 1;
    weight0[target] = Math.trunc(
      Math.fround(Math.fround(Math.fround(1 - fraction) * 2048) + 0.5),
    );
    weight1[target] = Math.trunc(Math.fround(Math.fround(fraction * 2048) + 0.5));
  }
  return { first, second, weight0, weight1 };
}

/**
 * Returns the image with a single row or column repeated, as the runner does it: ncnn's resize
 * reads two.
 */
function atLeastTwo(image: RgbImage): RgbImage {
  const widthPx = Math.max(2, image.widthPx);
  const heightPx = Math.max(2, image.heightPx);
  if (widthPx === image.widthPx && heightPx === image.heightPx) return image;
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  for (let y = 0, out = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++, out += 3) {
      const row = Math.min(y, image.heightPx - 1);
      const from = (row * image.widthPx + Math.min(x, image.widthPx - 1)) * 3;
      rgb.set(image.rgb.subarray(from, from + 3), out);
    }
  }
  return { widthPx, heightPx, rgb };
}

/**
 * Returns the image resized to that size by the 8-bit bilinear resize of OpenCV and ncnn, bit for
 * bit.
 *
 * Throws `RangeError` when the number of bytes is not width · height · 3.
 */
export function resizeBilinear(image: RgbImage, widthPx: number, heightPx: number): Uint8Array {
  if (image.rgb.length !== image.widthPx * image.heightPx * 3) {
    throw new RangeError(
      `Cannot resize an image of ${image.widthPx}x${image.heightPx}: found ${image.rgb.length} bytes, expected ${
        image.widthPx * image.heightPx * 3
      }`,
    );
  }
  if (widthPx === image.widthPx && heightPx === image.heightPx) return image.rgb.slice();
  const { rgb, widthPx: sourceWidth, heightPx: sourceHeight } = atLeastTwo(image);
  const columns = axisWeights(sourceWidth, widthPx);
  const rows = axisWeights(sourceHeight, heightPx);
  const rowLength = widthPx * 3;
  // the horizontally resized source rows in use, with 7 fractional bits
  let upper = new Int32Array(rowLength);
  let lower = new Int32Array(rowLength);
  let upperIndex = -1;
  let lowerIndex = -1;
  const fill = (target: Int32Array, row: number): void => {
    const base = row * sourceWidth * 3;
    for (let x = 0, out = 0; x < widthPx; x++) {
      let a = base + columns.first[x] * 3;
      let b = base + columns.second[x] * 3;
      const wa = columns.weight0[x];
      const wb = columns.weight1[x];
      target[out++] = (rgb[a++] * wa + rgb[b++] * wb) >> 4;
      target[out++] = (rgb[a++] * wa + rgb[b++] * wb) >> 4;
      target[out++] = (rgb[a] * wa + rgb[b] * wb) >> 4;
    }
  };
  const resized = new Uint8Array(rowLength * heightPx);
  for (let y = 0, out = 0; y < heightPx; y++) {
    if (rows.first[y] !== upperIndex) {
      if (rows.first[y] === lowerIndex) {
        [upper, lower] = [lower, upper];
        [upperIndex, lowerIndex] = [lowerIndex, -1];
      } else {
        fill(upper, rows.first[y]);
        upperIndex = rows.first[y];
      }
    }
    if (rows.second[y] !== lowerIndex) {
      fill(lower, rows.second[y]);
      lowerIndex = rows.second[y];
    }
    const w0 = rows.weight0[y];
    const w1 = rows.weight1[y];
    for (let x = 0; x < rowLength; x++) {
      resized[out++] = (((w0 * upper[x]) >> 16) + ((w1 * lower[x]) >> 16) + 2) >> 2;
    }
  }
  return resized;
}

/**
 * Returns the network's input: float32, channel by channel R, G, B, rows of `geometry.widthPx`,
 * values level/255.
 *
 * Throws `RangeError` when the geometry was made for another image size.
 */
export function letterbox(image: RgbImage, geometry: Letterbox): Float32Array {
  if (image.widthPx !== geometry.imageWidthPx || image.heightPx !== geometry.imageHeightPx) {
    throw new RangeError(
      `Cannot letterbox an image of ${image.widthPx}x${image.heightPx}: the geometry is for ${geometry.imageWidthPx}x${geometry.imageHeightPx}`,
    );
  }
  const { widthPx, heightPx, resizedWidthPx, resizedHeightPx, leftPx, topPx } = geometry;
  const resized = resizeBilinear(image, resizedWidthPx, resizedHeightPx);
  const perLevel = Math.fround(1 / 255);
  const values = Float32Array.from({ length: 256 }, (_, level) => level * perLevel);
  const plane = widthPx * heightPx;
  const tensor = new Float32Array(3 * plane).fill(values[PAD_LEVEL]);
  for (let y = 0, source = 0; y < resizedHeightPx; y++) {
    let target = (y + topPx) * widthPx + leftPx;
    for (let x = 0; x < resizedWidthPx; x++, target++) {
      tensor[target] = values[resized[source++]];
      tensor[target + plane] = values[resized[source++]];
      tensor[target + 2 * plane] = values[resized[source++]];
    }
  }
  return tensor;
}

/** Returns the value kept within low and high; NaN stays NaN. */
function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}

/**
 * Returns the image pixel of an x in letterbox pixels, clipped to [0, image width] as ultralytics
 * does.
 */
export function toImageXPx(letterboxXPx: number, geometry: Letterbox): number {
  return clamp((letterboxXPx - geometry.leftPx) / geometry.scale, 0, geometry.imageWidthPx);
}

/**
 * Returns the image pixel of a y in letterbox pixels, clipped to [0, image height] as ultralytics
 * does.
 */
export function toImageYPx(letterboxYPx: number, geometry: Letterbox): number {
  return clamp((letterboxYPx - geometry.topPx) / geometry.scale, 0, geometry.imageHeightPx);
}
