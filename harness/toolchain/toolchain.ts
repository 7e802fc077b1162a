/**
 * The compilers: this machine's, and those for phones and boards.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import type { Target } from "../record/device.ts";
import { runBuildCommand } from "./build_command.ts";
import { boardCpuOptions, hostCpuOptions } from "./host_cpu.ts";

/** Where a program of each target runs, for messages. */
export const TARGET_PLACES: Record<Target, string> = {
  host: "this machine",
  "aarch64-android": "64-bit ARM phones",
  "aarch64-linux": "64-bit ARM boards",
  "x86_64-linux": "x86-64 boards",
};

/** What it takes to build for a target. */
export interface Toolchain {
  target: Target;
  /** The compiler with its version, for people and for cache keys. */
  compiler: string;
  /** `Ninja` or `Unix Makefiles`. */
  generator: string;
  /** Arguments for every CMake configuration. */
  cmakeArgs: string[];
  /** Arguments for ncnn's configuration: which CPU extensions. */
  ncnnArgs: string[];
  /** Arguments for the runner's configuration: how it is linked. */
  runnerArgs: string[];
}

/** Variables by which the caller changes what a compiler or CMake does. */
const BUILD_VARIABLES = [
  ...["CC", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "CPATH", "LIBRARY_PATH", "SDKROOT"],
  ...["C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "MACOSX_DEPLOYMENT_TARGET", "OpenMP_ROOT"],
  ...["CMAKE_PREFIX_PATH", "CMAKE_TOOLCHAIN_FILE", "CMAKE_INCLUDE_PATH", "CMAKE_LIBRARY_PATH"],
  ...["GCC_EXEC_PREFIX", "COMPILER_PATH", "ARCHFLAGS"],
];

/**
 * Returns what the caller's variables add to the key of a build: nothing where none is set, so that
 * the keys of before hold.
 */
export function buildVariables(
  getEnv: (name: string) => string | undefined = (name) => Deno.env.get(name),
): { variables?: string[] } {
  const variables = BUILD_VARIABLES.flatMap((name) => {
    const value = getEnv(name);
    return value ? [`${name}=${value}`] : [];
  });
  return variables.length === 0 ? {} : { variables };
}

/** Page size that phones from 2025 on may have: every loadable segment must be aligned to it. */
export const MAX_PAGE_BYTES = 16384;

/** Oldest Android API that the NDK build runs on. */
const ANDROID_API = 24;

/** Prefix of GCC's cross compiler for 64-bit ARM. */
const CROSS_PREFIX = "aarch64-linux-gnu-";
/** Prefix of GCC's compiler for x86-64, on machines that are none. */
const X86_PREFIX = "x86_64-linux-gnu-";

/**
 * Returns the toolchain for the target: `CXX` or `c++` for the host; for a phone the Android NDK
 * when `ANDROID_NDK_HOME` is set; else `aarch64-linux-gnu-g++`, linked statically, since a phone
 * has no glibc and a board may have an older one, or musl.
 *
 * @param cpuFeatures of the board, as `/proc/cpuinfo` names them; absent: chosen there at run time.
 * Used for `x86_64-linux` alone
 *
 * Throws `HarnessError` `missing-tool` that says how to get what is missing.
 */
export async function findToolchain(
  target: Target,
  signal?: AbortSignal,
  cpuFeatures?: readonly string[],
): Promise<Toolchain> {
  await requireTool("cmake", "build ncnn", signal);
  const generator = await findGenerator(signal);
  if (target === "host") return await hostToolchain(generator, signal);
  if (target === "x86_64-linux") return await x86Toolchain(generator, signal, cpuFeatures);
  const ndk = target === "aarch64-android" ? Deno.env.get("ANDROID_NDK_HOME") : undefined;
  if (ndk) return await ndkToolchain(ndk, generator);
  return { ...await crossToolchain(generator, signal), target };
}

async function hostToolchain(generator: string, signal?: AbortSignal): Promise<Toolchain> {
  const cxx = Deno.env.get("CXX") || "c++";
  const compiler = await requireTool(cxx, "build for this machine", signal);
  return {
    target: "host",
    compiler,
    generator,
    cmakeArgs: [`-DCMAKE_CXX_COMPILER=${cxx}`],
    ncnnArgs: await hostCpuOptions(),
    runnerArgs: [],
  };
}

/** An x86-64 board's: this machine's own compiler where it is one, statically linked. */
async function x86Toolchain(
  generator: string,
  signal?: AbortSignal,
  cpuFeatures?: readonly string[],
): Promise<Toolchain> {
  const isNative = Deno.build.arch === "x86_64" && Deno.build.os === "linux";
  const cxx = isNative ? Deno.env.get("CXX") || "c++" : `${X86_PREFIX}g++`;
  const compiler = await requireTool(cxx, "build for an x86-64 board", signal);
  return {
    target: "x86_64-linux",
    compiler,
    generator,
    cmakeArgs: isNative ? [`-DCMAKE_CXX_COMPILER=${cxx}`] : [
      "-DCMAKE_SYSTEM_NAME=Linux",
      "-DCMAKE_SYSTEM_PROCESSOR=x86_64",
      `-DCMAKE_C_COMPILER=${X86_PREFIX}gcc`,
      `-DCMAKE_CXX_COMPILER=${cxx}`,
    ],
    ncnnArgs: boardCpuOptions(cpuFeatures),
    runnerArgs: ["-DPOSEMARK_STATIC=ON", await staticOpenMp(cxx, signal)],
  };
}

/**
 * Returns the argument that names the compiler's static OpenMP library: CMake would find the shared
 * one, which a static binary can't take.
 */
async function staticOpenMp(cxx: string, signal?: AbortSignal): Promise<string> {
  const openMp = await runBuildCommand({
    purpose: "find the static OpenMP library",
    command: cxx,
    args: ["-print-file-name=libgomp.a"],
    signal,
  });
  return `-DOpenMP_gomp_LIBRARY=${openMp.trim()}`;
}

async function ndkToolchain(named: string, generator: string): Promise<Toolchain> {
  // CMake runs elsewhere
  const ndk = path.resolve(named);
  const file = path.join(ndk, "build", "cmake", "android.toolchain.cmake");
  const properties = path.join(ndk, "source.properties");
  let revision: string | undefined;
  try {
    await Deno.stat(file);
    revision = /Pkg\.Revision\s*=\s*(\S+)/.exec(await Deno.readTextFile(properties))?.[1];
  } catch (cause) {
    throw new HarnessError(
      "missing-tool",
      `Cannot use the Android NDK at ANDROID_NDK_HOME=${ndk}: found no ${path.basename(file)} or ` +
        `source.properties in it: point it to the NDK's top folder, or unset it to use ${CROSS_PREFIX}g++`,
      { cause },
    );
  }
  return {
    target: "aarch64-android",
    compiler: `Android NDK ${revision ?? "of unknown revision"}`,
    generator,
    cmakeArgs: [
      `-DCMAKE_TOOLCHAIN_FILE=${file}`,
      "-DANDROID_ABI=arm64-v8a",
      `-DANDROID_PLATFORM=android-${ANDROID_API}`,
      "-DANDROID_STL=c++_static",
      "-DANDROID_SUPPORT_FLEXIBLE_PAGE_SIZES=ON",
    ],
    ncnnArgs: ARM64_NCNN_ARGS,
    runnerArgs: [`-DPOSEMARK_PAGE_SIZE=${MAX_PAGE_BYTES}`],
  };
}

async function crossToolchain(
  generator: string,
  signal?: AbortSignal,
): Promise<Omit<Toolchain, "target">> {
  const compiler = await requireTool(`${CROSS_PREFIX}g++`, "build for a phone", signal);
  return {
    compiler,
    generator,
    cmakeArgs: [
      "-DCMAKE_SYSTEM_NAME=Linux",
      "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
      `-DCMAKE_C_COMPILER=${CROSS_PREFIX}gcc`,
      `-DCMAKE_CXX_COMPILER=${CROSS_PREFIX}g++`,
    ],
    ncnnArgs: ARM64_NCNN_ARGS,
    runnerArgs: [
      "-DPOSEMARK_STATIC=ON",
      `-DPOSEMARK_PAGE_SIZE=${MAX_PAGE_BYTES}`,
      await staticOpenMp(`${CROSS_PREFIX}g++`, signal),
    ],
  };
}

/**
 * Every extension is compiled in and chosen at run time: the phone is not known when this is built.
 */
const ARM64_NCNN_ARGS = [
  "-DNCNN_RUNTIME_CPU=ON",
  ...["VFPV4", "ARM82", "ARM82DOT", "ARM82FP16FML", "ARM84BF16", "ARM84I8MM"]
    .concat(["ARM86SVE", "ARM86SVE2", "ARM86SVEBF16", "ARM86SVEI8MM", "ARM86SVEF32MM"])
    .map((name) => `-DNCNN_${name}=ON`),
];

async function findGenerator(signal?: AbortSignal): Promise<string> {
  if (await toolVersion("ninja", signal) !== null) return "Ninja";
  if (await toolVersion("make", signal) !== null) return "Unix Makefiles";
  throw missingTool("ninja or make", "build ncnn");
}

/**
 * Returns the first line that `<tool> --version` prints; null when the tool can't be started or
 * fails.
 */
export async function toolVersion(tool: string, signal?: AbortSignal): Promise<string | null> {
  try {
    const output = await runBuildCommand({
      purpose: `ask ${tool} for its version`,
      command: tool,
      args: ["--version"],
      signal,
    });
    return output.split("\n").find((line) => line.trim() !== "")?.trim() ?? "";
  } catch (error) {
    if (error instanceof HarnessError && error.code !== "interrupted") return null;
    throw error;
  }
}

async function requireTool(tool: string, purpose: string, signal?: AbortSignal): Promise<string> {
  const version = await toolVersion(tool, signal);
  if (version === null) throw missingTool(tool, purpose);
  return version;
}

/** Packages that bring a tool, by the system's way to install them. */
const PACKAGES: Record<string, string> = {
  "cmake":
    "`apt install cmake` (Debian, Ubuntu), `dnf install cmake` (Fedora), `brew install cmake` (macOS)",
  "ninja or make":
    "`apt install ninja-build` (Debian, Ubuntu), `dnf install ninja-build` (Fedora), `brew install ninja` (macOS)",
  [`${CROSS_PREFIX}g++`]:
    "`apt install g++-aarch64-linux-gnu` (Debian, Ubuntu), or install the Android NDK and set ANDROID_NDK_HOME",
  [`${X86_PREFIX}g++`]: "`apt install g++-x86-64-linux-gnu` (Debian, Ubuntu)",
};

const COMPILER_PACKAGES =
  "`apt install g++` (Debian, Ubuntu), `dnf install gcc-c++` (Fedora), `xcode-select --install` (macOS)";

function missingTool(tool: string, purpose: string): HarnessError {
  return new HarnessError(
    "missing-tool",
    `Cannot ${purpose}: found no ${tool}: get it by ${
      PACKAGES[tool] ?? COMPILER_PACKAGES
    }; \`deno task doctor\` lists all that is needed`,
  );
}
