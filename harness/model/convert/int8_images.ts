/**
 * Photographs → the tensors that int8 calibration runs on, by the same preprocessing as every run.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { letterbox, letterboxGeometry } from "../../pose/letterbox.ts";
import { openDataset } from "../../images/dataset.ts";
import { type DatasetImage, loadImage } from "../../images/load_image.ts";
import type { Shape } from "../../record/variant.ts";
import { sha256Hex } from "../../hash.ts";

/** Most images that are calibrated on: more changes the table little and takes long. */
const MOST_IMAGES = 32;

/** The images that a calibration uses. */
export interface CalibrationSet {
  images: DatasetImage[];
  /** Stands for the images and their order in cache keys. */
  id: string;
}

/**
 * Returns at most 32 images of the data set in the folder, spread evenly over it.
 *
 * Throws `HarnessError` as `openDataset` does, and `bad-image` when there is none.
 */
export async function openCalibrationSet(folder: string): Promise<CalibrationSet> {
  const { images } = await openDataset(folder);
  if (images.length === 0) {
    throw new HarnessError(
      "bad-image",
      `Cannot calibrate int8: found no image in ${folder}, expected some that are like those that the model will see`,
    );
  }
  const chosen = spread(images, MOST_IMAGES);
  const hashes: string[] = [];
  for (const image of chosen) hashes.push(await sha256Hex(await Deno.readFile(image.file)));
  return { images: chosen, id: await sha256Hex(hashes.join("\n")) };
}

/** Returns at most `most` items, spread evenly; pure. */
export function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.floor(i * items.length / most)]);
}

/**
 * Writes each image's letterboxed tensor as `<n>.npy` into the folder and returns the file names.
 *
 * The tensor is that of the reference: float32 [3, H, W], RGB, 0 to 1; for a `rect` shape at its
 * full square.
 */
export async function writeCalibrationTensors(
  set: CalibrationSet,
  shape: Shape,
  folder: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const { widthPx, heightPx } = shape;
  const files: string[] = [];
  for (const [index, image] of set.images.entries()) {
    signal?.throwIfAborted();
    const pixels = await loadImage(image);
    const geometry = letterboxGeometry(pixels.widthPx, pixels.heightPx, {
      mode: "fixed",
      widthPx,
      heightPx,
    });
    const file = `${index}.npy`;
    const bytes = npyBytes([3, heightPx, widthPx], letterbox(pixels, geometry));
    await Deno.writeFile(path.join(folder, file), bytes);
    files.push(file);
  }
  return files;
}

/**
 * Returns the values as a NumPy file, version 1.0, little-endian float32, row-major; pure.
 *
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function npyBytes(shape: readonly number[], values: Float32Array): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims}), }`;
  const prefixBytes = 10;
  const padded = header.padEnd(
    Math.ceil((prefixBytes + header.length + 1) / 64) * 64 - prefixBytes - 1,
  ) + "\n";
  const bytes = new Uint8Array(prefixBytes + padded.length + 4 * values.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, padded.length, true);
  bytes.set(new TextEncoder().encode(padded), prefixBytes);
  const start = prefixBytes + padded.length;
  values.forEach((value, i) => view.setFloat32(start + 4 * i, value, true));
  return bytes;
}
