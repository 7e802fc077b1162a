/**
 * A seeded random generator, so that every simulated figure can be had again.
 *
 * @module
 */

/** A seeded source of random numbers. The same seed gives the same sequence on every machine. */
export interface Rng {
  /** Returns a number in [0, 1), 32 random bits. */
  uniform(): number;
  /** Returns an integer in [0, bound). */
  integer(bound: number): number;
  /** Returns a draw of the standard normal distribution. */
  normal(): number;
  /** Returns a draw of the exponential distribution with mean 1. */
  exponential(): number;
}

/**
 * Returns a generator for the seed: xoshiro128** (Blackman and Vigna, "Scrambled Linear
 * Pseudorandom Number Generators", 2021), its state filled from the seed by SplitMix32's mixing
 * steps.
 */
export function seededRng(seed: number): Rng {
  let mix = seed >>> 0;
  const next = () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = next(), b = next(), c = next(), d = next() | 1;
  let spare: number | null = null;

  const bits = () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = () => bits() / 4294967296;
  return {
    uniform,
    integer: (bound) => Math.floor(uniform() * bound),
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    exponential: () => -Math.log(1 - uniform()),
  };
}
