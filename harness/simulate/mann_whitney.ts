/**
 * The unpaired test that other tools use, as the yardstick that the experiment is compared with.
 *
 * @module
 */

/**
 * Returns the standard score of the Mann–Whitney U statistic: positive when the candidate's values
 * tend to be larger.
 *
 * Normal approximation with mid-ranks and tie correction (Mann and Whitney 1947); 0 when all values
 * are equal. Throws `RangeError` when a side is empty.
 */
export function mannWhitneyScore(base: readonly number[], candidate: readonly number[]): number {
  if (base.length === 0 || candidate.length === 0) {
    throw new RangeError("Cannot compare: found no values on one side");
  }
  const pooled = [
    ...base.map((value) => ({ value, candidate: false })),
    ...candidate.map((value) => ({ value, candidate: true })),
  ].sort((a, b) => a.value - b.value);
  const total = pooled.length;
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < total;) {
    let end = start + 1;
    while (end < total && pooled[end].value === pooled[start].value) end++;
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) if (pooled[i].candidate) rankSum += rank;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const n = base.length, m = candidate.length;
  const u = rankSum - m * (m + 1) / 2;
  const variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)));
  return variance === 0 ? 0 : (u - n * m / 2) / Math.sqrt(variance);
}
