/**
 * Raw samples as short text: zigzag deltas in base-128 groups (LEB128), then base64.
 *
 * The page's own decoder is `reports/template/samples.js`; the tests run one against the other.
 *
 * @module
 */
import { encodeBase64 } from "@std/encoding";

/**
 * Returns the integers as base64 text, lossless and in order: the first value, then the difference
 * of each value to the one before it, each mapped to a non-negative integer (0, −1, 1, −2, … → 0,
 * 1, 2, 3, …) and written in groups of seven bits, lowest first, with the eighth bit set on all
 * groups but the last (LEB128, as in DWARF 5, section 7.6).
 *
 * Throws `RangeError` for a value that is no integer or beyond ±2⁵¹.
 *
 * @example
 * ```ts
 * encodeSamples([64, 63]); // "gAEB": 0x80 0x01 is zigzag(64) = 128, 0x01 is zigzag(-1)
 * ```
 */
export function encodeSamples(values: Iterable<number>): string {
  let bytes = new Uint8Array(1024);
  let length = 0;
  let previous = 0;
  for (const value of values) {
    if (!Number.isInteger(value) || Math.abs(value) > 2 ** 51) {
      throw new RangeError(
        `Cannot encode the sample ${value}: expected an integer between -2^51 and 2^51`,
      );
    }
    const delta = value - previous;
    previous = value;
    let rest = delta < 0 ? -2 * delta - 1 : 2 * delta;
    if (length + 8 > bytes.length) {
      const grown = new Uint8Array(bytes.length * 2);
      grown.set(bytes);
      bytes = grown;
    }
    while (rest >= 128) {
      bytes[length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    bytes[length++] = rest;
  }
  return encodeBase64(bytes.subarray(0, length));
}
