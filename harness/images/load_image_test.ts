import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import sharp from "sharp";
import { HarnessError } from "../errors.ts";
import { type DatasetImage, loadImage } from "./load_image.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

/** Two pixels: red, then blue. */
const RED_BLUE = new Uint8Array([255, 0, 0, 0, 0, 255]);

function picture(rgb = RED_BLUE, width = 2, height = 1): ReturnType<typeof sharp> {
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

function image(file: string, annotatedSize: DatasetImage["annotatedSize"] = null): DatasetImage {
  return { id: "x", file, cocoImageId: null, annotatedSize };
}

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
    const cut = await assertRejects(() => loadImage(image(file)), HarnessError, "cut short");
    assertEquals(cut.code, "bad-image");
    for (const [content, found] of [["", "it is empty"], ["not an image", "it is no picture"]]) {
      await Deno.writeTextFile(file, content);
      await assertRejects(() => loadImage(image(file)), HarnessError, found);
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
    const module = new URL("./load_image.ts", import.meta.url).href;
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
