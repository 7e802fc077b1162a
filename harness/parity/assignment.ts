/**
 * Optimal assignment: a matrix of similarities → the pairs with the largest sum.
 *
 * @module
 */

/**
 * Returns for each row the column that it is paired with, or -1, such that the sum of the paired
 * similarities is largest and no pair is below `minimum`.
 *
 * Exact, by the Hungarian method with potentials (Kuhn 1955; the O(n³) form of Jonker and
 * Volgenant). NaN counts as below the minimum.
 *
 * @example
 * ```ts
 * assign([[0.9, 0.8], [0.8, 0.1]], 0.05); // [1, 0]: greedy would give [0, 1], with a smaller sum
 * ```
 */
export function assign(similarity: readonly (readonly number[])[], minimum: number): number[] {
  const rowCount = similarity.length;
  const columnCount = rowCount === 0 ? 0 : similarity[0].length;
  const size = Math.max(rowCount, columnCount);
  // a pair below the minimum costs as much as no pair
  const cost = (row: number, column: number): number => {
    const value = row < rowCount && column < columnCount ? similarity[row][column] : NaN;
    return value >= minimum ? -value : 0;
  };
  const rowPotential = new Float64Array(size + 1);
  const columnPotential = new Float64Array(size + 1);
  // rows and columns count from 1 here, 0 is the start of a path
  const rowOfColumn = new Int32Array(size + 1);
  for (let row = 1; row <= size; row++) {
    const slack = new Float64Array(size + 1).fill(Infinity);
    const previous = new Int32Array(size + 1);
    const done = new Uint8Array(size + 1);
    rowOfColumn[0] = row;
    let column = 0;
    do {
      done[column] = 1;
      const current = rowOfColumn[column];
      let next = 0;
      let delta = Infinity;
      for (let other = 1; other <= size; other++) {
        if (done[other]) continue;
        const reduced = cost(current - 1, other - 1) - rowPotential[current] -
          columnPotential[other];
        if (reduced < slack[other]) {
          slack[other] = reduced;
          previous[other] = column;
        }
        if (slack[other] < delta) {
          delta = slack[other];
          next = other;
        }
      }
      for (let other = 0; other <= size; other++) {
        if (done[other]) {
          rowPotential[rowOfColumn[other]] += delta;
          columnPotential[other] -= delta;
        } else slack[other] -= delta;
      }
      column = next;
    } while (rowOfColumn[column] !== 0);
    while (column !== 0) {
      rowOfColumn[column] = rowOfColumn[previous[column]];
      column = previous[column];
    }
  }
  const pairs = new Array<number>(rowCount).fill(-1);
  for (let column = 1; column <= columnCount; column++) {
    const row = rowOfColumn[column] - 1;
    if (row < rowCount && similarity[row][column - 1] >= minimum) pairs[row] = column - 1;
  }
  return pairs;
}
