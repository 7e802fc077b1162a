import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { rowAt } from "../head/candidates.ts";
import { decode } from "../head/decode.ts";
import { readIntegers, writeFloats } from "../reference/stage_files.ts";
import { blobLength } from "../head/head_spec.ts";
import { stagesCommand } from "../run/runner_command.ts";
import { DEFAULT_BARS, type JudgeOptions } from "./judge.ts";
import { summarizeParity } from "./summary.ts";
import { openRealRunner, runProgram } from "./testdata/real_runner.ts";
import { needs } from "../testdata/needs.ts";

const OPTIONS: JudgeOptions = {
  scoreThreshold: 0.25,
  nmsIou: 0.7,
  maxDetections: 300,
  bar: DEFAULT_BARS,
};
const SHAPE = { mode: "fixed", widthPx: 320, heightPx: 320 } as const;
const CASES = new URL("../head/testdata/nms_cases.json", import.meta.url);

Deno.test({
  name:
    "posemark-runner keeps the boxes that OpenCV's NMSBoxes and torchvision keep on the recorded cases",
  ...needs("shared"),
  fn: async () => {
    await using runner = await openRealRunner(["raw"]);
    const folder = await Deno.makeTempDir();
    try {
      // the shared model has one class, and the runner refuses candidates of others
      const cases = JSON.parse(await Deno.readTextFile(CASES))
        .filter(({ classes }: { classes: number[] }) => classes.every((each) => each === 0));
      assertEquals(cases.length, 17);
      const manifest = runner.variant("raw", { mode: "fixed", widthPx: 64, heightPx: 64 });
      const input = { widthPx: 64, heightPx: 64 };
      await Deno.writeFile(path.join(folder, "grey.rgb"), new Uint8Array(64 * 64 * 3).fill(114));
      for (const nmsIou of new Set<number>(cases.map((each: { nmsIou: number }) => each.nmsIou))) {
        const dump = await Deno.makeTempDir({ dir: folder });
        const group = cases
          .map((each: { nmsIou: number }, index: number) => ({ ...each, id: `case${index}` }))
          .filter((each: { nmsIou: number }) => each.nmsIou === nmsIou);
        const list = group.map(({ id }: { id: string }) => `${id}\t64\t64\t../grey.rgb\n`).join("");
        await Deno.writeTextFile(path.join(dump, "images.tsv"), list);
        for (const { id, boxes, scores, classes } of group) {
          await writeFloats(path.join(dump, `${id}.input.f32`), new Float32Array(3 * 64 * 64));
          for (const index of manifest.outputs.keys()) {
            const blob = new Float32Array(blobLength(manifest, index, input));
            await writeFloats(path.join(dump, `${id}.out${index}.f32`), blob);
          }
          const rows = boxes.flatMap((box: number[], index: number) => [
            ...box,
            scores[index],
            classes[index],
            ...new Array(51).fill(0),
          ]);
          await writeFloats(path.join(dump, `${id}.candidates.f32`), Float32Array.from(rows));
        }
        const settings = {
          threads: 1,
          powersave: 0,
          coreMask: null,
          scoreThreshold: 0.25,
          nmsIou,
          sigmoid: "exact" as const,
          maxDetections: 300,
          winograd: true,
          sgemm: true,
          packing: true,
          ...{ warmup: 0, turnWarmup: 1, turnIterations: 1 },
          iterations: 1,
        };
        const paths = {
          runner: runner.program,
          ...runner.files("raw"),
          imageList: path.join(dump, "images.tsv"),
        };
        await runProgram(stagesCommand(manifest, paths, settings, { reference: dump, dump }));
        for (const { id, kind, opencv, torchvision } of group) {
          const kept = [...(await readIntegers(path.join(dump, `${id}.nms.i32`)))!];
          assertEquals(kept, torchvision, `${kind} at ${nmsIou}`);
          // OpenCV takes two boxes without an area at one place as one
          if (kind !== "no area") assertEquals(kept, opencv, `${kind} at ${nmsIou}`);
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "judgeImage() catches each of the seed's defects, and explains the fast exponential by its measured shift",
  ...needs("shared"),
  fn: async () => {
    await using runner = await openRealRunner(["raw"]);
    // the last of them is one whose resized size is not an integer
    const images = runner.photographs.slice(0, 6);
    const summaryOf = async (extra: string[], sigmoid: "exact" | "fast" = "exact") =>
      summarizeParity(
        await runner.judge({ head: "raw", shape: SHAPE, images, options: OPTIONS, extra, sigmoid }),
        { speedOnly: false, expectedImages: images.length },
      );
    const swapped = await summaryOf(["--inject-defect", "bgr-swap"]);
    assertEquals([swapped.verdict, swapped.firstFailedStage], ["fail", "preprocess"]);
    assertStringIncludes(swapped.reason, "red and blue are swapped");
    const truncated = await summaryOf(["--inject-defect", "truncated-resize"]);
    assertEquals([truncated.verdict, truncated.firstFailedStage], ["fail", "preprocess"]);
    const integers = await summaryOf(["--inject-defect", "int-truncation"]);
    assertEquals(integers.verdict, "fail");
    assert(["decode", "nms", "end-to-end"].includes(integers.firstFailedStage!), integers.reason);
    const fast = await summaryOf([], "fast");
    assertEquals(fast.verdict, "pass", fast.reason);
    assertStringIncludes(fast.reason, "fast exponential");
  },
});

Deno.test({
  name:
    "decode() with the fast exponential moves boxes by pixels and scores by hundredths, keypoints not at all",
  ...needs("shared"),
  fn: async () => {
    await using runner = await openRealRunner(["raw"]);
    const manifest = runner.variant("raw", SHAPE);
    let [box, score, visibility, keypoint, count] = [0, 0, 0, 0, 0];
    for (const image of runner.photographs) {
      const { rawBlobs, geometry } = await runner.reference(image, manifest, OPTIONS);
      const exact = decode(manifest, rawBlobs, geometry, { scoreThreshold: 0.25 });
      const fast = decode(manifest, rawBlobs, geometry, { scoreThreshold: 0.25, sigmoid: "fast" });
      // the logit is compared, so the same cells pass
      assertEquals([...fast.cells], [...exact.cells]);
      for (let index = 0; index < exact.count; index++, count++) {
        const [a, b] = [rowAt(exact, index), rowAt(fast, index)];
        a.forEach((value, at) => {
          const difference = Math.abs(value - b[at]);
          if (at < 4) box = Math.max(box, difference);
          else if (at === 4) score = Math.max(score, difference);
          else if (at >= 6 && at % 3 === 2) visibility = Math.max(visibility, difference);
          else keypoint = Math.max(keypoint, difference);
        });
      }
    }
    console.log(
      `fast exponential on ${count} candidates: boxes up to ${box.toFixed(3)} px, scores up to ${
        score.toFixed(4)
      }, visibility up to ${visibility.toFixed(4)}`,
    );
    assertEquals(keypoint, 0);
    assert(box > 0.05 && box < 5, `${box} px`);
    assert(score > 1e-3 && score < 0.02 && visibility < 0.02, `${score}, ${visibility}`);
  },
});
