/**
 * A model as the user names it → the ONNX file to read.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { HarnessError } from "../errors.ts";
import type { Progress } from "../progress.ts";

/** Folder with the models that ship with the project: `NAME.json` beside `NAME.onnx`. */
export const SHIPPED_MODELS_FOLDER = path.resolve(import.meta.dirname!, "../../models");

/** What resolving works with. */
export interface ResolveContext {
  progress: Progress;
  signal?: AbortSignal;
  /** The cache; see `cacheRoot`. */
  root?: string;
  /** Folder of the shipped models; see {@linkcode SHIPPED_MODELS_FOLDER}. */
  shippedFolder?: string;
}

/** What is read of a shipped model's manifest. */
const ShippedManifestSchema = z.object({
  name: z.string(),
  file: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/**
 * Returns the path of the ONNX file for a path or a shipped model's name.
 *
 * Throws `HarnessError` `bad-option` for a name that is neither.
 */
export async function resolveModel(
  nameOrPath: string,
  context: ResolveContext,
): Promise<string> {
  const folder = context.shippedFolder ?? SHIPPED_MODELS_FOLDER;
  if (/\.onnx$/i.test(nameOrPath)) return path.resolve(nameOrPath);
  const shipped = await shippedModel(nameOrPath, folder);
  if (shipped !== null) return shipped;
  throw new HarnessError(
    "bad-option",
    `Cannot find the model "${nameOrPath}": expected the path of an .onnx file, or one of ${
      (await shippedNames(folder)).join(", ")
    }`,
  );
}

/** Returns the names of the shipped models, sorted. */
export async function shippedNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile && entry.name.endsWith(".json")) names.push(entry.name.slice(0, -5));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** Returns the ONNX file of a shipped model, or null when there is none of this name. */
async function shippedModel(name: string, folder: string): Promise<string | null> {
  if (!(await shippedNames(folder)).includes(name)) return null;
  const manifest = ShippedManifestSchema.parse(
    JSON.parse(await Deno.readTextFile(path.join(folder, `${name}.json`))),
  );
  return path.join(folder, manifest.file);
}
