/**
 * The effect that one phone found, from the blocks of its paired experiment and its calibration.
 *
 * @module
 */
import { median } from "../../stats/quantile.ts";

/**
 * Values further from the median than this many robust standard deviations are pulled in to there.
 */
const PULL_IN_SDS = 3;
/** Standard deviations of a normal distribution in one median absolute deviation. */
const SDS_PER_MAD = 1.4826;
/** A session may be this much quieter than the phone's calibration; no more is believed. */
const QUIETEST_SHARE = 0.5;

/**
 * Returns the mean of a phone's blocks (log of candidate over base, of each round) and its standard
 * error; null for fewer than two blocks. The block, not the round, is the independent unit: drift
 * and place cancel only over a block.
 *
 * Blocks far out are pulled in, as in the experiment on the phone. `calibratedSd` is the standard
 * deviation of a round's log ratio in the phone's A/A calibration; that of the blocks is never
 * taken for less than half of what follows from it, so that a session that happens to agree with
 * itself gets no more weight than the phone deserves. Throws `RangeError` when a block is not a
 * finite number.
 */
export function phoneEffect(
  rounds: readonly (readonly number[])[],
  calibratedSd: number | null,
): { logRatio: number; standardError: number } | null {
  const blocks = rounds.map((block) => block.reduce((sum, value) => sum + value, 0) / block.length);
  if (!blocks.every(Number.isFinite)) {
    throw new RangeError("Cannot take the effect of blocks that are not finite numbers");
  }
  if (blocks.length < 2) return null;
  const centre = median(blocks);
  const deviation = SDS_PER_MAD * median(blocks.map((block) => Math.abs(block - centre)));
  const reach = deviation > 0 ? PULL_IN_SDS * deviation : Infinity;
  const values = blocks.map((block) => Math.min(centre + reach, Math.max(centre - reach, block)));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const sd = Math.max(
    Math.sqrt(squares / (values.length - 1)),
    QUIETEST_SHARE * (calibratedSd ?? 0) / Math.sqrt(rounds[0].length),
  );
  return { logRatio: mean, standardError: sd / Math.sqrt(values.length) };
}
