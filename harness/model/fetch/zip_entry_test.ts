import { assertEquals } from "@std/assert";
import { bytesOf, zipOf } from "./testdata/checkpoints.ts";
import { zipContent, zipEntries } from "./zip_entry.ts";

const FILES = { "a/data.pkl": bytesOf("abc".repeat(50)), "a/data/0": bytesOf([1, 2, 3]) };

Deno.test("zipEntries() and zipContent() give back what was packed, stored or deflated", () => {
  for (const packing of ["stored", "deflated"] as const) {
    const archive = zipOf(FILES, packing);
    const entries = zipEntries(archive)!;
    assertEquals(entries.map(({ name }) => name), Object.keys(FILES));
    assertEquals(entries.map((entry) => zipContent(archive, entry)), Object.values(FILES));
  }
  assertEquals(zipEntries(zipOf({})), []);
});

Deno.test("zipEntries() is null for what is no archive, and for one that is cut off", () => {
  const archive = zipOf(FILES);
  assertEquals(zipEntries(bytesOf()), null);
  assertEquals(zipEntries(bytesOf("<html>".repeat(20))), null);
  for (const length of [10, archive.length / 2 | 0, archive.length - 1]) {
    assertEquals(zipEntries(archive.subarray(0, length)), null);
  }
  // the end is there, the directory is not
  assertEquals(zipEntries(archive.subarray(40)), null);
});

Deno.test("zipContent() is null when the bytes are not those that the directory tells of", () => {
  const archive = zipOf(FILES, "deflated");
  const [entry] = zipEntries(archive)!;
  assertEquals(zipContent(archive, { ...entry, offset: archive.length }), null);
  assertEquals(zipContent(archive, { ...entry, offset: entry.offset + 1 }), null);
  assertEquals(zipContent(archive, { ...entry, compressedSize: archive.length }), null);
  assertEquals(zipContent(archive, { ...entry, method: 12 }), null);
  assertEquals(zipContent(archive, { ...entry, compressedSize: 3 }), null);
});
