import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../pose/testdata/random.ts";
import { assign } from "./assignment.ts";

/** Largest sum over all assignments, by trying them all. */
function bestSum(matrix: number[][], minimum: number, row = 0, taken = 0): number {
  if (row === matrix.length) return 0;
  let best = bestSum(matrix, minimum, row + 1, taken);
  for (let column = 0; column < matrix[row].length; column++) {
    if (taken & (1 << column) || !(matrix[row][column] >= minimum)) continue;
    best = Math.max(
      best,
      matrix[row][column] + bestSum(matrix, minimum, row + 1, taken | (1 << column)),
    );
  }
  return best;
}

Deno.test("assign() takes the larger sum where the greedy choice would not", () => {
  assertEquals(assign([[0.9, 0.8], [0.8, 0.1]], 0.05), [1, 0]);
});

Deno.test("assign() pairs nothing below the minimum, with NaN, or of an empty list", () => {
  assertEquals(assign([[0.2, NaN]], 0.3), [-1]);
  assertEquals(assign([], 0.3), []);
  assertEquals(assign([[], []], 0.3), [-1, -1]);
});

Deno.test("assign() equals exhaustive search on random matrices of all shapes", () => {
  const random = seededRandom(5);
  for (let trial = 0; trial < 300; trial++) {
    const [rows, columns] = [1 + trial % 5, 1 + Math.floor(trial / 5) % 6];
    const matrix = Array.from(
      { length: rows },
      () => Array.from({ length: columns }, () => random() < 0.2 ? 0.5 : random()),
    );
    const pairs = assign(matrix, 0.3);
    const used = pairs.filter((column) => column >= 0);
    assertEquals(new Set(used).size, used.length);
    const sum = pairs.reduce((s, column, row) => s + (column < 0 ? 0 : matrix[row][column]), 0);
    assert(Math.abs(sum - bestSum(matrix, 0.3)) < 1e-9, `trial ${trial}`);
  }
});
