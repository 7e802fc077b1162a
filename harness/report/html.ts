/**
 * Report → one HTML file that needs nothing else (pure).
 *
 * @module
 */
import { escape } from "@std/html";
import { answerFor, answerParts, headlineDevice } from "../../reports/template/answer.js";
import { orderOf } from "../../reports/template/context.js";
import { deviceNames, plain, variantLabels } from "../../reports/template/labels.js";
import { fps, msNumber, place, pxNumber } from "../../reports/template/numbers.js";
import type { PageAssets } from "./assets.ts";
import { renderPage } from "./page_template.ts";
import type { Comparison, PageExtras } from "./comparison.ts";
import { inEnglish } from "./english.ts";
import type { History, RunIndex, RunIndexEntry } from "./history.ts";
import { type PageData, pageData } from "./page_data.ts";
import type { Report } from "./report_json.ts";

/**
 * Returns the report's page: one file of HTML with styles, scripts, data, pictures and raw samples
 * inside. It loads nothing, its Content-Security-Policy allows only its own scripts (by hash), and
 * all texts of the report enter it as JSON. `extras` is what the run found besides.
 *
 * Throws `RangeError` when the samples of an image's stages differ in number.
 */
export function renderReport(
  report: Report,
  assets: PageAssets,
  extras: Partial<PageExtras> = {},
): string {
  const { page, raw } = pageData(report);
  return renderPage({
    title: `Posemark: ${plain(report.runId, 60)}`,
    entry: "report_page.js",
    call: "startReportPage",
    data: { ...page, ...extras } satisfies PageData,
    raw,
    fallbackHtml: fallback(report),
  }, assets);
}

/**
 * Returns the page of `compare-models`: the report of all its variants with ranking, dominance and
 * sustained load. Throws as {@linkcode renderReport}.
 */
export function renderComparison(comparison: Comparison, assets: PageAssets): string {
  const { report, ...judgement } = comparison;
  return renderReport(report, assets, { comparison: judgement });
}

/** Returns the page of the history: trends with their lasting changes. */
export function renderHistory(history: History, assets: PageAssets): string {
  return renderPage({
    title: "Posemark: history",
    entry: "history_page.js",
    call: "startHistoryPage",
    data: history,
    raw: null,
    fallbackHtml: "<p>Scripts are switched off: the charts need them.</p>",
  }, assets);
}

/** Returns the page that lists runs, with links to the reports in their folders. */
export function renderIndex(index: RunIndex, assets: PageAssets): string {
  const items = index.runs.map(({ folder, runId, createdAt }) =>
    `<li><a href="${escape(encodeURIComponent(folder))}/report.html">${
      escape(plain(runId, 80))
    }</a> ${escape(plain(createdAt, 40))}</li>`
  );
  return renderPage({
    title: "Posemark: runs",
    entry: "index_page.js",
    call: "startIndexPage",
    data: index,
    raw: null,
    fallbackHtml: `<ol>${items.join("\n")}</ol>`,
  }, assets);
}

/** Returns the entry of a run in the index. */
export function indexEntry(report: Report, folder: string): RunIndexEntry {
  const serial = headlineDevice(report);
  const names = deviceNames(report);
  return {
    folder,
    runId: report.runId,
    createdAt: report.createdAt,
    answer: serial === null ? [] : answerParts(report, answerFor(report, serial)),
    devices: [...names.values()],
    variantCount: new Set(report.variants.map(({ id }) => id)).size,
    sampleCount: report.launches.reduce(
      (sum, { images }) => sum + images.reduce((n, { samplesNs }) => n + samplesNs.total.length, 0),
      0,
    ),
    warningCount: report.warnings.length +
      report.variants.reduce((sum, { warnings }) => sum + warnings.length, 0),
    failureCount: report.failures.length,
    parityFailedCount: report.variants.filter(({ parity }) => parity.verdict === "fail").length,
  };
}

/** The answer and the table without scripts, in English. */
function fallback(report: Report): string {
  const serial = headlineDevice(report);
  const sentence = serial === null
    ? ""
    : answerParts(report, answerFor(report, serial)).map(inEnglish).join("; ");
  const labels = variantLabels(report.variants).byId;
  const devices = deviceNames(report);
  const rows = report.variants.toSorted(orderOf(report)).map((variant) =>
    [
      place(variant.rank),
      labels.get(variant.id) ?? variant.id,
      devices.get(variant.device) ?? variant.device,
      fps(variant.fps),
      msNumber(variant.timeNs),
      variant.quality.converted.replace("-", " "),
      pxNumber(variant.parity.maxPx),
      variant.variant.speedOnly ? "speed only" : "",
    ].map((text) => `<td>${escape(text)}</td>`).join("")
  );
  const head = ["#", "Variant", "Device", "FPS", "Time, ms", "Converted right?", "Error, px", ""]
    .map((text) => `<th scope="col">${text}</th>`).join("");
  return `<h1>${escape(plain(sentence, 600))}.</h1>
<p>Scripts are switched off: charts, pictures and raw samples need them. All figures also stand in report.json beside this file.</p>
<table><thead><tr>${head}</tr></thead><tbody>${
    rows.map((row) => `<tr>${row}</tr>`).join("\n")
  }</tbody></table>`;
}
