import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as path from "@std/path";
import sharp from "sharp";
import { HarnessError } from "../errors.ts";
import {
  type DatasetImage,
  loadImage,
  openDataset,
  restrictAnnotations,
  safeIds,
} from "./dataset.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

/** Two pixels: red, then blue. */
const RED_BLUE = new Uint8Array([255, 0, 0, 0, 0, 255]);

function picture(rgb = RED_BLUE, width = 2, height = 1): ReturnType<typeof sharp> {
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

function image(file: string, annotatedSize: DatasetImage["annotatedSize"] = null): DatasetImage {
  return { id: "x", file, cocoImageId: null, annotatedSize };
}

function annotationsOf(
  images: { id: number; file_name: string; width?: number; height?: number }[],
) {
  return JSON.stringify({
    images,
    categories: [{ id: 1, name: "person" }],
    annotations: images.map(({ id }) => ({
      id,
      image_id: id,
      category_id: 1,
      bbox: [0, 0, 1, 1],
      area: 1,
      iscrowd: 0,
      num_keypoints: 0,
      keypoints: [],
    })),
  });
}

Deno.test("safeIds() gives unique ids of safe characters", () => {
  const ids = safeIds([
    "a b.jpg",
    "a-b.png",
    "A-B.webp",
    "übung ü.jpg",
    "..jpg",
    "日本.jpg",
    `${"x".repeat(200)}.jpg`,
  ]);
  assertEquals(ids.slice(0, 4), ["a-b", "a-b-2", "A-B-3", "u-bung-u"]);
  assertEquals(new Set(ids).size, ids.length);
  for (const id of ids) assertMatch(id, /^[A-Za-z0-9._-]+$/);
});

Deno.test("openDataset() lists the images of a plain folder by name and nothing else", async () => {
  await inTempFolder(async (folder) => {
    for (const name of ["b.PNG", "a.jpg", "notes.txt", ".hidden.jpg"]) {
      await Deno.writeTextFile(path.join(folder, name), "");
    }
    const dataset = await openDataset(folder);
    assertEquals(dataset.images.map(({ id }) => id), ["a", "b"]);
    assertEquals([dataset.annotations, dataset.images[0].cocoImageId], [null, null]);
  });
});

Deno.test("openDataset() tells of pictures that it leaves out: another format, or a folder below", async () => {
  await inTempFolder(async (folder) => {
    await Deno.mkdir(path.join(folder, "more"));
    await Deno.mkdir(path.join(folder, "notes"));
    for (const name of ["a.jpg", "b.bmp", "notes.txt", "more/c.jpg", "notes/d.txt"]) {
      await Deno.writeTextFile(path.join(folder, name), "");
    }
    const { warnings } = await openDataset(folder);
    assertEquals(warnings.map(({ code }) => code), ["images-left-out"]);
    assertStringIncludes(warnings[0].message, "left out: b.bmp, more/.");
  });
});

Deno.test("openDataset() takes any subset of an annotated set and tells what is left out", async () => {
  await inTempFolder(async (folder) => {
    await Deno.mkdir(path.join(folder, "val2017"));
    await Deno.mkdir(path.join(folder, "annotations"));
    await Deno.writeTextFile(
      path.join(folder, "annotations", "person_keypoints_val2017.json"),
      annotationsOf([{ id: 7, file_name: "7.jpg", width: 2, height: 1 }, {
        id: 8,
        file_name: "8.jpg",
      }]),
    );
    for (const name of ["7.jpg", "other.jpg"]) {
      await Deno.writeTextFile(path.join(folder, "val2017", name), "");
    }
    const dataset = await openDataset(folder);
    assertEquals(dataset.images.map(({ cocoImageId }) => cocoImageId), [7]);
    assertEquals(dataset.images[0].annotatedSize, { widthPx: 2, heightPx: 1 });
    assertEquals(dataset.annotations?.annotations.map(({ imageId }) => imageId), [7]);
    assertEquals(dataset.warnings.map(({ code }) => code), [
      "images-missing",
      "images-not-annotated",
    ]);
    await Deno.remove(path.join(folder, "val2017", "7.jpg"));
    const error = await assertRejects(() => openDataset(folder), HarnessError, "none of their 2");
    assertEquals(error.code, "bad-annotations");
  });
});

Deno.test("openDataset() refuses annotations in which two images share a file name, or one has none", async () => {
  await inTempFolder(async (folder) => {
    await Deno.mkdir(path.join(folder, "images"));
    await Deno.writeTextFile(path.join(folder, "images", "a.png"), "");
    const write = (names: string[]) =>
      Deno.writeTextFile(
        path.join(folder, "person_keypoints.json"),
        annotationsOf(names.map((file_name, index) => ({ id: index + 1, file_name }))),
      );
    for (
      const [names, found] of [
        [["x/a.png", "y/a.png"], 'images 1 ("x/a.png") and 2 ("y/a.png") have the same file name'],
        [["a.png", ""], 'image 2 has no "file_name"'],
      ] as const
    ) {
      await write([...names]);
      const error = await assertRejects(() => openDataset(folder), HarnessError, found);
      assertEquals(error.code, "bad-annotations");
    }
  });
});

Deno.test("openDataset() fails with what to do when the folder is missing, a file, empty, or its annotations are broken", async () => {
  await inTempFolder(async (folder) => {
    const missing = await assertRejects(
      () => openDataset(path.join(folder, "none")),
      HarnessError,
      "there is no such folder",
    );
    assertEquals(missing.code, "bad-image");
    await assertRejects(() => openDataset(folder), HarnessError, "found no file with .jpg");
    await Deno.mkdir(path.join(folder, "images"));
    const file = path.join(folder, "person_keypoints.json");
    await Deno.writeTextFile(file, "{");
    const broken = await assertRejects(() => openDataset(folder), HarnessError, "not JSON");
    assertEquals(broken.code, "bad-annotations");
    await assertRejects(() => openDataset(file), HarnessError, "it is a file");
  });
});

Deno.test("restrictAnnotations() keeps the images' annotations and every category", () => {
  const annotation = {
    id: 1,
    imageId: 1,
    categoryId: 1,
    boxXywhPx: [0, 0, 1, 1] as const,
    areaPx2: 1,
    isCrowd: false,
    keypoints: [],
    keypointCount: 0,
  };
  const restricted = restrictAnnotations({
    images: [1, 2].map((id) => ({ id, fileName: "", widthPx: null, heightPx: null })),
    categoryIds: [1, 2],
    annotations: [annotation, { ...annotation, id: 2, imageId: 2 }],
  }, new Set([2]));
  assertEquals(restricted.annotations.map(({ id }) => id), [2]);
  assertEquals([restricted.images.length, restricted.categoryIds], [1, [1, 2]]);
});

Deno.test("loadImage() gives 8-bit RGB when the file is grey, grey with alpha, RGBA, 16-bit or CMYK", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "x.png");
    const load = async (made: ReturnType<typeof sharp>) => {
      await Deno.writeFile(file, await made.toBuffer());
      return (await loadImage(image(file))).rgb;
    };
    assertEquals(await load(picture().png()), RED_BLUE);
    const grey = await load(
      picture(new Uint8Array([9, 9, 9, 200, 200, 200])).toColourspace("b-w").png(),
    );
    assertEquals(grey, new Uint8Array([9, 9, 9, 200, 200, 200]));
    assertEquals(await load(picture().ensureAlpha(0.5).png()), RED_BLUE);
    assertEquals(await load(picture().toColourspace("rgb16").png()), RED_BLUE);
    const cmyk = await load(
      picture(new Uint8Array(192).fill(128), 8, 8).toColourspace("cmyk").jpeg(),
    );
    assertEquals(cmyk.length, 192);
    assert(cmyk.every((level) => Math.abs(level - 128) < 30), `CMYK grey became ${cmyk[0]}`);
    const greyAlpha = await load(
      picture(new Uint8Array([9, 9, 9, 9, 9, 9])).toColourspace("b-w").ensureAlpha(0.5).png(),
    );
    assertEquals(greyAlpha, new Uint8Array(6).fill(9));
  });
});

Deno.test("loadImage() applies EXIF orientation unless the annotations are for the unrotated pixels", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "x.png");
    await Deno.writeFile(
      file,
      await picture().withMetadata({ orientation: 6 }).png().toBuffer(),
    );
    const turned = await loadImage(image(file));
    assertEquals([turned.widthPx, turned.heightPx], [1, 2]);
    const raw = await loadImage(image(file, { widthPx: 2, heightPx: 1 }));
    assertEquals([raw.widthPx, raw.heightPx], [2, 1]);
    const annotatedTurned = await loadImage(image(file, { widthPx: 1, heightPx: 2 }));
    assertEquals([annotatedTurned.widthPx, annotatedTurned.heightPx], [1, 2]);
    const error = await assertRejects(
      () => loadImage(image(file, { widthPx: 5, heightPx: 5 })),
      HarnessError,
      "its annotations are for 5x5",
    );
    assertEquals(error.code, "bad-image");

    // upside down: the annotated size can't say anything of it
    await Deno.writeFile(
      file,
      await picture().withMetadata({ orientation: 3 }).png().toBuffer(),
    );
    const upright = await loadImage(image(file));
    assertEquals(await loadImage(image(file, { widthPx: 2, heightPx: 1 })), upright);
    assertNotEquals(upright.rgb.slice(0, 3), turned.rgb.slice(0, 3));
  });
});

Deno.test("loadImage() names the file when it is missing, cut short or no image", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "x.jpg");
    await assertRejects(() => loadImage(image(file)), HarnessError, "there is no such file");
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => (at * 7919) % 251);
    const whole = await picture(noise, 64, 64).jpeg().toBuffer();
    await Deno.writeFile(file, whole.subarray(0, whole.length / 2));
    const cut = await assertRejects(() => loadImage(image(file)), HarnessError, file);
    assertEquals(cut.code, "bad-image");
    for (const content of ["", "not an image"]) {
      await Deno.writeTextFile(file, content);
      await assertRejects(() => loadImage(image(file)), HarnessError, "Cannot decode the image");
    }
  });
});

Deno.test("loadImage() holds nothing of the images before, so that thousands work in bounded memory", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "x.jpg");
    const side = 1000;
    const noise = Uint8Array.from({ length: side * side * 3 }, (_, at) => (at * 7919) % 251);
    await Deno.writeFile(file, await picture(noise, side, side).jpeg().toBuffer());
    // A process of its own, so that the collector can be called and nothing else is measured.
    const module = new URL("./dataset.ts", import.meta.url).href;
    const code = `
      const { loadImage } = await import(${JSON.stringify(module)});
      const image = ${JSON.stringify(image(file))};
      const load = async (count) => {
        for (let each = 0; each < count; each++) {
          if ((await loadImage(image)).rgb.length !== ${side * side * 3}) throw new Error("size");
          globalThis.gc();
        }
        return Deno.memoryUsage().rss;
      };
      console.log(-await load(15) + await load(60));`;
    const { code: exit, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--v8-flags=--expose-gc", code],
    }).output();
    assertEquals(exit, 0, new TextDecoder().decode(stderr));
    const grownBytes = Number(new TextDecoder().decode(stdout));
    // 60 images of 3 MB would be 180 MB
    assert(grownBytes < 100e6, `${(grownBytes / 1e6).toFixed(0)} MB more`);
  });
});
