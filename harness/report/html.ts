/**
 * Report → one HTML file that needs nothing else (pure).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { encodeBase64 } from "@std/encoding";
import { escape } from "@std/html";
import { answerFor, answerParts, headlineDevice } from "../../reports/template/answer.js";
import { deviceNames, plain, variantLabels } from "../../reports/template/labels.js";
import { fps, msNumber, pxNumber } from "../../reports/template/numbers.js";
import { TEXTS } from "../../reports/template/texts.js";
import type { PageAssets } from "./assets.ts";
import { bundle } from "./bundle.ts";
import { pageData } from "./page_data.ts";
import type { Report } from "./report_json.ts";

/** What is particular to a page. */
export interface PageContent {
  title: string;
  /** Module that draws the page, and its function. */
  entry: string;
  call: string;
  /** Read at once by the page's script. */
  data: unknown;
  /** Read when it is asked for. */
  raw: unknown;
  /** Shown when scripts don't run: markup, escaped by its maker. */
  fallbackHtml: string;
}

/**
 * Returns the report's page: one file of HTML with styles, scripts, data, pictures and raw samples inside. It loads nothing, its
 * Content-Security-Policy allows only its own scripts (by hash), and all texts of the report enter it as JSON.
 *
 * Throws `RangeError` when the samples of an image's stages differ in number.
 */
export function renderReport(report: Report, assets: PageAssets): string {
  const { page, raw } = pageData(report);
  return renderPage({
    title: `Posemark: ${plain(report.runId, 60)}`,
    entry: "report_page.js",
    call: "startReportPage",
    data: page,
    raw,
    fallbackHtml: fallback(report),
  }, assets);
}

/** Returns a page in the style of the report. */
export function renderPage(content: PageContent, assets: PageAssets): string {
  const script = `${assets.chart}\n${bundle(assets.modules, content.entry, content.call)}`;
  const policy = [
    "default-src 'none'",
    `script-src ${cspHash(assets.early)} ${cspHash(script)}`,
    `style-src ${cspHash(assets.style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const parts: Record<string, string> = {
    csp: policy,
    title: escape(content.title),
    style: assets.style,
    early: assets.early,
    script,
    fallback: content.fallbackHtml,
    data: jsonBlock(content.data),
    raw: jsonBlock(content.raw),
  };
  const template = assets.template.replace(/^<!--[^]*?-->\n/, "");
  // one pass, so that data which looks like a placeholder stays as it is
  return template.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => parts[name] ?? whole);
}

/** Returns the value as JSON that can't end the script element which holds it: `<` and the line separators are escaped. */
export function jsonBlock(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Returns the source expression that allows exactly this inline script or style (Content Security Policy Level 3, section 2.3.1). */
export function cspHash(text: string): string {
  return `'sha256-${encodeBase64(createHash("sha256").update(text).digest())}'`;
}

/** The answer and the table without scripts, in English. */
function fallback(report: Report): string {
  const serial = headlineDevice(report);
  const sentence = serial === null ? "" : answerParts(report, answerFor(report, serial)).map(
    ({ key, values }) =>
      (TEXTS.en as Record<string, string>)[key].replaceAll("**", "")
        .replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole),
  ).join("; ");
  const labels = variantLabels(report.variants).byId;
  const devices = deviceNames(report);
  const rows = report.variants.map((variant) =>
    [
      String(variant.rank ?? "–"),
      labels.get(variant.id) ?? variant.id,
      devices.get(variant.device) ?? variant.device,
      fps(variant.fps),
      msNumber(variant.latencyNs?.total.p50 ?? null),
      variant.parity.verdict,
      pxNumber(variant.parity.maxPx),
      variant.speedOnly ? "speed only" : "",
    ].map((text) => `<td>${escape(text)}</td>`).join("")
  );
  const head = ["#", "Variant", "Device", "FPS", "Median, ms", "Parity", "Error, px", ""]
    .map((text) => `<th scope="col">${text}</th>`).join("");
  return `<h1>${escape(plain(sentence, 600))}.</h1>
<p>Scripts are switched off: charts, pictures and raw samples need them. All figures also stand in report.json beside this file.</p>
<table><thead><tr>${head}</tr></thead><tbody>${
    rows.map((row) => `<tr>${row}</tr>`).join("\n")
  }</tbody></table>`;
}
