import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { formatFixture } from "../gate/testdata/format_fixture.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { launchFigures } from "../gate/formats/figures.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { FORMAT_NAMES, parseFormats, writeFormats } from "./gate_formats.ts";

Deno.test("parseFormats() takes names with files, github without one", () => {
  assertEquals(parseFormats(["junit=a=b.xml,github", "csv=f.csv"]), [
    { format: "junit", file: "a=b.xml" },
    { format: "github", file: null },
    { format: "csv", file: "f.csv" },
  ]);
  assertEquals(parseFormats([]), []);
  assertEquals(parseFormats(["github=s.md"]), [{ format: "github", file: "s.md" }]);
});

Deno.test("parseFormats() refuses unknown names, missing files and one file for two formats", () => {
  for (const text of ["xml=a", "junit", "junit=", "", "toString=a", "junit=x,csv=x"]) {
    const error = assertThrows(() => parseFormats([text]), HarnessError);
    assertEquals(error.code, "bad-option", text);
  }
});

Deno.test("writeFormats() writes every format, appends GitHub's summary and prints its annotations", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = FORMAT_NAMES.filter((name) => name !== "github");
    const text = files.map((name) => `${name}=${path.join(folder, "new", name)}`).join(",");
    const summaryFile = path.join(folder, "summary.md");
    await Deno.writeTextFile(summaryFile, "before\n");
    let printed = "";
    await writeFormats(parseFormats([`${text},github`]), formatFixture(), {
      summaryFile,
      print: (lines) => printed += lines,
    });
    const starts: Record<string, string> = {
      "junit": "<?xml",
      "bencher": "{",
      "github-action-benchmark": "[",
      "openmetrics": "# ",
      "csv": "runId,",
      "parquet": "PAR1",
    };
    assertEquals(Object.keys(starts).sort(), files.toSorted());
    for (const [name, start] of Object.entries(starts)) {
      const content = await Deno.readTextFile(path.join(folder, "new", name));
      assert(content.startsWith(start), `${name}: ${content.slice(0, 20)}`);
    }
    const summary = await Deno.readTextFile(summaryFile);
    assert(summary.startsWith("before\n## "), summary);
    assertStringIncludes(printed, "::error title=");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("writeFormats() says which file can't be written", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(path.join(folder, "file"), "");
    const inFile = path.join(folder, "file", "gate.csv");
    await assertRejects(() =>
      writeFormats([{ format: "csv", file: inFile }], formatFixture(), {
        summaryFile: null,
        print() {},
      }), Error);
    assertEquals(await Deno.readTextFile(path.join(folder, "file")), "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("launchFigures() keeps devices apart", () => {
  const launch = (device: string, ms: number) =>
    launchFixture({ device, variantId: "a", round: 0, totalNs: [ms * 1e6] });
  const medians = launchFigures([launch("host", 10), launch("phone", 30)], "a")
    .filter(({ metric }) => metric === "total.p50");
  assertEquals(medians.map(({ device, value }) => [device, value]), [["host", 10e6], [
    "phone",
    30e6,
  ]]);
});

Deno.test("writeFormats() lets no name of a device act where the formats are read", async () => {
  const hostile = "=1+1\n::error::x\u001b[2J\u202e";
  const { figures, gate } = formatFixture();
  const input = formatFixture({
    figures: figures.map((figure) => ({ ...figure, device: hostile })),
    gate: {
      ...gate!,
      device: hostile,
      metrics: gate!.metrics.map((metric) => ({ ...metric, device: hostile, reason: hostile })),
    },
  });
  await inTempFolder(async (folder) => {
    const files = FORMAT_NAMES.filter((name) => name !== "parquet");
    const requests = files.map((name) => `${name}=${path.join(folder, name)}`);
    let printed = "";
    await writeFormats(parseFormats(requests), input, {
      summaryFile: null,
      print: (text) => printed += text,
    });
    const texts = [printed];
    for (const name of files) texts.push(await Deno.readTextFile(path.join(folder, name)));
    for (const text of texts) {
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u202e]/.test(text), false);
      assertEquals(/^::error::x/m.test(text), false);
    }
    for (const line of printed.trim().split("\n")) assert(/^::\w+ title=Posemark/.test(line), line);
    assertStringIncludes(await Deno.readTextFile(path.join(folder, "csv")), ",'=1+1\\x0a::error");
  });
});
