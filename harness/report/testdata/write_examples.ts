/**
 * Makes the pictures in `reports/examples/` anew. Look at them before they are committed.
 *
 * @module
 */
import sharp from "sharp";
import { readAssets } from "../assets.ts";
import { ALL_EXAMPLES, EXAMPLES, photograph } from "./examples.ts";
import { withBrowser } from "./browser_page.ts";

if (import.meta.main) {
  const assets = await readAssets();
  await Deno.mkdir(EXAMPLES, { recursive: true });
  await withBrowser(async (browser, dir) => {
    for (const each of ALL_EXAMPLES) {
      const picture = await photograph(browser, dir, each, assets);
      const webp = await sharp(picture).webp({ quality: 72 }).toBuffer();
      await Deno.writeFile(new URL(each.file, EXAMPLES), webp);
      console.log(`${each.file}: ${webp.length} bytes`);
    }
  });
}
