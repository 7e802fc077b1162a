/**
 * Candidates: what decoding finds before NMS, one row of numbers each.
 *
 * Row: x1, y1, x2, y2, score, class, then x, y, confidence per keypoint; letterbox pixels; float32,
 * the same bytes that the parity stages hand to the runner.
 *
 * @module
 */

/** Values of a row before its keypoints. */
export const ROW_HEAD = 6;

/** Candidates in the order of decoding: level by level, cell by cell in rows. */
export interface Candidates {
  count: number;
  keypointCount: number;
  /** count · (6 + 3 · keypointCount) values. */
  rows: Float32Array;
  /** Stride of each candidate's level in letterbox pixels. */
  strides: Int32Array;
  /** Index of each candidate's cell over all levels. */
  cells: Int32Array;
}

/** Returns the number of values per row. */
export function rowLength(keypointCount: number): number {
  return ROW_HEAD + 3 * keypointCount;
}

/** Returns the score of a candidate. */
export function scoreAt(candidates: Candidates, index: number): number {
  return candidates.rows[index * rowLength(candidates.keypointCount) + 4];
}

/** Returns the class index of a candidate. */
export function classAt(candidates: Candidates, index: number): number {
  return candidates.rows[index * rowLength(candidates.keypointCount) + 5];
}

/** A cell that passed the threshold: where it is and what it scored. */
export interface PassingCell {
  /** Index of the level among the head's levels. */
  level: number;
  stride: number;
  /** Index over all levels. */
  cell: number;
  score: number;
  classIndex: number;
}

/**
 * Returns candidates with score and class of the cells; boxes and keypoints are 0, to be filled by
 * the decode.
 */
export function newCandidates(cells: readonly PassingCell[], keypointCount: number): Candidates {
  const length = rowLength(keypointCount);
  const rows = new Float32Array(cells.length * length);
  for (const [index, { score, classIndex }] of cells.entries()) {
    rows[index * length + 4] = score;
    rows[index * length + 5] = classIndex;
  }
  return {
    count: cells.length,
    keypointCount,
    rows,
    strides: Int32Array.from(cells, ({ stride }) => stride),
    cells: Int32Array.from(cells, ({ cell }) => cell),
  };
}

/** Returns a view on the row of a candidate. */
export function rowAt(candidates: Candidates, index: number): Float32Array {
  const length = rowLength(candidates.keypointCount);
  return candidates.rows.subarray(index * length, (index + 1) * length);
}
