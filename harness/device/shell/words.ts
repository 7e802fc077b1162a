/**
 * Words for a POSIX shell on a device: pure.
 *
 * @module
 */

/** Returns the words as one shell line: each in single quotes. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/**
 * Returns the shell words that end when a file, or a folder's names, are on the disk; devices
 * without `fsync` write everything.
 */
export function onDisk(file: string): string {
  return `{ fsync ${shellLine([file])} 2>/dev/null || sync; }`;
}
