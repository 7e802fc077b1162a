/**
 * Exponential and sigmoid: exact, and the seed project's bit trick.
 *
 * @module
 */

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);
const FAST_EXP_OFFSET = Math.fround(126.93490512);

/** Which exponential a decode uses, in the sigmoid and in the DFL softmax. */
export type SigmoidKind = "exact" | "fast";

/**
 * Returns about e^x by writing into the exponent's bits, as the seed project's C++ `fast_exp` does
 * (Schraudolph, "A Fast, Compact Approximation of the Exponential Function", 1999). The relative
 * error is between -4% and +2%; below the smallest normal number the result is 0, above the largest
 * it is Infinity.
 */
export function fastExp(x: number): number {
  const word = 8388608 * (1.4426950409 * x + FAST_EXP_OFFSET);
  if (Number.isNaN(word)) return NaN;
  if (word <= 0) return 0;
  if (word >= 0x7f800000) return Infinity;
  bits[0] = word;
  return float[0];
}

/** Returns 1 / (1 + e^-x), in float64. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Returns the sigmoid by {@linkcode fastExp}. */
export function fastSigmoid(x: number): number {
  return 1 / (1 + fastExp(-x));
}

/** Returns the x whose sigmoid is p: log(p / (1 - p)). Throws `RangeError` outside of (0, 1). */
export function logit(p: number): number {
  if (!(p > 0 && p < 1)) {
    throw new RangeError(`Cannot take the logit of ${p}: expected a number between 0 and 1`);
  }
  return Math.log(p / (1 - p));
}
