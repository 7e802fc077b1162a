/**
 * Order statistics: quantiles, median, median absolute deviation.
 *
 * @module
 */

/**
 * Returns the samples in ascending order, as a new array.
 *
 * Throws `RangeError` when there is no sample, or one that is not a finite number: a statistic
 * never comes out of nothing.
 */
export function sortedSamples(samples: readonly number[]): number[] {
  if (samples.length === 0) throw new RangeError("Cannot take a statistic of no samples");
  for (let i = 0; i < samples.length; i++) {
    if (!Number.isFinite(samples[i])) {
      throw new RangeError(
        `Cannot take a statistic: sample ${i} is ${samples[i]}, expected a finite number`,
      );
    }
  }
  return Array.from(Float64Array.from(samples).sort());
}

/**
 * Returns the quantile `p` (0 to 1) of samples in ascending order, in their unit.
 *
 * Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996): linear
 * interpolation at position p·(n−1). It is the default of R's `quantile` and of NumPy's
 * `percentile`. For one sample every quantile is it.
 *
 * Throws `RangeError` when there is no sample or `p` is outside 0 to 1.
 *
 * @example
 * ```ts
 * quantileOfSorted([10, 20, 30, 40], 0.5); // 25
 * ```
 */
export function quantileOfSorted(ascending: ArrayLike<number>, p: number): number {
  if (ascending.length === 0) throw new RangeError("Cannot take a quantile of no samples");
  if (!(p >= 0 && p <= 1)) {
    throw new RangeError(`Cannot take quantile ${p}: expected a number from 0 to 1`);
  }
  const position = p * (ascending.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, ascending.length - 1);
  return ascending[below] + (position - below) * (ascending[above] - ascending[below]);
}

/**
 * Returns the quantile `p` of the samples, see {@linkcode quantileOfSorted}; throws on no or
 * non-finite samples.
 */
export function quantile(samples: readonly number[], p: number): number {
  return quantileOfSorted(sortedSamples(samples), p);
}

/** Returns the median of the samples: quantile 0.5. Throws on no or non-finite samples. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/**
 * Returns the median absolute deviation from the median, in the unit of the samples, not scaled to
 * a standard deviation (multiply by 1.4826 for that when the samples are normal). 0 for one sample
 * or no spread. Throws on no or non-finite samples.
 */
export function medianAbsoluteDeviation(samples: readonly number[]): number {
  const center = median(samples);
  return median(Array.from(samples, (sample) => Math.abs(sample - center)));
}

/** Percentiles and spread of one set of samples, all in the unit of the samples. */
export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  /** Median absolute deviation, unscaled. */
  mad: number;
}

/** Returns median, p90, p99 and MAD of the samples. Throws on no or non-finite samples. */
export function percentiles(samples: readonly number[]): Percentiles {
  const ascending = sortedSamples(samples);
  return {
    p50: quantileOfSorted(ascending, 0.5),
    p90: quantileOfSorted(ascending, 0.9),
    p99: quantileOfSorted(ascending, 0.99),
    mad: medianAbsoluteDeviation(ascending),
  };
}
