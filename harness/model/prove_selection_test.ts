import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { seededRandom } from "../pose/testdata/random.ts";
import { compareSelection } from "./prove_selection.ts";

const SHAPE = { classCount: 2, keypointCount: 1, keypointDims: 3 as const };
const LENGTH = 6 + 3;
const CELLS = 40;

/** Cells [4 + 2 + 3, 40] of random values, and their pairs of cell and class by score. */
function cellsOf(seed: number) {
  const random = seededRandom(seed);
  const cells = Float32Array.from({ length: 9 * CELLS }, (_, at) => {
    const line = Math.floor(at / CELLS);
    return line === 4 || line === 5 ? random() : 100 * random();
  });
  const at = (line: number, cell: number) => cells[line * CELLS + cell];
  const rows = Array.from({ length: CELLS * 2 }, (_, pair) => {
    const [cell, classIndex] = [pair >> 1, pair & 1];
    return [
      ...[0, 1, 2, 3].map((line) => at(line, cell)),
      at(4 + classIndex, cell),
      classIndex,
      ...[6, 7, 8].map((line) => at(line, cell)),
    ];
  }).sort((a, b) => b[4] - a[4]);
  return { cells, rows };
}

function reasonAgainst(change: (rows: number[][]) => number[][]): string {
  const { cells, rows } = cellsOf(1);
  const outcome = compareSelection(Float32Array.from(change(rows).flat()), cells, SHAPE);
  if (!("reason" in outcome)) throw new Error("taken for a right selection");
  return outcome.reason;
}

Deno.test("compareSelection() takes the best pairs of cell and class, in any order and number", () => {
  for (const count of [1, 7, 80]) {
    const { cells, rows } = cellsOf(count);
    const best = rows.slice(0, count).reverse();
    assertEquals(compareSelection(Float32Array.from(best.flat()), cells, SHAPE), {
      count,
      compared: count,
    });
  }
});

Deno.test("compareSelection() leaves it to rounding which of equal scores is chosen", () => {
  const { cells, rows } = cellsOf(3);
  const [a, b] = rows.slice(6, 8);
  const cell = (row: number[]) =>
    Array.from({ length: CELLS }, (_, at) => at).find((at) => cells[at] === row[0])!;
  cells[(4 + b[5]) * CELLS + cell(b)] = a[4];
  b[4] = a[4];
  for (const last of [a, b]) {
    const chosen = Float32Array.from([...rows.slice(0, 6), last].flat());
    assertEquals(compareSelection(chosen, cells, SHAPE), { count: 7, compared: 7 });
  }
});

Deno.test("compareSelection() names what of a row is no cell's", () => {
  const patched = (patch: (row: number[]) => void) =>
    reasonAgainst((rows) => {
      const best = structuredClone(rows.slice(0, 10));
      best.forEach(patch);
      return best;
    });
  assertStringIncludes(patched((row) => row[2] += 1), "what differs is the box");
  assertStringIncludes(patched((row) => row[6] += 1), "what differs is the keypoints");
  assertStringIncludes(
    patched((row) => [row[4], row[5]] = [row[5], row[4]]),
    "what differs is the score and class",
  );
  assertStringIncludes(
    patched((row) => row[5] = 1 - row[5]),
    "what differs is the score and class",
  );
  assertMatch(patched((row) => row.fill(0)), /row 0 of its own selection is no cell's$/);
});

Deno.test("compareSelection() says that better ones are left out: by another axis, or by NMS in the graph", () => {
  assertMatch(
    reasonAgainst((rows) => rows.slice(5, 15)),
    /leaves out 5 better than its lowest row \(score 0\.\d+\), the best with score 0\.\d+/,
  );
  assertStringIncludes(reasonAgainst((rows) => [rows[0], rows[0], rows[1]]), "no cell's");
});

Deno.test("compareSelection() says that the rows have another length", () => {
  const { cells } = cellsOf(1);
  const outcome = compareSelection(new Float32Array(LENGTH * 3 + 1), cells, SHAPE);
  if (!("reason" in outcome)) throw new Error("taken for a right selection");
  assertStringIncludes(outcome.reason, "are no rows of 9 (box, score, class, 3 keypoint values)");
});
