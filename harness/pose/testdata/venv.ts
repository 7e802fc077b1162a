/**
 * Python for the tests that ask an independent implementation: a virtual environment per set of
 * pinned packages, kept under the user's cache folder.
 *
 * @module
 */
import * as path from "@std/path";
import { sha256Hex } from "../../hash.ts";

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null" }).output();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
  }
}

/**
 * Returns the path of a Python that has the packages; makes the environment when it is not there
 * yet.
 */
export async function prepareVenv(name: string, requirements: string[]): Promise<string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? path.join(Deno.env.get("HOME") ?? ".", ".cache");
  const key = (await sha256Hex(requirements.join("\n"))).slice(0, 12);
  const folder = path.join(cache, "posemark", "test-venvs", `${name}-${key}`);
  const python = path.join(folder, "bin", "python");
  const marker = path.join(folder, "ready");
  try {
    await Deno.stat(marker);
    return python;
  } catch {
    await run("python3", ["-m", "venv", "--clear", folder]);
    await run(python, ["-m", "pip", "install", "-q", ...requirements]);
    await Deno.writeTextFile(marker, requirements.join("\n"));
    return python;
  }
}
