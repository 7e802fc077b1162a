/// <reference lib="dom" />
/**
 * A real Chromium for tests of the pages.
 *
 * @module
 */
import axe from "axe-core";
import fs from "node:fs";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { findChromium, needs } from "../../testdata/needs.ts";

const exists = fs.existsSync;
// Where Node says that a file is not there, Deno throws for /proc without every permission, and
// playwright looks there when it is loaded.
fs.existsSync = (file) => {
  try {
    return exists(file);
  } catch {
    return false;
  }
};
const { chromium } = await import("playwright-core");

/**
 * Options of a test in a browser: left out without one; the browser's pipes outlive the sanitizers'
 * patience.
 */
export const IN_BROWSER = { ...needs("chromium"), sanitizeOps: false, sanitizeResources: false };

/** Patience with a machine that has other work to do. */
const TIMEOUT_MS = 180_000;

/** A page in the browser, with all that went wrong in it. */
export interface PageUnderTest {
  page: Page;
  /**
   * Messages of the console at the level of a warning or error, uncaught errors, violations of the
   * policy.
   */
  complaints: string[];
  /** Addresses that the page asked for, other than itself and data inside of it. */
  requests: string[];
}

/** Starts a browser. Throws when there is none. */
function startBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) {
    throw new Error("There is no Chromium: install one, or name it in CHROMIUM");
  }
  return chromium.launch({
    timeout: TIMEOUT_MS,
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}

/** Opens HTML as a file in a fresh context of the browser. The file stays in `dir`. */
export async function openPage(
  browser: Browser,
  dir: string,
  html: string,
  options: BrowserContextOptions = {},
): Promise<PageUnderTest> {
  const file = `${dir}/page-${crypto.randomUUID()}.html`;
  await Deno.writeTextFile(file, html);
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-US",
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["warning", "error"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(`file://${file}`) && !/^(data|blob):/.test(request.url())) {
      requests.push(request.url());
    }
  });
  await page.goto(`file://${file}`);
  await page.locator("main[aria-busy=false]").waitFor();
  return { page, complaints, requests };
}

/** Runs the body with a browser and a folder that are gone afterwards. */
export async function withBrowser(
  body: (browser: Browser, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "posemark-page-" });
  const browser = await startBrowser();
  try {
    await body(browser, dir);
  } finally {
    await browser.close();
    await Deno.remove(dir, { recursive: true });
  }
}

/** Scrolls through the page until every chart is drawn. */
export async function drawAll(page: Page): Promise<void> {
  const boxes = page.locator(".chart");
  for (let i = 0; i < await boxes.count(); i++) await boxes.nth(i).scrollIntoViewIfNeeded();
  await page.waitForFunction(() =>
    [...document.querySelectorAll("canvas")].every((canvas) => canvas.style.display === "block")
  );
}

/**
 * Opens a `<details>` that makes its content when it is opened, and waits for the table: the
 * browser tells of the opening a moment after the click.
 */
export async function openTable(details: Locator): Promise<void> {
  await details.locator("summary").click();
  await details.locator("table").first().waitFor();
}

/** Runs axe-core in a page that lets it in, and returns what it finds serious. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(root: Document, options: object): Promise<
          { violations: { id: string; impact: string; nodes: { html: string }[] }[] }
        >;
      };
    };
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(
      ({ id, nodes }) =>
        `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`,
    );
  });
}
