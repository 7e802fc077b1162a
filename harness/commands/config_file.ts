/**
 * Which `posemark.json` holds for the caller.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { DEFAULT_GATE_CONFIG, type GateConfig, parseGateConfig } from "../gate/config.ts";

/** Configuration that is read when it is there. */
export const CONFIG_FILE = "posemark.json";

/** A configuration, and the file that it was read from; null: no file, the usual rules. */
export interface ReadConfig {
  config: GateConfig;
  file: string | null;
}

/**
 * Returns the configuration of the file given. Without one, of the nearest `posemark.json` from the
 * folder upwards to the top of its git repository (outside of one: of the folder itself), or the
 * usual one.
 *
 * Throws `HarnessError` `bad-config` for a file that can't be read or holds something else.
 */
export async function readConfig(
  given: string | null,
  folder: string = Deno.cwd(),
): Promise<ReadConfig> {
  if (given !== null) return { config: await readFile(given), file: given };
  for (const place of await foldersUpToRepository(folder)) {
    const file = path.join(place, CONFIG_FILE);
    if (await exists(file)) return { config: await readFile(file), file };
  }
  return { config: DEFAULT_GATE_CONFIG, file: null };
}

/** Returns what a gate says of its configuration. */
export function configText({ file }: ReadConfig): string {
  return file === null
    ? `Configuration: the usual rules (no ${CONFIG_FILE} from ${Deno.cwd()} upwards)`
    : `Configuration: ${file}`;
}

/** The folder and those above it up to the git repository's top; the folder alone without one. */
async function foldersUpToRepository(folder: string): Promise<string[]> {
  const folders: string[] = [];
  for (let place = path.resolve(folder);; place = path.dirname(place)) {
    folders.push(place);
    // a worktree and a submodule have a file of that name
    if (await exists(path.join(place, ".git"))) return folders;
    if (path.dirname(place) === place) return folders.slice(0, 1);
  }
}

async function readFile(file: string): Promise<GateConfig> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    const found = isMissing ? "there is no such file" : (cause as Error).message;
    throw new HarnessError(
      "bad-config",
      `Cannot read ${file}: ${found}. Name another file by --config, or leave it out`,
      { cause },
    );
  }
  return parseGateConfig(text, file);
}

/** True when there is something of that name, readable or not; a broken link is something too. */
async function exists(file: string): Promise<boolean> {
  try {
    await Deno.lstat(file);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return false;
    }
    // what can't be looked at is told when it is read
    return true;
  }
}
