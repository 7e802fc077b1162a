import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import sharp from "sharp";
import { HarnessError } from "../errors.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { checkPictures } from "./check_pictures.ts";
import { openDataset } from "./dataset.ts";
import { loadImage } from "./load_image.ts";

const RED = sharp({ create: { width: 8, height: 4, channels: 3, background: "red" } });

Deno.test("checkPictures() lists all bad pictures at once, and with skip goes on without them", async () => {
  await inTempFolder(async (folder) => {
    const jpeg = await RED.clone().jpeg().toBuffer();
    await Deno.writeFile(path.join(folder, "good.jpg"), jpeg);
    await Deno.writeTextFile(path.join(folder, "empty.jpg"), "");
    await Deno.writeFile(path.join(folder, "cut.jpg"), jpeg.subarray(0, 120));
    await Deno.writeTextFile(
      path.join(folder, "a.json"),
      JSON.stringify({
        images: ["good", "empty", "cut"].map((name, id) => ({ id, file_name: `${name}.jpg` })),
        categories: [{ id: 1 }],
        annotations: [0, 1, 2].map((id) => ({
          ...{ id: id + 1, image_id: id, category_id: 1, bbox: [0, 0, 2, 2], area: 4 },
        })),
      }),
    );
    const dataset = await openDataset(folder);
    const error = await assertRejects(
      () => checkPictures(dataset, { skip: false }),
      HarnessError,
      "Cannot use 2 of 3 images",
    );
    assertStringIncludes(error.message, "empty.jpg: it is empty");
    assertStringIncludes(error.message, "cut.jpg: ");
    const { images, annotations, warnings } = await checkPictures(dataset, { skip: true });
    assertEquals(images.map(({ id, size }) => [id, size]), [
      ["good", { widthPx: 8, heightPx: 4 }],
    ]);
    assertEquals(annotations!.annotations.map(({ id }) => id), [1]);
    assertEquals(warnings.at(-1)!.code, "images-skipped");
    assertStringIncludes(warnings.at(-1)!.message, "2 of 3 images");
  });
});

Deno.test("openDataset() finds pictures by their content, and passes over a link to nothing and a name that isn't UTF-8", async () => {
  await inTempFolder(async (folder) => {
    const jpeg = await RED.clone().jpeg().toBuffer();
    const names = ["a.jfif", "b.jpe", "c.mpo", "no-extension", "d.JPG", "e.unknown"];
    for (const name of names) await Deno.writeFile(path.join(folder, name), jpeg);
    await Deno.writeTextFile(path.join(folder, "notes"), "no picture");
    await Deno.symlink(path.join(folder, "gone.jpg"), path.join(folder, "link.jpg"));
    // Deno can't make such a name
    await new Deno.Command("bash", {
      args: ["-c", "printf x > $'caf\\xe9.jpg'"],
      cwd: folder,
    }).output();
    const { images, warnings } = await openDataset(folder);
    assertEquals(images.map(({ file }) => path.basename(file)).sort(), names.toSorted());
    for (const image of images) assertEquals((await loadImage(image)).widthPx, 8);
    assertEquals(warnings.map(({ code }) => code), ["images-unusable"]);
    assertStringIncludes(warnings[0].message, "link.jpg (it is a link to nothing)");
    assertStringIncludes(warnings[0].message, "(its name is not UTF-8)");
  });
});

Deno.test("loadImage() ignores colour profiles and converts CMYK as OpenCV does", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "x.jpg");
    const image = { id: "x", file, cocoImageId: null, annotatedSize: null };
    const orange = sharp({ create: { width: 8, height: 8, channels: 3, background: "#e08030" } });
    await Deno.writeFile(file, await orange.clone().png().toBuffer());
    const plain = (await loadImage(image)).rgb;
    // the profile alone: the levels stay as they are
    const bytes = await orange.clone().png().toBuffer();
    const profiled = await sharp(bytes).withIccProfile("p3", { attach: true }).png().toBuffer();
    const { data } = await sharp(profiled, { ignoreIcc: true }).raw()
      .toBuffer({ resolveWithObject: true });
    await Deno.writeFile(file, profiled);
    assertEquals((await loadImage(image)).rgb.slice(0, 3), new Uint8Array(data.subarray(0, 3)));
    assertEquals(plain.slice(0, 3), new Uint8Array([0xe0, 0x80, 0x30]));
    await Deno.writeFile(
      file,
      await orange.clone().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(),
    );
    const { data: ink } = await sharp(file, { ignoreIcc: true }).pipelineColourspace("cmyk")
      .toColourspace("cmyk").raw().toBuffer({ resolveWithObject: true });
    const k = 255 - ink[3];
    assertEquals(
      [...(await loadImage(image)).rgb.slice(0, 3)],
      [0, 1, 2].map((channel) => k - ((ink[channel] * k) >> 8)),
    );
  });
});
