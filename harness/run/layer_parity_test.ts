import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { readFloats, writeFloats } from "../reference/stage_files.ts";
import type { Report } from "../report/report_json.ts";
import { compareLayerFolder, layerFolder, layersText } from "./layer_parity.ts";
import { oneFixture, ROOT, runTask } from "./testdata/command.ts";

Deno.test("bench --compare-layers keeps blobs that compareLayerFolder() judges anew, and finds the one that was spoilt", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const images = await oneFixture(folder);
    const out = path.join(folder, "run");
    const { stdout, stderr } = await runTask("bench", [
      ...["--model", path.join(ROOT, "models", "posemark-n-silu.onnx"), "--images", images],
      ...["--precision", "fp32", "--threads", "1", "--rounds", "1", "--iterations", "1"],
      ...["--benchncnn-rounds", "0", "--compare-layers", "--json", "--out", out],
    ]);
    assert(stdout !== "", stderr);
    const report: Report = JSON.parse(stdout);
    const [{ id }] = report.variants;
    const [layers] = report.layerParity;
    assertEquals([layers.variantId, layers.failed, layers.firstBeyond], [id, 0, null]);
    assert(layers.compared > 200, `${layers.compared} blobs compared`);

    const dir = layerFolder(out, "host", id);
    const again = await compareLayerFolder(dir);
    assertEquals(again.record.worst, layers.worst);
    const { blob } = again.report.layers.find(({ type }) => type === "Swish")!;
    const line = (await Deno.readTextFile(path.join(dir, "index.tsv"))).split("\n")
      .find((line) => line.endsWith(`\t${blob}`))!;
    const file = path.join(dir, line.split("\t")[0]);
    await writeFloats(file, (await readFloats(file))!.map((value) => value + 1));
    const spoilt = await compareLayerFolder(dir);
    assertEquals(spoilt.record.firstBeyond?.blob, blob);
    assertStringIncludes(layersText(spoilt), `blob ${blob}`);
    assertStringIncludes(spoilt.svg, 'class="layer first"');
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("compareLayerFolder() throws bad-record and says what to name when the folder holds no blobs", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const error = await assertRejects(() => compareLayerFolder(folder), HarnessError);
    assertEquals(error.code, "bad-record");
    assertStringIncludes(error.message, "--compare-layers");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
