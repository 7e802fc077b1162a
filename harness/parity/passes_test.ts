import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import { applyPasses } from "../model/convert/passes.ts";
import { parseParam, writeParam } from "../model/ncnn/param_file.ts";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import { paramFile, prepareVariants } from "../model/prepare.ts";
import { tinyPose } from "../model/testdata/tiny_pose.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { seededRandom } from "../pose/testdata/random.ts";
import { SILENT } from "../progress.ts";
import { readFloats } from "../reference/stage_files.ts";
import { runCommand } from "../run/runner_command.ts";
import { buildRunner } from "../toolchain/runner.ts";
import { runProgram } from "./testdata/real_runner.ts";

const SETTINGS = {
  ...{ threads: 1, powersave: 0, coreMask: null, winograd: true, sgemm: true, packing: true },
  ...{ scoreThreshold: 0.5, nmsIou: 0.7, maxDetections: 300, sigmoid: "exact" as const },
  ...{ warmup: 0, iterations: 1, turnWarmup: 1, turnIterations: 1 },
};

/** What a converter may leave of `Swish NAME 1 1 FROM TO`, and the pass that takes it. */
const LEFT: [what: string, lines: string[], pass: string][] = [
  ["sigmoid gate", [
    "Split NAME_s 1 2 FROM FROM_a FROM_b",
    "Sigmoid NAME_g 1 1 FROM_a FROM_g",
    "BinaryOp NAME 2 1 FROM_b FROM_g TO 0=2",
  ], "join-gate"],
  ["hard gate", [
    "Split NAME_s 1 2 FROM FROM_a FROM_b",
    "HardSigmoid NAME_g 1 1 FROM_a FROM_g 0=0.166666672 1=0.5",
    "BinaryOp NAME 2 1 FROM_b FROM_g TO 0=2",
  ], "join-gate"],
  ["relu", ["ReLU NAME 1 1 FROM TO"], "fuse-activation"],
  ["leakyrelu", ["ReLU NAME 1 1 FROM TO 0=0.1"], "fuse-activation"],
  ["clip", ["Clip NAME 1 1 FROM TO 0=-0.25 1=1.5"], "fuse-activation"],
  ["sigmoid", ["Sigmoid NAME 1 1 FROM TO"], "fuse-activation"],
  ["mish", ["Mish NAME 1 1 FROM TO"], "fuse-activation"],
  ["hardswish", ["HardSwish NAME 1 1 FROM TO 0=0.166666672 1=0.5"], "fuse-activation"],
];

Deno.test("the real runner gives the same blobs with each pass as without, to float32's rounding", () =>
  inTempFolder(async (folder) => {
    const onnx = path.join(folder, "tiny.onnx");
    await Deno.writeFile(onnx, encodeOnnx(tinyPose({ seed: 5 })));
    const { variants: [variant] } = await prepareVariants({
      ...{ models: [onnx], activations: null, heads: ["raw"], precisions: ["fp32"] },
      ...{ shapes: [{ mode: "own" }], converters: ["pnnx-plain"], progress: SILENT },
    });
    const { manifest, dir } = variant;
    assertEquals(manifest.passes, []);
    const { runner } = await buildRunner({ target: "host", kind: "test", progress: SILENT });
    const random = seededRandom(1);
    const { widthPx, heightPx } = manifest.shape;
    const rgb = Uint8Array.from({ length: widthPx * heightPx * 3 }, () => 256 * random());
    await Deno.writeFile(path.join(folder, "noise.rgb"), rgb);
    const imageList = path.join(folder, "images.tsv");
    await Deno.writeTextFile(imageList, `noise\t${widthPx}\t${heightPx}\tnoise.rgb\n`);

    /** Returns the output blobs of a graph with the variant's weights, one behind the other. */
    const outputsOf = async (text: string) => {
      const param = path.join(folder, "graph.param");
      await Deno.writeTextFile(param, text);
      const paths = { runner, param, bin: path.join(dir, manifest.bin.file), imageList };
      const blobs = manifest.outputs.map(({ blob }) => blob);
      await runProgram([
        ...runCommand(manifest, paths, SETTINGS),
        ...["--dump-blob", blobs.join(","), "--dump-dir", folder],
      ]);
      const values = await Promise.all(
        blobs.map((blob) => readFloats(path.join(folder, `noise.${blob}.f32`))),
      );
      return values.flatMap((blob) => [...blob!]);
    };

    const { layers } = parseParam(await Deno.readTextFile(paramFile(variant)), "tiny");
    const lines = writeParam(layers).trimEnd().split("\n").slice(2);
    for (const [what, left, pass] of LEFT) {
      const swishes = layers.filter(({ type }) => type === "Swish");
      const spelled = lines.flatMap((line, i) => {
        const { type, name, bottoms, tops } = layers[i];
        if (type !== "Swish") return [line];
        return left.map((each) =>
          each.replaceAll("NAME", name).replaceAll("FROM", bottoms[0]).replaceAll("TO", tops[0])
        );
      });
      const text = `7767517\n${spelled.length} 999\n${spelled.join("\n")}\n`;
      const before = parseParam(text, what).layers;
      const { layers: after, passes } = applyPasses(before);
      assert(swishes.length > 5);
      assertEquals(passes[0], { name: pass, count: swishes.length }, what);
      const expected = await outputsOf(writeParam(before));
      const found = await outputsOf(writeParam(after));
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const gap = expected.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - found[i])),
        0,
      );
      assertEquals(found.length, expected.length);
      assert(largest > 0.1, `${what}: outputs up to ${largest}`);
      assert(gap <= 32 * 2 ** -24 * largest, `${what}: ${gap} apart, outputs up to ${largest}`);
    }
  }));
