/// <reference lib="dom" />
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
} from "@std/assert";
import type { Page } from "playwright-core";
import { readAssets } from "./assets.ts";
import { renderReport } from "./html.ts";
import {
  drawAll,
  IN_BROWSER,
  openPage,
  openTable,
  seriousFindings,
  withBrowser,
} from "./testdata/browser_page.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";

const assets = await readAssets();
const example = syntheticReport(EXAMPLE_SIZE);
const exampleHtml = renderReport(example, assets);

/** Texts of a column of the table, by the key that its header sorts by. */
function columnTexts(page: Page, index: number): Promise<string[]> {
  return page.locator(`.variants tbody tr > :nth-child(${index})`).allInnerTexts();
}

function rowIds(page: Page): Promise<string[]> {
  return page.locator(".variants tbody tr").evaluateAll((rows: Element[]) =>
    rows.map((row) => row.getAttribute("data-variant") ?? "")
  );
}

Deno.test({
  name: "renderReport() answers in the first screen when it is opened",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page, complaints, requests } = await openPage(browser, dir, exampleHtml);
      const best = example.variants.filter(({ quality }) => quality.accurate === "right")
        .reduce((a, b) => b.ratio!.value > a.ratio!.value ? b : a);
      const sentence = await page.locator("h1").innerText();
      assertMatch(
        sentence,
        /^SiLU raw fp16 is 1\.\d\d× as fast as SiLU raw fp32 on Example Phone 8 \(1\.\d\d to \d\.\d\d\); keypoints agree/,
      );
      assert(sentence.includes(`${best.ratio!.value.toFixed(2)}×`));
      assertEquals(await page.title(), "Posemark: synthetic-seed-7");
      assertMatch(await page.locator(".warnings").innerText(), /This report is synthetic/);
      assertMatch(
        (await page.locator(".aside").allInnerTexts()).join(" "),
        /^faster but worse: ReLU raw fp16 \(1\.\d\d×, AP −0\.115\)\. wrong from the network on/,
      );
      assertMatch(
        await page.locator(".ran").innerText(),
        /^4 threads · all cores · asked → ran: .*fp16 → fp16 weights.* · ncnn .* · no throttling/,
      );
      assertMatch(await page.locator(".states").innerText(), /^No two speeds and no drift/);
      const bottom = await page.locator(".variants tbody tr").first().evaluate((row: Element) =>
        row.getBoundingClientRect().bottom
      );
      assertLess(bottom, 800, "the first row of the table is not in the first screen");
      await drawAll(page);
      assertEquals(complaints, []);
      assertEquals(requests, []);
    }),
});

Deno.test({
  name: "renderReport() shows in every row FPS, time, ratio and rank that agree with each other",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const rows = await page.locator(".variants tbody tr").evaluateAll((rows: Element[]) =>
        rows.map((row) => {
          const cell = (key: string) => row.querySelector(`[data-key=${key}]`)!.textContent!;
          const numbers = (text: string) => (text.match(/\d+(\.\d+)?/g) ?? []).map(Number);
          return {
            rank: numbers(cell("rank"))[0] ?? Infinity,
            fps: numbers(cell("fps"))[0],
            time: numbers(cell("median")),
            ratio: numbers(cell("ratio")),
            isBase: cell("variant").includes("base"),
          };
        })
      );
      const base = rows.find(({ isBase }) => isBase)!;
      const near = (one: number, other: number) => Math.abs(one / other - 1) < 0.011;
      for (const [i, { rank, fps, time: [ms, low, high], ratio }] of rows.entries()) {
        assert(low <= ms && ms <= high, `${ms} within ${low} to ${high}`);
        if (rank === Infinity) continue;
        assert(near(1000 / ms, fps), `1000/${ms} is ${fps}`);
        assert(near(base.time[0] / ms, ratio[0]), `${base.time[0]}/${ms} is ${ratio[0]}`);
        if (ratio.length === 3) assert(ratio[1] <= ratio[0] && ratio[0] <= ratio[2]);
        assert(i === 0 || rows[i - 1].time[0] <= ms, "the order of ranks is that of times");
      }
    }),
});

Deno.test({
  name:
    "renderReport() shows no rank and no FPS when parity failed, and marks speed-only and another precision",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const failed = example.variants.find(({ parity }) => parity.verdict === "fail")!;
      const row = page.locator(`tr[data-variant="${failed.id}"]`);
      assertMatch(await row.getAttribute("class") ?? "", /noclaim/);
      assertEquals(await row.locator("td").nth(0).innerText(), "–");
      assertEquals(await row.locator("[data-label=FPS]").innerText(), "–");
      assertEquals(await row.locator("[data-label=Speed-up]").innerText(), "–");
      const speedOnly = example.variants.find(({ variant }) => variant.speedOnly)!;
      const text = await page.locator(`tr[data-variant="${speedOnly.id}"]`).innerText();
      assertMatch(text, /speed only/);
      assertMatch(text, /asked fp16, ran fp16 weights/);
      assertEquals(
        await page.locator(`tr[data-variant="${speedOnly.id}"] [data-label=AP]`).innerText(),
        "none",
      );
    }),
});

Deno.test({
  name: "variantMarks() marks a variant that finished no round, and one that a test build measured",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const report = structuredClone(example);
      const [, unfinished, testBuild] = report.variants;
      const noSpeed = { fps: null, ratio: null, rank: null };
      // its keypoints were checked all the same, so that the precision that ran is known
      Object.assign(unfinished, noSpeed, {
        timeNs: null,
        latencyNs: null,
        medianTotalNs: null,
        rounds: 0,
      });
      Object.assign(testBuild, noSpeed);
      const { page } = await openPage(browser, dir, renderReport(report, assets));
      const marks = (id: string) =>
        page.locator(`tr[data-variant="${id}"] .mark.warn`).allInnerTexts();
      assertEquals(await marks(unfinished.id), ["did not finish"]);
      assertEquals(await marks(testBuild.id), ["test build"]);
      assertEquals(await marks(report.base), []);
    }),
});

Deno.test({
  name: "variantTable() sorts and filters when headers and choices are used, by keyboard too",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const numbers = async () =>
        (await page.locator("tbody [data-key=p90]").allInnerTexts()).map((text) => parseFloat(text))
          .filter((n) => !isNaN(n));
      await page.locator('button[data-sort="p90"]').click();
      assertEquals(await numbers(), (await numbers()).toSorted((a, b) => a - b));
      assertEquals(
        await page.locator("th[aria-sort=ascending]").innerText(),
        "p90 of all",
      );
      await page.locator('button[data-sort="p90"]').press("Enter");
      assertEquals(await numbers(), (await numbers()).toSorted((a, b) => b - a));
      assertEquals((await numbers()).length, example.variants.length);
      // a missing value comes last in both directions
      await page.locator('button[data-sort="fps"]').click();
      assertEquals((await columnTexts(page, 3)).at(-1), "–");
      await page.locator('button[data-sort="fps"]').click();
      assertEquals((await columnTexts(page, 3)).at(-1), "–");

      await page.locator('select[data-filter="activation"]').selectOption("ReLU");
      const relu = example.variants.filter(({ activation }) => activation === "relu").map((
        { id },
      ) => id);
      assertEquals((await rowIds(page)).toSorted(), relu.toSorted());
      assertMatch(await page.locator(".count").innerText(), /^3 of 8 rows$/);
      await page.locator('select[data-filter="activation"]').selectOption("");
      await page.getByLabel("Search").fill("decoded");
      assertEquals(
        await rowIds(page),
        example.variants.filter(({ head }) => head === "decoded").map(({ id }) => id),
      );
      await page.getByLabel("Search").fill("no such thing");
      assertMatch(await page.locator(".variants tbody").innerText(), /No variant matches/);
      await page.getByLabel("Search").fill("");
      await page.getByLabel("only those with a claim").check();
      assertEquals((await rowIds(page)).length, 7);
    }),
});

Deno.test({
  name: "gallerySection() moves the cut and comes closer when slider and person are used",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const card = page.locator("#gallery .card").first();
      // the picture with a lost person comes first
      assertMatch(await card.innerText(), /only the reference finds this person/);
      const cut = () => card.locator("clipPath rect").getAttribute("width").then(Number);
      assertEquals(await cut(), 320);
      const slider = card.locator("input[type=range]");
      await slider.fill("10");
      assertEquals(await cut(), 64);
      await slider.focus();
      await slider.press("ArrowRight");
      assertEquals(await cut(), 70.4);
      const view = () => card.locator("svg.picture").getAttribute("viewBox");
      const whole = await view();
      const person = card.locator("button.zoom").nth(1);
      await person.click();
      assert(await view() !== whole);
      assertEquals(await person.getAttribute("aria-pressed"), "true");
      await person.click();
      assertEquals(await view(), whole);
      assertAlmostEquals(await cut(), 70.4, 1e-9);
      // the slider runs over what is shown, so that the candidate of a person at the right is seen
      // too
      await slider.fill("50");
      const persons = await card.locator("button.zoom").all();
      const middles = [];
      for (const person of persons) {
        await person.click();
        const [x, , width] = (await view())!.split(" ").map(Number);
        assertAlmostEquals(await cut(), x + width / 2, 1e-6);
        middles.push(x + width / 2);
      }
      assertGreater(Math.max(...middles), 320 + 30);
      const reference = card.locator("g.reference g.person");
      const candidate = card.locator("g.candidate g.person");
      assertEquals(await reference.count(), await candidate.count() + 1);
      await page.locator("#gallery-variant").selectOption({ index: 0 });
      assert(!/only the reference/.test(await page.locator("#gallery .card").first().innerText()));
    }),
});

Deno.test({
  name: "startReportPage() goes to the section that its address names, though it is drawn later",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const address = `${page.url()}#parity`;
      await page.goto("about:blank");
      await page.goto(address);
      await page.locator("main[aria-busy=false]").waitFor();
      const top = await page.locator("#parity").evaluate((section: Element) =>
        section.getBoundingClientRect().top
      );
      assert(top >= 0 && top < 100, `it is at ${top} px`);
    }),
});

Deno.test({
  name: "variantTable() sorts by rank again when the column that it was sorted by is gone",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const report = syntheticReport({ ...EXAMPLE_SIZE, devices: 2, rounds: 2, pictures: 0 });
      const { page } = await openPage(browser, dir, renderReport(report, assets));
      await page.locator('button[data-sort="device"]').click();
      assertEquals(await page.locator(".sortby select").inputValue(), "device");
      await page.locator("#device").selectOption("SYNTH0002");
      assertEquals(await page.locator(".sortby select").inputValue(), "rank");
      assertEquals(await page.locator("th[aria-sort=ascending]").innerText(), "#");
    }),
});

Deno.test({
  name: "paritySection() names the joints in the page's language and marks what stays English",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml, { locale: "zh-CN" });
      const parity = page.locator("#parity");
      assertMatch(
        await parity.locator("table.joints").first().textContent() ?? "",
        /鼻子.*左眼.*右踝/,
      );
      assertMatch(
        await page.locator("#gallery .persons").first().innerText(),
        /[左右][\u4e00-\u9fff]+ 处/,
      );
      const english = await page.locator("main").evaluate((main: Element) => {
        const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
        const found: string[] = [];
        while (texts.nextNode()) {
          const { textContent, parentElement } = texts.currentNode;
          const marked = parentElement!.closest("[lang=en], code, summary");
          // a sentence: four words in a row
          if (!marked && /([a-z]{2,} ){3}[a-z]{2,}/i.test(textContent!)) found.push(textContent!);
        }
        return found;
      });
      assertEquals(english, []);
    }),
});

/** Values and labels of an axis of the chart in a figure. */
async function ticks(page: Page, figure: string, axis: "x" | "y") {
  await page.locator(figure).scrollIntoViewIfNeeded();
  const canvas = page.locator(`${figure} canvas[style*="display: block"]`);
  return await canvas.evaluate((canvas: Element, axis: string) => {
    const { Chart } = globalThis as unknown as {
      Chart: {
        getChart(canvas: Element): {
          scales: Record<string, { ticks: { value: number; label: string | string[] }[] }>;
        };
      };
    };
    return Chart.getChart(canvas).scales[axis].ticks.map(({ value, label }) => ({
      value,
      label: [label].flat().join(" "),
    }));
  }, axis);
}

Deno.test({
  name: "graphSection() shows what each stage costs, what each step did, and every layer",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const [stages, steps] = await page.locator("#graphs > .scroll").all();
      const rows = await stages.locator("tbody tr").allInnerTexts();
      assertEquals(rows.length, 6);
      // the reader sees that fusion saves layers and traffic
      assertMatch(
        rows[3],
        /^ReLU · raw · fp32\s+ONNX\s+269\s+0\s+3\u2009295\u2009470\s+9\.18\s+–\s+13\.2 MB\s+Conv 72,/,
      );
      assertMatch(rows[4], /ncnn\s+194\s+0\s+3\u2009295\u2009470\s+≥ 9\.00\s+383 MB\s+–/);
      assertMatch(
        rows[5],
        /ncnn optimised\s+131\s+63\s+3\u2009295\u2009470\s+9\.18\s+268 MB\s+6\.59 MB/,
      );
      assertEquals(
        (await steps.locator("tbody tr").allInnerTexts()).slice(2).map((row) => row.split(/\t/)),
        [
          ["ReLU · raw · fp32", "ONNX → ncnn", "Sigmoid 57, Constant 2", "Split 15, Input 1", "–"],
          ["ReLU · raw · fp32", "ncnn → ncnn optimised", "–", "–", "relu 63"],
        ],
      );
      const layers = page.locator("#graphs details.numbers").nth(1);
      await openTable(layers);
      assertMatch(
        await layers.innerText(),
        /\/model\.0\/conv\/Conv\s+ncnn optimised\s+Convolution \+ relu\s+fused\s+464\s+0\.0885\s+11\.5 MB/,
      );
      // of reports from before, what is known
      const old = structuredClone(example);
      for (const graph of old.graphs) {
        graph.steps = [];
        for (const stage of graph.stages) {
          Object.assign(stage, {
            parameters: null,
            flops: null,
            bytesMoved: null,
            fileBytes: null,
          });
          stage.layerCosts = [];
        }
      }
      const { page: before } = await openPage(browser, dir, renderReport(old, assets));
      assertEquals(
        await before.locator("#graphs thead th").allInnerTexts(),
        ["Variant", "Stage", "Layers", "Fused activations", "Most frequent layers"],
      );
      assertEquals(await before.locator("#graphs details.numbers").count(), 0);
    }),
});

Deno.test({
  name:
    "layerSection() labels every bar when names need two lines, and the roofline's axes by their values",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const report = structuredClone(example);
      report.layerTimes.forEach((time, i) => time.layer = `/model.22/cv2.${i}/cv2.${i}.2/Conv`);
      const { page } = await openPage(browser, dir, renderReport(report, assets));
      const bars = await ticks(page, "#layers figure:nth-of-type(1)", "y");
      assertEquals(bars.length, 15);
      for (const { label } of bars) assertMatch(label, /Conv|\(/);
      const [slowest] = report.layerTimes.toSorted((a, b) => b.timeNs - a.timeNs);
      const numbers = page.locator("#layers figure").first().locator("details");
      await openTable(numbers);
      const headings = await numbers.locator("th[scope=col]").allInnerTexts();
      const cells = await numbers.locator("tbody tr").first().locator("th, td").allInnerTexts();
      const gbPerSecond = Number(cells[headings.indexOf("GB/s")]);
      assertAlmostEquals(gbPerSecond, slowest.bytes! / slowest.timeNs, 0.01 * gbPerSecond);
      for (const axis of ["x", "y"] as const) {
        const labelled = (await ticks(page, "#layers figure:nth-of-type(2)", axis))
          .filter(({ label }) => label !== "");
        assertGreater(labelled.length, 2);
        for (const { value, label } of labelled) {
          assertAlmostEquals(Number(label), value, 1e-6 * value);
        }
      }
    }),
});

Deno.test({
  name: "topBar() changes theme and language when asked, and keeps the table's state",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page, complaints } = await openPage(browser, dir, exampleHtml, {
        colorScheme: "light",
      });
      await drawAll(page);
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      await page.locator("#theme").click();
      const dark = await ground();
      assert(light !== dark);
      await page.locator('button[data-sort="median"]').click();
      await page.locator('select[data-filter="activation"]').selectOption("SiLU");
      const before = await rowIds(page);
      await page.locator("button[data-language=zh]").click();
      assertEquals(await page.locator("html").getAttribute("lang"), "zh-Hans");
      assertMatch(
        await page.locator("h1").innerText(),
        /在 Example Phone 8 上，SiLU raw fp16 的速度是 SiLU raw fp32 的 1\.\d\d 倍/,
      );
      assertEquals(await rowIds(page), before);
      assertEquals(await ground(), dark);
      await page.reload();
      assertEquals(await ground(), dark, "the theme is remembered");
      assertEquals(await page.locator("html").getAttribute("lang"), "zh-Hans");
      await page.locator("button[data-language=en]").click();
      assertEquals(await page.locator("html").getAttribute("lang"), "en");
      assertEquals(complaints, []);
    }),
});

Deno.test({
  name:
    "reproduceSection() gives back report.json and all samples when they are downloaded, and finds its percentiles again",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page, complaints, requests } = await openPage(browser, dir, exampleHtml);
      const download = async (id: string) => {
        const [file] = await Promise.all([
          page.waitForEvent("download"),
          page.locator(`#${id}`).click(),
        ]);
        const path = `${dir}/${id}`;
        await file.saveAs(path);
        return { name: file.suggestedFilename(), text: await Deno.readTextFile(path) };
      };
      const json = await download("download-json");
      assertEquals(json.name, "posemark-synthetic-seed-7.json");
      assertEquals(JSON.parse(json.text), example);
      const csv = await download("download-csv");
      const lines = csv.text.trimEnd().split("\r\n");
      const count = example.launches.reduce(
        (sum, { images }) =>
          sum + images.reduce((n, { samplesNs }) => n + samplesNs.total.length, 0),
        0,
      );
      assertEquals(lines.length, count + 1);
      assertEquals(
        lines[1].split(",").slice(-1)[0],
        String(example.launches[0].images[0].samplesNs.total[0]),
      );
      await page.locator("#recompute").click();
      assertEquals(
        await page.locator(".recomputed").innerText(),
        `All ${example.variants.length * 12} percentiles agree with the raw samples.`,
      );
      assertEquals(complaints, []);
      assertEquals(requests, []);
    }),
});

Deno.test({
  name: "reproduceSection() says which percentile differs when the table was tampered with",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const report = structuredClone(example);
      report.variants[1].latencyNs!.total.p90 *= 1.001;
      const { page } = await openPage(browser, dir, renderReport(report, assets));
      await page.locator("#recompute").click();
      assertMatch(
        await page.locator(".recomputed").innerText(),
        /95 percentiles agree .* 1 differ, the first: .*decoded.* total p90/,
      );
    }),
});

Deno.test({
  name:
    "renderReport() prints whole, in light colours, without controls when the dark page is printed",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page, complaints } = await openPage(browser, dir, exampleHtml, {
        colorScheme: "dark",
      });
      const pdf = await page.pdf({ preferCSSPageSize: true });
      assertGreater(pdf.length, 50_000);
      await page.emulateMedia({ media: "print" });
      await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
      assertEquals(
        await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
        "rgb(255, 255, 255)",
      );
      assert(!await page.locator(".filters").isVisible());
      assertEquals(await page.locator("details.verdictdetails:not([open])").count(), 0);
      const undrawn = await page.locator("canvas").evaluateAll((canvases: Element[]) =>
        canvases.filter((canvas) => (canvas as HTMLCanvasElement).style.display !== "block").length
      );
      assertEquals(undrawn, 0);
      await page.evaluate(() => dispatchEvent(new Event("afterprint")));
      await page.emulateMedia({ media: "screen" });
      assertGreater(await page.locator("details.verdictdetails:not([open])").count(), 0);
      assertEquals(complaints, []);
    }),
});

for (
  const { name, options, language } of [
    { name: "light", options: { colorScheme: "light" as const }, language: "en" },
    { name: "dark", options: { colorScheme: "dark" as const }, language: "en" },
    {
      name: "Chinese on a phone",
      options: { viewport: { width: 390, height: 844 }, locale: "zh-CN" },
      language: "zh-Hans",
    },
  ]
) {
  Deno.test({
    name: `renderReport() has nothing that axe-core finds serious when it is ${name}`,
    ...IN_BROWSER,
    fn: () =>
      withBrowser(async (browser, dir) => {
        const { page } = await openPage(browser, dir, exampleHtml, options);
        assertEquals(await page.locator("html").getAttribute("lang"), language);
        await drawAll(page);
        for (const details of await page.locator("details").all()) {
          await details.evaluate((element: Element) => (element as HTMLDetailsElement).open = true);
        }
        assertEquals(await seriousFindings(page), []);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assertLess(wide, 1, "the page is wider than the window");
      }),
  });
}

Deno.test({
  name: "renderReport() moves nothing when charts are drawn",
  ...IN_BROWSER,
  fn: () =>
    withBrowser(async (browser, dir) => {
      const { page } = await openPage(browser, dir, exampleHtml);
      const height = () => page.evaluate(() => document.documentElement.scrollHeight);
      const before = await height();
      await drawAll(page);
      assertEquals(await height(), before);
      const shift = await page.evaluate(() =>
        new Promise<number>((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
              sum += (entry as unknown as { value: number }).value;
            }
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(sum), 200);
        })
      );
      assertLess(shift, 0.01);
    }),
});
