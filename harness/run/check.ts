/**
 * The accuracy and parity pass: every variant once over all images, its stages fed with the
 * reference's tensors.
 *
 * Works through the images in chunks, so that memory and disk stay bounded for thousands of them.
 *
 * @module
 */
import { isLaunchFailure } from "../errors.ts";
import * as path from "@std/path";
import { type PreparedVariant, referenceFile } from "../model/prepare.ts";
import { headReference, judgeImage, type ParityBars } from "../parity/judge.ts";
import type { DetectOptions } from "../pose/detect.ts";
import type { AnyRecord, RunImage, RunRecord } from "../record/records.ts";
import { rawSpec } from "../head/head_blobs.ts";
import type { DatasetImage } from "../images/load_image.ts";
import { type Reference, runReference } from "../reference/reference.ts";
import {
  halfWeightsOf,
  openReferenceModel,
  type ReferenceModel,
} from "../reference/reference_model.ts";
import {
  readRunnerStages,
  type RunnerStages,
  writeReferenceFiles,
} from "../reference/stage_files.ts";
import { shapeName } from "../record/variant.ts";
import { deployImages, devicePaths, type DeviceSetup } from "./deploy.ts";
import { failureRecord, type RecordLog } from "../record/record_log.ts";
import { loadRunImage, type RgbFile, writeRgbFile } from "../images/rgb_files.ts";
import { runCommand, stagesCommand } from "./runner_command.ts";
import { parseRunnerOutput, type RunnerOutput } from "../record/runner_lines.ts";

/** What is checked on one device. */
export interface CheckPlan {
  run: RunRecord;
  /** Images of the data set by id. */
  images: Map<string, DatasetImage>;
  variants: PreparedVariant[];
  /** Ids of the images whose stages are judged one by one. */
  stageImageIds: ReadonlySet<string>;
  bars: ParityBars;
  launchTimeoutMs: number;
  /** Local folder for files on their way; emptied after each chunk. */
  work: string;
}

/** Effects of the check on the world outside of the device. */
export interface CheckHooks {
  log: Pick<RecordLog, "append">;
  earlier: readonly AnyRecord[];
  onProgress?(done: number, total: number, text: string): void;
  signal?: AbortSignal;
}

/** Images in work at once: with 640×640 inputs some 10 MB each. */
const CHUNK = 8;
/** Images up to which they stay on the device, so that the next run need not push them again. */
const KEPT_IMAGES = 64;

/**
 * Appends the parity record, which holds the detections, of every variant on every image that has
 * none yet.
 *
 * A variant whose launch fails is recorded as a failure and left out; the others go on. Throws
 * `HarnessError` when an image, the device or the disk can't go on.
 */
export async function check(setup: DeviceSetup, plan: CheckPlan, hooks: CheckHooks): Promise<void> {
  const { serial } = setup.device;
  const checked = new Set(
    hooks.earlier.filter((record) => record.kind === "parity")
      .filter((record) => record.device === serial).map(imageKey),
  );
  const groups = referenceGroups(plan.variants.filter(hasReference));
  const total = groups.length * plan.run.images.length;
  let done = 0;
  for (const group of groups) {
    const broken = new Set<string>();
    const first = group[0];
    await using model = await openReferenceModel(
      referenceFile(first)!,
      { threads: null, halfWeights: halfWeightsOf(first.manifest) },
    );
    const options: DetectOptions = {
      scoreThreshold: setup.options.scoreThreshold,
      nmsIou: setup.options.nmsIou,
      maxDetections: setup.options.maxDetections,
    };
    for (let start = 0; start < plan.run.images.length; start += CHUNK) {
      hooks.signal?.throwIfAborted();
      const images = plan.run.images.slice(start, start + CHUNK);
      const open = (variant: PreparedVariant) =>
        !broken.has(variant.manifest.id) &&
        images.some(({ id }) =>
          !checked.has(imageKey({ variantId: variant.manifest.id, imageId: id }))
        );
      const variants = group.filter(open);
      if (variants.length > 0) {
        const folder = await Deno.makeTempDir({ dir: plan.work });
        const chunk: Chunk = {
          ...{ model, options, images, folder, number: start },
          references: new Map(),
          files: [],
          pushed: new Set(),
        };
        for (const image of images) {
          const pixels = await loadRunImage(plan.images.get(image.id)!, image);
          chunk.files.push(await writeRgbFile(image, pixels, folder));
          chunk.references.set(
            image.id,
            await runReference(
              pixels,
              first.manifest.shape,
              model,
              rawSpec(first.manifest),
              options,
            ),
          );
        }
        for (const variant of variants) {
          hooks.onProgress?.(done, total, `${variant.manifest.id}, images from ${start + 1}`);
          try {
            await checkVariant(setup, plan, variant, chunk, checked, hooks);
          } catch (error) {
            if (!isLaunchFailure(error)) throw error;
            broken.add(variant.manifest.id);
            const where = { runId: plan.run.runId, device: serial };
            hooks.log.append(
              failureRecord({ ...where, variantId: variant.manifest.id, round: 0 }, error),
            );
          }
        }
        await Deno.remove(folder, { recursive: true });
        if (plan.run.images.length > KEPT_IMAGES) await setup.device.drop([...chunk.pushed]);
      }
      done += images.length;
      hooks.onProgress?.(done, total, `${images.at(-1)!.id}`);
    }
  }
}

/** True for a variant with something to be compared with: given ncnn files may have nothing. */
function hasReference({ manifest }: PreparedVariant): boolean {
  return manifest.referenceOnnx !== null;
}

/**
 * Returns the variants in groups that share a reference: the same graph and shape, with the weights
 * rounded to fp16 in the same way.
 */
export function referenceGroups(variants: readonly PreparedVariant[]): PreparedVariant[][] {
  return Map.groupBy(
    variants,
    ({ manifest }) =>
      [manifest.referenceOnnx?.sha256, shapeName(manifest.shape), halfWeightsOf(manifest)].join(
        " ",
      ),
  ).values().toArray();
}

function imageKey({ variantId, imageId }: { variantId: string; imageId: string }): string {
  return `${variantId} ${imageId}`;
}

/** Some images, their references and their raw files. */
interface Chunk {
  model: ReferenceModel;
  /** Of the reference: always with the exact exponential. */
  options: DetectOptions;
  images: RunImage[];
  references: Map<string, Reference>;
  files: RgbFile[];
  /** Paths on the device of its images. */
  pushed: Set<string>;
  /** Local folder of the chunk. */
  folder: string;
  /** Index of its first image. */
  number: number;
}

async function checkVariant(
  setup: DeviceSetup,
  plan: CheckPlan,
  { manifest }: PreparedVariant,
  chunk: Chunk,
  checked: ReadonlySet<string>,
  hooks: CheckHooks,
): Promise<void> {
  const output = await detections(setup, plan, manifest, chunk, hooks);
  const stages = await runStages(setup, plan, manifest, chunk, hooks);
  for (const [index, image] of chunk.images.entries()) {
    const key = imageKey({ variantId: manifest.id, imageId: image.id });
    if (checked.has(key)) continue;
    const reference = chunk.references.get(image.id)!;
    const { precisionEffective } = output.header.options;
    hooks.log.append(judgeImage({
      runId: plan.run.runId,
      device: setup.device.serial,
      imageId: image.id,
      precisionEffective,
      manifest,
      options: { ...chunk.options, sigmoid: setup.options.sigmoid, bar: plan.bars },
      reference,
      rounded: await chunk.model.measureRounding(reference, precisionEffective),
      stages: stages.get(image.id) ?? null,
      detections: output.images[index].detections,
      notFinite: output.images[index].notFinite,
    }));
  }
}

/** Returns the runner's detections on the images of the chunk, from raw pixels on. */
async function detections(
  setup: DeviceSetup,
  plan: CheckPlan,
  manifest: PreparedVariant["manifest"],
  chunk: Chunk,
  hooks: CheckHooks,
): Promise<RunnerOutput> {
  const { list, pushed } = await deployImages(
    setup,
    chunk.files,
    `check${chunk.number}`,
    chunk.folder,
    hooks.signal,
  );
  for (const file of pushed) chunk.pushed.add(file);
  const result = await setup.device.launch({
    command: runCommand(manifest, devicePaths(setup, manifest.id, list), {
      ...setup.options,
      warmup: 0,
      iterations: 0,
    }),
    name: `check${chunk.number}-${manifest.id}`,
    runDir: setup.runDir,
  }, { timeoutMs: plan.launchTimeoutMs, signal: hooks.signal });
  return parseRunnerOutput(result.stdout, {
    imageIds: chunk.images.map(({ id }) => id),
    iterations: 0,
    where: `${manifest.id} on ${setup.device.serial}`,
  });
}

/** Returns what each stage of the runner makes of the reference's tensors, by image id. */
async function runStages(
  setup: DeviceSetup,
  plan: CheckPlan,
  manifest: PreparedVariant["manifest"],
  chunk: Chunk,
  hooks: CheckHooks,
): Promise<Map<string, RunnerStages>> {
  const files = chunk.files.filter(({ image }) => plan.stageImageIds.has(image.id));
  if (files.length === 0) return new Map();
  const stages = new Map<string, RunnerStages>();
  await launchStages(setup, manifest, {
    files,
    references: chunk.references,
    options: chunk.options,
    name: `stages${chunk.number}-${manifest.id}`,
    dumpBlobs: [],
    folder: chunk.folder,
    limits: { timeoutMs: plan.launchTimeoutMs, signal: hooks.signal },
  }, async (pull, dumps) => {
    for (const { image } of files) {
      const outputs = manifest.outputs.map((_, index) => `out${index}.f32`);
      for (const suffix of ["preprocess.f32", ...outputs, "decode.f32", "nms.i32"]) {
        await pull(`${image.id}.${suffix}`);
      }
      stages.set(image.id, await readRunnerStages(dumps, image.id, manifest.outputs.length));
    }
  });
  return stages;
}

/** What a launch of the runner's `stages` needs. */
export interface StagesRequest {
  files: RgbFile[];
  /** By image id. */
  references: ReadonlyMap<string, Reference>;
  options: DetectOptions;
  /** Unique within the run. */
  name: string;
  /** Blobs that are dumped besides the stages' own results. */
  dumpBlobs: readonly string[];
  /** Local folder for files on their way. */
  folder: string;
  limits: { timeoutMs: number; signal?: AbortSignal };
}

/**
 * Runs the runner's stages on the reference's tensors. `collect` fetches files of the dump into a
 * local folder, which is removed afterwards, as everything on the device.
 */
export async function launchStages(
  setup: DeviceSetup,
  manifest: PreparedVariant["manifest"],
  request: StagesRequest,
  collect: (pull: (file: string) => Promise<void>, dumps: string) => Promise<void>,
): Promise<void> {
  const { device, runDir } = setup;
  const { name, limits } = request;
  const onDevice = { reference: `${runDir}/${name}-in`, dump: `${runDir}/${name}-out` };
  const local = await Deno.makeTempDir({ dir: request.folder });
  await device.run(["mkdir", "-p", onDevice.reference, onDevice.dump], limits);
  for (const { image } of request.files) {
    const reference = request.references.get(image.id)!;
    const { blobs, detected } = headReference(manifest, reference, request.options);
    await writeReferenceFiles(local, image.id, reference, blobs, detected.candidates);
  }
  for await (const { name: file } of Deno.readDir(local)) {
    await device.pushTo(path.join(local, file), `${onDevice.reference}/${file}`, limits);
  }
  const { list } = await deployImages(setup, request.files, name, local, limits.signal);
  const command = stagesCommand(
    manifest,
    devicePaths(setup, manifest.id, list),
    setup.options,
    onDevice,
  );
  if (request.dumpBlobs.length > 0) command.push("--dump-blob", request.dumpBlobs.join(","));
  await device.launch({ command, name, runDir }, limits);
  const dumps = await Deno.makeTempDir({ dir: request.folder });
  await collect(
    (file) => device.pull(`${onDevice.dump}/${file}`, path.join(dumps, file), limits),
    dumps,
  );
  await device.run(["rm", "-rf", onDevice.reference, onDevice.dump], limits);
  await Deno.remove(dumps, { recursive: true });
  await Deno.remove(local, { recursive: true });
}
