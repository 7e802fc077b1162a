/**
 * A picture → the network's input, as it should be and in the ways in which apps get it wrong:
 * pure.
 *
 * @module
 */
import {
  type Letterbox,
  letterboxGeometry,
  PAD_LEVEL,
  resizeBilinear,
  type RgbImage,
} from "../pose/letterbox.ts";
import type { InputSize } from "../head/head_spec.ts";

/** How a picture is fed. */
export interface Feeding {
  /** Planes of the tensor: which channel of the picture each holds. */
  order: readonly [number, number, number];
  turn: "none" | "mirrored" | "upside-down" | "left" | "right" | "half";
  place: "centred" | "top-left" | "truncated" | "stretched" | "one-further" | "one-left";
  resize: "bilinear" | "nearest" | "corners";
  values: "share" | "level" | "signed" | "imagenet";
  padLevel: number;
  isInterleaved: boolean;
}

/** As ultralytics trains. */
export const CLEAN_FEEDING: Feeding = {
  order: [0, 1, 2],
  turn: "none",
  place: "centred",
  resize: "bilinear",
  values: "share",
  padLevel: PAD_LEVEL,
  isInterleaved: false,
};

/** A fed tensor, and how the picture lies in it. */
export interface Fed {
  tensor: Float32Array;
  geometry: Letterbox;
}

const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

const VALUES: Record<Feeding["values"], (level: number, channel: number) => number> = {
  share: (level) => level / 255,
  level: (level) => level,
  signed: (level) => level / 127.5 - 1,
  imagenet: (level, channel) => (level / 255 - MEAN[channel]) / DEVIATION[channel],
};

/** Returns the tensor of a picture in that size and way. */
export function feed(image: RgbImage, size: InputSize, feeding: Feeding): Fed {
  const turned = turnedImage(image, feeding.turn);
  const geometry = geometryOf(turned, size, feeding.place);
  const { resizedWidthPx: width, resizedHeightPx: height, leftPx, topPx } = geometry;
  const resized = feeding.resize === "bilinear"
    ? resizeBilinear(turned, width, height)
    : sampled(turned, width, height, feeding.resize);
  const plane = size.widthPx * size.heightPx;
  const tensor = new Float32Array(3 * plane);
  const value = VALUES[feeding.values];
  for (let channel = 0; channel < 3; channel++) {
    tensor.fill(value(feeding.padLevel, channel), channel * plane, (channel + 1) * plane);
    const from = feeding.order[channel];
    for (let y = 0; y < height; y++) {
      const line = y + topPx;
      if (line < 0 || line >= size.heightPx) continue;
      for (let x = 0; x < width; x++) {
        const column = x + leftPx;
        if (column < 0 || column >= size.widthPx) continue;
        const level = resized[3 * (y * width + x) + from];
        tensor[channel * plane + line * size.widthPx + column] = value(level, channel);
      }
    }
  }
  return { tensor: feeding.isInterleaved ? interleaved(tensor, plane) : tensor, geometry };
}

function interleaved(tensor: Float32Array, plane: number): Float32Array {
  return Float32Array.from(tensor, (_, at) => tensor[(at % 3) * plane + Math.floor(at / 3)]);
}

function geometryOf(image: RgbImage, size: InputSize, place: Feeding["place"]): Letterbox {
  const clean = letterboxGeometry(image.widthPx, image.heightPx, { mode: "fixed", ...size });
  switch (place) {
    case "centred":
      return clean;
    case "top-left":
      return { ...clean, leftPx: 0, topPx: 0 };
    case "one-further":
      return {
        ...clean,
        leftPx: clean.leftPx + (clean.resizedWidthPx < size.widthPx ? 1 : 0),
        topPx: clean.topPx + (clean.resizedHeightPx < size.heightPx ? 1 : 0),
      };
    case "one-left":
      return { ...clean, leftPx: clean.leftPx - 1 };
    case "truncated": {
      const resizedWidthPx = Math.max(1, Math.trunc(image.widthPx * clean.scale));
      const resizedHeightPx = Math.max(1, Math.trunc(image.heightPx * clean.scale));
      return {
        ...clean,
        resizedWidthPx,
        resizedHeightPx,
        leftPx: Math.floor((size.widthPx - resizedWidthPx) / 2),
        topPx: Math.floor((size.heightPx - resizedHeightPx) / 2),
      };
    }
    case "stretched":
      return {
        ...clean,
        resizedWidthPx: size.widthPx,
        resizedHeightPx: size.heightPx,
        leftPx: 0,
        topPx: 0,
      };
  }
}

/** Returns the picture sampled without interpolation, or with its corners on corners. */
function sampled(
  { rgb, widthPx, heightPx }: RgbImage,
  width: number,
  height: number,
  way: "nearest" | "corners",
): Uint8Array {
  const out = new Uint8Array(3 * width * height);
  const at = (x: number, y: number, channel: number) => rgb[3 * (y * widthPx + x) + channel];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sourceX, sourceY] = [x * widthPx / width, y * heightPx / height];
      const [left, top] = [Math.floor(sourceX), Math.floor(sourceY)];
      const [right, bottom] = [Math.min(left + 1, widthPx - 1), Math.min(top + 1, heightPx - 1)];
      const [fx, fy] = way === "nearest" ? [0, 0] : [sourceX - left, sourceY - top];
      for (let channel = 0; channel < 3; channel++) {
        const upper = at(left, top, channel) * (1 - fx) + at(right, top, channel) * fx;
        const lower = at(left, bottom, channel) * (1 - fx) + at(right, bottom, channel) * fx;
        out[3 * (y * width + x) + channel] = Math.round(upper * (1 - fy) + lower * fy);
      }
    }
  }
  return out;
}

/** Returns the picture turned or mirrored. */
export function turnedImage(image: RgbImage, turn: Feeding["turn"]): RgbImage {
  if (turn === "none") return image;
  const { rgb, widthPx: w, heightPx: h } = image;
  const isQuarter = turn === "left" || turn === "right";
  const [widthPx, heightPx] = isQuarter ? [h, w] : [w, h];
  const out = new Uint8Array(rgb.length);
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const [fromX, fromY] = SOURCE[turn](x, y, w, h);
      for (let channel = 0; channel < 3; channel++) {
        out[3 * (y * widthPx + x) + channel] = rgb[3 * (fromY * w + fromX) + channel];
      }
    }
  }
  return { widthPx, heightPx, rgb: out };
}

/** Where a pixel of the turned picture comes from, of one with these sides. */
const SOURCE: Record<
  Exclude<Feeding["turn"], "none">,
  (x: number, y: number, w: number, h: number) => [number, number]
> = {
  mirrored: (x, y, w) => [w - 1 - x, y],
  "upside-down": (x, y, _w, h) => [x, h - 1 - y],
  half: (x, y, w, h) => [w - 1 - x, h - 1 - y],
  right: (x, y, _w, h) => [y, h - 1 - x],
  left: (x, y, w) => [w - 1 - y, x],
};
