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
import { boxChannelCount, type CellValues, decodeBox } from "./box.ts";
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
  levelStrides,
  rawChannelCount,
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

/** The logits of one level. */
export interface LevelPlanes {
  stride: number;
  columns: number;
  rows: number;
  /** Index of the level's first cell over all levels. */
  firstCell: number;
  cls: Plane;
  box: Plane;
  /** Null where a head without keypoints has no such output. */
  kpt: Plane | null;
}

/**
 * Returns the logits of each level of a `raw` or `raw-nchw` head as views on the blobs, in order of
 * the outputs.
 *
 * Throws `RangeError` when a blob is missing, has the wrong size, or the head is `decoded`.
 */
export function levelPlanes(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
): LevelPlanes[] {
  checkBlobs(spec, blobs, input);
  let firstCell = 0;
  return levelStrides(spec).map((stride) => {
    const { columns, rows, cells } = gridSize(input, stride);
    const find = (role: string): Plane | null => {
      const index = spec.outputs.findIndex((output) =>
        output.role === role && output.stride === stride
      );
      return index < 0 ? null : { data: blobs[index], offset: 0, cellStep: 1, channelStep: cells };
    };
    const raw = spec.outputs.findIndex((output) =>
      output.role === "raw" && output.stride === stride
    );
    const cellStep = rawChannelCount(spec);
    const view = (offset: number): Plane => ({
      data: blobs[raw],
      offset,
      cellStep,
      channelStep: 1,
    });
    const cls = raw < 0 ? find("cls") : view(0);
    const box = raw < 0 ? find("box") : view(spec.classCount);
    const kpt = raw < 0 ? find("kpt") : view(spec.classCount + boxChannelCount(spec));
    if (cls === null || box === null || (kpt === null && spec.keypointCount > 0)) {
      throw new RangeError(
        `Cannot decode the level of stride ${stride}: found outputs ${
          spec.outputs.map((output) => `${output.blob}:${output.role}:${output.stride}`).join(", ")
        }, expected one "raw" or "box", "cls" and "kpt" of that stride`,
      );
    }
    const level = { stride, columns, rows, firstCell, cls, box, kpt };
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
  if (spec.outputs.some((output) => output.role === "decoded")) {
    return decodeMatrix(spec, blobs, input, options.scoreThreshold);
  }
  const kind = options.sigmoid ?? "exact";
  const sigmoid = kind === "fast" ? fastSigmoid : exactSigmoid;
  const levels = levelPlanes(spec, blobs, input);
  const passing: PassingCell[] = [];
  for (const [levelIndex, level] of levels.entries()) {
    const { cls } = level;
    for (let cell = 0; cell < level.columns * level.rows; cell++) {
      const logitOf = (index: number) =>
        cls.data[cls.offset + cell * cls.cellStep + index * cls.channelStep];
      for (const classIndex of candidateClasses(spec, logitOf, minLogit)) {
        passing.push({
          level: levelIndex,
          stride: level.stride,
          cell: level.firstCell + cell,
          score: sigmoid(logitOf(classIndex)),
          classIndex,
        });
      }
    }
  }
  const candidates = newCandidates(passing, spec.keypointCount);
  for (const [index, { level, cell }] of passing.entries()) {
    decodeCell(
      levels[level],
      cell - levels[level].firstCell,
      spec,
      rowAt(candidates, index),
      kind,
    );
  }
  return candidates;
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
  if (spec.outputs.some((output) => output.role === "decoded")) {
    checkBlobs(spec, blobs, input);
    const columns = levelStrides(spec).reduce((sum, s) => sum + gridSize(input, s).cells, 0);
    return (cell, classIndex) => blobs[0][(4 + classIndex) * columns + cell];
  }
  const levels = levelPlanes(spec, blobs, input);
  return (cell, classIndex) => {
    const { firstCell, cls } = levels.findLast((level) => level.firstCell <= cell)!;
    return cls.data[
      cls.offset + (cell - firstCell) * cls.cellStep + classIndex * cls.channelStep
    ];
  };
}

/**
 * Candidates of the matrix that the official export's in-graph decode gives: rows cx, cy, w, h,
 * scores, keypoints.
 */
function decodeMatrix(
  spec: HeadSpec,
  blobs: readonly Float32Array[],
  input: InputSize,
  scoreThreshold: number,
): Candidates {
  checkBlobs(spec, blobs, input);
  const matrix = blobs[0];
  const strides = levelStrides(spec);
  const ends: number[] = [];
  for (const stride of strides) ends.push((ends.at(-1) ?? 0) + gridSize(input, stride).cells);
  const columns = ends[ends.length - 1];
  const passing: PassingCell[] = [];
  for (let cell = 0, level = 0; cell < columns; cell++) {
    if (cell === ends[level]) level++;
    const scoreOf = (index: number) => matrix[(4 + index) * columns + cell];
    for (const classIndex of candidateClasses(spec, scoreOf, scoreThreshold)) {
      passing.push({ level, stride: strides[level], cell, score: scoreOf(classIndex), classIndex });
    }
  }
  const candidates = newCandidates(passing, spec.keypointCount);
  const dims = spec.keypointDims;
  for (const [index, { cell }] of passing.entries()) {
    const row = rowAt(candidates, index);
    const [cx, cy, w, h] = [0, 1, 2, 3].map((line) => matrix[line * columns + cell]);
    row.set([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]);
    for (let joint = 0; joint < spec.keypointCount; joint++) {
      const at = (4 + spec.classCount + joint * dims) * columns + cell;
      row[6 + 3 * joint] = matrix[at];
      row[7 + 3 * joint] = matrix[at + columns];
      row[8 + 3 * joint] = dims === 3 ? matrix[at + 2 * columns] : 1;
    }
  }
  return candidates;
}
