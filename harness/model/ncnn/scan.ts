/**
 * Text → words and numbers as C's `scanf` takes them, the way in which ncnn reads a `.param`: pure.
 *
 * Bytes stand as the characters U+0000 to U+00FF, so that a limit counts bytes as C does.
 * Source: ISO C17 7.21.6.2; `%d` saturates at a `long` and is cut to 32 bits, as in glibc.
 *
 * @module
 */

/** A text and how far it was read. */
export interface Scanner {
  readonly text: string;
  /** Index of the next byte. */
  at: number;
}

const SPACE = " \t\n\v\f\r";
const LONG_MAX = 2n ** 63n - 1n;

/** Returns a scanner at the start of the bytes. */
export function scannerOf(bytes: Uint8Array): Scanner {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return { text, at: 0 };
}

/** Moves the scanner over white space. */
export function skipSpace(scanner: Scanner): void {
  while (scanner.at < scanner.text.length && SPACE.includes(scanner.text[scanner.at])) {
    scanner.at++;
  }
}

/** Reads `%d`; returns null when no digit follows: a sign before it is consumed all the same. */
export function scanInt(scanner: Scanner): number | null {
  skipSpace(scanner);
  const sign = /[+-]/.test(scanner.text[scanner.at] ?? "") ? scanner.text[scanner.at++] : "";
  let digits = "";
  while (isDigit(scanner.text[scanner.at])) digits += scanner.text[scanner.at++];
  if (digits === "") return null;
  const value = BigInt(digits);
  const whole = sign === "-"
    ? (value > LONG_MAX + 1n ? -LONG_MAX - 1n : -value)
    : (value > LONG_MAX ? LONG_MAX : value);
  return Number(BigInt.asIntN(32, whole));
}

/** Reads `%Ns`: white space, then at most `most` bytes up to the next; null at the end. */
export function scanWord(scanner: Scanner, most: number): string | null {
  skipSpace(scanner);
  return scanUntil(scanner, SPACE, most);
}

/** Reads `%N[^stops]`; null when the next byte is one of them, or at the end. */
export function scanUntil(scanner: Scanner, stops: string, most: number): string | null {
  const start = scanner.at;
  while (
    scanner.at < scanner.text.length && scanner.at - start < most &&
    !stops.includes(scanner.text[scanner.at])
  ) scanner.at++;
  return scanner.at > start ? scanner.text.slice(start, scanner.at) : null;
}

/** Reads one byte if it is this one; returns whether it was. */
export function scanByte(scanner: Scanner, byte: string): boolean {
  const isThere = scanner.text[scanner.at] === byte;
  if (isThere) scanner.at++;
  return isThere;
}

/** True for a decimal digit. */
export function isDigit(byte: string | undefined): boolean {
  return byte !== undefined && byte >= "0" && byte <= "9";
}
