/**
 * A picture file → 8-bit RGB, as OpenCV reads it.
 *
 * Decoding happens once, here, for the reference and for every device: JPEG decoders differ.
 *
 * @module
 */
import sharp from "sharp";
import { HarnessError } from "../errors.ts";
import type { RgbImage } from "../pose/letterbox.ts";
import { isSize, readHeader, type Size } from "./picture_header.ts";
import { sniff } from "./picture_files.ts";

/** One image of a data set; nothing of its pixels is held. */
export interface DatasetImage {
  /** Unique in the data set; letters, digits, `.`, `_` and `-` only. */
  id: string;
  /** Path of the file. */
  file: string;
  /** COCO's image id; null for a folder without annotations. */
  cocoImageId: number | null;
  /** Size that the annotations state; null where they don't. */
  annotatedSize: Size | null;
  /**
   * Whether the annotations are for the pixels as EXIF has them turned, or as they are stored. When
   * it isn't told, a quarter turn is left out where the annotated size is that of the stored ones.
   */
  frame?: "upright" | "stored";
  /** Size of the pixels; absent before they were decoded. */
  size?: Size;
}

/** Pixels that one picture may have: libvips' own limit, 16383 × 16383. */
export const MAX_PIXELS = 16383 * 16383;

const FORMATS = "JPEG, PNG, WebP, GIF, TIFF or AVIF";

function refuse(file: string, found: string, cause?: unknown): never {
  throw new HarnessError(
    "bad-image",
    `Cannot read the image ${file}: ${found}: replace it or take it out of the set`,
    cause === undefined ? {} : { cause },
  );
}

/**
 * Returns the pixels of an image as 8-bit RGB.
 *
 * The content decides what a file is, not its name. EXIF orientation is applied, unless the
 * annotations are for the stored pixels. Colour profiles are ignored, as OpenCV, ultralytics and
 * phone apps do; CMYK is converted as OpenCV does, grey and 16-bit images to 8-bit sRGB;
 * transparency is dropped. Of an animation the first frame counts. A JPEG that lacks its end marker
 * alone is whole. Throws `HarnessError` `bad-image` that names the file: missing, not a picture, of
 * an unreadable format, cut short, too large, or another size than the annotations state.
 */
export async function loadImage(image: DatasetImage): Promise<RgbImage> {
  const { file, annotatedSize } = image;
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    refuse(file, isMissing ? "there is no such file" : (cause as Error).message, cause);
  }
  if (bytes.length === 0) refuse(file, "it is empty");
  const format = sniff(bytes);
  if (format?.readable === false) {
    refuse(file, `it is ${format.name} whatever its name says, expected ${FORMATS}`);
  }
  const header = await readHeader(bytes);
  if (header === null && format === null) refuse(file, `it is no picture, expected ${FORMATS}`);
  if (header !== null) {
    const { widthPx, heightPx } = header.stored;
    if (widthPx * heightPx > MAX_PIXELS) {
      refuse(
        file,
        `it has ${widthPx}x${heightPx} = ${
          widthPx * heightPx
        } pixels, more than the ${MAX_PIXELS} that one picture may have`,
      );
    }
  }
  const isStored = image.frame === "stored" || image.frame === undefined && header !== null &&
      annotatedSize !== null && header.orientation >= 5 && isSize(header.stored, annotatedSize) &&
      !isSize(header.upright, annotatedSize);
  const { data, info } = await decode(file, bytes, isStored);
  const size = { widthPx: info.width, heightPx: info.height };
  if (annotatedSize !== null && !isSize(size, annotatedSize)) {
    throw new HarnessError(
      "bad-image",
      `Cannot use the image ${file}: it has ${info.width}x${info.height} pixels, its annotations are for ${annotatedSize.widthPx}x${annotatedSize.heightPx}: was it resized? Take the original`,
    );
  }
  return { ...size, rgb: toRgb(data, info) };
}

interface Decoded {
  data: Uint8Array;
  info: { width: number; height: number; channels: number };
}

/** Returns the pixels; a JPEG that ends before its end marker is tried with one. */
async function decode(file: string, bytes: Uint8Array, isStored: boolean): Promise<Decoded> {
  try {
    return await decodeStrictly(bytes, isStored, "error");
  } catch (cause) {
    const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
    const hasEnd = bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9;
    if (isJpeg && !hasEnd) {
      const from = bytes.at(-1) === 0xff ? bytes.length - 1 : bytes.length;
      const ended = new Uint8Array(from + 2);
      ended.set(bytes.subarray(0, from));
      ended.set([0xff, 0xd9], from);
      // with the marker every missing byte is a warning of the decoder
      const whole = await decodeStrictly(ended, isStored, "warning").catch(() => null);
      if (whole !== null) return whole;
    }
    const message = (cause as Error).message.trim().split("\n")[0];
    const isCut = /premature end|unexpected end|truncated|end of (?:stream|file)/i.test(message);
    refuse(
      file,
      isCut
        ? `it is cut short (${message})`
        : `it can't be decoded (${message}), expected a whole ${FORMATS} file`,
      cause,
    );
  }
}

async function decodeStrictly(
  bytes: Uint8Array,
  isStored: boolean,
  failOn: "error" | "warning",
): Promise<Decoded> {
  sharp.cache(false);
  const open = () => {
    const pipeline = sharp(bytes, { failOn, ignoreIcc: true, limitInputPixels: MAX_PIXELS });
    return isStored ? pipeline : pipeline.rotate();
  };
  const { space } = await sharp(bytes, { limitInputPixels: MAX_PIXELS }).metadata();
  if (space === "cmyk") {
    const { data, info } = await open().pipelineColourspace("cmyk").toColourspace("cmyk")
      .raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data: cmykToRgb(data), info: { ...info, channels: 3 } };
  }
  return await open().toColourspace("srgb").removeAlpha().raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
}

/**
 * Returns RGB for ink in CMYK (255: full), as OpenCV converts it. Source: OpenCV
 * `modules/imgcodecs/src/utils.cpp`, `icvCvt_CMYK2BGR_8u_C4C3R`, which takes inverted values.
 */
function cmykToRgb(ink: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(ink.length / 4 * 3);
  for (let pixel = 0; pixel < ink.length / 4; pixel++) {
    const k = 255 - ink[4 * pixel + 3];
    for (let channel = 0; channel < 3; channel++) {
      rgb[3 * pixel + channel] = k - ((ink[4 * pixel + channel] * k) >> 8);
    }
  }
  return rgb;
}

/** Returns the pixels with three channels: a single one is repeated. */
function toRgb(
  data: Uint8Array,
  { width, height, channels }: { width: number; height: number; channels: number },
): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const level = data[pixel * channels];
    rgb[3 * pixel] = level;
    rgb[3 * pixel + 1] = level;
    rgb[3 * pixel + 2] = level;
  }
  return rgb;
}
