/**
 * ncnn's source and a toolchain → an installed libncnn with the layers that YOLO-Pose graphs need.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { buildFraction, runBuildCommand } from "./build_command.ts";
import { cached, contentKey } from "./cache.ts";
import { CORE_LAYER_TYPES, type LayerSet } from "./layer_types.ts";
import { type NcnnSource, requireWhole } from "./source.ts";
import { buildVariables, TARGET_PLACES, type Toolchain } from "./toolchain.ts";

/** Options of every build: nothing but the CPU inference of graphs from files. */
const FIXED_OPTIONS = [
  "-DCMAKE_BUILD_TYPE=Release",
  "-DCMAKE_INSTALL_LIBDIR=lib",
  "-DNCNN_OPENMP=ON",
  "-DNCNN_INT8=ON",
  "-DNCNN_BF16=ON",
  ...["VULKAN", "BUILD_EXAMPLES", "BUILD_TOOLS", "BUILD_BENCHMARK", "BUILD_TESTS", "C_API"]
    .concat(["PLATFORM_API", "PIXEL_ROTATE", "PIXEL_AFFINE", "PIXEL_DRAWING", "SHARED_LIB"])
    .map((name) => `-DNCNN_${name}=OFF`),
];

/** What is asked of {@linkcode buildNcnn}. */
export interface NcnnRequest {
  source: NcnnSource;
  toolchain: Toolchain;
  /** Default: `core`. */
  layers?: LayerSet;
  progress: Progress;
  signal?: AbortSignal;
}

/** An installed libncnn. */
export interface NcnnInstall {
  /** Folder with `lib` and `include`. */
  folder: string;
  /** Cache key: stands for source, toolchain and options. */
  key: string;
  cached: boolean;
}

/**
 * Returns libncnn for the toolchain, built the first time.
 *
 * Throws `HarnessError`: `build-failed` with the compiler's last lines, `no-space`, `interrupted`.
 */
export async function buildNcnn(request: NcnnRequest): Promise<NcnnInstall> {
  const { source, toolchain, signal, progress } = request;
  const options = [
    ...FIXED_OPTIONS,
    ...toolchain.cmakeArgs,
    ...toolchain.ncnnArgs,
    `-DNCNN_VERSION=${source.ncnnVersion}`,
    "-DNCNN_BENCHMARK=OFF",
    ...await layerOptions(source.folder, request.layers ?? "core"),
  ];
  const { compiler } = toolchain;
  const key = await contentKey({ source: source.id, compiler, options, ...buildVariables() });
  const entry = await cached({
    kind: "ncnn",
    key,
    signal,
    onWait: () => progress.step("Waiting for another Posemark that builds the same libncnn"),
    onDamaged: (found) => progress.step(`The kept libncnn is damaged (${found}): made anew`).done(),
    make: async (folder) => {
      await requireWhole(source);
      await makeNcnn(folder, options, request);
    },
  });
  return { ...entry, key };
}

async function makeNcnn(folder: string, options: string[], request: NcnnRequest): Promise<void> {
  const { source, toolchain, signal } = request;
  const where = TARGET_PLACES[toolchain.target];
  const title = `Building libncnn for ${where}`;
  const isAll = request.layers === "all";
  const seconds = (toolchain.target === "host" ? 170 : 240) * (isAll ? 1.6 : 1);
  const step = request.progress.step(isAll ? `${title} with all layers` : title, seconds);
  const build = path.join(folder, "build");
  await runBuildCommand({
    purpose: `configure libncnn for ${where}`,
    command: "cmake",
    args: ["-G", toolchain.generator, "-S", source.folder, "-B", build]
      .concat([`-DCMAKE_INSTALL_PREFIX=${folder}`])
      .concat(options),
    signal,
  });
  requireOpenMp(await Deno.readTextFile(path.join(build, "CMakeCache.txt")), toolchain.compiler);
  await buildTargets({
    purpose: `build libncnn for ${where}`,
    build,
    targets: ["install"],
    generator: toolchain.generator,
    onFraction: (fraction) => step.update(fraction),
    signal,
  });
  await Deno.remove(build, { recursive: true });
  step.done();
}

/**
 * Throws `missing-tool` when CMake found no OpenMP for the compiler, by its cache: ncnn would be
 * built for one thread, whatever is asked for.
 */
export function requireOpenMp(cmakeCache: string, compiler: string): void {
  const flags = /^OpenMP_CXX_FLAGS:\w+=(.*)$/m.exec(cmakeCache)?.[1].trim();
  if (flags !== undefined && flags !== "" && !flags.endsWith("NOTFOUND")) return;
  throw new HarnessError(
    "missing-tool",
    `Cannot build ncnn with threads: ${compiler} has no OpenMP: get it by \`apt install g++\` (Debian, Ubuntu; clang: libomp-dev) or \`dnf install gcc-c++ libgomp\` (Fedora); on macOS by \`brew install libomp\`, and set OpenMP_ROOT to what \`brew --prefix libomp\` prints`,
  );
}

/** What is asked of {@linkcode buildTargets}. */
export interface BuildTargets {
  purpose: string;
  /** Configured build folder. */
  build: string;
  targets: string[];
  generator: string;
  onFraction?(fraction: number): void;
  signal?: AbortSignal;
}

/** Builds targets of a configured folder on all cores. Throws as `runBuildCommand`. */
export async function buildTargets(request: BuildTargets): Promise<void> {
  const jobs = String(Math.max(1, navigator.hardwareConcurrency));
  await runBuildCommand({
    purpose: request.purpose,
    command: request.generator === "Ninja" ? "ninja" : "make",
    args: ["-C", request.build, "-j", jobs, ...request.targets],
    signal: request.signal,
    onLine: (line) => {
      const fraction = buildFraction(line);
      if (fraction !== null) request.onFraction?.(fraction);
    },
  });
}

/** Returns `-DWITH_LAYER_x=ON|OFF` for every layer that the source knows. */
async function layerOptions(source: string, layers: LayerSet): Promise<string[]> {
  const known = knownLayers(await Deno.readTextFile(path.join(source, "src", "CMakeLists.txt")));
  if (!known.includes("Convolution")) {
    throw new HarnessError(
      "bad-option",
      `Cannot build ncnn from ${source}: found no list of layers in src/CMakeLists.txt, expected lines like ncnn_add_layer(Convolution)`,
    );
  }
  const isWanted = (layer: string) => layers === "all" || CORE_LAYER_TYPES.has(layer);
  return known.map((layer) =>
    `-DWITH_LAYER_${layer.toLowerCase()}=${isWanted(layer) ? "ON" : "OFF"}`
  );
}

/** Returns the layer types that the text of ncnn's `src/CMakeLists.txt` adds, in its order. */
export function knownLayers(cmakeLists: string): string[] {
  return [...cmakeLists.matchAll(/^\s*ncnn_add_layer\((\w+)/gm)].map((match) => match[1]);
}
