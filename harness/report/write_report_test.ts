import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { syntheticComparison } from "./testdata/synthetic_history.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";
import { writeIndex } from "./write_index.ts";
import { writeReport } from "./write_report.ts";
import { bytesOfV010 } from "../record/testdata/v0_1_0.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

const report = syntheticReport({
  ...EXAMPLE_SIZE,
  rounds: 2,
  images: 2,
  iterations: 2,
  pictures: 0,
});

/** Runs the body with a folder that is gone afterwards. */
async function rejection(dir: string, text: string | null): Promise<string> {
  if (text !== null) await Deno.writeTextFile(path.join(dir, "report.json"), text);
  const error = await assertRejects(() => writeReport(dir), HarnessError);
  assertEquals(error.code, "bad-record");
  return error.message;
}

Deno.test("writeReport() writes the page beside report.json when it is a report", () =>
  inTempFolder(async (dir) => {
    await Deno.writeTextFile(path.join(dir, "report.json"), JSON.stringify(report));
    assertEquals(await writeReport(dir), path.join(dir, "report.html"));
    const html = await Deno.readTextFile(path.join(dir, "report.html"));
    assertMatch(html, /^<!doctype html>\n/);
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), [
      "report.html",
      "report.json",
    ]);
  }));

Deno.test("writeReport() draws the comparison when the folder has one, and names the key when it is broken", () =>
  inTempFolder(async (dir) => {
    const { report, ...result } = syntheticComparison();
    const write = (judgement: unknown) =>
      Deno.writeTextFile(path.join(dir, "comparison.json"), JSON.stringify(judgement));
    await Deno.writeTextFile(path.join(dir, "report.json"), JSON.stringify(report));
    await write({ runId: report.runId, variants: [], ...result });
    await writeReport(dir);
    const html = await Deno.readTextFile(path.join(dir, "report.html"));
    assert(html.includes(JSON.stringify(result.rankings[0].pairs[0].ratio)));
    await write({ runId: report.runId, variants: [], ...result, pareto: [{ device: 3 }] });
    assertMatch(await rejection(dir, null), /comparison\.json: key "pareto\.0/);
  }));

Deno.test("writeReport() renders a report of the oldest version when its kept example is read", () =>
  inTempFolder(async (dir) => {
    await Deno.copyFile(
      new URL("testdata/report_v1.json", import.meta.url),
      path.join(dir, "report.json"),
    );
    await writeReport(dir);
    assert((await Deno.stat(path.join(dir, "report.html"))).size > 200_000);
  }));

Deno.test("writeReport() renders the report of a run of version 0.1.0", () =>
  inTempFolder(async (dir) => {
    for (const run of ["bench", "bench2"]) {
      await Deno.writeFile(
        path.join(dir, "report.json"),
        await bytesOfV010(`${run}.report.json`),
      );
      const html = await Deno.readTextFile(await writeReport(dir));
      assert(html.includes("posemark-n-relu.relu.raw.fp32.160x160.pnnx"));
    }
  }));

Deno.test("writeReport() says what is wrong when report.json is missing, no JSON, edited or contradicts itself", () =>
  inTempFolder(async (dir) => {
    assertMatch(
      await rejection(dir, null),
      /Cannot read the report .*report\.json.*deno task bench/s,
    );
    assertMatch(await rejection(dir, "{"), /not JSON/);
    assertMatch(
      await rejection(dir, JSON.stringify({ ...report, schemaVersion: 3 })),
      /schemaVersion/,
    );
    assertMatch(await rejection(dir, JSON.stringify({ ...report, extra: 1 })), /extra/);
    const uneven = structuredClone(report);
    uneven.launches[1].images[0].samplesNs.inference.pop();
    assertMatch(await rejection(dir, JSON.stringify(uneven)), /2, 1, 2, 2 samples .*synthetic-1/);
    await Deno.stat(path.join(dir, "report.html")).then(
      () => assert(false, "a page was written"),
      () => {},
    );
  }));

Deno.test("writeIndex() lists runs newest first and unreadable ones, and reads only what changed, when called again", () =>
  inTempFolder(async (dir) => {
    const reports = path.join(dir, "reports");
    const put = async (name: string, text: string) => {
      await Deno.mkdir(path.join(reports, name), { recursive: true });
      await Deno.writeTextFile(path.join(reports, name, "report.json"), text);
    };
    await put(
      "old",
      JSON.stringify({ ...report, createdAt: "2026-01-01T00:00:00Z", runId: "old" }),
    );
    await put("broken", "{");
    await Deno.mkdir(path.join(reports, "unfinished"));
    await put(
      "new",
      JSON.stringify({ ...report, createdAt: "2026-02-01T00:00:00Z", runId: "new" }),
    );
    await writeReport(path.join(reports, "new"));
    const read = async () => JSON.parse(await Deno.readTextFile(path.join(reports, "index.json")));
    const first = await read();
    assertEquals(first.runs.map(({ folder }: { folder: string }) => folder), ["new", "old"]);
    assertEquals(first.runs[0].sampleCount, 64);
    const html = await Deno.readTextFile(path.join(reports, "index.html"));
    assert(html.includes(`<a href="new/report.html">new</a>`));
    assertMatch(html, /"unreadable":\[\{"folder":"broken"/);
    // an entry whose report did not change is taken from the index
    first.runs[1].devices = ["kept from the index"];
    await Deno.writeTextFile(path.join(reports, "index.json"), JSON.stringify(first));
    await Deno.remove(path.join(reports, "new"), { recursive: true });
    await writeIndex(reports);
    const second = await read();
    assertEquals(second.runs.map(({ devices }: { devices: string[] }) => devices), [[
      "kept from the index",
    ]]);
  }));
