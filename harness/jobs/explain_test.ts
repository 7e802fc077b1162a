import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import { tinyPose } from "../model/testdata/tiny_pose.ts";
import { readRecords } from "../record/record_log.ts";
import { runTask } from "../run/testdata/command.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

Deno.test("explain divides the speed-up of two variants among what changed, measured by turns", () =>
  inTempFolder(async (folder) => {
    const model = path.join(folder, "tiny.onnx");
    await Deno.writeFile(model, encodeOnnx(tinyPose({ widthPx: 160, heightPx: 160, seed: 3 })));
    const out = path.join(folder, "explained");
    const quick = [
      "--threads",
      "1",
      "--rounds",
      "3",
      "--measure-images",
      "1",
      "--stage-images",
      "0",
    ];
    const ids = ["silu.decoded.fp32.160x160.pnnx", "hardswish.raw.fp32.96x96.pnnx"];
    const { code, stdout, stderr } = await runTask("explain", [
      ...ids.map((id) => `tiny.${id}`),
      ...["--model", model, "--out", out, "--json", ...quick],
    ]);
    assertEquals(code, 0, stderr);
    const { changes, speedUp, steps, rounds } = JSON.parse(stdout);
    assertEquals(changes.map(({ name }: { name: string }) => name), [
      "activation",
      "head",
      "shape",
    ]);
    const product = changes.reduce(
      (whole: number, change: { speedUp: { value: number } }) => whole * change.speedUp.value,
      1,
    );
    assertAlmostEquals(product, speedUp.value, 1e-9);
    // the last step is the second variant: its time is what the speed-up says
    assertAlmostEquals(steps.at(-1).timeRatio * speedUp.value, 1, 1e-9);
    assertEquals([steps.length, rounds], [6, 3]);
    const { records } = readRecords(path.join(out, "records.jsonl"));
    const turns = records.filter(({ kind }) => kind === "turns").length;
    // five others in groups of three beside the first
    assertEquals(turns, 3 * (4 + 3));
    assert((await Deno.stat(path.join(out, "report.html"))).isFile);

    const same = await runTask("explain", [`tiny.${ids[0]}`, `tiny.${ids[0]}`, "--model", model]);
    assertEquals(same.code, 2);
    assertStringIncludes(same.stderr, "0 things differ");
  }));
