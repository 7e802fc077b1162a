/**
 * Sides that the working tree makes: prepared variants, with the means to build their runner.
 *
 * @module
 */
import * as path from "@std/path";
import { parseShapes, type VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { fileSha256 } from "../hash.ts";
import { layerSetOf } from "../model/ncnn/layer_set.ts";
import {
  paramFile,
  type PreparedVariant,
  type PrepareOptions,
  prepareVariants,
} from "../model/prepare.ts";
import type { Progress } from "../progress.ts";
import { parseStrictly } from "../record/strict_json.ts";
import {
  choiceOf,
  filesOf,
  parseVariantId,
  shapeName,
  type VariantManifest,
  VariantManifestSchema,
} from "../record/variant.ts";
import type { BuildSide, Side } from "../run/experiment.ts";
import { buildRunner } from "../toolchain/runner.ts";

/** Effects on the world outside. */
export interface SidesContext {
  progress: Progress;
  signal?: AbortSignal;
}

/** What a side of the working tree is made from. */
export interface OwnRequest {
  variants: VariantOptions;
  /** Another ncnn than the pinned one: a folder, or a version; null: the pinned. */
  ncnnSource: string | null;
  /** Other tools than the pinned ones. */
  tools?: Pick<PrepareOptions, "pnnx" | "ultralytics">;
}

/**
 * Returns the variant of a prepared folder. Throws `bad-record` for a manifest that can't be read,
 * `hash-mismatch` for a file that is not the one it names.
 */
export async function readPreparedFolder(dir: string): Promise<PreparedVariant> {
  const folder = path.resolve(dir);
  const file = path.join(folder, "manifest.json");
  const manifest = parseStrictly(VariantManifestSchema, await Deno.readTextFile(file), file);
  for (const { file: name, sha256 } of filesOf(manifest)) {
    const found = await fileSha256(path.join(folder, name)).catch((cause) => {
      if (cause instanceof Deno.errors.NotFound) return "no such file";
      throw cause;
    });
    if (found === sha256) continue;
    throw new HarnessError(
      "hash-mismatch",
      `Cannot use the prepared variant in ${folder}: ${name}: found ${found}, expected ${sha256} as in its manifest. Prepare it again`,
    );
  }
  return { manifest, dir: folder, modelFile: folder };
}

/**
 * Returns the choice that produces the variant of this id from the same models; null when the text
 * is no id.
 *
 * @example
 * ```ts
 * choiceOfId("m.relu-speedonly.raw.fp32.rect640.pnnx", options)?.activations; // ["relu"]
 * ```
 */
export function choiceOfId(id: string, options: VariantOptions): VariantOptions | null {
  const key = parseVariantId(id);
  if (key === null) return null;
  const shapes = parseShapes("the shape of a variant's id", shapeName(key.shape));
  return { ...options, ...choiceOf(key), shapes };
}

/**
 * Returns the choice that produces the like of a variant: as each model was trained, unless the
 * variant's activation was swapped, since another commit may have another one.
 */
export function choiceLike(manifest: VariantManifest, options: VariantOptions): VariantOptions {
  return {
    ...options,
    ...choiceOf(manifest),
    activations: manifest.swapped ? [manifest.activation] : null,
  };
}

/** Returns the side of a variant's id. Throws `bad-option` when the models don't produce it. */
export async function variantSide(
  id: string,
  request: OwnRequest,
  context: SidesContext,
): Promise<Side> {
  const prepared = await prepareChoice(choiceOfId(id, request.variants)!, request, context);
  const found = prepared.find(({ manifest }) => manifest.id === id);
  if (found) return ownSide(found, request, context);
  throw new HarnessError(
    "bad-option",
    `Cannot find the variant "${id}": the models given produce ${
      prepared.map(({ manifest }) => manifest.id).join(", ")
    }. Name its model by --model`,
  );
}

/** Returns the variants of a choice, made with the request's tools; what was left out is told. */
export async function prepareChoice(
  choice: VariantOptions,
  request: OwnRequest,
  { progress, signal }: SidesContext,
): Promise<PreparedVariant[]> {
  const ncnnSource = request.ncnnSource ?? undefined;
  const prepared = await prepareVariants({
    ...choice,
    ...request.tools,
    ncnnSource,
    progress,
    signal,
  });
  for (const { message } of prepared.warnings) progress.step(message).done();
  return prepared.variants;
}

/** Returns the variant as a side of the working tree. */
export function ownSide(
  variant: PreparedVariant,
  request: OwnRequest,
  context: SidesContext,
): Side {
  return { name: variant.manifest.id, variant, build: ownBuild([variant], request, context) };
}

/**
 * Returns variants as sides of the working tree, which share one build with every layer of ncnn
 * that they need.
 */
export function ownSides(
  variants: readonly PreparedVariant[],
  request: Pick<OwnRequest, "ncnnSource">,
  context: SidesContext,
): Side[] {
  const build = ownBuild(variants, request, context);
  return variants.map((variant) => ({ name: variant.manifest.id, variant, build }));
}

function ownBuild(
  variants: readonly PreparedVariant[],
  { ncnnSource: source }: Pick<OwnRequest, "ncnnSource">,
  context: SidesContext,
): BuildSide {
  const ncnnSource = source ?? undefined;
  return async (target, kind, cpuFeatures) => {
    const layers = await layerSetOf(...variants.map(paramFile));
    return await buildRunner({ target, kind, cpuFeatures, layers, ncnnSource, ...context });
  };
}
