/**
 * Names of sides → pairs that are gated against each other.
 *
 * @module
 */
import type { VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import type { Crash } from "../gate/crash.ts";
import { BASELINE_SUFFIX, type VariantManifest, withoutAxis } from "../record/variant.ts";
import type { Side } from "../run/experiment.ts";
import {
  type OwnRequest,
  ownSide,
  prepareChoice,
  readPreparedFolder,
  type SidesContext,
  variantSide,
} from "./own_sides.ts";
import { isMadeByOptions, openSideName } from "./side_kinds.ts";
import type { SideName } from "./side_names.ts";

/** Two sides that are gated against each other; their variants have different ids. */
export interface SidePair {
  baseline: Side;
  candidate: Side;
}

/** What sides are made from. */
export interface SidesRequest extends OwnRequest {
  baseline: SideName;
  /** Null: what the variant options produce. */
  candidate: SideName | null;
}

/** Sides that are open. */
export interface OpenSides extends AsyncDisposable {
  pairs: SidePair[];
  /** A tool that a side is named by failed to make its variants; then there are no pairs. */
  crash: Crash | null;
}

/** Returns the sides of the pairs, each once. */
export function distinctSides(pairs: readonly SidePair[]): Side[] {
  const sides = pairs.flatMap(({ baseline, candidate }) => [baseline, candidate]);
  return [...new Map(sides.map((side) => [side.variant.manifest.id, side])).values()];
}

/**
 * Returns the pairs of sides; give them back by `await using`: a commit's worktree is removed then.
 *
 * Without a candidate, each variant that the options produce is compared with the same one of the
 * baseline, where options say what the baseline has (a commit, a tool, a model); with another kind
 * of baseline the options must produce one. Throws `HarnessError` `bad-option` for what can't be
 * paired, `not-comparable` naming `shape` when the sides have different input shapes, and what
 * preparing throws.
 */
export async function openSides(
  request: SidesRequest,
  context: SidesContext,
): Promise<OpenSides> {
  const stack = new AsyncDisposableStack();
  const failed: Partial<Record<"baseline" | "candidate", HarnessError>> = {};
  /** A tool of the given version that fails is an answer; the machine's faults are none. */
  const open = async (side: "baseline" | "candidate", like: VariantManifest | null) => {
    const name = request[side]!;
    try {
      return await openSideName(name, like, { request, context, stack });
    } catch (error) {
      if (name.kind !== "tool" || !isFaultOfTool(error)) throw error;
      failed[side] = error;
      return [];
    }
  };
  const close = () => stack.disposeAsync();
  try {
    const { baseline, candidate } = request;
    const candidates = candidate === null
      ? (await prepareChoice(request.variants, request, context)).map((variant) =>
        ownSide(variant, request, context)
      )
      : await open("candidate", null);
    if (!isMadeByOptions(baseline) && candidates.length > 1) throw severalCandidates(candidates);
    // what the options produce has its like in the baseline by the same options
    const like = candidate === null || isMadeByOptions(candidate) || candidates.length !== 1
      ? null
      : candidates[0].variant.manifest;
    const baselines = await open("baseline", like);
    const crash = crashOf(failed);
    if (crash !== null) return { pairs: [], crash, [Symbol.asyncDispose]: close };
    const pairs = pairSides(baselines, candidates);
    pairs.forEach(requireSameShape);
    return { pairs, crash, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whether an exporter or a converter failed at the model, which another version may take. */
function isFaultOfTool(error: unknown): error is HarnessError {
  return error instanceof HarnessError &&
    (error.code === "convert-failed" || error.code === "bad-model");
}

function crashOf(failed: Partial<Record<"baseline" | "candidate", HarnessError>>): Crash | null {
  const { baseline, candidate } = failed;
  const error = candidate ?? baseline;
  if (error === undefined) return null;
  const [last] = error.stderrTail.slice(-1);
  return {
    side: baseline === undefined ? "candidate" : candidate === undefined ? "baseline" : "both",
    what: "crashes in conversion",
    said: last === undefined ? error.message : `${error.message} (${last})`,
  };
}

/**
 * Returns one side that is no commit: by its name, or without one the first variant that the
 * options produce.
 *
 * Throws as {@linkcode openSides}.
 */
export async function openOneSide(
  name: SideName | null,
  request: OwnRequest,
  context: SidesContext,
): Promise<Side> {
  if (name?.kind === "folder") {
    return ownSide(await readPreparedFolder(name.dir), request, context);
  }
  if (name?.kind === "variant") return await variantSide(name.id, request, context);
  if (name !== null) {
    throw new HarnessError(
      "bad-option",
      "Cannot use a commit, a tool, a model or a saved run for this: name a prepared folder or a variant's id",
    );
  }
  const [first] = await prepareChoice(firstChoice(request.variants), request, context);
  return ownSide(first, request, context);
}

/** The first of every list: what it produces is one variant. */
function firstChoice(options: VariantOptions): VariantOptions {
  const entries = Object.entries(options)
    .map(([name, values]) => [name, Array.isArray(values) ? values.slice(0, 1) : values]);
  return Object.fromEntries(entries);
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
