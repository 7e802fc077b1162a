/**
 * A model's own decode, and the raw values that it started from → the head's description that gives
 * the same boxes, scores and keypoints, or what differs: pure.
 *
 * Every quantity is measured, none is taken on trust: the origin of the boxes, scale and origin of
 * the keypoints by least squares, the stride of each level by its widths, the order of the rows by
 * what they hold.
 *
 * @module
 */
import { z } from "zod";
import { decodeBox } from "../head/box.ts";
import { cellValues, type LevelPlanes } from "../head/decode.ts";
import { sigmoid } from "../head/exponential.ts";
import type { HeadSpec, InputSize } from "../head/head_spec.ts";
import { type HeadCode, HeadCodeSchema } from "../record/head_code.ts";
import { type DecodeProof, DecodeProofSchema } from "../record/variant.ts";
import { median } from "../stats/quantile.ts";

/** How a model writes its decoded boxes: centre and size, or two corners. */
export type BoxForm = DecodeProof["boxForm"];

/** Schema of what a model's own decode says of its head. */
export const FittedDecodeSchema = DecodeProofSchema.extend({
  headCode: HeadCodeSchema,
  /**
   * For each value of the keypoints as decoding expects them (joint by joint x, y, confidence), the
   * channel of the convolution that holds it.
   */
  keypointChannels: z.array(z.int().nonnegative()),
});
/** See {@linkcode FittedDecodeSchema}. */
export type FittedDecode = z.infer<typeof FittedDecodeSchema>;

/** What a model's own decode gives that no description of a head does. */
export interface UnfitDecode {
  /** For people: which quantity differs, by how much, and how. */
  reason: string;
}

/** A model's own output and the blobs that it was decoded from. */
export interface DecodedRun {
  spec: HeadSpec;
  levels: readonly LevelPlanes[];
  input: InputSize;
  /** [4 + classes + keypoint values, cells], row-major. */
  rows: Float32Array;
}

/** Most cells that are compared, spread over the levels and the images. */
const MOST_CELLS = 1500;
/** Largest difference of a score that float32 arithmetic explains. */
const SCORE_TOLERANCE = 2e-4;

/** Largest difference of a coordinate that float32 arithmetic explains, letterbox pixels. */
function coordinateTolerancePx({ widthPx, heightPx }: InputSize): number {
  return 0.01 + 2e-5 * Math.max(widthPx, heightPx);
}

/** One cell of one run, with what is known of it. */
interface Sample {
  level: LevelPlanes;
  column: number;
  row: number;
  /** Distances of the box's sides in strides: left, top, right, bottom. */
  sides: [number, number, number, number];
  /** The model's own values, one of each row. */
  own: (row: number) => number;
  raw: (channel: number) => number;
  logit: (classIndex: number) => number;
}

/**
 * Returns the description of the head that gives the runs' own boxes, scores and keypoints, or the
 * reason why none does.
 */
export function fitDecode(runs: readonly DecodedRun[]): FittedDecode | UnfitDecode {
  const [{ spec, input }] = runs;
  const samples = runs.flatMap((run) => samplesOf(run, Math.ceil(MOST_CELLS / runs.length)));
  if (runs.some(({ rows }) => rows.some((value) => !Number.isFinite(value)))) {
    return { reason: "its output holds values that are not finite" };
  }
  const boxes = fitBoxes(samples, input);
  if ("reason" in boxes) return boxes;
  const scores = fitScores(samples, spec);
  if ("reason" in scores) return scores;
  const joints = fitKeypoints(samples, spec, boxes.isNormalised, input);
  if ("reason" in joints) return joints;
  const { box, ...rest } = spec.headCode;
  const notes = [...boxes.notes, ...scores.notes, ...joints.notes];
  return {
    headCode: { ...rest, box: { ...box, origin: boxes.origin }, keypoint: joints.keypoint },
    boxForm: boxes.form,
    isNormalised: boxes.isNormalised,
    keypointChannels: joints.channels,
    isUsualOrder: scores.isUsualOrder && joints.isUsualOrder,
    cellCount: samples.length,
    maxBoxPx: boxes.largest,
    maxScore: scores.largest,
    maxKeypointPx: joints.largest,
    selection: null,
    notes,
  };
}

function samplesOf({ spec, levels, rows }: DecodedRun, most: number): Sample[] {
  const cellCount = levels.reduce((sum, { columns, rows }) => sum + columns * rows, 0);
  const step = Math.max(1, Math.floor(cellCount / most));
  const atZero = { ...spec, headCode: { box: { ...spec.headCode.box, origin: 0 } } };
  return levels.flatMap((level) => {
    const { columns, firstCell, box, cls, kpt } = level;
    const samples: Sample[] = [];
    // a level of few cells is compared whole
    const levelCells = columns * level.rows;
    for (let cell = 0; cell < levelCells; cell += levelCells <= 64 ? 1 : step) {
      const [column, row] = [cell % columns, Math.floor(cell / columns)];
      const corners = decodeBox(
        atZero,
        cellValues(box, cell),
        { column: 0, row: 0, stride: 1 },
        Math.exp,
      );
      const plane = (from: typeof cls) => {
        const { data, start, step } = cellValues(from, cell);
        return (channel: number) => data[start + channel * step];
      };
      samples.push({
        level,
        column,
        row,
        sides: [-corners[0], -corners[1], corners[2], corners[3]],
        own: (index) => rows[index * cellCount + firstCell + cell],
        raw: kpt === null ? () => NaN : plane(kpt),
        logit: plane(cls),
      });
    }
    return samples;
  });
}

interface FittedBoxes {
  form: BoxForm;
  isNormalised: boolean;
  origin: number;
  largest: number;
  notes: string[];
}

function fitBoxes(samples: readonly Sample[], input: InputSize): FittedBoxes | UnfitDecode {
  const tolerance = coordinateTolerancePx(input);
  const tries = [false, true].flatMap((isNormalised) =>
    (["xywh", "xyxy"] as const).map((form) => tryBoxes(samples, input, form, isNormalised))
  );
  const best = tries.reduce((a, b) => b.largest < a.largest ? b : a);
  if (best.largest <= tolerance) return best;
  for (const { form, isNormalised } of tries) {
    const exchanged = exchangedStride(samples, input, form, isNormalised);
    if (exchanged !== null) return { reason: exchanged };
  }
  return {
    reason: `its boxes are up to ${
      best.largest.toPrecision(3)
    } px from what its box values say (read as ${
      best.form === "xywh" ? "centre and size" : "corners"
    }), allowed are ${tolerance.toPrecision(2)} px`,
  };
}

/** Returns a box of the model's own as corners in letterbox pixels. */
function ownCorners(
  { own }: Sample,
  { widthPx, heightPx }: InputSize,
  form: BoxForm,
  isNormalised: boolean,
): [number, number, number, number] {
  const [across, down] = isNormalised ? [widthPx, heightPx] : [1, 1];
  const [a, b, c, d] = [own(0) * across, own(1) * down, own(2) * across, own(3) * down];
  return form === "xyxy" ? [a, b, c, d] : [a - c / 2, b - d / 2, a + c / 2, b + d / 2];
}

function tryBoxes(
  samples: readonly Sample[],
  input: InputSize,
  form: BoxForm,
  isNormalised: boolean,
): FittedBoxes {
  const origins: number[] = [];
  const errors: ((origin: number) => number)[] = [];
  for (const sample of samples) {
    const { level: { stride }, column, row, sides: [left, top, right, bottom] } = sample;
    const corners = ownCorners(sample, input, form, isNormalised);
    // corner = (cell + origin ± distance)·stride
    const wanted = [column - left, row - top, column + right, row + bottom];
    const found = corners.map((corner, side) => corner / stride - wanted[side]);
    origins.push(median(found));
    errors.push((origin) => stride * Math.max(...found.map((each) => Math.abs(each - origin))));
  }
  const origin = tidy(median(origins));
  const largest = Math.max(...errors.map((error) => error(origin)));
  const notes = [
    ...(form === "xyxy" ? ["its own output gives boxes by their corners"] : []),
    ...(isNormalised ? ["its own output gives coordinates as shares of the input's sides"] : []),
    ...(origin === 0.5 ? [] : [`its boxes start at ${origin} of a cell, not at its middle`]),
  ];
  return { form, isNormalised, origin, largest, notes };
}

/** Returns in words which level is decoded with another stride than its own; null when none is. */
function exchangedStride(
  samples: readonly Sample[],
  input: InputSize,
  form: BoxForm,
  isNormalised: boolean,
): string | null {
  const strides = [...new Set(samples.map(({ level }) => level.stride))];
  const told = strides.map((stride) => {
    const ratios = samples.filter(({ level }) => level.stride === stride).map((sample) => {
      const [x1, , x2] = ownCorners(sample, input, form, isNormalised);
      return (x2 - x1) / (sample.sides[0] + sample.sides[2]);
    });
    return { stride, found: median(ratios), spread: spreadOf(ratios) };
  });
  if (told.some(({ found, spread }) => !(spread < 1e-3 * Math.abs(found)))) return null;
  const isNear = (a: number, b: number) => Math.abs(a / b - 1) < 0.01;
  if (told.some(({ found }) => !strides.some((stride) => isNear(found, stride)))) return null;
  const other = told.find(({ stride, found }) => !isNear(found, stride));
  return other === undefined
    ? null
    : `its level of stride ${other.stride} is decoded with stride ${
      tidy(other.found)
    }: the strides are exchanged`;
}

interface FittedScores {
  largest: number;
  isUsualOrder: boolean;
  notes: string[];
}

function fitScores(samples: readonly Sample[], spec: HeadSpec): FittedScores | UnfitDecode {
  const { classCount } = spec;
  const rowCount = 4 + classCount + spec.keypointCount * spec.keypointDims;
  let largest = 0;
  const places: number[] = [];
  for (let classIndex = 0; classIndex < classCount; classIndex++) {
    const distance = (row: number, of: (logit: number) => number) =>
      Math.max(...samples.map(({ own, logit }) => Math.abs(own(row) - of(logit(classIndex)))));
    const usual = 4 + classIndex;
    const found = distance(usual, sigmoid);
    if (found <= SCORE_TOLERANCE) {
      largest = Math.max(largest, found);
      places.push(usual);
      continue;
    }
    const bare = distance(usual, (logit) => logit);
    if (bare <= 1e-3) {
      return {
        reason: `its scores of class ${classIndex} lack their sigmoid: they are the logits`,
      };
    }
    const elsewhere = range(4, rowCount).find((row) => distance(row, sigmoid) <= SCORE_TOLERANCE);
    if (elsewhere === undefined) {
      return {
        reason: `its scores of class ${classIndex} are up to ${
          found.toPrecision(2)
        } from what its class values say, allowed are ${SCORE_TOLERANCE}`,
      };
    }
    places.push(elsewhere);
  }
  const isUsualOrder = places.every((row, classIndex) => row === 4 + classIndex);
  if (!isUsualOrder && new Set(places).size < classCount) {
    return { reason: "several of its scores come from one class" };
  }
  const notes = isUsualOrder ? [] : ["its own output has the scores in another order"];
  return { largest, isUsualOrder, notes };
}

/** What a row of the keypoints holds. */
type RowKind = "x" | "y" | "confidence";

/** One way in which a row follows from a channel of the keypoints' convolution. */
interface RowFit {
  kind: RowKind;
  channel: number;
  row: number;
  /** Of x and y: row = (scale·value + cell + origin)·stride. */
  scale: number;
  origin: number;
  /** Of a confidence. */
  visibility: HeadCode["keypoint"]["visibility"];
  largest: number;
}

interface FittedKeypoints {
  keypoint: HeadCode["keypoint"];
  channels: number[];
  isUsualOrder: boolean;
  largest: number | null;
  notes: string[];
}

function fitKeypoints(
  samples: readonly Sample[],
  spec: HeadSpec,
  isNormalised: boolean,
  input: InputSize,
): FittedKeypoints | UnfitDecode {
  const { keypointCount, keypointDims: dims, classCount, headCode } = spec;
  const count = keypointCount * dims;
  const usual = { keypoint: headCode.keypoint, channels: range(0, count), isUsualOrder: true };
  if (count === 0) return { ...usual, largest: null, notes: [] };
  const tolerance = coordinateTolerancePx(input);
  const share = isNormalised ? input : { widthPx: 1, heightPx: 1 };
  const fitsOf = (channel: number, row: number) =>
    rowFits(samples, channel, 4 + classCount + row, share).filter(({ kind, largest }) =>
      largest <= (kind === "confidence" ? SCORE_TOLERANCE : tolerance)
    ).map((fit): RowFit => ({ ...fit, channel, row }));
  const fits: RowFit[] = [];
  for (let row = 0; row < count; row++) {
    const kind = (["x", "y", "confidence"] as const)[row % dims];
    const own = fitsOf(row, row).find((fit) => fit.kind === kind);
    if (own !== undefined) {
      fits.push(own);
      continue;
    }
    const other = range(0, count).flatMap((channel) => fitsOf(channel, row))[0];
    if (other === undefined) return { reason: unfitRow(samples, spec, row, share) };
    fits.push(other);
  }
  return assembleKeypoints(fits, usual, dims, keypointCount);
}

/** Returns the ways in which a row could follow from a channel, with what is left unexplained. */
function rowFits(
  samples: readonly Sample[],
  channel: number,
  row: number,
  share: InputSize,
): Omit<RowFit, "channel" | "row">[] {
  const line = (kind: "x" | "y") => {
    const side = kind === "x" ? share.widthPx : share.heightPx;
    const points = samples.map((sample) => ({
      value: sample.raw(channel),
      cells: sample.own(row) * side / sample.level.stride -
        (kind === "x" ? sample.column : sample.row),
      stride: sample.level.stride,
    }));
    const [scale, origin] = leastSquares(points).map(tidy);
    const largest = Math.max(
      ...points.map(({ value, cells, stride }) =>
        stride * Math.abs(cells - scale * value - origin)
      ),
    );
    return { kind, scale, origin, visibility: "sigmoid" as const, largest };
  };
  const confidence = (visibility: HeadCode["keypoint"]["visibility"]) => ({
    kind: "confidence" as const,
    scale: 0,
    origin: 0,
    visibility,
    largest: Math.max(
      ...samples.map(({ own, raw }) => {
        const value = raw(channel);
        return Math.abs(own(row) - (visibility === "sigmoid" ? sigmoid(value) : value));
      }),
    ),
  });
  return [line("x"), line("y"), confidence("sigmoid"), confidence("logit")];
}

function unfitRow(
  samples: readonly Sample[],
  { classCount, keypointDims }: HeadSpec,
  row: number,
  share: InputSize,
): string {
  const joint = Math.floor(row / keypointDims);
  const kind = (["x", "y", "confidence"] as const)[row % keypointDims];
  const best = rowFits(samples, row, 4 + classCount + row, share)
    .filter((fit) => fit.kind === kind).sort((a, b) => a.largest - b.largest)[0];
  const unit = kind === "confidence" ? "" : " px";
  return `its ${kind} of joint ${joint} is up to ${
    best.largest.toPrecision(3)
  }${unit} from what its keypoint values say: no scale and origin, no other channel and no sigmoid explains it`;
}

function assembleKeypoints(
  fits: readonly RowFit[],
  usual: Pick<FittedKeypoints, "keypoint" | "channels">,
  dims: 2 | 3,
  keypointCount: number,
): FittedKeypoints | UnfitDecode {
  const places = fits.filter(({ kind }) => kind !== "confidence");
  const [{ scale, origin }] = places;
  const stray = places.find((fit) =>
    Math.abs(fit.scale - scale) > 1e-3 || Math.abs(fit.origin - origin) > 1e-3
  );
  if (stray !== undefined) {
    return {
      reason:
        `its joints follow different rules: (${scale}·k + cell + ${origin})·stride for joint ${
          jointOf(places[0], dims, keypointCount, false)
        }, (${stray.scale}·k + cell + ${stray.origin})·stride in row ${stray.row} of the keypoints`,
    };
  }
  const confidences = fits.filter(({ kind }) => kind === "confidence");
  const visibility = confidences[0]?.visibility ?? usual.keypoint.visibility;
  // rows go joint by joint, or all x, all y, all confidences
  const isPlanar = keypointCount > 1 && fits[0].kind === fits[1].kind;
  const kinds = (["x", "y", "confidence"] as const).slice(0, dims);
  const channels = new Array<number>(fits.length).fill(-1);
  for (const fit of fits) {
    const joint = jointOf(fit, dims, keypointCount, isPlanar);
    channels[joint * dims + kinds.indexOf(fit.kind)] = fit.channel;
  }
  const missing = channels.indexOf(-1);
  if (missing >= 0 || new Set(channels).size < channels.length) {
    const twice = fits.find((fit) =>
      fits.some((one) => one !== fit && one.channel === fit.channel)
    );
    return {
      reason: twice === undefined
        ? `joint ${Math.floor(missing / dims)} has no ${kinds[missing % dims]}`
        : `its ${twice.kind} in row ${twice.row} of the keypoints comes from channel ${twice.channel}, which holds another value`,
    };
  }
  const isUsualOrder = fits.every(({ kind, row }) => kind === kinds[row % dims]);
  const isUsualChannels = channels.every((channel, index) => channel === index);
  const before = usual.keypoint;
  const notes = [
    ...(scale === before.scale && origin === before.origin ? [] : [
      `its keypoints are (${scale}·k + cell + ${origin})·stride, not (${before.scale}·k + cell + ${before.origin})·stride`,
    ]),
    ...(visibility === before.visibility
      ? []
      : [`its confidences are given ${visibility === "logit" ? "without" : "with"} a sigmoid`]),
    ...(isUsualOrder ? [] : ["its own output has x, y and confidence in another order"]),
    ...(isUsualChannels ? [] : ["its convolution has x, y and confidence in another order"]),
  ];
  const largest = Math.max(...places.map((fit) => fit.largest));
  return { keypoint: { scale, origin, visibility }, channels, isUsualOrder, largest, notes };
}

function jointOf({ row }: RowFit, dims: number, keypointCount: number, isPlanar: boolean): number {
  return isPlanar ? row % keypointCount : Math.floor(row / dims);
}

/** Returns slope and intercept of the line through the points that has the least squared error. */
function leastSquares(points: readonly { value: number; cells: number }[]): [number, number] {
  const count = points.length;
  const meanValue = points.reduce((sum, { value }) => sum + value, 0) / count;
  const meanCells = points.reduce((sum, { cells }) => sum + cells, 0) / count;
  let [products, squares] = [0, 0];
  for (const { value, cells } of points) {
    products += (value - meanValue) * (cells - meanCells);
    squares += (value - meanValue) ** 2;
  }
  const slope = squares === 0 ? 0 : products / squares;
  return [slope, meanCells - slope * meanValue];
}

/** Returns the nearest multiple of 1/64 where the value is near one: it was meant to be that. */
function tidy(value: number): number {
  const near = Math.round(64 * value) / 64;
  // without the sign of a zero
  return (Math.abs(near - value) < 2e-3 ? near : value) + 0;
}

function spreadOf(values: readonly number[]): number {
  const middle = median(values);
  return median(values.map((value) => Math.abs(value - middle)));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
