import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import type { VariantOptions } from "../../config.ts";
import { HarnessError } from "../../errors.ts";
import { SILENT } from "../../progress.ts";
import { outputText } from "../../head/head_spec.ts";
import { VariantManifestSchema } from "../../record/variant.ts";
import { inTempFolder } from "../../testdata/temp_folder.ts";
import { pinnedTools } from "../convert/tools.ts";
import { encodeOnnx } from "../onnx/onnx_file.ts";
import { prepareWith } from "../prepare.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";
import { NOTHING_SAID } from "./prepare_given.ts";

const OPTIONS: Omit<VariantOptions, "models"> = {
  activations: null,
  heads: ["raw-nchw", "decoded"],
  precisions: ["fp32"],
  shapes: [{ mode: "own" }],
  converters: ["pnnx"],
};
const tools = pinnedTools({ progress: SILENT });

/** A folder with a tiny model, and its ncnn files as a folder for each head. */
async function withGivenFiles(
  test: (
    folder: string,
    prepare: (
      models: string[],
      options?: Partial<VariantOptions>,
    ) => ReturnType<typeof prepareWith>,
  ) => Promise<void>,
): Promise<void> {
  await inTempFolder(async (folder) => {
    const context = {
      cacheRoot: path.join(folder, "cache"),
      tools,
      resolveModel: (model: string) => Promise.resolve(model),
      progress: SILENT,
      outDir: null,
    };
    const onnx = path.join(folder, "tiny.onnx");
    await Deno.writeFile(onnx, encodeOnnx(tinyPose()));
    const prepare = (models: string[], options: Partial<VariantOptions> = {}) =>
      prepareWith({ ...OPTIONS, ...options, models }, context);
    for (const { manifest, dir } of (await prepare([onnx])).variants) {
      const target = path.join(folder, `${manifest.head}_ncnn_model`);
      await Deno.mkdir(target);
      for (const ending of ["param", "bin"]) {
        await Deno.copyFile(
          path.join(dir, `model.${ending}`),
          path.join(target, `model.ncnn.${ending}`),
        );
      }
    }
    await test(folder, prepare);
  });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => work, HarnessError)).message;
}

Deno.test("prepareWith() takes ncnn files as they are, and finds by the reference what they hold", () =>
  withGivenFiles(async (folder, prepare) => {
    const at = (name: string) => path.join(folder, name);
    const said = { ...NOTHING_SAID, references: [at("tiny.onnx")] };
    const models = [at("raw-nchw_ncnn_model"), at("decoded_ncnn_model")];
    const { variants } = await prepare(models, { given: said, settings: undefined });
    const [raw, decoded] = variants.map(({ manifest }) => manifest);
    assertEquals(variants.map(({ manifest }) => manifest.id), [
      "raw-nchw.silu.raw.fp32.96x64.given",
      "decoded.silu.decoded.fp32.96x64.given",
    ]);
    assertEquals([raw.origin, raw.keypointCount, raw.classCount], ["given", 5, 3]);
    assertEquals(decoded.outputs.map(outputText), ["out0:decoded:0"]);
    assertEquals(
      raw.outputs.map(outputText).filter((text) => text.endsWith(":8")).sort(),
      ["out0:box/first:8", "out1:cls/first:8", "out2:kpt/first:8"],
    );
    for (const { manifest, dir } of variants) {
      assertEquals(VariantManifestSchema.parse(JSON.parse(JSON.stringify(manifest))), manifest);
      const given = models.find((model) => model.includes(`/${manifest.model}_`))!;
      assertEquals(
        await Deno.readFile(path.join(dir, manifest.param.file)),
        await Deno.readFile(path.join(given, "model.ncnn.param")),
      );
      assert(manifest.referenceOnnx !== null && manifest.decode !== null && manifest.macs > 0);
    }
  }));

Deno.test("prepareWith() finds the reference by its name, measures speed alone without one, and says what to name", () =>
  withGivenFiles(async (folder, prepare) => {
    const at = (name: string) => path.join(folder, name);
    const lone = at("decoded_ncnn_model");
    assertStringIncludes(await refusal(prepare([lone])), "out0 is [22, 126] at 640x640");
    await Deno.writeTextFile(
      path.join(lone, "metadata.yaml"),
      "imgsz: [64, 96]\nkpt_shape: [5, 3]\nnames: {0: a, 1: b, 2: c}\n",
    );
    const { variants: [{ manifest }] } = await prepare([lone]);
    assertEquals([manifest.classCount, manifest.keypointCount], [3, 5]);
    assertEquals([manifest.speedOnly, manifest.referenceOnnx], [true, null]);
    assertEquals(manifest.warnings.map(({ code }) => code), ["no-reference"]);
    await Deno.copyFile(at("tiny.onnx"), at("decoded.onnx"));
    const { variants: [beside] } = await prepare([lone]);
    assertEquals([beside.manifest.speedOnly, beside.manifest.source.path], [
      false,
      at("decoded.onnx"),
    ]);

    await Deno.writeFile(at("other.onnx"), encodeOnnx(tinyPose({ seed: 9 })));
    const other = { ...NOTHING_SAID, references: [at("other.onnx")] };
    const text = await refusal(prepare([lone], { given: other }));
    assertStringIncludes(text, "Is it the same training?");
    assertStringIncludes(text, "--head-layout");
    const blob = { ...NOTHING_SAID, input: "nothing" };
    assertStringIncludes(await refusal(prepare([lone], { given: blob })), "its inputs are in0");
    const two = { ...NOTHING_SAID, references: ["a", "b", "c"] };
    assertStringIncludes(await refusal(prepare([lone], { given: two })), "one for each");
    await Deno.remove(path.join(lone, "model.ncnn.bin"));
    assertStringIncludes(await refusal(prepare([lone])), "there is no .bin of its name");
  }));

Deno.test("prepareWith() says how a network wants to be fed that wants it otherwise", () =>
  withGivenFiles(async (folder, prepare) => {
    const model = path.join(folder, "decoded_ncnn_model");
    const file = path.join(model, "model.ncnn.param");
    const text = await Deno.readTextFile(file);
    const [, input] = /^Input\s+\S+\s+0 1 (\S+)/m.exec(text)!;
    const [head, counts, first, ...rest] = text.split("\n");
    const [layers, blobs] = counts.split(" ").map(Number);
    const scale = `BinaryOp scale 1 1 image ${input} 0=2 1=1 2=3.921569e-03`;
    await Deno.writeTextFile(
      file,
      [head, `${layers + 1} ${blobs + 1}`, first.replaceAll(` ${input}`, " image"), scale, ...rest]
        .join("\n"),
    );
    const said = { ...NOTHING_SAID, references: [path.join(folder, "tiny.onnx")] };
    assertStringIncludes(await refusal(prepare([model], { given: said })), "RGB in 0 to 255");
  }));
