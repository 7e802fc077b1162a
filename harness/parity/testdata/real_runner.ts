/**
 * The real runner on real photographs, for tests: shared models, the host's test build, references
 * kept per image and shape.
 *
 * @module
 */
import * as path from "@std/path";
import { buildRunner } from "../../toolchain/runner.ts";
import { type PreparedVariant, prepareVariants } from "../../model/prepare.ts";
import { SHARED } from "../../model/testdata/shared.ts";
import { SILENT } from "../../progress.ts";
import type { RgbImage } from "../../pose/letterbox.ts";
import type { ParityRecord } from "../../record/records.ts";
import { rawSpec } from "../../head/head_blobs.ts";
import { openDataset } from "../../images/dataset.ts";
import { loadImage } from "../../images/load_image.ts";
import { type Reference, runReference } from "../../reference/reference.ts";
import { openReferenceModel, type ReferenceModel } from "../../reference/reference_model.ts";
import { readRunnerStages, writeReferenceFiles } from "../../reference/stage_files.ts";
import { runCommand, stagesCommand } from "../../run/runner_command.ts";
import { parseRunnerOutput } from "../../record/runner_lines.ts";
import type { HeadCode } from "../../record/head_code.ts";
import { type Head, type Shape, shapeName, type VariantManifest } from "../../record/variant.ts";
import { headReference, judgeImage, type JudgeOptions } from "../judge.ts";

/** Path of a shared model. */
export function sharedModel(activation: "silu" | "relu"): string {
  return path.join(SHARED, "models", `yolov8n-pose-${activation}.onnx`);
}

/** Path of the shared photographs with annotations. */
export const SHARED_PHOTOGRAPHS = path.join(SHARED, "data", "coco");

/** A photograph in memory. */
export interface Photograph extends RgbImage {
  id: string;
}

/** What a launch is made of. */
export interface LaunchRequest {
  head: Head;
  shape: Shape;
  images: readonly Photograph[];
  options: JudgeOptions;
  /** More arguments, for instance `--inject-defect NAME`. */
  extra?: string[];
  /** What the runner is told in place of the truth; the judgement keeps the truth. */
  told?: { headCode?: HeadCode; nmsIou?: number; maxDetections?: number };
  sigmoid?: "exact" | "fast";
}

/** The runner and what it needs; dispose it to remove its files. */
export interface RealRunner extends AsyncDisposable {
  /** Path of the program. */
  program: string;
  photographs: Photograph[];
  model: ReferenceModel;
  /**
   * Returns the manifest of a head for that shape. Raw heads are convolutions only: one graph
   * serves all shapes.
   */
  variant(head: Head, shape: Shape): VariantManifest;
  /** Returns the paths of a head's graph, weights and reference. */
  files(head: Head): { param: string; bin: string; referenceOnnx: string };
  /** Returns the reference, computed once per image and shape; thresholds are applied anew. */
  reference(
    image: Photograph,
    manifest: VariantManifest,
    options: JudgeOptions,
  ): Promise<Reference>;
  /** Runs `run` and `stages` on the images and returns the judged records. */
  judge(request: LaunchRequest): Promise<ParityRecord[]>;
}

/** Runs the program; throws with its last lines when it fails. */
export async function runProgram([program, ...args]: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) {
    throw new Error(
      `${path.basename(program)} ${args[0]} failed: ${new TextDecoder().decode(stderr)}`,
    );
  }
  return new TextDecoder().decode(stdout);
}

/**
 * Returns the host's test build of the runner with the shared SiLU model prepared for these heads,
 * in float32.
 */
export async function openRealRunner(heads: Head[]): Promise<RealRunner> {
  const { variants: prepared } = await prepareVariants({
    models: [sharedModel("silu")],
    activations: null,
    heads,
    precisions: ["fp32"],
    shapes: [{ mode: "own" }],
    converters: ["pnnx"],
    progress: SILENT,
  });
  const dataset = await openDataset(SHARED_PHOTOGRAPHS);
  const photographs: Photograph[] = [];
  for (const image of dataset.images) photographs.push({ id: image.id, ...await loadImage(image) });
  return await openRunnerOf(prepared, photographs);
}

/**
 * Returns the host's test build of the runner with these variants of one graph, in float32, and
 * these photographs.
 */
export async function openRunnerOf(
  prepared: readonly PreparedVariant[],
  photographs: Photograph[],
): Promise<RealRunner> {
  const { runner: program } = await buildRunner({ target: "host", kind: "test", progress: SILENT });
  const [first] = prepared;
  const model = await openReferenceModel(
    path.join(first.dir, first.manifest.referenceOnnx!.file),
    { threads: null },
  );
  const work = await Deno.makeTempDir();
  const references = new Map<string, Reference>();
  const of = (head: Head) => prepared.find(({ manifest }) => manifest.head === head)!;
  const variant = (head: Head, shape: Shape) => ({ ...of(head).manifest, shape });
  const files = (head: Head) => {
    const { dir, manifest } = of(head);
    return {
      param: path.join(dir, manifest.param.file),
      bin: path.join(dir, manifest.bin.file),
      referenceOnnx: path.join(dir, manifest.referenceOnnx!.file),
    };
  };
  const reference: RealRunner["reference"] = async (image, manifest, options) => {
    const key = `${image.id} ${shapeName(manifest.shape)}`;
    const known = references.get(key) ??
      await runReference(image, manifest.shape, model, rawSpec(manifest), options);
    references.set(key, known);
    return known;
  };
  return {
    program,
    photographs,
    model,
    variant,
    files,
    reference,
    async judge({ head, shape, images, options, extra = [], told = {}, sigmoid = "exact" }) {
      const folder = await Deno.makeTempDir({ dir: work });
      const manifest = variant(head, shape);
      const dump = path.join(folder, "dump");
      await Deno.mkdir(dump);
      const list: string[] = [];
      for (const image of images) {
        await Deno.writeFile(path.join(folder, `${image.id}.rgb`), image.rgb);
        list.push(`${image.id}\t${image.widthPx}\t${image.heightPx}\t${image.id}.rgb\n`);
        const known = await reference(image, manifest, options);
        const { blobs, detected } = headReference(manifest, known, options);
        await writeReferenceFiles(folder, image.id, known, blobs, detected.candidates);
      }
      const imageList = path.join(folder, "images.tsv");
      await Deno.writeTextFile(imageList, list.join(""));
      const paths = {
        runner: program,
        ...files(head),
        imageList,
      };
      const settings = {
        threads: 1,
        powersave: 0,
        coreMask: null,
        scoreThreshold: options.scoreThreshold,
        nmsIou: told.nmsIou ?? options.nmsIou,
        sigmoid,
        maxDetections: told.maxDetections ?? options.maxDetections,
        winograd: true,
        sgemm: true,
        packing: true,
        ...{ warmup: 0, turnWarmup: 1, turnIterations: 1 },
        iterations: 0,
      };
      const toldManifest = { ...manifest, headCode: told.headCode ?? manifest.headCode };
      const output = parseRunnerOutput(
        await runProgram([...runCommand(toldManifest, paths, settings), ...extra]),
        { imageIds: images.map(({ id }) => id), iterations: 0, where: "test" },
      );
      const folders = { reference: folder, dump };
      await runProgram([...stagesCommand(toldManifest, paths, settings, folders), ...extra]);
      const records: ParityRecord[] = [];
      const { precisionEffective } = output.header.options;
      for (const [index, image] of images.entries()) {
        const known = await reference(image, manifest, options);
        records.push(judgeImage({
          runId: "test",
          device: "host",
          manifest,
          imageId: image.id,
          precisionEffective,
          options: { ...options, sigmoid },
          reference: known,
          rounded: await model.measureRounding(known, precisionEffective),
          stages: await readRunnerStages(dump, image.id, manifest.outputs.length),
          detections: output.images[index].detections,
          notFinite: output.images[index].notFinite,
        }));
      }
      await Deno.remove(folder, { recursive: true });
      return records;
    },
    async [Symbol.asyncDispose]() {
      await model[Symbol.asyncDispose]();
      await Deno.remove(work, { recursive: true });
    },
  };
}
