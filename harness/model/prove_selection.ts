/**
 * The proof of a selection in the graph: the rows that an end-to-end file gives must be the best k
 * pairs of cell and class of its own boxes, scores and keypoints.
 *
 * @module
 */
import type { PoseHead } from "./head.ts";
import { badModel, DATA_TYPE, type OnnxModel } from "./onnx/onnx_file.ts";
import { pruned } from "./onnx/onnx_graph.ts";
import { blobsOnPictures } from "./prove_decode.ts";

/** What was compared. */
export interface SelectionProof {
  /** Rows that the graph keeps of an image. */
  count: number;
  /** Rows that were compared, over all pictures. */
  compared: number;
}

/** Values of a row before its keypoints: x1, y1, x2, y2, score, class. */
const ROW_HEAD = 6;
/** Scores this near to the lowest one may be chosen or not: float32 and equal scores. */
const TIE = 1e-6;

/**
 * Returns how many rows of the file's own selection were found to be the best ones of its cells, on
 * two pictures.
 *
 * `whole` is the model with its selection, `head` the head before it. Throws `HarnessError`
 * `bad-model` that names what of a row differs, or that better ones were left out.
 */
export async function proveSelection(
  whole: OnnxModel,
  head: PoseHead,
  label: string,
): Promise<SelectionProof> {
  const [{ name: selected }] = whole.outputs;
  const both = [selected, head.outputName].map((name) => ({
    name,
    dataType: DATA_TYPE.float,
    dims: null,
  }));
  const runs = await blobsOnPictures(pruned({ ...whole, outputs: both }), head);
  let [count, compared] = [0, 0];
  for (const [rows, cells] of runs) {
    const outcome = compareSelection(rows, cells, head);
    if ("reason" in outcome) {
      throw badModel(
        label,
        `${outcome.reason}. Posemark takes the best rows outside of the graph, and they would be others: export the model without its end-to-end head (for YOLO26 end2end=False), or report this model's head`,
      );
    }
    count = outcome.count;
    compared += outcome.compared;
  }
  return { count, compared };
}

/** The part of a head that its rows follow from. */
type RowShape = Pick<PoseHead, "classCount" | "keypointCount" | "keypointDims">;

/**
 * Returns whether rows [k, 6 + keypoint values] are the best pairs of cell and class of the cells
 * [4 + classes + keypoint values, N], or why not.
 */
export function compareSelection(
  rows: Float32Array,
  cells: Float32Array,
  { classCount, keypointCount, keypointDims }: RowShape,
): SelectionProof | { reason: string } {
  const keypointValues = keypointCount * keypointDims;
  const length = ROW_HEAD + keypointValues;
  const cellCount = cells.length / (4 + classCount + keypointValues);
  if (rows.length === 0 || rows.length % length !== 0) {
    return {
      reason:
        `its ${rows.length} selected values are no rows of ${length} (box, score, class, ${keypointValues} keypoint values)`,
    };
  }
  const count = rows.length / length;
  const at = (line: number, cell: number) => cells[line * cellCount + cell];
  const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * (1 + Math.abs(b));
  /** What of the row agrees with the cell. */
  const agreement = (row: Float32Array, cell: number) => {
    const agrees = (from: number, to: number, line: number) => {
      for (let i = from; i < to; i++) if (!isNear(row[i], at(line + i - from, cell))) return false;
      return true;
    };
    const classIndex = row[5];
    return {
      box: agrees(0, 4, 0),
      score: Number.isInteger(classIndex) && classIndex >= 0 && classIndex < classCount &&
        isNear(row[4], at(4 + classIndex, cell)),
      keypoints: agrees(ROW_HEAD, length, 4 + classCount),
    };
  };
  const lowest = Math.min(...Array.from({ length: count }, (_, i) => rows[i * length + 4]));
  const chosen = new Set<number>();
  let compared = 0;
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * length, (i + 1) * length);
    let isFound = false;
    const partly = new Set<string>();
    for (let cell = 0; cell < cellCount && !isFound; cell++) {
      const { box, score, keypoints } = agreement(row, cell);
      const pair = cell * classCount + row[5];
      isFound = box && score && keypoints && !chosen.has(pair);
      if (isFound) chosen.add(pair);
      else if (score && keypoints) partly.add("box");
      else if (box && score) partly.add("keypoints");
      else if (box && keypoints) partly.add("score and class");
    }
    if (!isFound) {
      const what = [...partly].join(" or ");
      return {
        reason: `row ${i} of its own selection is no cell's${
          what === "" ? "" : `: what differs is the ${what}`
        }`,
      };
    }
    compared++;
  }
  const better: number[] = [];
  for (let cell = 0; cell < cellCount; cell++) {
    for (let classIndex = 0; classIndex < classCount; classIndex++) {
      const score = at(4 + classIndex, cell);
      if (score > lowest + TIE && !chosen.has(cell * classCount + classIndex)) better.push(score);
    }
  }
  if (better.length > 0) {
    return {
      reason: `its own selection leaves out ${better.length} better than its lowest row (score ${
        lowest.toPrecision(3)
      }), the best with score ${Math.max(...better).toPrecision(3)}`,
    };
  }
  return { count, compared };
}
