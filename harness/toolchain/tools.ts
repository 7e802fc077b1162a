/**
 * ncnn's converters for this machine, from the same source as the library: onnx2ncnn, ncnnoptimize,
 * ncnn2table, ncnn2int8.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { runBuildCommand } from "./build_command.ts";
import { cached, contentKey } from "./cache.ts";
import { fileSha256 } from "../hash.ts";
import type { LayerSet } from "./layer_types.ts";
import { buildNcnn, buildTargets, type NcnnInstall } from "./ncnn.ts";
import { type NcnnSource, ncnnSource } from "./source.ts";
import { findToolchain, type Toolchain, toolVersion } from "./toolchain.ts";

/** The programs that can be built. */
export const NCNN_TOOLS = ["onnx2ncnn", "ncnnoptimize", "ncnn2table", "ncnn2int8"] as const;
/** See {@linkcode NCNN_TOOLS}. */
export type NcnnTool = typeof NCNN_TOOLS[number];

/** What is asked of {@linkcode buildTools}. */
export interface ToolsRequest {
  names: readonly NcnnTool[];
  /** Layers of ncnn that the linked programs know; default: `core`. */
  layers?: LayerSet;
  /** Another ncnn source tree than the pinned one. */
  ncnnSource?: string;
  progress: Progress;
  signal?: AbortSignal;
}

/** Built programs. */
export interface BuiltTools {
  /** Path by name, for the names that were asked for. */
  paths: Record<NcnnTool, string>;
  /** Version of the source, as the library tells it. */
  ncnnVersion: string;
}

/** Folder of the CMake project that builds them. */
const TOOLS_PROJECT = path.join(import.meta.dirname!, "tools");

/**
 * Returns the programs for this machine, each built the first time that it is asked for.
 *
 * ncnnoptimize, ncnn2table and ncnn2int8 link the library of the host's runner with the same
 * layers; onnx2ncnn needs protobuf (protoc and its library) and no ncnn library.
 *
 * Throws `HarnessError`: `missing-tool` (compiler, cmake, protobuf), and what `buildNcnn` throws.
 */
export async function buildTools(request: ToolsRequest): Promise<BuiltTools> {
  const { progress, signal } = request;
  const toolchain = await findToolchain("host", signal);
  const source = await ncnnSource(request);
  await requireConverters(source);
  const paths = {} as Record<NcnnTool, string>;
  const linked = request.names.filter((name) => name !== "onnx2ncnn");
  const context = { source, toolchain, progress, signal };
  if (linked.length > 0) {
    const ncnn = await buildNcnn({ ...context, layers: request.layers });
    const folder = await buildProject({ ...context, ncnn });
    for (const name of linked) paths[name] = path.join(folder, name);
  }
  if (request.names.includes("onnx2ncnn")) {
    await requireProtobuf(signal);
    paths.onnx2ncnn = path.join(await buildProject({ ...context, ncnn: null }), "onnx2ncnn");
  }
  return { paths, ncnnVersion: `1.0.${source.ncnnVersion}` };
}

interface ToolsBuild {
  source: NcnnSource;
  toolchain: Toolchain;
  /** Library to link; null: onnx2ncnn, which needs none. */
  ncnn: NcnnInstall | null;
  progress: Progress;
  signal?: AbortSignal;
}

/** Returns the folder of the linked programs, or of onnx2ncnn. */
async function buildProject(build: ToolsBuild): Promise<string> {
  const { source, toolchain, ncnn, progress, signal } = build;
  const names = ncnn === null ? ["onnx2ncnn"] : NCNN_TOOLS.filter((name) => name !== "onnx2ncnn");
  const key = await contentKey({
    source: source.id,
    ncnn: ncnn?.key ?? "none",
    compiler: toolchain.compiler,
    project: await fileSha256(path.join(TOOLS_PROJECT, "CMakeLists.txt")),
    protobuf: ncnn === null ? await toolVersion("protoc", signal) ?? "" : "",
  });
  const { folder } = await cached({
    kind: "tools",
    key,
    signal,
    onWait: () => progress.step("Waiting for another Posemark that builds the same converters"),
    make: async (folder) => {
      const step = progress.step(`Building ${names.join(", ")}`, ncnn === null ? 30 : 45);
      const work = path.join(folder, "build");
      await runBuildCommand({
        purpose: `configure ${names.join(", ")}`,
        command: "cmake",
        args: ["-G", toolchain.generator, "-S", TOOLS_PROJECT, "-B", work]
          .concat(["-DCMAKE_BUILD_TYPE=Release", `-DNCNN_SOURCE=${source.folder}`])
          .concat(toolchain.cmakeArgs)
          .concat(
            ncnn === null ? [] : [`-Dncnn_DIR=${path.join(ncnn.folder, "lib", "cmake", "ncnn")}`],
          ),
        signal,
      });
      await buildTargets({
        purpose: `build ${names.join(", ")}`,
        build: work,
        targets: names,
        generator: toolchain.generator,
        onFraction: (fraction) => step.update(fraction),
        signal,
      });
      for (const name of names) {
        await Deno.rename(path.join(work, name), path.join(folder, name));
      }
      await Deno.remove(work, { recursive: true });
      step.done();
    },
  });
  return folder;
}

/** ncnn's own packages hold the library only. */
async function requireConverters({ folder, ncnnVersion }: NcnnSource): Promise<void> {
  try {
    await Deno.stat(path.join(folder, "tools", "ncnnoptimize.cpp"));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "bad-option",
      `Cannot build the converters of ncnn ${ncnnVersion}: found no tools/ncnnoptimize.cpp in ${folder}, since its package holds the library only: name the folder of a checkout, or use --converter pnnx and no int8`,
    );
  }
}

async function requireProtobuf(signal?: AbortSignal): Promise<void> {
  if (await toolVersion("protoc", signal) !== null) return;
  throw new HarnessError(
    "missing-tool",
    "Cannot build onnx2ncnn: found no protoc: get protobuf by `apt install protobuf-compiler libprotobuf-dev` (Debian, Ubuntu), `dnf install protobuf-compiler protobuf-devel` (Fedora), `brew install protobuf` (macOS), or use --converter pnnx, which needs none",
  );
}
