import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Ajv } from "ajv";
import { bencherJson } from "./bencher.ts";
import { csvText } from "./csv.ts";
import {
  formatFixture,
  gateFixture,
  HARD_NAME,
  mergedFixture,
} from "../testdata/format_fixture.ts";
import { githubActionBenchmarkJson } from "./github_action_benchmark.ts";
import { githubAnnotations, githubSummary } from "./github.ts";
import { junitXml } from "./junit.ts";
import { METRIC_NAMES } from "../../record/metrics.ts";
import { openMetricsText } from "./openmetrics.ts";
import { figureTable } from "./table.ts";

const NOTHING = formatFixture({ figures: [], gate: null });
const NO_PHONE = formatFixture({
  figures: [],
  gate: null,
  environmentError: { code: "device-not-found", message: "Cannot find device R5CT10" },
});

Deno.test("figuresOf() has intervals turned round for FPS when latency has them", () => {
  const { figures } = formatFixture();
  const of = (metric: string) =>
    figures.find((f) => f.variantId === "base" && f.metric === metric)!;
  assertEquals(of("fps").low, 1e9 / of("total.p50").high!);
  assert(of("fps").low! < of("fps").value && of("fps").value < of("fps").high!);
  assertEquals([of("peakRss").low, of("peakRss").value, of("peakRss").rounds], [null, 5e7, 3]);
});

Deno.test("bencherJson() follows Bencher's format when a schema checks it", () => {
  const number = { type: "number" };
  const schema = {
    type: "object",
    additionalProperties: {
      type: "object",
      additionalProperties: {
        type: "object",
        properties: { value: number, lower_value: number, upper_value: number },
        required: ["value"],
        additionalProperties: false,
      },
    },
  };
  const json = JSON.parse(bencherJson(formatFixture()));
  const validate = new Ajv().compile(schema);
  assert(validate(json), JSON.stringify(validate.errors));
  const { latency } = json["base on host"];
  assert(latency.lower_value <= latency.value && latency.value <= latency.upper_value);
  assertEquals(json[`${HARD_NAME} on host`]["peakRss"].lower_value, undefined);
  assertEquals(JSON.parse(bencherJson(NOTHING)), {});
});

Deno.test("githubActionBenchmarkJson() follows the tool's format when a schema checks it", () => {
  const text = { type: "string" };
  const schema = {
    type: "array",
    items: {
      type: "object",
      properties: { name: text, unit: text, value: { type: "number" }, range: text, extra: text },
      required: ["name", "unit", "value"],
      additionalProperties: false,
    },
  };
  const json = JSON.parse(githubActionBenchmarkJson(formatFixture()));
  const validate = new Ajv().compile(schema);
  assert(validate(json), JSON.stringify(validate.errors));
  const [first] = json;
  assertEquals([first.name, first.unit], ["base on host: total.p50", "ms"]);
  assert(first.value > 32 && first.value < 35, `${first.value}`);
  assertMatch(first.range, /^± \d/);
  assert(!json.some((entry: { name: string }) => entry.name.endsWith("fps")), "more is better");
});

Deno.test("githubAnnotations() escapes data and properties as the runner reads them", () => {
  const lines = githubAnnotations(formatFixture()).trimEnd().split("\n");
  assertEquals(lines, [
    "::error title=Posemark%3A total.p50 on host::10.0%25 more <after> 7 blocks,%0Ano change is excluded: 100%25",
    "::warning title=Posemark%3A total.p90 on host::undecided",
  ]);
  assertEquals(
    githubAnnotations(NO_PHONE),
    "::error title=Posemark could not measure::Cannot find device R5CT10\n",
  );
  assertEquals(githubAnnotations(NOTHING), "");
});

Deno.test("githubSummary() keeps its tables whole when names hold markup", () => {
  const summary = githubSummary(formatFixture());
  const rows = summary.split("\n").filter((line) => line.startsWith("|"));
  const cells = rows.map((row) => row.replaceAll(/\\./g, "").split("|").length);
  assertEquals(cells, [10, 10, 10, 10, 7, 7, 7, 7]);
  assertStringIncludes(summary, "❌ Posemark: fail");
  assertStringIncludes(summary, "\\<fp32\\>");
});

Deno.test("githubSummary() stays below 1 MiB and whole characters when there is more", () => {
  const [figure] = formatFixture().figures;
  const figures = Array.from({ length: 30_000 }, (_, i) => ({ ...figure, variantId: `ä${i}` }));
  const summary = githubSummary(formatFixture({ figures }));
  const bytes = new TextEncoder().encode(summary);
  assert(bytes.length <= 1_048_576 && bytes.length > 1_000_000, `${bytes.length}`);
  assert(!summary.includes("\ufffd"));
  assertStringIncludes(summary, "_Cut:");
});

Deno.test("junitXml() counts what it holds when a gate failed", () => {
  const xml = junitXml(formatFixture());
  assertStringIncludes(xml, `tests="3" failures="1" errors="1" skipped="0" time="41.250"`);
  assertStringIncludes(xml, `timestamp="2026-01-01T12:00:00"`);
});

Deno.test("junitXml() and githubAnnotations() tell a verdict that no metric tells", () => {
  const gate = formatFixture().gate!;
  const input = formatFixture({
    gate: {
      ...gate,
      verdict: "inconclusive",
      metrics: gate.metrics.map((metric) => ({ ...metric, verdict: "pass" })),
      reasons: ["the candidate's run lacks b"],
    },
  });
  const xml = junitXml(input);
  assertStringIncludes(xml, `tests="4" failures="0" errors="1"`);
  assertStringIncludes(xml, `name="verdict" time="0.000">\n      <error message="the candidate's`);
  assertEquals(
    githubAnnotations(input),
    "::warning title=Posemark%3A verdict::the candidate's run lacks b\n",
  );
  const failed = formatFixture({ gate: { ...input.gate!, verdict: "fail" } });
  assertStringIncludes(junitXml(failed), `failures="1"`);
});

Deno.test("all formats tell metrics apart when a gate has several devices and candidates", () => {
  const on = (device: string, candidate: string) => {
    const gate = gateFixture();
    return { ...gate, candidate, metrics: gate.metrics.map((metric) => ({ ...metric, device })) };
  };
  const input = formatFixture({
    gate: mergedFixture(on("A", "c1"), on("A", "c2"), on("B", "c1"), on("B", "c2")),
  });
  const distinct = (lines: readonly string[], count: number) =>
    assertEquals([lines.length, new Set(lines).size], [count, count]);
  const series = openMetricsText(input).match(/^posemark_gate_ratio\{.*\}/gm)!;
  distinct(series, 8);
  assertStringIncludes(series[2], `device="A",baseline="git:main",candidate="c2"`);
  const xml = junitXml(input);
  distinct(xml.match(/classname="posemark\.[AB]" name="[^"]*"/g)!, 8);
  distinct(xml.match(/property name="[AB]\.[^"]*"/g)!, 40);
  distinct(githubSummary(input).match(/^\| [AB] \|.*total\.p50/gm)!, 4);
  distinct(githubAnnotations(input).match(/title=[^:]*/g)!, 8);
});

Deno.test("junitXml() skips when there is no phone, and errs when something else is in the way", () => {
  assertStringIncludes(junitXml(NO_PHONE), `skipped="1"`);
  const broken = { code: "build-failed", message: "no compiler\u0000" };
  const xml = junitXml(formatFixture({ gate: null, environmentError: broken }));
  assertStringIncludes(xml, `<error message="no compiler\ufffd" type="build-failed">`);
});

Deno.test("openMetricsText() has a percentile only when the metric is one", () => {
  const [figure] = formatFixture().figures;
  const figures = ["total.p90", "load.param"].map((metric) => ({ ...figure, metric }));
  const text = openMetricsText(formatFixture({ figures, gate: null }));
  assertStringIncludes(text, `stage="total",percentile="p90"}`);
  assertStringIncludes(text, `stage="load.param"}`);
});

Deno.test("openMetricsText() ends in EOF, and has nothing else when there is nothing", () => {
  assert(openMetricsText(formatFixture()).endsWith("\n# EOF\n"));
  assertEquals(openMetricsText(NOTHING), "# EOF\n");
});

Deno.test("csvText() has one line per figure and a header when there are figures", () => {
  const lines = csvText(formatFixture()).split("\r\n");
  assertEquals(lines.length, formatFixture().figures.length + 2);
  assertEquals(csvText(NOTHING).split("\r\n").length, 2);
});

Deno.test("figureTable() has columns of one length when it is read", () => {
  const lengths = new Set(figureTable(formatFixture()).map((column) => column.data.length));
  // two variants, each with every metric and FPS
  assertEquals([...lengths], [2 * (METRIC_NAMES.length + 1)]);
});
