/**
 * What a tuner may choose from, and in which order it looks: pure.
 *
 * Settings that can't interact are not multiplied out. The network (activation × precision) is
 * chosen first, at the model's own size; then the route (head × converter) of the fastest; then the
 * size, for every network that is on the front of time and accuracy; then the settings at run time.
 * A last race puts the best of all stages side by side, so that an interaction between two stages
 * that does matter is seen there.
 *
 * @module
 */
import {
  type Activation,
  type Converter,
  type Head,
  type Shape,
  shapeName,
  variantId,
  type VariantKey,
} from "../record/variant.ts";
import type { Precision } from "../record/precision.ts";
import { NO_SETTINGS, type RunSettings, settingsText } from "../record/run_settings.ts";

/** Values of each axis that a tuner may choose from. */
export interface TuneSpace {
  activations: Activation[];
  precisions: Precision[];
  heads: Head[];
  converters: Converter[];
  shapes: Shape[];
  /** Alternatives to the settings of the run, one change each. */
  settings: RunSettings[];
}

/** Stages in their order. */
export const STAGE_NAMES = ["networks", "routes", "sizes", "settings", "final"] as const;
/** See {@linkcode STAGE_NAMES}. */
export type StageName = typeof STAGE_NAMES[number];

/** What is known of a contestant after its stage. */
export interface Entry {
  key: VariantKey;
  stage: StageName;
  /** Time over that of the base; null when it was not measured. */
  time: { value: number; low: number | null; high: number | null } | null;
  /**
   * AP, or agreement with the base where nothing is annotated; null when it was not measured, or
   * when it was not to be had.
   */
  ap: number | null;
  /** AP minus that of the base, with its 95% interval. */
  apDifference: { value: number; low: number | null; high: number | null } | null;
  /** Bytes of the weights. */
  sizeBytes: number | null;
  /** Null while it may be chosen; else why it may not. */
  refusal: string | null;
  /** The contestant that it was surely slower than; null when it was not. */
  beatenBy: string | null;
}

/** Returns whether a converter can make the variant. */
export function isPossible({ head, converter }: VariantKey): boolean {
  return head !== "decoded" || converter === "pnnx" || converter === "pnnx-plain";
}

/** Returns the id of an entry. */
export function idOf({ key }: Entry): string {
  return variantId(key);
}

/**
 * Returns the contestants of a stage in the order of the start; the first is the anchor, which was
 * measured before (in the first stage: the base).
 */
export function contestantsOf(
  stage: StageName,
  base: VariantKey,
  space: TuneSpace,
  entries: readonly Entry[],
): VariantKey[] {
  const keys = ((): VariantKey[] => {
    switch (stage) {
      case "networks":
        return [base, ...networks(base, space)];
      case "routes":
        return [best(entries), ...routes(best(entries), space)];
      case "sizes":
        return [best(entries), ...sizes(entries, space)];
      case "settings":
        return [best(entries), ...settings(best(entries), space)];
      case "final":
        return [base, ...finalists(base, entries)];
    }
  })();
  return [...new Map(keys.filter(isPossible).map((key) => [variantId(key), key])).values()];
}

/** Activation × precision with the raw head: the cheapest to convert, at the base's shape. */
function networks(base: VariantKey, { activations, precisions, heads }: TuneSpace): VariantKey[] {
  const head = heads.includes("raw") ? "raw" : heads[0];
  return activations.flatMap((activation) =>
    precisions.map((precision) => ({ ...base, head, activation, precision }))
  );
}

function routes(leading: VariantKey, { heads, converters }: TuneSpace): VariantKey[] {
  return heads.flatMap((head) => converters.map((converter) => ({ ...leading, head, converter })));
}

/** Every size for the networks that no other beats in both time and accuracy, by the best route. */
function sizes(entries: readonly Entry[], { shapes }: TuneSpace): VariantKey[] {
  const { head, converter } = best(entries);
  const front = frontOf(entries.filter(({ stage }) => stage === "networks" || stage === "routes"));
  const distinct = new Map(
    front.map(({ key }) => [`${key.activation} ${key.precision}`, { ...key, head, converter }]),
  );
  return distinct.values().toArray().flatMap((key) =>
    // the decode in the graph holds the size that it was exported for
    shapes.map((shape) => ({ ...key, head: head === "decoded" ? "raw" : head, shape }))
  );
}

function settings(leading: VariantKey, space: TuneSpace): VariantKey[] {
  return space.settings.map((each) => ({ ...leading, settings: each }));
}

/** Most contestants of the last race beside the base. */
const FINALISTS = 6;

/**
 * The leader; those that could not be told from the leaders of their stages, fastest first; and the
 * settings that helped, together.
 */
function finalists(base: VariantKey, entries: readonly Entry[]): VariantKey[] {
  const leading = best(entries);
  const near = allowed(entries)
    .filter(({ beatenBy, key }) => beatenBy === null && variantId(key) !== variantId(base))
    .toSorted((a, b) => a.time!.value - b.time!.value)
    .map(({ key }) => key);
  return [leading, ...combined(leading, entries), ...near].slice(0, FINALISTS);
}

/** The leader's settings joined with those that looked faster than the run's, one at a time. */
function combined(leading: VariantKey, entries: readonly Entry[]): VariantKey[] {
  const tried = entries.filter(({ stage, time }) => stage === "settings" && time !== null);
  const plain = tried.find(({ key }) => settingsText(key.settings) === "");
  const helpful = allowed(tried).filter(({ time }) =>
    plain !== undefined && time!.value < plain.time!.value
  ).toSorted((a, b) => b.time!.value - a.time!.value);
  if (helpful.length < 2) return [];
  const joined = helpful.reduce<RunSettings>((sum, { key }) => {
    const own = Object.entries(key.settings).filter(([, value]) => value !== null);
    return { ...sum, ...Object.fromEntries(own) };
  }, NO_SETTINGS);
  return [{ ...leading, settings: joined }];
}

function allowed(entries: readonly Entry[]): Entry[] {
  return entries.filter(({ refusal, time }) => refusal === null && time !== null);
}

/** Returns the fastest that may be chosen; the base's own key when none may. */
export function best(entries: readonly Entry[]): VariantKey {
  const candidates = allowed(entries);
  const [first] = candidates.length > 0 ? candidates : entries;
  return candidates.reduce((a, b) => b.time!.value < a.time!.value ? b : a, first).key;
}

/** Returns the measured entries that no other beats in both time and accuracy. */
export function frontOf(entries: readonly Entry[]): Entry[] {
  const measured = allowed(entries);
  return measured.filter((own) =>
    !measured.some((other) =>
      other !== own && other.time!.value <= own.time!.value &&
      (other.ap ?? 0) >= (own.ap ?? 0) &&
      (other.time!.value < own.time!.value || (other.ap ?? 0) > (own.ap ?? 0))
    )
  );
}

/** Multiple of the largest stride that a side must be. */
const SIDE_STEP_PX = 32;
/** Long sides that are tried, as shares of the model's own. */
const SHARES = [1, 0.9, 0.8, 0.7, 0.6, 0.5];
/** Share of the images that must lie alike for a fixed rectangle to be tried. */
const ALIKE = 0.9;

/**
 * Returns the shapes that are tried: squares, the rectangle that each image needs, and, where the
 * images lie alike, the fixed rectangle that holds nearly all of them. The own shape comes first.
 *
 * `aspects` are width over height of the images.
 */
export function shapesFor(own: Shape, aspects: readonly number[]): Shape[] {
  const longPx = Math.max(own.widthPx, own.heightPx);
  const rounded = (px: number) =>
    Math.max(SIDE_STEP_PX, Math.ceil(px / SIDE_STEP_PX) * SIDE_STEP_PX);
  const sides = [...new Set(SHARES.map((share) => rounded(share * longPx)))];
  const landscape = aspects.filter((aspect) => aspect > 1).toSorted((a, b) => a - b);
  const portrait = aspects.filter((aspect) => aspect < 1).map((aspect) => 1 / aspect)
    .toSorted((a, b) => a - b);
  const [lying, turned] = landscape.length >= portrait.length
    ? [landscape, false]
    : [portrait, true];
  // a rectangle that nearly all of them fill: the squarest tenth is letterboxed a little more
  const ratio = lying.length >= ALIKE * aspects.length && lying.length > 0
    ? lying[Math.floor((1 - ALIKE) * lying.length)]
    : 1;
  const shapes = sides.flatMap((sidePx): Shape[] => {
    const shortPx = rounded(sidePx / ratio);
    const [widthPx, heightPx] = turned ? [shortPx, sidePx] : [sidePx, shortPx];
    return [
      { mode: "fixed", widthPx: sidePx, heightPx: sidePx },
      { mode: "fixed", widthPx, heightPx },
      { mode: "rect", widthPx: sidePx, heightPx: sidePx },
    ];
  });
  return [...new Map([own, ...shapes].map((shape) => [shapeName(shape), shape])).values()];
}

/**
 * Returns the settings that are tried, one change each: every number of threads up to the cores
 * (powers of two, the big ones, all), the big cores alone where there are others, and each of
 * ncnn's switches turned off.
 */
export function settingsFor(
  { coreCount, bigCoreCount, threads }: {
    coreCount: number;
    bigCoreCount: number;
    /** As the run has it. */
    threads: number;
  },
): RunSettings[] {
  const counts = [1, 2, 4, 8, bigCoreCount, coreCount].filter((count) =>
    count >= 1 && count <= coreCount && count !== threads
  );
  const modes = bigCoreCount < coreCount ? [0, 2] : [];
  return [
    ...[...new Set(counts)].sort((a, b) => a - b).map((count) => ({
      ...NO_SETTINGS,
      threads: count,
    })),
    ...modes.map((powersave) => ({ ...NO_SETTINGS, powersave })),
    { ...NO_SETTINGS, winograd: false },
    { ...NO_SETTINGS, sgemm: false },
    { ...NO_SETTINGS, packing: false },
  ];
}
