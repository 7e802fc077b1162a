/**
 * A model as the user names it → the ONNX file to read.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { cacheRoot } from "../../toolchain/cache.ts";
import { HarnessError } from "../../errors.ts";
import { download } from "./download.ts";
import { exportCheckpoint, type ExportContext, type ExportOptions } from "./export_pt.ts";
import { sha256Hex } from "../../hash.ts";
import { OFFICIAL_MODELS, type OfficialModel, releasePage, releaseUrl } from "./official_models.ts";

/** Folder with the models that ship with the project: `NAME.json` beside `NAME.onnx`. */
export const SHIPPED_MODELS_FOLDER = path.resolve(import.meta.dirname!, "../../../models");

/** What resolving works with. */
export interface ResolveContext extends ExportContext {
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
 * Returns the path of the ONNX file for what the user gave:
 *
 * - `FILE.onnx`: that file.
 * - `FILE.pt`: exported by ultralytics, see `exportCheckpoint`.
 * - the name of a shipped model.
 * - the name of a published checkpoint, downloaded and exported; `NAME@sha256:HEX` confirms the
 *   hash of one that is not pinned.
 *
 * The options say what is exported of a checkpoint; of an ONNX file nothing is left to choose.
 *
 * Throws `HarnessError`: `bad-option` for a name that is none of these or whose hash has to be
 * confirmed, and what the download and the export throw.
 */
export async function resolveModel(
  nameOrPath: string,
  context: ResolveContext,
  options: ExportOptions = {},
): Promise<string> {
  const folder = context.shippedFolder ?? SHIPPED_MODELS_FOLDER;
  if (/\.onnx$/i.test(nameOrPath)) return path.resolve(nameOrPath);
  if (/\.pt$/i.test(nameOrPath)) return await exportCheckpoint(nameOrPath, context, options);
  const shipped = await shippedModel(nameOrPath, folder);
  if (shipped !== null) return shipped;
  const [name, confirmed] = nameOrPath.split("@sha256:");
  const official = OFFICIAL_MODELS.find((model) => model.name === name);
  if (official) {
    return await exportCheckpoint(
      await keptCheckpoint(official, confirmed ?? null, context),
      context,
      options,
    );
  }
  const names = [...await shippedNames(folder), ...OFFICIAL_MODELS.map((model) => model.name)];
  throw new HarnessError(
    "bad-option",
    `Cannot find the model "${nameOrPath}": expected the path of an .onnx or .pt file, or one of ${
      names.join(", ")
    }`,
  );
}

/** Returns the checkpoint's path in the cache, downloaded the first time. */
async function keptCheckpoint(
  { name, release, sha256 }: OfficialModel,
  confirmed: string | null,
  context: ResolveContext,
): Promise<string> {
  if (confirmed !== null && !/^[0-9a-f]{64}$/i.test(confirmed)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ${name}@sha256:${confirmed}: expected 64 hexadecimal digits after @sha256:`,
    );
  }
  const expected = confirmed?.toLowerCase() ?? sha256;
  const folder = path.join(context.root ?? cacheRoot(), "checkpoint");
  if (expected === null) {
    throw new HarnessError(
      "bad-option",
      `Cannot download ${name} yet: no hash is pinned for it, and a checkpoint runs code when it is loaded: look up the SHA-256 of ${name}.pt on its release page (${
        releasePage(release)
      }) and give it as --model ${name}@sha256:HEX, or export the model yourself and give the .onnx file`,
    );
  }
  const file = path.join(folder, expected.slice(0, 16), `${name}.pt`);
  if (await hasHash(file, expected)) return file;
  const base = Deno.env.get("POSEMARK_MODEL_BASE_URL") ?? releaseUrl(release);
  await download({
    url: `${base.replace(/\/$/, "")}/${name}.pt`,
    file,
    sha256: expected,
    advice:
      `either put the file there yourself (${file}), or export the model on a machine with a network (\`yolo export model=${name}.pt format=onnx\`) and give the .onnx file to --model`,
    progress: context.progress,
    signal: context.signal,
  });
  return file;
}

async function hasHash(file: string, sha256: string): Promise<boolean> {
  try {
    return await sha256Hex(await Deno.readFile(file)) === sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
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
