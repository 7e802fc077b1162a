/**
 * The programs that converters need: got when a conversion needs them, and not before.
 *
 * @module
 */
import * as path from "@std/path";
import type { Progress } from "../progress.ts";
import { cached } from "../build/cache.ts";
import { fetchPnnx, PNNX_PROGRAM, PNNX_VERSION } from "./pnnx_tool.ts";

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
  /** Returns the version of the ncnn source that the programs are built from. */
  ncnnVersion(): Promise<string>;
  /** Returns the path of pnnx. */
  pnnx(): Promise<string>;
  ncnn(): Promise<NcnnPrograms>;
}

/** Returns the path of pnnx in the cache, got through pip the first time; throws as {@linkcode fetchPnnx} does. */
export async function keptPnnx(
  context: { progress: Progress; signal?: AbortSignal; root?: string },
): Promise<string> {
  const { folder } = await cached({
    kind: "pnnx",
    key: `${PNNX_VERSION}-${Deno.build.os}-${Deno.build.arch}`,
    root: context.root,
    signal: context.signal,
    onWait: () => context.progress.step("Waiting for another Posemark that gets pnnx"),
    make: async (folder) => {
      const step = context.progress.step(`Getting pnnx ${PNNX_VERSION} (about 30 MB)`, 10);
      await fetchPnnx(folder, context.signal);
      step.done();
    },
  });
  return path.join(folder, PNNX_PROGRAM);
}

/** Returns the function that calls `get` at its first call and gives the same promise after; a failure is forgotten. */
export function once<T>(get: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | null = null;
  return () => {
    promise ??= get().catch((error) => {
      promise = null;
      throw error;
    });
    return promise;
  };
}
