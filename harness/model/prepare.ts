/**
 * `deno task prepare`: models and options → variants on disk, each made once and kept in the cache.
 *
 * @module
 */
import * as path from "@std/path";
import type { ShapeChoice, VariantOptions } from "../config.ts";
import { makeFolder } from "../disk.ts";
import { cacheRoot } from "../toolchain/cache.ts";
import { HarnessError, type Warning } from "../errors.ts";
import type { Progress } from "../progress.ts";
import {
  type Branch,
  type DecodeProof,
  MANIFEST_VERSION,
  type VariantManifest,
} from "../record/variant.ts";
import { type CalibrationSet, openCalibrationSet } from "./convert/int8_images.ts";
import { type Conversion, keptConversion } from "./convert/conversion.ts";
import { PRECISIONS } from "../record/precision.ts";
import { type ConverterTools, pinnedTools, type ToolChoice } from "./convert/tools.ts";
import { chooseUltralytics } from "./fetch/export_environment.ts";
import { resolveModel } from "./fetch/resolve_model.ts";
import type { FittedDecode } from "./fit_decode.ts";
import { type GivenContext, prepareGiven } from "./given/prepare_given.ts";
import { runBlobs } from "./given/run_blobs.ts";
import { namesNcnnFiles } from "./ncnn/ncnn_files.ts";
import { layerSetFor } from "../toolchain/layer_types.ts";
import { proved, type ProvedModel, readSourceModel } from "./source_model.ts";
import { modelNames, type PlannedVariant, planVariants } from "./variant_plan.ts";

/** What {@linkcode prepareVariants} is asked for. */
export interface PrepareOptions extends VariantOptions, ToolChoice {
  progress: Progress;
  signal?: AbortSignal;
  /** Folder that gets `<id>/` per variant; without it the files stay in the cache. */
  outDir?: string;
  /** Which ultralytics exports checkpoints; see `chooseUltralytics()`. */
  ultralytics?: string;
}

/**
 * Returns the variants that the options ask for, all of their files on disk: see {@linkcode
 * prepareWith}.
 *
 * Downloads pnnx and builds ncnn's converters when a variant needs them and the cache doesn't have
 * them.
 */
export async function prepareVariants(options: PrepareOptions): Promise<Prepared> {
  const { progress, signal, outDir, ncnnSource, pnnx, ultralytics } = options;
  const exporter = ultralytics === undefined ? {} : await chooseUltralytics(ultralytics);
  return await prepareWith(options, {
    tools: pinnedTools({ progress, signal, ncnnSource, pnnx }),
    resolveModel: (nameOrPath, branch, imgsz) =>
      resolveModel(nameOrPath, { progress, signal, ...exporter }, { branch, imgsz }),
    progress,
    signal,
    outDir: outDir ?? null,
  });
}

/** Height and width in pixels that a checkpoint is exported at; null for its own size. */
export type ExportSize = readonly [heightPx: number, widthPx: number] | null;

/** Returns the size that a checkpoint is exported at for a shape. */
function exportSize(shape: ShapeChoice): ExportSize {
  return shape.mode === "fixed" ? [shape.heightPx, shape.widthPx] : null;
}

/** What preparing made. */
export interface Prepared {
  /** In the order of {@linkcode planVariants}. */
  variants: PreparedVariant[];
  /** What was left out, and why. */
  warnings: Warning[];
}

/** A variant that is ready to run. */
export interface PreparedVariant {
  manifest: VariantManifest;
  /** Folder with the files that the manifest names. */
  dir: string;
  /**
   * The file that the user named, or the folder of a prepared variant, whose repository the run is
   * filed under; absent for a published model.
   */
  modelFile?: string;
}

/** Returns the path of the variant's `.param`. */
export function paramFile({ manifest, dir }: PreparedVariant): string {
  return path.join(dir, manifest.param.file);
}

/** Returns the path of the variant's reference; null when it has none. */
export function referenceFile({ manifest, dir }: PreparedVariant): string | null {
  return manifest.referenceOnnx === null ? null : path.join(dir, manifest.referenceOnnx.file);
}

/** What preparing works with. */
export interface PrepareContext {
  /** The cache; see `cacheRoot`. */
  cacheRoot?: string;
  tools: ConverterTools;
  /**
   * Returns the ONNX file of a name or path as the user gave it; of a checkpoint the branch that is
   * named, exported at that size.
   */
  resolveModel: (nameOrPath: string, branch: Branch, size: ExportSize) => Promise<string>;
  progress: Progress;
  signal?: AbortSignal;
  /**
   * Folder that gets `<id>/` with manifest, graph, weights, reference and logs; null leaves them in
   * the cache.
   */
  outDir: string | null;
}

/** Images that ship with the project. */
const SHIPPED_IMAGES = path.resolve(import.meta.dirname!, "../../fixtures");

/**
 * Returns the variants, all of their files on disk. Throws `HarnessError`: `bad-model`,
 * `bad-option`, `convert-failed`, `missing-tool`, `download-failed`, `no-space`, `interrupted`.
 */
export async function prepareWith(
  options: VariantOptions,
  context: PrepareContext,
): Promise<Prepared> {
  const areFiles = await Promise.all(options.models.map(namesNcnnFiles));
  const given = options.models.filter((_, i) => areFiles[i]);
  const converted = { ...options, models: options.models.filter((_, i) => !areFiles[i]) };
  const own = await prepareGiven(given, options, givenContext(context));
  if (given.length > 0 && converted.models.length === 0) {
    return { variants: await exported(own.variants, context.outDir), warnings: own.skipped };
  }
  const { variants, warnings } = await prepareConverted(converted, context);
  return {
    variants: [...variants, ...await exported(own.variants, context.outDir)],
    warnings: [...warnings, ...own.skipped],
  };
}

function givenContext(context: PrepareContext): GivenContext {
  const { cacheRoot: root, signal } = context;
  return {
    cacheRoot: root,
    signal,
    run: async (given, tensor, size) => {
      const types = given.param.layers.map(({ type }) => type);
      const draft = await Deno.makeTempDir({ prefix: "posemark-given-" });
      try {
        const [param, bin] = ["model.param", "model.bin"].map((name) => path.join(draft, name));
        await Deno.writeFile(param, given.files.param);
        await Deno.writeFile(bin, given.files.bin);
        return await runBlobs({
          ...{ param, bin, tensor, size, signal },
          runner: await context.tools.runner(layerSetFor(types)),
          inputBlob: given.inputBlob,
          blobs: given.outputBlobs,
          isInt8: given.weights === "int8",
        });
      } finally {
        await Deno.remove(draft, { recursive: true });
      }
    },
    openReference: async (nameOrPath) => {
      const file = path.resolve(await context.resolveModel(nameOrPath, "o2m", null));
      return await proved(await readSourceModel(file), { root, signal });
    },
  };
}

async function prepareConverted(
  options: VariantOptions,
  context: PrepareContext,
): Promise<Prepared> {
  const sources = await readSources(options, context);
  const plan = planVariants(
    sources.map(({ name, source, shapes }) => ({
      name,
      shapes,
      branch: branchOf(source),
      path: source.path,
      trained: source.trained,
      inputWidthPx: source.head.inputWidthPx,
      inputHeightPx: source.head.inputHeightPx,
      decode: source.proof,
    })),
    options,
  );
  const needsCalibration = plan.variants.some(({ key }) => key.precision === "int8");
  const calibration = needsCalibration
    ? await openCalibrationSet(options.calibrationImages ?? SHIPPED_IMAGES)
    : null;
  const root = context.cacheRoot ?? cacheRoot();
  const isOnShipped = options.calibrationImages === undefined;
  const variants = await inParallel(plan.variants, context.signal, async (variant, signal) => {
    const { source, given } = sources.find(({ source }) => source.path === variant.model.path)!;
    const named = /\.pt$/i.test(given) ? path.resolve(given) : source.path;
    const prepared = await prepareOne(variant, source, calibration, { ...context, signal });
    const { manifest } = prepared;
    if (isOnShipped && manifest.precision === "int8") {
      manifest.warnings.push(calibratedOnShipped(manifest.model));
    }
    // a published model lies in the cache, and in nobody's repository
    return isInside(root, named) ? prepared : { ...prepared, modelFile: named };
  });
  return { variants: await exported(variants, context.outDir), warnings: plan.skipped };
}

async function exported(
  variants: readonly PreparedVariant[],
  outDir: string | null,
): Promise<PreparedVariant[]> {
  const results: PreparedVariant[] = [];
  for (const variant of variants) {
    results.push(outDir === null ? variant : await exportVariant(variant, outDir));
  }
  return results;
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return !relative.startsWith("..") && !path.isAbsolute(relative);
}

function branchOf({ head }: Pick<ProvedModel, "head">): Branch {
  return head.headCode.branch === "one-to-one" ? "o2o" : "o2m";
}

/** Returns what the manifest says of a proof: the head itself stands beside it. */
function proofOf({ headCode: _, keypointChannels: __, ...proof }: FittedDecode): DecodeProof {
  return proof;
}

function calibratedOnShipped(model: string): Warning {
  return {
    code: "calibrated-on-fixtures",
    message: `${model} in int8 was calibrated on the drawn people that ship with the project`,
    advice: "Calibrate a model for photographs on photographs like those that it will see.",
  };
}

/** A model file, what the user gave for it, its name in ids, and the shapes that it is run at. */
interface NamedSource {
  given: string;
  name: string;
  source: ProvedModel;
  shapes: ShapeChoice[];
}

/** Returns the model files; one that was given twice is read once. */
async function readSources(
  { models, branches, shapes }: VariantOptions,
  context: PrepareContext,
): Promise<NamedSource[]> {
  /** By file: what the user called it, and the shapes that it is for. */
  const files = new Map<string, { given: string; shapes: Set<ShapeChoice> }>();
  for (const given of models) {
    for (const branch of branches ?? ["o2m" as const]) {
      for (const shape of shapes) {
        const size = exportSize(shape);
        const file = path.resolve(await context.resolveModel(given, branch, size));
        const known = files.get(file) ?? { given, shapes: new Set() };
        files.set(file, { ...known, shapes: known.shapes.add(shape) });
      }
    }
  }
  const sources: Omit<NamedSource, "name">[] = [];
  for (const [file, { given, shapes }] of files) {
    if (context.signal?.aborted) {
      throw new HarnessError(
        "interrupted",
        "Preparing was interrupted: run the same command again",
      );
    }
    const { cacheRoot: root, signal } = context;
    const source = await proved(await readSourceModel(file), { root, signal });
    const same = ({ source: other }: Pick<NamedSource, "source">) =>
      other.sha256 === source.sha256 && other.stem === source.stem;
    const known = sources.find(same);
    if (known === undefined) sources.push({ given, source, shapes: [...shapes] });
    else known.shapes.push(...shapes);
  }
  const names = modelNames(
    sources.map(({ given, source }) => ({ ...source, given, branch: branchOf(source) })),
  );
  return sources.map((source, i) => ({ ...source, name: names[i] }));
}

async function prepareOne(
  variant: PlannedVariant,
  source: ProvedModel,
  calibration: CalibrationSet | null,
  context: PrepareContext,
): Promise<PreparedVariant> {
  const { key, converter, swapped } = variant;
  const isInt8 = key.precision === "int8";
  const { conversion, folder } = await keptConversion(
    {
      source,
      activation: swapped ? key.activation : null,
      head: key.head,
      shape: key.shape,
      converter,
      weights: PRECISIONS[key.precision].weights,
      calibration: isInt8 ? calibration : null,
    },
    `Preparing ${variant.id}`,
    context.tools,
    { progress: context.progress, signal: context.signal, root: context.cacheRoot },
  );
  return { manifest: manifestOf(variant, source, conversion), dir: folder };
}

function manifestOf(
  variant: PlannedVariant,
  source: ProvedModel,
  conversion: Conversion,
): VariantManifest {
  const { id, key, swapped, warnings } = variant;
  const { head } = source;
  const { extras: _, ...converted } = conversion;
  const isExportedSize = key.shape.widthPx === head.inputWidthPx &&
    key.shape.heightPx === head.inputHeightPx;
  return {
    schemaVersion: MANIFEST_VERSION,
    id,
    ...key,
    origin: "converted",
    swapped,
    classCount: head.classCount,
    keypointCount: head.keypointCount,
    keypointDims: head.keypointDims,
    strides: head.levels.map((level) => level.stride),
    regMax: head.regMax,
    names: source.names,
    keypointNames: source.keypointNames,
    headCode: head.headCode,
    decode: proofOf(source.proof),
    source: {
      path: source.path,
      sha256: source.sha256,
      bytes: source.bytes,
      opset: source.model.opset,
      producer: source.model.producer,
      inputWidthPx: head.inputWidthPx,
      inputHeightPx: head.inputHeightPx,
    },
    ...converted,
    warnings: [
      // a size that nobody typed is named only where it is run
      ...source.warnings.filter(({ code }) => code !== "free-size" || isExportedSize),
      ...warnings,
    ],
  };
}

/** Copies the variant's files to `<outDir>/<id>/` and returns the variant there. */
async function exportVariant(variant: PreparedVariant, outDir: string): Promise<PreparedVariant> {
  const { manifest } = variant;
  const target = path.join(outDir, manifest.id);
  makeFolder(outDir);
  const draft = await Deno.makeTempDir({ dir: outDir, prefix: `.${manifest.id}-` });
  try {
    for (const entry of Deno.readDirSync(variant.dir)) {
      if (entry.name === "conversion.json") continue;
      await Deno.copyFile(path.join(variant.dir, entry.name), path.join(draft, entry.name));
    }
    await Deno.writeTextFile(
      path.join(draft, "manifest.json"),
      `${JSON.stringify(manifest, null, 2)}\n`,
    );
    await Deno.chmod(draft, 0o755);
    await Deno.remove(target, { recursive: true }).catch(ignoreMissing);
    await Deno.rename(draft, target);
  } catch (cause) {
    if ((cause as { code?: string }).code !== "ENOSPC") throw cause;
    throw new HarnessError(
      "no-space",
      `Cannot write the variant to ${target}: no space left on the disk: free some, or name a folder on another disk by --out`,
      { cause },
    );
  } finally {
    await Deno.remove(draft, { recursive: true }).catch(ignoreMissing);
  }
  return { ...variant, dir: target };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/**
 * Returns the results in the items' order; as many run at once as there are cores. The first
 * failure ends those that run beside it, and is thrown when they have ended.
 */
async function inParallel<T, R>(
  items: readonly T[],
  outer: AbortSignal | undefined,
  run: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const siblings = new AbortController();
  const signal = outer ? AbortSignal.any([outer, siblings.signal]) : siblings.signal;
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next++;
      try {
        results[index] = await run(items[index], signal);
      } catch (error) {
        next = items.length;
        failures.push(error);
        siblings.abort();
      }
    }
  };
  const workers = Math.max(1, Math.min(navigator.hardwareConcurrency, 4, items.length));
  await Promise.all(Array.from({ length: workers }, work));
  if (failures.length > 0) throw failures[0];
  return results;
}
