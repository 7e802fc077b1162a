import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { readAssets } from "./assets.ts";
import { indexEntry, renderComparison, renderHistory, renderIndex, renderReport } from "./html.ts";
import { cspHash, jsonBlock } from "./page_template.ts";
import { hostileReport } from "./testdata/hostile_report.ts";
import { syntheticComparison, syntheticHistory } from "./testdata/synthetic_history.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";

const assets = await readAssets();
const report = syntheticReport({
  ...EXAMPLE_SIZE,
  rounds: 2,
  images: 2,
  iterations: 2,
  pictures: 1,
});
const pages = {
  report: renderReport(report, assets),
  hostile: renderReport(hostileReport(), assets),
  comparison: renderComparison(syntheticComparison(), assets),
  history: renderHistory(syntheticHistory(), assets),
  index: renderIndex({ runs: [indexEntry(report, "a folder")], unreadable: [] }, assets),
};

/** Contents of the inline elements of a kind, as a browser's parser finds them. */
function inline(html: string, tag: string): { attributes: string; text: string }[] {
  return [...html.matchAll(new RegExp(`<${tag}([^>]*)>([^]*?)</${tag}>`, "g"))]
    .map(([, attributes, text]) => ({ attributes, text }));
}

for (const [name, html] of Object.entries(pages)) {
  Deno.test(`renderPage() allows its own scripts and styles by hash, and nothing else, when it is the page "${name}"`, () => {
    const [, policy] = html.match(/http-equiv="Content-Security-Policy" content="([^"]+)"/)!;
    assertMatch(policy, /^default-src 'none'; script-src /);
    assert(!policy.includes("unsafe"));
    assert(!/https?:/.test(policy));
    const scripts = inline(html, "script").filter(({ attributes }) =>
      !attributes.includes("application/json")
    );
    assertEquals(scripts.length, 2);
    for (const { text } of [...scripts, ...inline(html, "style")]) {
      const hash = createHash("sha256").update(text).digest("base64");
      assert(policy.includes(`'sha256-${hash}'`), `no hash for ${text.slice(0, 60)}`);
    }
    assertEquals(html.match(/<(?:script|img|link|iframe)[^>]+(?:src|href)="(?!data:)[^"]*"/), null);
    assertEquals(html.match(/\son\w+="/g), null, "an inline handler");
    assertEquals(html.match(/\sstyle="/g), null, "an inline style");
  });
}

Deno.test("renderReport() is the same page when the report is the same", () => {
  assertEquals(renderReport(structuredClone(report), assets), pages.report);
});

Deno.test("renderReport() tells answer and table without scripts when scripts are switched off", () => {
  const [{ text }] = inline(pages.report, "noscript");
  assertMatch(
    text,
    /<h1>SiLU raw fp16 is 1\.\d+×.*; faster but worse: ReLU raw fp16 \(1\.\d+×, AP −0\.115\)/,
  );
  assertEquals(text.match(/<tr>/g)?.length, report.variants.length + 1);
  const [{ text: hostile }] = inline(pages.hostile, "noscript");
  assert(!/<script|<img|<svg/.test(hostile));
});

Deno.test("renderReport() leaves text that looks like a placeholder alone when the report holds some", () => {
  assert(pages.hostile.includes("{{script}} {{data}} {variant}"));
});

Deno.test("jsonBlock() can't end its element and reads back the same when the data is hostile", () => {
  const value = { "</script>": "<!--\u2028\u2029</SCRIPT >", n: [1, null] };
  const text = jsonBlock(value);
  assert(!/[<\u2028\u2029]/.test(text));
  assertEquals(JSON.parse(text), value);
});

Deno.test("cspHash() is the one that the specification names when the script is its example", () => {
  // Content Security Policy Level 3, section 2.3.1, in base64 instead of base64url
  assertEquals(
    cspHash("alert('Hello, world.');"),
    "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='",
  );
});

Deno.test("renderPage() fails when the template's script would end early", () => {
  const broken = new Map(assets.modules);
  broken.set("report_page.js", `export function startReportPage() {\n  return "</script>";\n}\n`);
  assertThrows(() => renderReport(report, { ...assets, modules: broken }), RangeError, "</script");
});
