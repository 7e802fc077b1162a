/**
 * What the user calls a side of a comparison → a prepared variant and the means to build its
 * runner.
 *
 * @module
 */
import * as path from "@std/path";
import { buildRunner } from "../toolchain/runner.ts";
import { fileSha256 } from "../hash.ts";
import type { VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { layerSetOf } from "../model/ncnn/layer_set.ts";
import { paramFile, type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import type { Progress } from "../progress.ts";
import { parseStrictly } from "../record/strict_json.ts";
import {
  BASELINE_SUFFIX,
  choiceOf,
  ID_FORM,
  parseVariantId,
  shapeName,
  type VariantManifest,
  VariantManifestSchema,
  withoutAxis,
} from "../record/variant.ts";
import { parseShapes } from "../config.ts";
import type { BuildSide, Side } from "../run/experiment.ts";
import { commitModels, type CommitTree, openCommit, ownsRunner } from "./commit.ts";

/**
 * How a side was named: a commit, a prepared folder, a variant's id, a saved run, the newest run of
 * the history.
 */
export type SideName =
  | { kind: "git"; ref: string }
  | { kind: "folder"; dir: string }
  | { kind: "variant"; id: string }
  | { kind: "run"; dir: string }
  | { kind: "latest" };

/** Two sides that are gated against each other; their variants have different ids. */
export interface SidePair {
  baseline: Side;
  candidate: Side;
}

/** What sides are made from. */
export interface SidesRequest {
  baseline: SideName;
  /** Null: what the variant options produce. */
  candidate: SideName | null;
  variants: VariantOptions;
  /** Another ncnn source tree than the pinned one; null: the pinned. */
  ncnnSource: string | null;
}

/** Returns the sides of the pairs, each once. */
export function distinctSides(pairs: readonly SidePair[]): Side[] {
  const sides = pairs.flatMap(({ baseline, candidate }) => [baseline, candidate]);
  return [...new Map(sides.map((side) => [side.variant.manifest.id, side])).values()];
}

/** Effects on the world outside. */
export interface SidesContext {
  progress: Progress;
  signal?: AbortSignal;
}

/**
 * Returns what a side was called.
 *
 * A folder with `manifest.json` is a prepared variant, one with `records.jsonl` a saved run. Throws
 * `HarnessError` `bad-option` for a folder with neither, an empty commit, and text that is nothing
 * of all this.
 */
export async function readSideName(option: string, text: string): Promise<SideName> {
  if (text.startsWith("git:")) {
    const ref = text.slice("git:".length);
    if (ref === "" || ref.startsWith("-")) {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${option} "${text}": expected a commit, branch or tag after git:, for instance git:main`,
      );
    }
    return { kind: "git", ref };
  }
  if (text === "latest") return { kind: "latest" };
  if (await exists(path.join(text, "manifest.json"))) return { kind: "folder", dir: text };
  if (await exists(path.join(text, "records.jsonl"))) return { kind: "run", dir: text };
  if (await exists(text)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option} ${text}: found neither manifest.json (a prepared variant) nor records.jsonl (a run) in it`,
    );
  }
  if (parseVariantId(text) !== null) return { kind: "variant", id: text };
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} "${text}": there is no such folder, and it is no variant's id (${ID_FORM}). ` +
      `Expected git:REF, the folder of a prepared variant, a variant's id, or for saved runs the folder of a run (the baseline also latest)`,
  );
}

/**
 * Returns the pairs of sides; give them back by `await using`: a commit's worktree is removed then.
 *
 * Without a candidate, each variant that the options produce is compared with the same one of the
 * commit; with another kind of baseline the options must produce one. Throws `HarnessError`
 * `bad-option` for what can't be paired, `not-comparable` naming `shape` when the sides have
 * different input shapes, and what preparing throws.
 */
export async function openSides(
  request: SidesRequest,
  context: SidesContext,
): Promise<AsyncDisposable & { pairs: SidePair[] }> {
  const stack = new AsyncDisposableStack();
  try {
    const open = (name: SideName, like: VariantManifest | null) =>
      openSide(name, like, request, context, stack);
    const { baseline, candidate } = request;
    const candidates = candidate === null
      ? (await prepare(request.variants, request, context)).map((variant) =>
        ownSide(variant, request, context)
      )
      : await open(candidate, null);
    if (baseline.kind !== "git" && candidates.length > 1) throw severalCandidates(candidates);
    // what the options produce has its like in the commit by the same options
    const like = candidate === null || candidates.length > 1
      ? null
      : candidates[0].variant.manifest;
    const baselines = await open(baseline, like);
    const pairs = pairSides(baselines, candidates);
    pairs.forEach(requireSameShape);
    return { pairs, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/**
 * Returns one side that is no commit: by its name, or without one the first variant that the
 * options produce.
 *
 * Throws as {@linkcode openSides}.
 */
export async function openOneSide(
  name: SideName | null,
  request: Pick<SidesRequest, "variants" | "ncnnSource">,
  context: SidesContext,
): Promise<Side> {
  if (name?.kind === "folder") {
    return ownSide(await readPreparedFolder(name.dir), request, context);
  }
  if (name?.kind === "variant") return await variantSide(name.id, request, context);
  if (name !== null) {
    throw new HarnessError(
      "bad-option",
      "Cannot use a commit or a saved run for this: name a prepared folder or a variant's id",
    );
  }
  const [first] = await prepare(firstChoice(request.variants), request, context);
  return ownSide(first, request, context);
}

/** The first of every list: what it produces is one variant. */
function firstChoice(options: VariantOptions): VariantOptions {
  const entries = Object.entries(options)
    .map(([name, values]) => [name, Array.isArray(values) ? values.slice(0, 1) : values]);
  return Object.fromEntries(entries);
}

/**
 * Returns the variant of a prepared folder. Throws `bad-record` for a manifest that can't be read,
 * `hash-mismatch` for a file that is not the one it names.
 */
export async function readPreparedFolder(dir: string): Promise<PreparedVariant> {
  const folder = path.resolve(dir);
  const file = path.join(folder, "manifest.json");
  const manifest = parseStrictly(VariantManifestSchema, await Deno.readTextFile(file), file);
  for (const { file: name, sha256 } of [manifest.param, manifest.bin, manifest.referenceOnnx]) {
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
 * `like`: the variant on the other side, whose like is wanted of a commit; null: what the options
 * produce.
 */
async function openSide(
  name: SideName,
  like: VariantManifest | null,
  request: SidesRequest,
  context: SidesContext,
  stack: AsyncDisposableStack,
): Promise<Side[]> {
  switch (name.kind) {
    case "folder":
      return [ownSide(await readPreparedFolder(name.dir), request, context)];
    case "variant":
      return [await variantSide(name.id, request, context)];
    case "git": {
      const models = request.variants.models;
      const tree = stack.use(await openCommit(models, name.ref, context.signal));
      const choice = like === null ? request.variants : choiceLike(like, request.variants);
      const prepared = await prepare(
        { ...choice, models: await commitModels(tree, models) },
        request,
        context,
      );
      return prepared.map((variant) => commitSide(variant, name.ref, tree, request, context));
    }
    default:
      throw new HarnessError(
        "bad-option",
        "Cannot mix a saved run with something to be run: name two runs (the baseline also by latest), or two of git:REF, prepared folders and variants",
      );
  }
}

/**
 * As each model was trained, unless the variant's activation was swapped: another commit may have
 * another one.
 */
function choiceLike(manifest: VariantManifest, options: VariantOptions): VariantOptions {
  return {
    ...options,
    ...choiceOf(manifest),
    activations: manifest.swapped ? [manifest.activation] : null,
  };
}

async function variantSide(
  id: string,
  request: Own,
  context: SidesContext,
): Promise<Side> {
  const prepared = await prepare(choiceOfId(id, request.variants)!, request, context);
  const found = prepared.find(({ manifest }) => manifest.id === id);
  if (found) return ownSide(found, request, context);
  throw new HarnessError(
    "bad-option",
    `Cannot find the variant "${id}": the models given produce ${
      prepared.map(({ manifest }) => manifest.id).join(", ")
    }. Name its model by --model`,
  );
}

/** What a side of the working tree is made from. */
type Own = Pick<SidesRequest, "variants" | "ncnnSource">;

async function prepare(
  choice: VariantOptions,
  request: Own,
  { progress, signal }: SidesContext,
): Promise<PreparedVariant[]> {
  const ncnnSource = request.ncnnSource ?? undefined;
  const prepared = await prepareVariants({ ...choice, ncnnSource, progress, signal });
  for (const { message } of prepared.warnings) progress.step(message).done();
  return prepared.variants;
}

/** Returns the variant as a side of the working tree. */
function ownSide(
  variant: PreparedVariant,
  request: Own,
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
  request: Pick<Own, "ncnnSource">,
  context: SidesContext,
): Side[] {
  const build = ownBuild(variants, request, context);
  return variants.map((variant) => ({ name: variant.manifest.id, variant, build }));
}

function ownBuild(
  variants: readonly PreparedVariant[],
  { ncnnSource: source }: Pick<Own, "ncnnSource">,
  context: SidesContext,
): BuildSide {
  const ncnnSource = source ?? undefined;
  return async (target, kind, cpuFeatures) => {
    const layers = await layerSetOf(...variants.map(paramFile));
    return await buildRunner({ target, kind, cpuFeatures, layers, ncnnSource, ...context });
  };
}

/** A commit of Posemark's own repository builds its own runner, with the ncnn that it pins. */
function commitSide(
  variant: PreparedVariant,
  ref: string,
  tree: CommitTree,
  request: SidesRequest,
  context: SidesContext,
): Side {
  const side = ownSide(variant, request, context);
  const ncnnSource = request.ncnnSource ?? undefined;
  return {
    ...side,
    name: `${variant.manifest.id} of git:${ref} (${tree.commit.slice(0, 8)})`,
    build: ownsRunner(tree)
      ? async (target, kind, cpuFeatures) => {
        const layers = await layerSetOf(paramFile(variant));
        const what = { target, kind, cpuFeatures, layers, ncnnSource };
        return await tree.buildRunner({ ...what, ...context });
      }
      : side.build,
  };
}

/**
 * Returns each candidate with the baseline of the same id, else with the one that differs in its
 * activation only (the model was trained anew); a single one of each is a pair whatever its id.
 * Throws `bad-option` for a candidate without a baseline.
 */
export function pairSides(baselines: readonly Side[], candidates: readonly Side[]): SidePair[] {
  if (baselines.length === 1 && candidates.length === 1) {
    return [distinct(baselines[0], candidates[0], candidates)];
  }
  return candidates.map((candidate) => {
    const id = originalId(candidate);
    const baseline = baselines.find((side) => originalId(side) === id) ??
      baselines.find((side) => withoutActivation(side) === withoutActivation(candidate));
    if (baseline) return distinct(baseline, candidate, candidates);
    throw new HarnessError(
      "bad-option",
      `Cannot gate "${id}": the baseline has no such variant, it has ${
        baselines.map(originalId).join(", ")
      }. Name one of each by --baseline and --candidate`,
    );
  });
}

/** Gives the baseline an id of its own where a candidate has the same. */
function distinct(baseline: Side, candidate: Side, candidates: readonly Side[]): SidePair {
  const { manifest } = baseline.variant;
  if (!candidates.some((each) => originalId(each) === manifest.id)) return { baseline, candidate };
  const renamed: VariantManifest = { ...manifest, id: manifest.id + BASELINE_SUFFIX };
  return {
    baseline: { ...baseline, variant: { ...baseline.variant, manifest: renamed } },
    candidate,
  };
}

/** Everything of a variant but its activation. */
function withoutActivation({ variant: { manifest } }: Side): string {
  return `${withoutAxis(manifest, "activation")} ${manifest.swapped}`;
}

function originalId(side: Side): string {
  return side.variant.manifest.id;
}

function severalCandidates(candidates: readonly Side[]): HarnessError {
  return new HarnessError(
    "bad-option",
    `Cannot tell the candidate: the options produce ${candidates.length} variants (${
      candidates.map(originalId).join(", ")
    }). Name one by --candidate, or narrow them by --model, --precision, …`,
  );
}

function requireSameShape({ baseline, candidate }: SidePair): void {
  const [expected, found] = [baseline, candidate].map(({ variant }) =>
    JSON.stringify(variant.manifest.shape)
  );
  if (found === expected) return;
  throw new HarnessError(
    "not-comparable",
    `Cannot compare ${candidate.name} with ${baseline.name}: they are not the same experiment, shape differs: found ${found}, expected ${expected} as in the baseline. ` +
      `Give both the same shape, or compare them by "deno task compare-models"`,
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await Deno.stat(file);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw cause;
  }
}
