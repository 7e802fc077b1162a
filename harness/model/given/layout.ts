/**
 * Output blobs of a graph that nobody described, and the values of a model that they should hold →
 * what lies where in them: pure.
 *
 * Every layout whose sizes fit is tried, and the one is taken whose values agree best with the
 * reference's: order of boxes, classes and keypoints, cells or channels last, levels apart or
 * together, logits or decoded, corners or centre and size, pixels or shares of the input's sides.
 *
 * @module
 */
import { type LevelPlanes, levelPlanes } from "../../head/decode.ts";
import { valueReader } from "../../head/head_blobs.ts";
import {
  blobLength,
  gridSize,
  type HeadSpec,
  type InputSize,
  placementOf,
  valueChannelCount,
} from "../../head/head_spec.ts";
import type { OutputBlob, OutputParts } from "../../record/variant.ts";

/** The reference's values on one picture, and the graph's blobs on the same tensor. */
export interface LayoutRun {
  input: InputSize;
  rawBlobs: readonly Float32Array[];
  /** By name. */
  blobs: ReadonlyMap<string, Float32Array>;
}

/** What a blob is most like. */
export interface BlobGuess {
  blob: string;
  parts: OutputParts;
  /**
   * Share of the values' variance that the reference explains, of the kind that agrees least: 1
   * when all are equal.
   */
  agreement: number;
}

/** Outputs that hold a whole head, or what is known of the blobs when none do. */
export type FoundLayout = { outputs: OutputBlob[]; agreement: number } | { guesses: BlobGuess[] };

/** Least agreement of a layout that is taken: wrong ones stay below, also of a damaged model. */
const LEAST_AGREEMENT = 0.8;
/** Most cells of a level and channels of a value that are compared. */
const SAMPLES = { cells: 160, channels: 24 };

/**
 * Returns which blobs hold the head that `raw` describes, and how. `raw` has one `raw` output per
 * level; all runs are of one size.
 */
export function findLayout(raw: HeadSpec, runs: readonly LayoutRun[]): FoundLayout {
  const [{ input, blobs }] = runs;
  const guesses = [...blobs].flatMap(([blob, values]): BlobGuess[] => {
    const tried = layoutsOf(raw, values.length, input).map((parts): BlobGuess => ({
      blob,
      parts,
      agreement: agreementOf(raw, blob, parts, runs),
    }));
    const best = tried.reduce<BlobGuess | null>(
      (best, guess) => best === null || guess.agreement > best.agreement ? guess : best,
      null,
    );
    return best === null ? [] : [best];
  }).sort((a, b) => b.agreement - a.agreement);
  const taken: BlobGuess[] = [];
  const covered = new Set<string>();
  for (const guess of guesses) {
    const keys = keysOf(guess.parts);
    if (guess.agreement < LEAST_AGREEMENT || keys.some((key) => covered.has(key))) continue;
    keys.forEach((key) => covered.add(key));
    taken.push(guess);
  }
  if (!isWhole(raw, covered)) return { guesses };
  const outputs = taken.map(({ blob, parts }) => asOutput(raw, blob, parts)).sort(byStride);
  return { outputs, agreement: Math.min(...taken.map(({ agreement }) => agreement)) };
}

/** What a level needs once: boxes, classes, keypoints, coded or decoded. */
function keysOf({ values, strides }: OutputParts): string[] {
  return values.flatMap((value) => strides.map((stride) => `${NEEDS[value]} ${stride}`));
}

/** What each kind of value stands for in a head. */
export const NEEDS: Record<OutputParts["values"][number], string> = {
  box: "box",
  boxes: "box",
  cls: "cls",
  scores: "cls",
  kpt: "kpt",
  joints: "kpt",
};

function isWhole({ strides, keypointCount }: HeadSpec, covered: ReadonlySet<string>): boolean {
  const needs = keypointCount > 0 ? ["box", "cls", "kpt"] : ["box", "cls"];
  return strides.every((stride) => needs.every((need) => covered.has(`${need} ${stride}`)));
}

/** Returns every layout of so many values, those that are written most often first. */
export function layoutsOf(raw: HeadSpec, length: number, input: InputSize): OutputParts[] {
  const ascending = [...raw.strides].sort((a, b) => a - b);
  const cells = (strides: readonly number[]) =>
    strides.reduce((sum, stride) => sum + gridSize(input, stride).cells, 0);
  const strideSets = [ascending, ...ascending.map((stride) => [stride])]
    .concat(ascending.length > 1 ? [[...ascending].reverse()] : []);
  return strideSets.filter((strides) => length % cells(strides) === 0).flatMap((strides) => {
    const channels = length / cells(strides);
    return ORDERS.filter((values) =>
      values.reduce((sum, value) => sum + valueChannelCount(raw, value), 0) === channels &&
      values.every((value) => valueChannelCount(raw, value) > 0)
    ).flatMap((values) => {
      const isDecoded = values.includes("boxes") || values.includes("joints");
      const forms = isDecoded ? DECODED_FORMS : [DECODED_FORMS[0]];
      return [false, true].flatMap((isChannelsLast) =>
        forms.map((form): OutputParts => ({
          values: [...values],
          isChannelsLast,
          strides,
          ...form,
        }))
      );
    });
  });
}

const DECODED_FORMS = [false, true].flatMap((isShare) =>
  (["xywh", "xyxy"] as const).map((boxForm) => ({ boxForm, isShare }))
);

/** Orders of coded or decoded values within a blob, none of them twice. */
const ORDERS: OutputParts["values"][] = [
  ["boxes", "scores", "joints"],
  ["cls", "box", "kpt"],
  ["box", "scores", "kpt"],
].flatMap((kinds) => ordersOf(kinds as OutputParts["values"]))
  .filter((values, i, all) => all.findIndex((other) => other.join() === values.join()) === i);

/** Returns the orders of all of the values and of each choice of them, the longest first. */
function ordersOf<T>(values: readonly T[]): T[][] {
  const orders = (left: readonly T[]): T[][] => [
    [],
    ...left.flatMap((value) =>
      orders(left.filter((each) => each !== value)).map((rest) => [value, ...rest])
    ),
  ];
  return orders(values).filter((order) => order.length > 0).sort((a, b) => b.length - a.length);
}

function agreementOf(
  raw: HeadSpec,
  blob: string,
  parts: OutputParts,
  runs: readonly LayoutRun[],
): number {
  const spec: HeadSpec = { ...raw, outputs: [{ blob, role: "parts", stride: null, parts }] };
  const pairs = runs.map(({ input, rawBlobs, blobs }) => ({
    input,
    levels: levelPlanes(raw, rawBlobs, input),
    found: blobs.get(blob)!,
  }));
  if (pairs.some(({ input, found }) => blobLength(spec, 0, input) !== found.length)) return 0;
  return Math.min(...parts.values.map((value) => {
    const [expected, found]: number[][] = [[], []];
    for (const pair of pairs) {
      for (const stride of parts.strides) {
        sampleLevel(spec, value, stride, pair, expected, found);
      }
    }
    return explained(expected, found);
  }));
}

/** Appends values of a level that the reference has, and the graph's at their place. */
function sampleLevel(
  spec: HeadSpec,
  value: OutputParts["values"][number],
  stride: number,
  { input, levels, found }: { input: InputSize; levels: LevelPlanes[]; found: Float32Array },
  expectedValues: number[],
  foundValues: number[],
): void {
  const { boxForm, isShare } = spec.outputs[0].parts!;
  const level = levels.find((each) => each.stride === stride)!;
  const read = valueReader(value, { raw: spec, level, input, boxForm, isShare });
  const { offset, cellStep, channelStep } = placementOf(spec, value, stride, input)!;
  for (const cell of spreadOver(level.columns * level.rows, SAMPLES.cells)) {
    const values = read(cell);
    for (const channel of spreadOver(valueChannelCount(spec, value), SAMPLES.channels)) {
      expectedValues.push(values(channel));
      foundValues.push(found[offset + cell * cellStep + channel * channelStep]);
    }
  }
}

function spreadOver(count: number, most: number): number[] {
  const step = Math.max(1, count / most);
  return Array.from({ length: Math.min(count, most) }, (_, i) => Math.floor(i * step));
}

/** Returns the share of the expected values' variance that the found ones leave explained. */
function explained(expected: readonly number[], found: readonly number[]): number {
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  let [total, left] = [0, 0];
  for (const [i, value] of expected.entries()) {
    total += (value - mean) ** 2;
    left += (value - found[i]) ** 2;
  }
  if (!Number.isFinite(left)) return -Infinity;
  // values that are all the same agree when they are equal
  return total === 0 ? (left === 0 ? 1 : -Infinity) : 1 - left / total;
}

/** Returns the output by the name of its role where the layout is one of Posemark's own. */
function asOutput(raw: HeadSpec, blob: string, parts: OutputParts): OutputBlob {
  const { values, isChannelsLast, strides, boxForm, isShare } = parts;
  const isPlain = boxForm === "xywh" && !isShare && strides.join() === raw.strides.join();
  const order = values.join();
  const joints = raw.keypointCount > 0 ? ",joints" : "";
  if (isPlain && !isChannelsLast && order === `boxes,scores${joints}`) {
    return { blob, role: "decoded", stride: null };
  }
  return { blob, role: "parts", stride: null, parts };
}

function byStride(a: OutputBlob, b: OutputBlob): number {
  return Math.min(...(a.parts?.strides ?? [0])) - Math.min(...(b.parts?.strides ?? [0]));
}
