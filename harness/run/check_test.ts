import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { Report } from "../report/report_json.ts";
import type { Converter } from "../variant.ts";
import { referenceGroups } from "./check.ts";
import { readRecords } from "./record_log.ts";
import { ROOT, runTask } from "./testdata/command.ts";

Deno.test("referenceGroups() parts converters that round weights to fp16 in different ways, and joins those that don't", () => {
  const variant = (converter: Converter) => ({
    dir: "x",
    manifest: testManifest({ id: converter, converter }),
  });
  const groups = referenceGroups(
    (["pnnx", "onnx2ncnn", "pnnx-optimized", "pnnx"] as const).map(variant),
  );
  assertEquals(
    groups.map((group) => group.map(({ manifest }) => manifest.id)),
    [["pnnx", "pnnx"], ["onnx2ncnn", "pnnx-optimized"]],
  );
});

Deno.test("bench --sigmoid fast passes parity, with what the fast exponential moves allowed and said", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const images = path.join(folder, "images");
    await Deno.mkdir(images);
    const [{ name }] = [...Deno.readDirSync(path.join(ROOT, "fixtures", "images"))]
      .sort((a, b) => a.name < b.name ? -1 : 1);
    await Deno.copyFile(path.join(ROOT, "fixtures", "images", name), path.join(images, name));
    const out = path.join(folder, "run");
    const { stdout, stderr } = await runTask("bench", [
      ...["--model", path.join(ROOT, "models", "posemark-n-silu.onnx"), "--images", images],
      ...["--sigmoid", "fast", "--precision", "fp32", "--head", "raw", "--threads", "1"],
      ...["--rounds", "1", "--iterations", "1", "--warmup", "0", "--benchncnn-rounds", "0"],
      ...["--json", "--out", out],
    ]);
    assert(stdout !== "", stderr);
    const report: Report = JSON.parse(stdout);
    assertEquals(report.variants.map(({ parity }) => parity.verdict), ["pass"]);
    const [parity] = readRecords(path.join(out, "records.jsonl")).records
      .filter((record) => record.kind === "parity");
    assert(parity.matches.length > 0, "nobody was found: the exponential was not judged");
    for (const stage of ["decode", "end-to-end"]) {
      const judged = parity.stages.find((each) => each.stage === stage)!;
      assertEquals([stage, judged.verdict], [stage, "pass"], judged.reason);
      assertStringIncludes(judged.reason, "the seed's fast exponential");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
