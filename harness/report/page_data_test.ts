import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { reportWithSamples, samplesCsv } from "../../reports/template/samples.js";
import { quantile } from "../stats/quantile.ts";
import { ENVELOPE_PIECES, pageData } from "./page_data.ts";
import type { Report, ReportLaunch } from "./report_json.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";

const report = syntheticReport({
  ...EXAMPLE_SIZE,
  rounds: 2,
  images: 2,
  iterations: 5,
  pictures: 0,
});

/** The report with the samples of its first launch replaced, and only that launch. */
function withTotals(totalNs: number[]): Report {
  const launch: ReportLaunch = structuredClone(report.launches[0]);
  launch.images = [{
    imageId: "a",
    samplesNs: { preprocess: totalNs, inference: totalNs, postprocess: totalNs, total: totalNs },
  }];
  return { ...report, launches: [launch] };
}

Deno.test("pageData() gives back the report and all samples when they are unpacked", () => {
  const { page, raw } = pageData(report);
  assertEquals(reportWithSamples(page, raw), report);
  assertEquals(page.samples, {
    count: 160,
    embedded: ["total", "inference", "preprocess", "postprocess"],
    timelineExact: true,
  });
});

Deno.test("pageData() leaves out whole stages, and says which, when the budget is small", () => {
  const { page, raw } = pageData(report, 700);
  assertEquals(page.samples.embedded, ["total"]);
  const back = reportWithSamples(page, raw);
  assertEquals(
    back.launches[0].images[0].samplesNs.total,
    report.launches[0].images[0].samplesNs.total,
  );
  assertEquals(back.launches[0].images[0].samplesNs.inference, []);
  // figures are still those of all samples
  assertEquals(page.launches, pageData(report).page.launches);
  assertEquals(pageData(report, 0).page.samples.embedded, []);
});

Deno.test("pageData() takes a launch's figures from all of its samples when computed by hand", () => {
  const { page } = pageData(withTotals([40, 10, 30, 20]));
  const [launch] = page.launches;
  assertEquals(launch.sampleCount, 4);
  assertEquals([launch.totalNs?.min, launch.totalNs?.p50, launch.totalNs?.max], [10, 25, 40]);
  assertEquals(launch.envelope, [[0, 40, 40, 40, 40], [40, 10, 10, 10, 10], [50, 30, 30, 30, 30], [
    80,
    20,
    20,
    20,
    20,
  ]]);
});

Deno.test("pageData() keeps a launch without samples when it has none, with null figures", () => {
  const { page } = pageData(withTotals([]));
  assertEquals(page.launches[0].totalNs, null);
  assertEquals(page.launches[0].envelope, []);
  assertEquals(page.histograms, []);
});

Deno.test("pageData() counts every sample once, in a bin or beyond the edge, when there are outliers", () => {
  const totals = Array.from({ length: 1000 }, (_, i) => 1000 + i);
  totals[999] = 1_000_000;
  const { page } = pageData(withTotals(totals));
  const [{ rounds, above, lowNs, stepNs }] = page.histograms;
  assertEquals(rounds[0].counts.reduce((sum, n) => sum + n, 0) + above, 1000);
  assertEquals(rounds[0].counts.length, 20);
  assertEquals(lowNs, 1000);
  assert(lowNs + 20 * stepNs > quantile(totals, 0.99));
  assert(above > 0 && above <= 10);
});

Deno.test("pageData() draws pieces that cover every sample when there are too many to draw each", () => {
  const totals = Array.from({ length: 7001 }, (_, i) => 5000 + (i * 7919) % 1000);
  const { page } = pageData(withTotals(totals));
  assertEquals(page.samples.timelineExact, false);
  const { envelope } = page.launches[0];
  assert(envelope.length <= ENVELOPE_PIECES);
  assertEquals(Math.min(...envelope.map(([, , low]) => low)), Math.min(...totals));
  assertEquals(Math.max(...envelope.map(([, , , , high]) => high)), Math.max(...totals));
  const [offset, length] = envelope.at(-1)!;
  assertAlmostEquals(offset + length, totals.reduce((sum, value) => sum + value, 0));
});

Deno.test("samplesCsv() has a line per sample with empty fields when a stage was left out", () => {
  const { page, raw } = pageData(report, 700);
  const lines = samplesCsv(reportWithSamples(page, raw)).join("").trimEnd().split("\r\n");
  assertEquals(lines.length, 161);
  const total = report.launches[0].images[0].samplesNs.total[0];
  assertEquals(
    lines[1],
    `SYNTH0001,${report.base},0,0,2026-07-01T09:30:00.000Z,synthetic-1,0,,,,${total}`,
  );
});
