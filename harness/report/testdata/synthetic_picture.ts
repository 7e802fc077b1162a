/**
 * Small pictures for synthetic reports: people as flat shapes on a plain ground, as PNG.
 *
 * @module
 */
import { deflateSync } from "node:zlib";
import { encodeBase64 } from "@std/encoding";
import type { Detection } from "../../record/records.ts";

type Rgb = [number, number, number];

/**
 * Limbs that are drawn, as pairs of COCO keypoints, with their half-width relative to the height of
 * the person.
 */
const LIMBS: [number, number, number][] = [
  [5, 6, 0.04],
  [11, 12, 0.045],
  [5, 11, 0.055],
  [6, 12, 0.055],
  [5, 12, 0.055],
  [6, 11, 0.055],
  [5, 7, 0.025],
  [7, 9, 0.022],
  [6, 8, 0.025],
  [8, 10, 0.022],
  [11, 13, 0.034],
  [13, 15, 0.028],
  [12, 14, 0.034],
  [14, 16, 0.028],
  [0, 0, 0.062],
];

const CLOTHES: Rgb[] = [[120, 82, 74], [64, 96, 128], [96, 112, 80], [142, 120, 84]];

/**
 * Returns a PNG as a data URI: the people over a ground of two flat tones, `scale` output pixels
 * per pixel of the coordinates.
 */
export function syntheticPicture(
  widthPx: number,
  heightPx: number,
  people: Detection[],
  scale: number,
): string {
  const width = Math.round(widthPx * scale);
  const height = Math.round(heightPx * scale);
  const rows = new Uint8Array(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colourAt((x + 0.5) / scale, (y + 0.5) / scale, heightPx, people);
      rows.set(colour, y * (1 + width * 3) + 1 + x * 3);
    }
  }
  return `data:image/png;base64,${encodeBase64(png(width, height, rows))}`;
}

function colourAt(x: number, y: number, heightPx: number, people: Detection[]): Rgb {
  for (const [i, { keypoints, boxXyxyPx }] of people.entries()) {
    const size = boxXyxyPx[3] - boxXyxyPx[1];
    for (const [a, b, width] of LIMBS) {
      if (distance(x, y, keypoints[a], keypoints[b]) > width * size) continue;
      if (a === 0) return [198, 160, 132];
      const shade = a >= 11 ? 0.62 : 1;
      return CLOTHES[i % CLOTHES.length].map((value) => Math.round(value * shade)) as Rgb;
    }
  }
  const step = Math.floor(y / heightPx * 12) * 3;
  return y < heightPx * 0.62 ? [188 - step, 204 - step, 214 - step] : [150, 146, 132];
}

/** Distance of a point from the segment between two keypoints. */
function distance(x: number, y: number, [ax, ay]: number[], [bx, by]: number[]): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/**
 * Returns a PNG file of 8-bit RGB rows, each with its filter byte (PNG, third edition, sections 5
 * and 11).
 */
function png(width: number, height: number, rows: Uint8Array): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8);
  const chunks = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("IDAT", new Uint8Array(deflateSync(rows, { level: 9 }))),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Uint8Array(chunks.flatMap((part) => [...part]));
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
