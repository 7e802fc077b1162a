// @ts-check
/**
 * Numbers as people read them: sensible digits, always with a unit.
 *
 * @module
 */

/** A missing value, as tables show it. */
export const MISSING = "–";

/** Decimals of a ratio, at most. */
const MOST_DECIMALS = 6;

/** The minus sign of typography, so that it lines up with digits. */
const MINUS = "\u2212";

/**
 * Returns the number with the decimals, and a real minus sign.
 *
 * @param {number} value
 * @param {number} decimals
 */
export function fixed(value, decimals) {
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/**
 * Returns the number with `digits` significant digits, never in exponent form, with thousands kept
 * whole: 0.0912, 60.2, 1234.
 *
 * @param {number} value
 * @param {number} digits
 */
export function significant(value, digits) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return MISSING;
  const magnitude = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  return fixed(value, Math.min(12, Math.max(0, digits - 1 - magnitude)));
}

/**
 * Returns milliseconds with three significant digits, without the unit.
 *
 * @param {number | null} ns
 */
export function msNumber(ns) {
  return ns === null ? MISSING : significant(ns / 1e6, 3);
}

/**
 * Returns milliseconds with three significant digits: `60.2 ms`.
 *
 * @param {number | null} ns
 */
export function ms(ns) {
  return ns === null ? MISSING : `${msNumber(ns)} ms`;
}

/**
 * Returns the low and high end of an interval in milliseconds, both with the decimals that its
 * middle has with three significant digits; null when the rounds were too few for an interval.
 *
 * @param {{value: number, low: number | null, high: number | null}} interval nanoseconds
 */
export function msBounds({ value, low, high }) {
  if (low === null || high === null) return null;
  const text = msNumber(value);
  const decimals = text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
  return { low: fixed(low / 1e6, decimals), high: fixed(high / 1e6, decimals) };
}

/**
 * Returns a ratio and the ends of its interval with the decimals that the interval's width
 * deserves: two, or three when it is narrower than ±0.005; and as many as it takes to tell an end
 * from 1. The ends are null when the rounds were too few for an interval.
 *
 * @param {{value: number, low: number | null, high: number | null}} ratio
 */
export function ratioParts({ value, low, high }) {
  if (low === null || high === null) return { value: fixed(value, 2), bounds: null };
  const half = (high - low) / 2;
  let decimals = half > 0 && half < 0.005 ? 3 : 2;
  const readsAsOne = (/** @type {number} */ end) =>
    end !== 1 && Number(end.toFixed(decimals)) === 1;
  while (decimals < MOST_DECIMALS && (readsAsOne(low) || readsAsOne(high))) decimals++;
  return {
    value: fixed(value, decimals),
    bounds: { low: fixed(low, decimals), high: fixed(high, decimals) },
  };
}

/**
 * Returns frames per second with three significant digits.
 *
 * @param {number | null} value
 */
export function fps(value) {
  return value === null ? MISSING : significant(value, 3);
}

/**
 * Returns pixels with two significant digits, `<0.001` below that; without the unit.
 *
 * @param {number | null} value
 */
export function pxNumber(value) {
  if (value === null) return MISSING;
  if (value !== 0 && value < 0.001) return "<0.001";
  return significant(value, 2);
}

/**
 * Returns pixels with two significant digits and the unit.
 *
 * @param {number | null} value
 */
export function px(value) {
  return value === null ? MISSING : `${pxNumber(value)} px`;
}

/**
 * Returns megabytes (10⁶ bytes) with three significant digits.
 *
 * @param {number | null} bytes
 */
export function megabytes(bytes) {
  return bytes === null ? MISSING : `${significant(bytes / 1e6, 3)} MB`;
}

/**
 * Returns AP or OKS with three decimals.
 *
 * @param {number | null} value
 */
export function score(value) {
  return value === null ? MISSING : fixed(value, 3);
}

/**
 * Returns OKS with the digits that tell it from 1: `0.99997`, `1`.
 *
 * @param {number | null} value
 */
export function oks(value) {
  if (value === null) return MISSING;
  const missing = 1 - value;
  if (missing < 5e-7) return "1";
  return fixed(value, Math.min(6, Math.max(3, 1 - Math.floor(Math.log10(missing)))));
}

/**
 * Returns the number with an explicit sign.
 *
 * @param {number} value
 * @param {number} decimals
 */
export function signed(value, decimals) {
  const text = fixed(value, decimals);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/**
 * Returns an integer with thousands set apart by thin spaces.
 *
 * @param {number} value
 */
export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/**
 * Returns a place: `3`, or `1–6` where the launches leave several.
 *
 * @param {{ best: number, worst: number } | null} rank
 */
export function place(rank) {
  if (rank === null) return MISSING;
  return rank.best === rank.worst ? String(rank.best) : `${rank.best}–${rank.worst}`;
}
