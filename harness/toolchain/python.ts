/**
 * The Python that Posemark calls, and the environments for exports that it made with one.
 *
 * @module
 */
import { childCommand } from "../child.ts";
import * as path from "@std/path";
import { z } from "zod";
import { cacheRoot } from "./cache.ts";

/** Versions of Python that there are wheels for of all that an export needs, oldest and newest. */
export const EXPORT_PYTHONS = { oldest: 9, newest: 14 } as const;

/** Returns the interpreter's command: `POSEMARK_PYTHON`, else `python3`. */
export function pythonCommand(
  getEnv: (name: string) => string | undefined = Deno.env.get,
): string {
  return getEnv("POSEMARK_PYTHON") || "python3";
}

const PythonSchema = z.object({
  version: z.tuple([z.number().int(), z.number().int(), z.number().int()]),
  venv: z.boolean(),
});

/** What an interpreter says of itself. */
export interface Python {
  command: string;
  /** Major, minor and micro version. */
  version: [number, number, number];
  /** True when it can make virtual environments: Debian has that in a package of its own. */
  venv: boolean;
}

/** What the interpreter runs to say it; every Python since 2.7 can. */
const QUESTION = `
import json, sys
try:
    import ensurepip, venv
    found = True
except ImportError:
    found = False
print(json.dumps({"version": list(sys.version_info[:3]), "venv": found}))
`;

/** Returns what the interpreter says of itself; a text that says why when it doesn't. */
export async function askPython(
  command: string = pythonCommand(),
  signal?: AbortSignal,
): Promise<Python | string> {
  let output: Deno.CommandOutput;
  try {
    const args = ["-c", QUESTION];
    output = await childCommand(command, { args, stdin: "null", signal }).output();
  } catch (error) {
    return `it can't be started (${(error as Error).message})`;
  }
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!output.success) {
    const last = decode(output.stderr).split("\n").at(-1);
    return `it exited ${output.code}${last ? ` (${last})` : ""}`;
  }
  try {
    return { command, ...PythonSchema.parse(JSON.parse(decode(output.stdout))) };
  } catch {
    return "it answers as no Python does";
  }
}

/** What an environment's stamp says; it is written when the environment is complete. */
const StampSchema = z.object({ ultralytics: z.string(), python: z.string() });

/** An environment for exports: the version of ultralytics in it, and of its Python. */
export type ExportEnvironment = z.infer<typeof StampSchema>;

/** Name of an environment's stamp. */
export const STAMP = "complete";

/** Returns the folder of the environments in the cache. */
export function environmentsFolder(root: string = cacheRoot()): string {
  return path.join(root, "export-venv");
}

/** Returns the complete environments in the cache, those of the newest ultralytics last. */
export async function exportEnvironments(root?: string): Promise<ExportEnvironment[]> {
  const folder = environmentsFolder(root);
  const found: ExportEnvironment[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory) continue;
      const text = await Deno.readTextFile(path.join(folder, name, STAMP)).catch(() => "");
      const stamp = StampSchema.safeParse(text.startsWith("{") ? JSON.parse(text) : null);
      if (stamp.success) found.push(stamp.data);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const order = new Intl.Collator("en", { numeric: true });
  return found.sort((a, b) =>
    order.compare(a.ultralytics, b.ultralytics) || order.compare(a.python, b.python)
  );
}
