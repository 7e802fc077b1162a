/**
 * Images as the runner takes them: raw RGB files, decoded once on the host.
 *
 * @module
 */
import * as path from "@std/path";
import { type DatasetImage, loadImage } from "./load_image.ts";
import type { RgbImage } from "../pose/letterbox.ts";
import type { RunImage } from "../record/records.ts";
import { asWriteError } from "../disk.ts";
import { HarnessError } from "../errors.ts";
import { sha256Hex } from "../hash.ts";

/** A raw RGB file and the image that it holds. */
export interface RgbFile {
  image: RunImage;
  /** widthPx · heightPx · 3 bytes, rows of R, G, B. */
  path: string;
}

/**
 * Returns the run's record of every image: id, file, size, hash of the file.
 *
 * Sizes come from an earlier decoding or the annotations, else from decoding. Throws `bad-image`
 * for an image that can't be read.
 */
export async function describeImages(images: DatasetImage[]): Promise<RunImage[]> {
  const described: RunImage[] = [];
  for (const image of images) {
    const size = image.size ?? image.annotatedSize ?? await loadImage(image);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await Deno.readFile(image.file);
    } catch (cause) {
      throw new HarnessError(
        "bad-image",
        `Cannot read the image ${image.file}: ${
          (cause as Error).message
        }: restore it or take it out of the set`,
        { cause },
      );
    }
    described.push({
      id: image.id,
      file: path.basename(image.file),
      widthPx: size.widthPx,
      heightPx: size.heightPx,
      sha256: await sha256Hex(bytes),
      cocoImageId: image.cocoImageId,
    });
  }
  return described;
}

/**
 * Returns the pixels of an image; throws `bad-image` when they have another size than the record
 * says.
 */
export async function loadRunImage(image: DatasetImage, described: RunImage): Promise<RgbImage> {
  const pixels = await loadImage(image);
  if (pixels.widthPx !== described.widthPx || pixels.heightPx !== described.heightPx) {
    throw new HarnessError(
      "bad-image",
      `Cannot use the image ${image.file}: it is ${pixels.widthPx}x${pixels.heightPx}, the annotations say ` +
        `${described.widthPx}x${described.heightPx}: restore the original file or take it out of the set`,
    );
  }
  return pixels;
}

/** Writes the pixels as a raw RGB file into the folder and returns it. */
export async function writeRgbFile(
  image: RunImage,
  pixels: RgbImage,
  folder: string,
): Promise<RgbFile> {
  const file = path.join(folder, `${image.id}.rgb`);
  try {
    await Deno.writeFile(file, pixels.rgb);
  } catch (cause) {
    throw asWriteError(cause, file);
  }
  return { image, path: file };
}

/** Returns at most `count` of the items, spread evenly over the list, first and last included. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  if (count === 1) return [items[0]];
  return Array.from(
    { length: count },
    (_, index) => items[Math.round(index * (items.length - 1) / (count - 1))],
  );
}
