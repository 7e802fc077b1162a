/**
 * Assets and data → one HTML file with a strict Content-Security-Policy (pure).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { encodeBase64 } from "@std/encoding";
import { escape } from "@std/html";
import type { PageAssets } from "./assets.ts";
import { bundle } from "./bundle.ts";

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
 * Returns a page in the style of the report. Throws `RangeError` when a script or style holds the
 * tag that would end it.
 */
export function renderPage(content: PageContent, assets: PageAssets): string {
  const script = `${assets.chart}\n${bundle(assets.modules, content.entry, content.call)}`;
  for (
    const [text, end] of [[script, "</script"], [assets.early, "</script"], [
      assets.style,
      "</style",
    ]]
  ) {
    if (text.toLowerCase().includes(end)) {
      throw new RangeError(`Cannot put a script or style that holds "${end}" into a page`);
    }
  }
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

/**
 * Returns the value as JSON that can't end the script element which holds it: `<` and the line
 * separators are escaped.
 */
export function jsonBlock(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Returns the source expression that allows exactly this inline script or style (Content Security
 * Policy Level 3, section 2.3.1).
 */
export function cspHash(text: string): string {
  return `'sha256-${encodeBase64(createHash("sha256").update(text).digest())}'`;
}
