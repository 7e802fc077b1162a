/**
 * The programs that converters need: got when a conversion needs them, and not before.
 *
 * @module
 */
import * as path from "@std/path";
import type { Progress } from "../../progress.ts";
import { cached } from "../../toolchain/cache.ts";
import type { LayerSet } from "../../toolchain/layer_types.ts";
import { ncnnSource } from "../../toolchain/source.ts";
import { buildTools, type NcnnTool } from "../../toolchain/tools.ts";
import { fetchPnnx, PNNX_PROGRAM, PNNX_VERSION } from "./pnnx_tool.ts";

/** The converters' programs; each is got at its first use. */
export interface ConverterTools {
  pnnxVersion: string;
  /** Returns the version of the ncnn source that the programs are built from. */
  ncnnVersion(): Promise<string>;
  /** Returns the path of pnnx. */
  pnnx(): Promise<string>;
  /** Returns the path of one of ncnn's programs, which knows at least the layers of the set. */
  ncnn(name: NcnnTool, layers: LayerSet): Promise<string>;
}

/**
 * Returns the path of pnnx in the cache, got through pip the first time; throws as {@linkcode
 * fetchPnnx} does.
 */
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

/**
 * Returns the tools: pnnx from PyPI, the others built from ncnn's pinned source or from the tree
 * that is named.
 */
export function pinnedTools(
  request: { progress: Progress; signal?: AbortSignal; ncnnSource?: string },
): ConverterTools {
  const build = (names: NcnnTool[], layers: LayerSet) =>
    once(async () => (await buildTools({ ...request, names, layers })).paths);
  const onnx2ncnn = build(["onnx2ncnn"], "core");
  const names: NcnnTool[] = ["ncnnoptimize", "ncnn2table", "ncnn2int8"];
  const linked = { core: build(names, "core"), all: build(names, "all") };
  return {
    pnnxVersion: PNNX_VERSION,
    ncnnVersion: once(async () => `1.0.${(await ncnnSource(request)).ncnnVersion}`),
    pnnx: once(() => keptPnnx(request)),
    ncnn: async (name, layers) =>
      (await (name === "onnx2ncnn" ? onnx2ncnn : linked[layers])())[name],
  };
}

/**
 * Returns the function that calls `get` at its first call and gives the same promise after; a
 * failure is forgotten.
 */
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
