import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { kindOf } from "./layouts/layout.ts";
import { openDataset, restrictAnnotations, safeIds } from "./dataset.ts";
import { annotated } from "../pose/testdata/annotated.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

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
    await assertRejects(() => openDataset(folder), HarnessError, "found no picture");
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
  const images = [1, 2].map((id) => ({ id, fileName: "", widthPx: null, heightPx: null }));
  const all = annotated(images, [1, 2], [annotation, { ...annotation, id: 2, imageId: 2 }]);
  const restricted = restrictAnnotations(all, new Set([2]));
  assertEquals(restricted.annotations.map(({ id }) => id), [2]);
  assertEquals([restricted.images.length, restricted.categories.map(({ id }) => id)], [1, [1, 2]]);
});

Deno.test("kindOf() finds nothing where Deno does not let it look, such as below /dev", async () => {
  assertEquals(await kindOf("/dev/_annotations.coco.json"), null);
  assertEquals(await kindOf("/proc/1/images"), null);
  assertEquals(await kindOf(import.meta.dirname!), "folder");
});
