/*
 * Writes pictures and labels for training, in the folders that ultralytics reads:
 * OUT/images/SET/SEED.jpg and OUT/labels/SET/SEED.txt (class, box centre and size, 17 times x y v,
 * all as fractions of the picture).
 */
import * as path from "@std/path";
import sharp from "sharp";
import { rendered, type Rendering } from "../../fixtures/render/render.ts";
import { type Distribution, FIRST_SEED, requestOf } from "./distribution.ts";

/** Quality of the pictures' JPEG files. */
const JPEG_QUALITY = 93;

/**
 * Returns a picture's labels as ultralytics reads them: a line per person with the class (0), the
 * box's centre and size, and x, y, visibility of the 17 keypoints; lengths are fractions of the
 * picture's sides.
 */
export function labelLines(rendering: Rendering): string {
  const { widthPx, heightPx, people } = rendering;
  return people.map(({ bboxXywhPx: [left, top, width, height], keypoints }) => {
    const box = [
      (left + width / 2) / widthPx,
      (top + height / 2) / heightPx,
      width / widthPx,
      height / heightPx,
    ];
    const points = keypoints.map((value, i) =>
      i % 3 === 0
        ? (value / widthPx).toFixed(5)
        : i % 3 === 1
        ? (value / heightPx).toFixed(5)
        : String(value)
    );
    return ["0", ...box.map((value) => value.toFixed(5)), ...points].join(" ") + "\n";
  }).join("");
}

/** Renders `count` pictures of a set, from its `start`-th on, into the folder `out`. */
export async function renderSet(
  out: string,
  distribution: Distribution,
  set: keyof typeof FIRST_SEED,
  start: number,
  count: number,
): Promise<void> {
  const images = path.join(out, "images", set);
  const labels = path.join(out, "labels", set);
  await Deno.mkdir(images, { recursive: true });
  await Deno.mkdir(labels, { recursive: true });
  for (let i = start; i < start + count; i++) {
    const seed = FIRST_SEED[set] + i;
    const rendering = rendered(requestOf(distribution, seed));
    const { widthPx: width, heightPx: height, rgb } = rendering;
    const jpeg = await sharp(rgb, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: JPEG_QUALITY }).toBuffer();
    await Deno.writeFile(path.join(images, `${seed}.jpg`), jpeg);
    await Deno.writeTextFile(path.join(labels, `${seed}.txt`), labelLines(rendering));
  }
}

if (import.meta.main) {
  const [out, distribution, set, start, count] = Deno.args;
  await renderSet(
    out,
    distribution as Distribution,
    set as keyof typeof FIRST_SEED,
    Number(start),
    Number(count),
  );
}
