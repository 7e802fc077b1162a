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
import { buildRunner } from "../../toolchain/runner.ts";
import { buildTools, type NcnnTool } from "../../toolchain/tools.ts";
import { choosePnnx, type ChosenPnnx, fetchPnnx, PNNX_PROGRAM } from "./pnnx_tool.ts";

/** The converters' programs; each is got at its first use. */
export interface ConverterTools {
  /** Returns the version of pnnx. */
  pnnxVersion(): Promise<string>;
  /** Returns the version of the ncnn source that the programs are built from. */
  ncnnVersion(): Promise<string>;
  /** Returns the path of pnnx. */
  pnnx(): Promise<string>;
  /** Returns the path of one of ncnn's programs, which knows at least the layers of the set. */
  ncnn(name: NcnnTool, layers: LayerSet): Promise<string>;
  /** Returns the path of Posemark's runner for this machine, with the layers of the set. */
  runner(layers: LayerSet): Promise<string>;
}

/**
 * Returns the path of pnnx: the user's program, or the version's in the cache, got through pip the
 * first time. Throws as {@linkcode fetchPnnx} does.
 */
export async function keptPnnx(
  { version, program }: ChosenPnnx,
  context: { progress: Progress; signal?: AbortSignal; root?: string },
): Promise<string> {
  if (program !== null) return program;
  const { folder } = await cached({
    kind: "pnnx",
    key: `${version}-${Deno.build.os}-${Deno.build.arch}`,
    root: context.root,
    signal: context.signal,
    onWait: () => context.progress.step("Waiting for another Posemark that gets pnnx"),
    make: async (folder) => {
      const step = context.progress.step(`Getting pnnx ${version} (about 30 MB)`, 10);
      await fetchPnnx(folder, version, context.signal);
      step.done();
    },
  });
  return path.join(folder, PNNX_PROGRAM);
}

/** Which tools are wanted in place of the pinned ones. */
export interface ToolChoice {
  /** See `SourceRequest.ncnnSource`. */
  ncnnSource?: string;
  /** See `choosePnnx()`. */
  pnnx?: string;
}

/**
 * Returns the tools: pnnx from PyPI, the others built from ncnn's pinned source, or those that are
 * named.
 */
export function pinnedTools(
  request: ToolChoice & { progress: Progress; signal?: AbortSignal },
): ConverterTools {
  const pnnx = once(() => choosePnnx(request.pnnx));
  const build = (names: NcnnTool[], layers: LayerSet) =>
    once(async () => (await buildTools({ ...request, names, layers })).paths);
  const onnx2ncnn = build(["onnx2ncnn"], "core");
  const names: NcnnTool[] = ["ncnnoptimize", "ncnn2table", "ncnn2int8"];
  const linked = { core: build(names, "core"), all: build(names, "all") };
  const runner = (layers: LayerSet) =>
    once(async () => (await buildRunner({ ...request, target: "host", layers })).runner);
  const runners = { core: runner("core"), all: runner("all") };
  return {
    runner: (layers) => runners[layers](),
    pnnxVersion: async () => (await pnnx()).version,
    ncnnVersion: once(async () => `1.0.${(await ncnnSource(request)).ncnnVersion}`),
    pnnx: once(async () => await keptPnnx(await pnnx(), request)),
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
