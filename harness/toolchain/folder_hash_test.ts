import { assertEquals, assertNotEquals } from "@std/assert";
import * as path from "@std/path";
import { folderSha256, listFiles } from "./folder_hash.ts";
import { fileSha256 } from "../hash.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(path.join(folder, "b"));
    await Deno.writeTextFile(path.join(folder, "b", "two.cpp"), "2");
    await Deno.writeTextFile(path.join(folder, "a.cpp"), "abc");
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("fileSha256() is the published value for abc", async () => {
  await withFolder(async (folder) => {
    assertEquals(
      await fileSha256(path.join(folder, "a.cpp")),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

Deno.test("listFiles() is sorted and leaves out what is not included", async () => {
  await withFolder(async (folder) => {
    assertEquals(await listFiles(folder), ["a.cpp", "b/two.cpp"]);
    assertEquals(await listFiles(folder, (name) => name !== "b"), ["a.cpp"]);
  });
});

Deno.test("folderSha256() changes with a name and with a content", async () => {
  await withFolder(async (folder) => {
    const before = await folderSha256(folder);
    assertEquals(await folderSha256(folder), before);
    await Deno.rename(path.join(folder, "a.cpp"), path.join(folder, "c.cpp"));
    const renamed = await folderSha256(folder);
    assertNotEquals(renamed, before);
    await Deno.writeTextFile(path.join(folder, "c.cpp"), "abd");
    assertNotEquals(await folderSha256(folder), renamed);
  });
});
