/// <reference lib="dom" />
import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import type { Browser } from "playwright-core";
import { needs } from "../testdata/needs.ts";
import type { TuneAnswer } from "../tune/answer.ts";
import type { Explanation } from "../tune/explanation.ts";
import { readAssets } from "./assets.ts";
import { indexEntry, renderComparison, renderHistory, renderIndex, renderReport } from "./html.ts";
import { readReport } from "./report_file.ts";
import {
  ALL_EXAMPLES,
  difference,
  type Example,
  EXAMPLES,
  photograph,
} from "./testdata/examples.ts";
import {
  drawAll,
  IN_BROWSER,
  openPage,
  openTable,
  seriousFindings,
  withBrowser,
} from "./testdata/browser_page.ts";
import { HOSTILE_TEXTS, hostileReport } from "./testdata/hostile_report.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";
import { syntheticComparison, syntheticHistory } from "./testdata/synthetic_history.ts";

const assets = await readAssets();
/** Two pictures that differ by less show the same page. */
const ALIKE = 0.035;

Deno.test({
  name:
    "renderComparison() shows shared places, changed order and sustained load when models are compared",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const html = renderComparison(syntheticComparison(), assets);
      const { page, complaints, requests } = await openPage(browser, dir, html);
      const ranking = await page.locator("#ranking").innerText();
      assertMatch(ranking, /4–5\s+.*can’t be told apart/);
      assertMatch(
        ranking,
        /SiLU · raw · fp32 is faster than SiLU · decoded · fp32 on Example Phone 8, but slower on Example Phone 7\./,
      );
      assertMatch(ranking, /–\s+SiLU · raw · bf16\s+parity failed/);
      assertMatch(
        await page.locator("#sustained table").last().innerText(),
        /17\.0\s+13\.9\s+81\.8 %\s+after 350 s/,
      );
      assertMatch(await page.locator("#dominance").innerText(), /its accuracy is not known/);
      await page.locator("#device").selectOption("SYNTH0002");
      await page.locator("main[aria-busy=false]").waitFor();
      assertMatch(await page.locator("h1").innerText(), /on Example Phone 7/);
      assertEquals(await page.locator("#sustained").count(), 0);
      await drawAll(page);
      assertEquals(await seriousFindings(page), []);
      assertEquals([complaints, requests], [[], []]);
    }),
});

Deno.test({
  name: "rankingSection() says how many pairs and changes it leaves out when there are many",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const comparison = syntheticComparison();
      const [ranking] = comparison.rankings;
      ranking.pairs = new Array(435).fill(ranking.pairs[0]);
      comparison.orderChanges = new Array(42).fill(comparison.orderChanges[0]);
      const { page } = await openPage(browser, dir, renderComparison(comparison, assets));
      const details = page.locator("#ranking details").first();
      await openTable(details);
      assertEquals(await details.locator("tbody tr").count(), 400);
      assertEquals(await details.locator(".left").innerText(), "35 more in comparison.json");
      assertEquals(await page.locator(".orderchanges li").count(), 40);
      assertEquals(
        await page.locator(".orderchanges .left").innerText(),
        "2 more in comparison.json",
      );
    }),
});

Deno.test({
  name:
    "sustainedSection() shows no FPS of a variant that failed parity, and marks a speed-only one",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const comparison = syntheticComparison();
      const [{ device, load }] = comparison.sustained;
      const here = comparison.report.variants.filter((variant) => variant.device === device);
      // as written before such variants were left out
      comparison.sustained.push(
        ...here.slice(2).map(({ id }) => ({ device, variantId: id, load })),
      );
      const { page } = await openPage(browser, dir, renderComparison(comparison, assets));
      const rows = await page.locator("#sustained table").last().locator("tbody tr")
        .allInnerTexts();
      const failed = here.filter(({ fps }) => fps === null);
      assertEquals([failed.length, rows.length], [1, here.length - 1]);
      assertMatch(await page.locator("#sustained").innerText(), /Not drawn: 1 without a claim/);
      assertEquals(
        rows.filter((row) => row.includes("speed only")).length,
        here.filter(({ variant }) => variant.speedOnly).length,
      );
      assertGreater(rows.filter((row) => row.includes("speed only")).length, 0);
    }),
});

Deno.test({
  name:
    "renderHistory() names the newest lasting change for the worse, in both languages, when there is one",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const history = syntheticHistory();
      const { page, complaints, requests } = await openPage(
        browser,
        dir,
        renderHistory(history, assets),
      );
      const [change] = history.series[0].changes;
      assertEquals(change.index, 25);
      assertMatch(
        await page.locator("h1").innerText(),
        /^yolov8n-pose\.silu.* got [67]\.\d% worse in total\.p50 on Example Phone 8 since 2026-05-26 08:00 UTC \([0-9a-f]{12}\)\.$/,
      );
      await drawAll(page);
      assertEquals(await page.locator("figure").count(), 2);
      await page.locator('select[data-filter="variant"]').selectOption({ index: 2 });
      assertEquals(await page.locator("figure").count(), 1);
      assertEquals(await seriousFindings(page), []);
      await page.locator("button[data-language=zh]").click();
      assertMatch(await page.locator("h1").innerText(), /变差 [67]\.\d%/);
      assertEquals(await page.locator("figure").count(), 1, "the filter is kept");
      assertEquals([complaints, requests], [[], []]);
    }),
});

Deno.test({
  name: "headline() reports no regression when a later change of the series repaired it",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const history = syntheticHistory();
      const [{ changes: [change] }] = history.series;
      history.series[0].changes = [
        { ...change, index: 10, before: 60e6, after: 72e6, ratio: 1.2 },
        { ...change, index: 25, before: 72e6, after: 60e6, ratio: 1 / 1.2 },
      ];
      const { page } = await openPage(browser, dir, renderHistory(history, assets));
      assertMatch(await page.locator("h1").innerText(), / got 17% better in total\.p50 .*05-26 /);
      const rows = await page.locator("section tbody tr").allInnerTexts();
      assertEquals(rows.map((row) => /[+−]\d+ %/.exec(row)?.[0]), ["−17 %", "+20 %"]);
    }),
});

Deno.test({
  name: "renderHistory() and renderIndex() keep hostile texts texts when runs come from elsewhere",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const history = syntheticHistory();
      for (const series of history.series) {
        Object.assign(series, {
          device: HOSTILE_TEXTS[0],
          deviceName: HOSTILE_TEXTS[3],
          variantId: HOSTILE_TEXTS[1],
          experiment: HOSTILE_TEXTS[2],
        });
        for (const point of series.points) {
          Object.assign(point, {
            runId: HOSTILE_TEXTS[0],
            gitCommit: HOSTILE_TEXTS[1],
            marks: HOSTILE_TEXTS,
          });
        }
      }
      history.command = HOSTILE_TEXTS;
      const entry = { ...indexEntry(hostileReport(), `${HOSTILE_TEXTS[1]}/../x`) };
      const index = {
        runs: [entry],
        unreadable: [{ folder: HOSTILE_TEXTS[0], reason: HOSTILE_TEXTS[1] }],
      };
      for (const html of [renderHistory(history, assets), renderIndex(index, assets)]) {
        const { page, complaints, requests } = await openPage(browser, dir, html);
        await drawAll(page);
        assertEquals(
          await page.evaluate(() => (globalThis as Record<string, unknown>).hacked ?? null),
          null,
        );
        assert(!(await page.locator("main").innerText()).includes("\u202e"));
        assertEquals([complaints, requests], [[], []]);
      }
    }),
});

Deno.test({
  name: "renderIndex() links each run with its answer, and narrows the list, when it is searched",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { report } = syntheticComparison();
      const runs = [
        indexEntry(report, "first run"),
        { ...indexEntry(report, "second"), runId: "nightly", devices: ["Other Phone"] },
      ];
      const { page, complaints } = await openPage(
        browser,
        dir,
        renderIndex({ runs, unreadable: [] }, assets),
      );
      const link = page.locator(".run a").first();
      assertEquals(await link.getAttribute("href"), "first%20run/report.html");
      assertMatch(
        await page.locator(".run .sentence").first().innerText(),
        /^SiLU raw fp16 is 1\.\d\d× as fast as/,
      );
      await page.getByLabel("Search").fill("nightly");
      assertEquals(await page.locator(".run").count(), 1);
      assertEquals(await seriousFindings(page), []);
      assertEquals(complaints, []);
    }),
});

Deno.test({
  name: "renderReport() draws a report of the oldest version when its kept example is opened",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const file = new URL("testdata/report_v1.json", import.meta.url).pathname;
      const { page, complaints } = await openPage(
        browser,
        dir,
        renderReport(await readReport(file), assets),
      );
      await drawAll(page);
      assertMatch(
        await page.locator("h1").innerText(),
        /^ReLU raw fp16 is 1\.\d+× as fast as SiLU raw fp32/,
      );
      assertEquals(await page.locator(".variants tbody tr").count(), 8);
      assertEquals(complaints, []);
    }),
});

/** Photographs the pages and holds each to its kept picture. Returns the pictures by file. */
async function assertAsKept(
  browser: Browser,
  dir: string,
  examples: readonly Example[],
): Promise<Map<string, Uint8Array>> {
  const pictures = new Map<string, Uint8Array>();
  for (const example of examples) {
    const picture = await photograph(browser, dir, example, assets);
    pictures.set(example.file, picture);
    const kept = await Deno.readFile(new URL(example.file, EXAMPLES));
    assertLess(kept.length, 150_000);
    const differs = await difference(picture, kept);
    assertLess(
      differs,
      ALIKE,
      `${example.file} differs by ${
        differs.toFixed(4)
      }: look at it, then make the pictures anew (CONTRIBUTING.md)`,
    );
  }
  return pictures;
}

const isChinese = ({ options }: Example) => options.locale === "zh-CN";

Deno.test({
  name: "photograph() shows what the kept pictures show when each page is opened",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const english = ALL_EXAMPLES.filter((example) => !isChinese(example));
      const pictures = await assertAsKept(browser, dir, english);
      // the measure can tell pages apart
      const against = (a: string, b: string) => difference(pictures.get(a)!, pictures.get(b)!);
      assertGreater(await against("report-light-en.webp", "report-dark-en.webp"), 0.3);
      assertGreater(await against("report-light-en.webp", "hostile-light-en.webp"), ALIKE);
      assertGreater(await against("report-light-en.webp", "history-light-en.webp"), ALIKE);
    }),
});

Deno.test({
  name: "photograph() shows what the kept pictures show when the page is in Chinese",
  ...IN_BROWSER,
  ...needs("chromium", "chineseFont"),
  fn: () =>
    withBrowser(async (browser, dir) => {
      const chinese = ALL_EXAMPLES.filter(isChinese);
      assertEquals((await assertAsKept(browser, dir, chinese)).size, 2);
    }),
});

Deno.test({
  name:
    "tuneSection() and explainSection() say what to ship and what each change earned, with their numbers as tables",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const time = (value: number) => ({ value, low: 0.98 * value, high: 1.02 * value });
      const entry = (id: string, value: number, ap: number, refusal: string | null = null) => ({
        ...{ id: `m.silu.${id}`, stage: "final" as const, time: time(value), ap, refusal },
        ...{ apDifference: time(ap - 0.5), sizeBytes: 6.6e6, beatenBy: null },
        onFront: refusal === null,
      });
      const tune: TuneAnswer = {
        ...{ winner: "m.silu.raw.fp16", alike: [], base: "m.silu.decoded.fp32", winnerMs: 41.2 },
        ...{ isAnnotated: true, notes: ["A note with <b>marks</b>."], left: [] },
        entries: [
          entry("decoded.fp32", 1, 0.5),
          entry("raw.fp16", 0.6, 0.499),
          entry("raw.int8", 0.4, 0.3, "it loses 0.200 AP"),
        ],
        snippet: "net.opt.num_threads = 2;",
      };
      const explanation: Explanation = {
        ...{ from: "m.silu.decoded", to: "m.silu.raw", speedUp: time(2), ap: null },
        ...{ isAnnotated: false, rounds: 8, steps: [] },
        changes: [
          { name: "head", label: "decoded → raw", speedUp: time(1.25) },
          { name: "shape", label: "640×640 → 480×640", speedUp: time(1.6) },
        ].map((change) => ({
          ...{ ...change, ap: null },
          speedUpInOrders: [1.2, 1.7] satisfies [number, number],
        })),
      };
      const html = renderReport(syntheticReport(EXAMPLE_SIZE), assets, { tune, explanation });
      const { page, complaints } = await openPage(browser, dir, html);
      assertEquals(
        await page.locator("#tune .answer").innerText(),
        "Ship raw.fp16: 41.2 ms an image, 0.600× the time of decoded.fp32.",
      );
      assertEquals(await page.locator("#tune li").innerText(), "A note with <b>marks</b>.");
      assertEquals(await page.locator("#tune pre").innerText(), tune.snippet);
      await openTable(page.locator("#tune figure details.numbers"));
      const rows = await page.locator("#tune figure tbody tr").allInnerTexts();
      assertEquals(rows.length, 3);
      assertMatch(rows[2], /raw\.int8\s.*0\.400×.*no\s+it loses 0\.200 AP/);
      await openTable(page.locator("#explain figure details.numbers"));
      // each bar begins where the one before ended, and the last is the whole
      assertEquals(
        (await page.locator("#explain figure tbody tr").allInnerTexts()).map((row) =>
          row.split("\t").slice(1)
        ),
        [["0.000×", "1.000×"], ["1.000×", "0.800×"], ["0.800×", "0.500×"], ["0.000×", "0.500×"]],
      );
      await drawAll(page);
      assertEquals(complaints, []);
      assertEquals(await seriousFindings(page), []);
    }),
});
