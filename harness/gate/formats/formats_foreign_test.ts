import { assertEquals } from "@std/assert";
import * as path from "@std/path";
import { needs } from "../../testdata/needs.ts";
import { prepareVenv } from "../../pose/testdata/venv.ts";
import { csvText } from "./csv.ts";
import { formatFixture, HARD_NAME } from "../testdata/format_fixture.ts";
import { junitXml } from "./junit.ts";
import { openMetricsText } from "./openmetrics.ts";
import { parquetBytes } from "./parquet.ts";

const { ignore } = needs("python");
const REQUIREMENTS = ["junitparser==5.0.3", "prometheus_client==0.26.0", "pyarrow==26.0.1"];

/** What the Python script prints as JSON about the file that it read with a foreign parser. */
async function readBy(script: string, name: string, content: string | Uint8Array) {
  const python = await prepareVenv("formats", REQUIREMENTS);
  const folder = await Deno.makeTempDir();
  try {
    const file = path.join(folder, name);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(file, bytes);
    const args = ["-c", `import json, sys\n${script}`, file];
    const output = await new Deno.Command(python, { args }).output();
    const error = new TextDecoder().decode(output.stderr);
    assertEquals(output.code, 0, error);
    return JSON.parse(new TextDecoder().decode(output.stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "junitXml() is read by junitparser when names hold markup",
  ignore,
  async fn() {
    const script = `
from junitparser import JUnitXml
suite = list(JUnitXml.fromfile(sys.argv[1]))[0]
print(json.dumps({
  "cases": [[c.classname, c.name, [type(r).__name__ for r in c.result], [r.message for r in c.result]] for c in suite],
  "counts": [suite.tests, suite.failures, suite.errors, suite.skipped],
  "properties": {p.name: p.value for p in suite.properties()},
}))`;
    const input = formatFixture();
    const found = await readBy(script, "junit.xml", junitXml(input));
    assertEquals(found.counts, [3, 1, 1, 0]);
    assertEquals(found.cases, [
      ["posemark.host", "total.p50", ["Failure"], [input.gate!.metrics[0].reason]],
      ["posemark.host", "total.p90", ["Error"], ["undecided"]],
      ["posemark.host", "correctness", [], []],
    ]);
    assertEquals(found.properties["candidate"], HARD_NAME);
    assertEquals(found.properties["host.total.p50.ratio"], "1.1");
  },
});

Deno.test({
  name: "openMetricsText() is read by prometheus_client when names hold markup",
  ignore,
  async fn() {
    const script = `
from prometheus_client.openmetrics.parser import text_string_to_metric_families
text = open(sys.argv[1], newline="").read()
print(json.dumps([[f.name, f.type, f.unit, [[s.labels, s.value] for s in f.samples]] for f in text_string_to_metric_families(text)]))`;
    const input = formatFixture();
    const families = await readBy(script, "metrics.txt", openMetricsText(input));
    assertEquals(families.map((family: [string]) => family[0]), [
      "posemark_latency_seconds",
      "posemark_latency_bound_seconds",
      "posemark_throughput_fps",
      "posemark_loaded_rss_bytes",
      "posemark_steady_rss_bytes",
      "posemark_peak_rss_bytes",
      "posemark_gate_exit_code",
      "posemark_gate_ratio",
    ]);
    const [, , unit, samples] = families[0];
    assertEquals(unit, "seconds");
    const hard = input.figures.find((figure) => figure.variantId === HARD_NAME)!;
    assertEquals(
      samples.find(([labels]: [Record<string, string>]) => labels.variant === HARD_NAME),
      [
        { device: "host", variant: HARD_NAME, stage: "total", percentile: "p50" },
        hard.value / 1e9,
      ],
    );
  },
});

Deno.test({
  name: "csvText() is read by Python's csv when names hold quotes and commas",
  ignore,
  async fn() {
    const script = `
import csv
print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))))`;
    const input = formatFixture();
    const rows = await readBy(script, "figures.csv", csvText(input));
    assertEquals(rows.length, input.figures.length);
    const index = input.figures.findIndex((figure) => figure.variantId === HARD_NAME);
    assertEquals(rows[index].variantId, HARD_NAME);
    assertEquals(Number(rows[index].value), input.figures[index].value);
    assertEquals(rows.find((row: { metric: string }) => row.metric === "peakRss").low, "");
  },
});

Deno.test({
  name: "parquetBytes() is read by Arrow when some values are unknown",
  ignore,
  async fn() {
    const script = `
import pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
print(json.dumps({"rows": table.to_pylist(), "types": {f.name: str(f.type) for f in table.schema}}))`;
    const input = formatFixture();
    const { rows, types } = await readBy(script, "figures.parquet", parquetBytes(input));
    assertEquals(
      rows,
      input.figures.map((figure) => ({
        runId: input.runId,
        createdAt: input.createdAt,
        gitCommit: input.gitCommit,
        ...figure,
      })),
    );
    assertEquals([types.value, types.rounds, types.variantId], ["double", "int32", "string"]);
  },
});
