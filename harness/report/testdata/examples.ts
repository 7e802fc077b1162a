/**
 * The kept pictures in `reports/examples/`: what they show, and how alike two pictures are.
 *
 * @module
 */
import type { Browser, BrowserContextOptions } from "playwright-core";
import sharp from "sharp";
import type { PageAssets } from "../assets.ts";
import { renderComparison, renderHistory, renderReport } from "../html.ts";
import { hostileReport } from "./hostile_report.ts";
import { openPage } from "./browser_page.ts";
import { syntheticComparison, syntheticHistory } from "./synthetic_history.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./synthetic_report.ts";

/** Folder of the kept pictures. */
export const EXAMPLES = new URL("../../../reports/examples/", import.meta.url);

/** One kept picture. */
export interface Example {
  /** File in {@linkcode EXAMPLES}. */
  file: string;
  html: (assets: PageAssets) => string;
  options: BrowserContextOptions;
}

const example = (assets: PageAssets) => renderReport(syntheticReport(EXAMPLE_SIZE), assets);
const phone = { viewport: { width: 390, height: 844 } };

/** All kept pictures: first screens. */
export const ALL_EXAMPLES: Example[] = [
  { file: "report-light-en.webp", html: example, options: { colorScheme: "light" } },
  { file: "report-dark-en.webp", html: example, options: { colorScheme: "dark" } },
  {
    file: "report-light-zh.webp",
    html: example,
    options: { colorScheme: "light", locale: "zh-CN" },
  },
  { file: "report-phone-en.webp", html: example, options: { colorScheme: "light", ...phone } },
  {
    file: "report-phone-dark-zh.webp",
    html: example,
    options: { colorScheme: "dark", locale: "zh-CN", ...phone },
  },
  {
    file: "comparison-light-en.webp",
    html: (assets) => renderComparison(syntheticComparison(), assets),
    options: { colorScheme: "light" },
  },
  {
    file: "history-light-en.webp",
    html: (assets) => renderHistory(syntheticHistory(), assets),
    options: { colorScheme: "light" },
  },
  {
    file: "hostile-light-en.webp",
    html: (assets) => renderReport(hostileReport(), assets),
    options: { colorScheme: "light" },
  },
];

/** Returns the first screen of an example as PNG. */
export async function photograph(
  browser: Browser,
  dir: string,
  { html, options }: Example,
  assets: PageAssets,
): Promise<Uint8Array> {
  const { page } = await openPage(browser, dir, html(assets), options);
  await page.waitForTimeout(200);
  const png = await page.screenshot();
  await page.context().close();
  return png;
}

/**
 * Returns how much two pictures differ, 0 (alike) to 1: the mean absolute difference of their
 * pixels after both were made small, so that another machine's fonts count little and the place and
 * colour of things count much.
 */
export async function difference(a: Uint8Array, b: Uint8Array): Promise<number> {
  const small = (picture: Uint8Array) =>
    sharp(picture).resize(48, 48, { fit: "fill" }).removeAlpha().raw().toBuffer();
  const [left, right] = [await small(a), await small(b)];
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += Math.abs(left[i] - right[i]);
  return sum / left.length / 255;
}
