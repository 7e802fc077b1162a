/**
 * Decode: output blobs of any head → candidates in letterbox pixels. Float64 arithmetic on the
 * float32 blobs.
 *
 * What the blobs hold is told by the head's description alone: the box code (`box.ts`), the
 * keypoint rule (`keypoint.ts`) and the selection, which decides whether a cell gives its best
 * class or all.
 *
 * @module
 */
import type { OutputParts } from "../record/variant.ts";
import { type CellValues, decodeBox } from "./box.ts";
import { type Candidates, newCandidates, type PassingCell, ROW_HEAD, rowAt } from "./candidates.ts";
import {
  fastExp,
  fastSigmoid,
  logit,
  sigmoid as exactSigmoid,
  type SigmoidKind,
} from "./exponential.ts";
import {
  checkBlobs,
  gridSize,
  type HeadSpec,
  type InputSize,
  isDecoded,
  levelStrides,
  partsOf,
  placementOf,
} from "./head_spec.ts";
import { decodeKeypoints } from "./keypoint.ts";
import { candidateClasses } from "./select.ts";

/** Options of {@linkcode decode}. */
export interface DecodeOptions {
  /** Only cells whose best class score is greater are decoded; between 0 and 1. */
  scoreThreshold: number;
  /** Exponential in the sigmoid and in the DFL softmax; exact when left out. */
  sigmoid?: SigmoidKind;
}

/**
 * Where one level's logits lie: value c of cell i is `data[offset + i * cellStep + c *
 * channelStep]`.
 */
export interface Plane {
  data: Float32Array;
  offset: number;
  cellStep: number;
  channelStep: number;
}

/** The values of one level. */
export interface LevelPlanes {
  stride: number;
  columns: number;
  rows: number;
  /** Index of the level's first cell over all levels. */
  firstCell: number;
  cls: Plane;
  /** True when the graph put the classes through their sigmoid. */
  isScore: boolean;
  box: Plane;
  /** Null where a head without keypoints has no such output. */
  kpt: Plane | null;
}

/**
 * Returns the values of each level of a head as views on the blobs, in order of the outputs.
 *
 * Throws `RangeError` when a blob is missing, has the wrong size, or the head is decoded in the
 * graph.
 */
export function levelPlanes(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
): LevelPlanes[] {
  checkBlobs(spec, blobs, input);
  return planesOf(spec, blobs, input, ["box", "kpt"]);
}

/** Returns the levels with boxes and joints of these kinds. */
function planesOf(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
  [boxes, joints]: readonly ["box", "kpt"] | readonly ["boxes", "joints"],
): LevelPlanes[] {
  let firstCell = 0;
  return levelStrides(spec).map((stride) => {
    const { columns, rows, cells } = gridSize(input, stride);
    const find = (value: OutputParts["values"][number]): Plane | null => {
      const placed = placementOf(spec, value, stride, input);
      if (placed === null) return null;
      const { outputIndex, ...plane } = placed;
      return { data: blobs[outputIndex], ...plane };
    };
    const [logits, box] = [find("cls"), find(boxes)];
    const kpt = spec.keypointCount > 0 ? find(joints) : null;
    const cls = logits ?? find("scores");
    if (cls === null || box === null || (kpt === null && spec.keypointCount > 0)) {
      throw new RangeError(
        `Cannot decode the level of stride ${stride}: found outputs ${
          spec.outputs.map((output) => {
            const { values, strides } = partsOf(spec, output);
            return `${output.blob}:${values.join("+")}:${strides.join("+")}`;
          }).join(", ")
        }, expected ${boxes}, classes and ${joints} of that stride`,
      );
    }
    const isScore = logits === null;
    const level = { stride, columns, rows, firstCell, cls, isScore, box, kpt };
    firstCell += cells;
    return level;
  });
}

/**
 * Writes box and keypoints of a cell into a row of letterbox pixels (score and class are left
 * alone).
 */
export function decodeCell(
  level: LevelPlanes,
  cell: number,
  spec: HeadSpec,
  row: Float32Array | Float64Array,
  kind: SigmoidKind = "exact",
): void {
  const exp = kind === "fast" ? fastExp : Math.exp;
  const sigmoid = kind === "fast" ? fastSigmoid : exactSigmoid;
  const { stride, box, kpt } = level;
  const place = { column: cell % level.columns, row: Math.floor(cell / level.columns), stride };
  row.set(decodeBox(spec, cellValues(box, cell), place, exp));
  if (kpt === null) return;
  decodeKeypoints(spec, cellValues(kpt, cell), place, sigmoid, row, ROW_HEAD);
}

/** Returns the values of one cell, an index within its level, as a view on a plane. */
export function cellValues(plane: Plane, cell: number): CellValues {
  const { data, offset, cellStep, channelStep } = plane;
  return { data, start: offset + cell * cellStep, step: channelStep };
}

/**
 * Returns the candidates of a head's blobs: cells whose best class score is greater than the
 * threshold, or for the selection top-k each such pair of cell and class.
 *
 * The logit is compared, so a NaN never passes. Of equal classes the first counts. Throws
 * `RangeError` when a blob is missing or has the wrong size, or the threshold is outside of (0, 1).
 */
export function decode(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
  options: DecodeOptions,
): Candidates {
  const minLogit = logit(options.scoreThreshold);
  checkBlobs(spec, blobs, input);
  const inGraph = isDecoded(spec);
  const kind = options.sigmoid ?? "exact";
  const sigmoid = kind === "fast" ? fastSigmoid : exactSigmoid;
  const levels = planesOf(spec, blobs, input, inGraph ? ["boxes", "joints"] : ["box", "kpt"]);
  const passing: PassingCell[] = [];
  for (const [levelIndex, level] of levels.entries()) {
    const { cls, isScore } = level;
    for (let cell = 0; cell < level.columns * level.rows; cell++) {
      const valueOf = (index: number) =>
        cls.data[cls.offset + cell * cls.cellStep + index * cls.channelStep];
      const threshold = isScore ? options.scoreThreshold : minLogit;
      for (const classIndex of candidateClasses(spec, valueOf, threshold)) {
        const value = valueOf(classIndex);
        passing.push({
          level: levelIndex,
          stride: level.stride,
          cell: level.firstCell + cell,
          score: isScore ? value : sigmoid(value),
          classIndex,
        });
      }
    }
  }
  const candidates = newCandidates(passing, spec.keypointCount);
  const form = inGraph ? formOf(spec, input) : null;
  for (const [index, { level, cell }] of passing.entries()) {
    const own = cell - levels[level].firstCell;
    const row = rowAt(candidates, index);
    if (form === null) decodeCell(levels[level], own, spec, row, kind);
    else readCell(levels[level], own, spec, form, row);
  }
  return candidates;
}

/** How a decoded head writes boxes, and what its coordinates are multiplied by. */
interface DecodedForm {
  boxForm: OutputParts["boxForm"];
  across: number;
  down: number;
}

function formOf(spec: HeadSpec, { widthPx, heightPx }: InputSize): DecodedForm {
  const output = spec.outputs.find((each) => partsOf(spec, each).values.includes("boxes"))!;
  const { boxForm, isShare } = partsOf(spec, output);
  return { boxForm, across: isShare ? widthPx : 1, down: isShare ? heightPx : 1 };
}

/** Writes box and keypoints of a cell that the graph decoded into a row of letterbox pixels. */
function readCell(
  { box, kpt }: LevelPlanes,
  cell: number,
  { keypointCount, keypointDims: dims }: HeadSpec,
  { boxForm, across, down }: DecodedForm,
  row: Float32Array,
): void {
  const at = (plane: Plane, channel: number) =>
    plane.data[plane.offset + cell * plane.cellStep + channel * plane.channelStep];
  const [a, b, c, d] = [0, 1, 2, 3].map((channel) =>
    at(box, channel) * (channel % 2 ? down : across)
  );
  row.set(boxForm === "xyxy" ? [a, b, c, d] : [a - c / 2, b - d / 2, a + c / 2, b + d / 2]);
  if (kpt === null) return;
  for (let joint = 0; joint < keypointCount; joint++) {
    row[6 + 3 * joint] = at(kpt, joint * dims) * across;
    row[7 + 3 * joint] = at(kpt, joint * dims + 1) * down;
    row[8 + 3 * joint] = dims === 3 ? at(kpt, joint * dims + 2) : 1;
  }
}

/**
 * Returns what the blobs hold for a class in a cell (an index over all levels): a logit, or for
 * `decoded` a score.
 *
 * Throws `RangeError` when a blob is missing or has the wrong size.
 */
export function classValues(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
): (cell: number, classIndex: number) => number {
  checkBlobs(spec, blobs, input);
  const kinds = isDecoded(spec) ? ["boxes", "joints"] as const : ["box", "kpt"] as const;
  const levels = planesOf(spec, blobs, input, kinds);
  return (cell, classIndex) => {
    const { firstCell, cls } = levels.findLast((level) => level.firstCell <= cell)!;
    return cls.data[
      cls.offset + (cell - firstCell) * cls.cellStep + classIndex * cls.channelStep
    ];
  };
}
