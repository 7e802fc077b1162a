import { assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { letterbox, letterboxGeometry } from "../../pose/letterbox.ts";
import { loadImage } from "../../images/load_image.ts";
import { npyBytes, openCalibrationSet, spread, writeCalibrationTensors } from "./int8_images.ts";

const FIXTURES = path.resolve(import.meta.dirname!, "../../../fixtures");

Deno.test("npyBytes() writes a header of a multiple of 64 bytes and little-endian values", () => {
  const bytes = npyBytes([1, 2], Float32Array.of(1.5, -2));
  assertEquals([...bytes.subarray(0, 8)], [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  const headerBytes = bytes[8] + 256 * bytes[9];
  assertEquals((10 + headerBytes) % 64, 0);
  const header = new TextDecoder().decode(bytes.subarray(10, 10 + headerBytes));
  assertEquals(
    header.trimEnd(),
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
  );
  assertEquals(header.at(-1), "\n");
  assertEquals([...bytes.subarray(10 + headerBytes)], [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]);
});

Deno.test("spread() takes items from all of the list", () => {
  assertEquals(spread([1, 2, 3], 5), [1, 2, 3]);
  assertEquals(spread([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [0, 2, 5, 7]);
  assertEquals(spread([], 4), []);
});

Deno.test("writeCalibrationTensors() writes the reference's own letterboxed tensors", async () => {
  const set = await openCalibrationSet(FIXTURES);
  assertEquals(set.images.length > 10 && set.images.length <= 32, true);
  const folder = await Deno.makeTempDir();
  try {
    const few = { ...set, images: set.images.slice(0, 2) };
    const shape = { mode: "rect", widthPx: 96, heightPx: 96 } as const;
    const files = await writeCalibrationTensors(few, shape, folder);
    assertEquals(files, ["0.npy", "1.npy"]);
    const image = await loadImage(few.images[1]);
    const geometry = letterboxGeometry(image.widthPx, image.heightPx, { ...shape, mode: "fixed" });
    const bytes = await Deno.readFile(path.join(folder, "1.npy"));
    assertEquals(bytes, npyBytes([3, 96, 96], letterbox(image, geometry)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openCalibrationSet() says that the folder has no image", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertRejects(() => openCalibrationSet(folder), HarnessError);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
