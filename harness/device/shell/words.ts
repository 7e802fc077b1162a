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
 * Returns the shell words that end when a file, or a folder's names, are on the disk: by toybox'
 * `fsync`, or `sync FILE` of coreutils 8.24; other devices write everything.
 */
export function onDisk(file: string): string {
  const name = shellLine([file]);
  return `{ fsync ${name} 2>/dev/null || sync ${name} 2>/dev/null || sync; }`;
}
