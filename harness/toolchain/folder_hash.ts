/**
 * Hashes of folders and files, for cache keys.
 *
 * @module
 */
import { encodeHex } from "@std/encoding";
import * as path from "@std/path";

/** Returns the SHA-256 of the file, 64 hexadecimal digits. */
export async function fileSha256(file: string): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", await Deno.readFile(file)));
}

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
  const bytes = new TextEncoder().encode(lines.join("\n"));
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}
