/**
 * Text files that Windows tools wrote begin with a byte order mark, which `JSON.parse` refuses.
 *
 * @module
 */

/** Returns the text without the byte order mark that Windows tools put before it. */
export function withoutByteOrderMark(text: string): string {
  return text.replace(/^\uFEFF/, "");
}
