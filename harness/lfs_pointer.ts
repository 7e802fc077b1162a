/**
 * Files that Git LFS has not fetched: a few lines of text stand in their place.
 *
 * @module
 */

/** How a pointer begins (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). */
const POINTER_START = "version https://git-lfs.github.com/spec/v1";

/** Returns whether the file holds a pointer of Git LFS; throws what reading it throws. */
export async function isLfsPointer(file: string): Promise<boolean> {
  using opened = await Deno.open(file);
  const start = new Uint8Array(POINTER_START.length);
  let length = 0;
  for (let read: number | null = 0; read !== null && length < start.length; length += read ?? 0) {
    read = await opened.read(start.subarray(length));
  }
  return new TextDecoder().decode(start.subarray(0, length)) === POINTER_START;
}
