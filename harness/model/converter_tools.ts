/**
 * The programs that converters need: got when a conversion needs them, and not before.
 *
 * @module
 */
import * as path from "@std/path";
import type { Progress } from "../progress.ts";
import { fetchPnnx, PNNX_VERSION } from "./pnnx_tool.ts";
import { keptFolder } from "./prepared_cache.ts";

/** Paths of the pinned ncnn's programs for this machine. */
export interface NcnnPrograms {
  onnx2ncnn: string;
  ncnnoptimize: string;
  ncnn2table: string;
  ncnn2int8: string;
}

/** The converters' programs; each is got at its first use. */
export interface ConverterTools {
  pnnxVersion: string;
  /** Version of the ncnn source that the programs are built from. */
  ncnnVersion: string;
  /** Returns the path of pnnx. */
  pnnx(): Promise<string>;
  ncnn(): Promise<NcnnPrograms>;
}

/**
 * Returns the tools that keep pnnx under the cache folder and build ncnn's programs by `buildNcnn`.
 *
 * Two users that ask at the same time share one download or build; a failed one is tried anew.
 */
export function converterTools(
  cacheFolder: string,
  ncnnVersion: string,
  buildNcnn: () => Promise<NcnnPrograms>,
  options: { progress: Progress; signal?: AbortSignal },
): ConverterTools {
  const getPnnx = async () => {
    let program = path.join("pnnx", Deno.build.os === "windows" ? "pnnx.exe" : "pnnx");
    const platform = `${Deno.build.os}-${Deno.build.arch}`;
    const folder = await keptFolder(
      cacheFolder,
      `pnnx-${PNNX_VERSION}-${platform}`,
      async (draft) => {
        const step = options.progress.step(`Get pnnx ${PNNX_VERSION} with pip (about 30 MB)`, 10);
        program = await fetchPnnx(draft, options.signal);
        step.done();
      },
    );
    return path.join(folder, program);
  };
  return {
    pnnxVersion: PNNX_VERSION,
    ncnnVersion,
    pnnx: once(getPnnx),
    ncnn: once(buildNcnn),
  };
}

/** Returns the function that calls `get` at its first call and gives the same promise after; a failure is forgotten. */
function once<T>(get: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | null = null;
  return () => {
    promise ??= get().catch((error) => {
      promise = null;
      throw error;
    });
    return promise;
  };
}
