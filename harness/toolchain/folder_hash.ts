/**
 * Files of folders and the hash over them, for cache keys.
 *
 * @module
 */
import * as path from "@std/path";
import { fileSha256, sha256Hex } from "../hash.ts";

/**
 * Returns the files under the folder that `include` accepts, relative, with `/`, sorted. Symbolic
 * links are not followed.
 */
export async function listFiles(
  folder: string,
  include: (relative: string) => boolean = () => true,
): Promise<string[]> {
  const files: string[] = [];
  const visit = async (relative: string) => {
    for await (const entry of Deno.readDir(path.join(folder, relative))) {
      const name = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (!include(name)) continue;
      if (entry.isDirectory) await visit(name);
      else if (entry.isFile) files.push(name);
    }
  };
  await visit("");
  return files.sort();
}

/**
 * Returns the SHA-256 over names and contents of the files under the folder that `include` accepts.
 */
export async function folderSha256(
  folder: string,
  include?: (relative: string) => boolean,
): Promise<string> {
  const lines: string[] = [];
  for (const file of await listFiles(folder, include)) {
    lines.push(`${await fileSha256(path.join(folder, file))} ${file}`);
  }
  return await sha256Hex(lines.join("\n"));
}
