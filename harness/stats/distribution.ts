/**
 * Distribution functions that the intervals need: normal, Student's t, Wilcoxon's signed rank.
 *
 * @module
 */

/**
 * Returns ln Γ(x) for x > 0 (Lanczos approximation, g = 7, nine terms; relative error below 1e-13).
 */
export function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  let sum = coefficients[0];
  for (let i = 1; i < coefficients.length; i++) sum += coefficients[i] / (shifted + i);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * Returns the regularised incomplete beta function I_x(a, b), 0 to 1, for x in [0, 1] and a, b > 0
 * (continued fraction, modified Lentz; Numerical Recipes, section 6.4).
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return x < (a + 1) / (a + b + 2)
    ? front * betaFraction(x, a, b) / a
    : 1 - front * betaFraction(1 - x, b, a) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - (a + b) * x / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let result = d;
  for (let m = 1; m <= 500; m++) {
    for (
      const step of [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ]
    ) {
      d = 1 + step * d;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + step / c;
      if (Math.abs(c) < tiny) c = tiny;
      result *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return result;
}

/** Returns P(T ≤ t) for Student's t with `df` > 0 degrees of freedom. */
export function studentTCdf(t: number, df: number): number {
  const tail = 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/**
 * Returns the t with P(T ≤ t) = p for Student's t with `df` > 0 degrees of freedom, by bisection; p
 * strictly between 0 and 1.
 */
export function studentTQuantile(p: number, df: number): number {
  return inverse((t) => studentTCdf(t, df), p, -1, 1);
}

/**
 * Returns P(Z ≤ z) for the standard normal distribution, from the incomplete gamma function (erf by
 * series or continued fraction), absolute error below 1e-14.
 */
export function normalCdf(z: number): number {
  const tail = 0.5 * (1 - lowerGamma(0.5, z * z / 2));
  return z > 0 ? 1 - tail : tail;
}

/**
 * Returns the z with P(Z ≤ z) = p for the standard normal distribution, by bisection; p strictly
 * between 0 and 1.
 */
export function normalQuantile(p: number): number {
  return inverse(normalCdf, p, -1, 1);
}

/** Regularised lower incomplete gamma function P(a, x) (Numerical Recipes, section 6.2). */
function lowerGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 1000 && Math.abs(term) > Math.abs(sum) * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return front * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 1000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return 1 - front * h;
}

function inverse(cdf: (x: number) => number, p: number, low: number, high: number): number {
  if (!(p > 0 && p < 1)) {
    throw new RangeError(`Cannot invert a distribution at ${p}: expected a number between 0 and 1`);
  }
  while (cdf(low) > p) low = low * 2 - 1;
  while (cdf(high) < p) high = high * 2 + 1;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (cdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Largest number of pairs whose signed-rank distribution is counted exactly. */
const EXACT_SIGNED_RANK_PAIRS = 60;

/**
 * Returns the smallest w with P(W ≤ w) ≥ p for Wilcoxon's signed-rank sum W of `count` pairs
 * without ties.
 *
 * Exact by counting subsets of the ranks up to 60 pairs, normal approximation beyond
 * (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", section 3.1).
 */
export function signedRankQuantile(p: number, count: number): number {
  const largest = count * (count + 1) / 2;
  if (count > EXACT_SIGNED_RANK_PAIRS) {
    const mean = largest / 2;
    const sd = Math.sqrt(count * (count + 1) * (2 * count + 1) / 24);
    return Math.min(largest, Math.max(0, Math.ceil(mean + sd * normalQuantile(p) - 0.5)));
  }
  let probabilities = new Float64Array(largest + 1);
  probabilities[0] = 1;
  for (let rank = 1; rank <= count; rank++) {
    const next = new Float64Array(largest + 1);
    for (let sum = 0; sum <= rank * (rank + 1) / 2; sum++) {
      next[sum] = 0.5 * (probabilities[sum] + (sum >= rank ? probabilities[sum - rank] : 0));
    }
    probabilities = next;
  }
  let cumulative = 0;
  for (let sum = 0; sum <= largest; sum++) {
    cumulative += probabilities[sum];
    if (cumulative >= p - 1e-12) return sum;
  }
  return largest;
}
