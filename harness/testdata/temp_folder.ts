/**
 * A folder for one test.
 *
 * @module
 */

/** Runs the test with a new empty folder, and removes it whatever comes of the test. */
export async function inTempFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
