import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import { distinctVariants } from "../jobs/compare_models.ts";
import { readRecords } from "../record/record_log.ts";
import { sortRecords } from "../record/run_records.ts";
import { writeReport } from "../report/write_report.ts";
import { compareModelsCommand } from "./compare.ts";
import { parseDuration } from "./decision_options.ts";
import { runCommandOf } from "./testdata/run_command.ts";

/** One thread, few images: the tests share machine and time. */
const QUICK = [
  ...["--threads", "1", "--precision", "fp32"],
  ...["--warmup", "1", "--iterations", "1", "--measure-images", "2", "--stage-images", "2"],
];

const SHAPE = ["--shape", "128x128"];

const runCommand = (...argv: string[]) =>
  runCommandOf([compareModelsCommand], ["compare-models", ...argv]);

Deno.test("compare-models judges two models under a load that goes on, and writes page and judgements", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const out = path.join(folder, "run");
    const { stdout } = await runCommand(
      ...[
        "posemark-n-silu",
        "posemark-n-relu",
        ...QUICK,
        ...SHAPE,
        "--sustained",
        "1s",
        "--out",
        out,
      ],
      "--json",
    );
    const judged = JSON.parse(stdout);
    const ids = ["posemark-n-silu.silu", "posemark-n-relu.relu"].map((name) =>
      `${name}.raw.fp32.128x128.pnnx`
    );
    assertEquals(judged.variants.map((each: { variantId: string }) => each.variantId), ids);
    for (const { unranked, timeNs, ap, sizeBytes, peakRssBytes } of judged.variants) {
      assertEquals(unranked, null);
      assert(timeNs.low <= timeNs.value && timeNs.value <= timeNs.high);
      assert(ap.low <= ap.value && ap.value <= ap.high && ap.high <= 1);
      assert(sizeBytes > 1e6 && peakRssBytes > sizeBytes);
    }
    assertEquals(
      judged.rankings.map(({ device }: { device: string }) => device),
      ["host, burst", "host, sustained"],
    );
    assertEquals(judged.sustained.length, 2);
    for (const { load } of judged.sustained) assert(load.series.length >= 10);
    assertEquals(judged.pareto[0].places.length, 2);
    const kept = JSON.parse(await Deno.readTextFile(path.join(out, "comparison.json")));
    assertEquals(kept, judged);
    const page = await Deno.readTextFile(path.join(out, "report.html"));
    assertStringIncludes(page, "host, sustained");
    // deno task report keeps the comparison
    await writeReport(out);
    assertEquals(await Deno.readTextFile(path.join(out, "report.html")), page);

    const again = await assertRejects(
      () => runCommand("posemark-n-silu", "posemark-n-relu", ...QUICK, ...SHAPE, "--out", out),
      HarnessError,
    );
    assertEquals(again.code, "output-exists");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("compare-models goes on by turns until the order of two sizes is known", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const out = path.join(folder, "run");
    // a twelfth of the pixels: told apart on any machine
    const { stdout } = await runCommand(
      ...["posemark-n-relu", ...QUICK, "--shape", "64x64,224x224", "--budget", "10m"],
      ...["--out", out, "--json"],
    );
    const { rankings: [{ variants, pairs }] } = JSON.parse(stdout);
    const [small, large] = ["64x64", "224x224"].map((size) =>
      `posemark-n-relu.relu.raw.fp32.${size}.pnnx`
    );
    const [pair] = pairs;
    assertEquals([pair.faster, pair.slower, pair.certain], [small, large, true]);
    assert(variants.length === 2 && pair.low < pair.ratio && pair.ratio < pair.high);
    const { launches, turns } = sortRecords(readRecords(path.join(out, "records.jsonl")).records);
    const rounds = Math.max(...turns.map(({ round }) => round)) + 1;
    assert(rounds >= 6 && rounds < 100);
    assertEquals(turns.length, 2 * rounds);
    assertEquals(new Set(turns.map(({ turns }) => turns.launch)).size, rounds);
    // alone in every other round
    assert(launches.every(({ round }) => round % 2 === 0));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("compare-models refuses one variant alone, and what is no model", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const out = path.join(folder, "run");
    const cases: [string[], string][] = [
      [["posemark-n-silu", ...QUICK, ...SHAPE], "at least two"],
      [["posemark-n-silu", folder], "manifest.json"],
      [["posemark-n-silu", "posemark-n-relu", "--sustained", "10"], "--sustained"],
    ];
    for (const [args, text] of cases) {
      const error = await assertRejects(() => runCommand(...args, "--out", out), HarnessError);
      assertEquals(error.exitCode, 2, error.message);
      assertStringIncludes(error.message, text);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("parseDuration() takes seconds, minutes and hours, and nothing without a unit", () => {
  assertEquals(["90s", "10m", "1.5h"].map((text) => parseDuration("--sustained", text)), [
    90,
    600,
    5400,
  ]);
  for (const text of ["10", "m", "-1m", "0s", "25h", "1d", ""]) {
    assertThrows(() => parseDuration("--sustained", text), HarnessError, "--sustained");
  }
});

Deno.test("distinctVariants() numbers ids that were there before", () => {
  const variant = (id: string) => ({ manifest: testManifest({ id }), dir: `/${id}` });
  assertEquals(
    distinctVariants(["a", "b", "a", "a"].map(variant)).map(({ manifest }) => manifest.id),
    ["a", "b", "a.2", "a.3"],
  );
});
