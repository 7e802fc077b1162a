/**
 * The runner's sources and libncnn → `posemark-runner` and `benchncnn` for a target.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import type { Progress, ProgressStep } from "../progress.ts";
import { runBuildCommand } from "./build_command.ts";
import { cached, contentKey } from "./cache.ts";
import { requireStartable } from "./elf.ts";
import { folderSha256 } from "./folder_hash.ts";
import { fileSha256 } from "../hash.ts";
import type { LayerSet } from "./layer_types.ts";
import { buildNcnn, buildTargets, type NcnnInstall } from "./ncnn.ts";
import { type NcnnSource, ncnnSource, requireWhole } from "./source.ts";
import type { Target } from "../record/device.ts";
import { buildVariables, findToolchain, TARGET_PLACES, type Toolchain } from "./toolchain.ts";

/**
 * Kinds of build. `release` gives the headline figures. `test` has the switches that inject
 * slow-downs and defects. `sanitize` has the address and undefined-behaviour sanitizers in the
 * runner's own objects (libncnn is the ordinary one) and the test switches. `profile` prints the
 * time of every layer.
 */
export const BUILD_KINDS = ["release", "test", "sanitize", "profile"] as const;
/** See {@linkcode BUILD_KINDS}. */
export type BuildKind = typeof BUILD_KINDS[number];

/** What is asked of {@linkcode buildRunner}. */
export interface RunnerRequest {
  target: Target;
  /**
   * CPU features of the board that it is for; absent: chosen there at run time. Used for
   * `x86_64-linux` alone.
   */
  cpuFeatures?: readonly string[];
  /** Default: `release`. */
  kind?: BuildKind;
  /** Layers of ncnn in the runner; default: `core`. */
  layers?: LayerSet;
  /** Another ncnn source tree than the pinned one. */
  ncnnSource?: string;
  progress: Progress;
  signal?: AbortSignal;
}

/** The programs for a target. */
export interface BuiltRunner {
  /** Path of `posemark-runner`. */
  runner: string;
  /** Path of `benchncnn`, see runner-cpp/benchncnn.cmake; null where ncnn's source has none. */
  benchncnn: string | null;
  /** Path of the unit tests; null but for the kinds `test` and `sanitize` on the host. */
  unitTests: string | null;
  /** As ncnn tells it, with eight digits of its source's hash. */
  ncnnVersion: string;
  sha256: { runner: string };
  cacheKey: string;
  /** True when nothing was built. */
  cached: boolean;
}

/** Folder of the runner's sources. */
const RUNNER_SOURCES = path.join(import.meta.dirname!, "..", "..", "runner-cpp");

/**
 * Returns runner and benchncnn for the target, built from source the first time and from the cache
 * afterwards.
 *
 * Throws `HarnessError`: `missing-tool`, `download-failed`, `hash-mismatch`, `build-failed`,
 * `no-space`, `interrupted`, `bad-option` (the named source is no ncnn), `device-unsuitable` (the
 * built program could not start on a phone or board).
 */
export async function buildRunner(request: RunnerRequest): Promise<BuiltRunner> {
  const { progress, signal } = request;
  const kind = request.kind ?? "release";
  const toolchain = await findToolchain(request.target, signal, request.cpuFeatures);
  const source = await ncnnSource(request);
  const { layers } = request;
  const ncnn = await buildNcnn({ source, toolchain, layers, progress, signal });
  const sources = await runnerSourcesSha256();
  const key = await contentKey({
    ncnn: ncnn.key,
    kind,
    runnerArgs: [...toolchain.runnerArgs, ...flagArgs(kind)],
    runner: sources,
    ...buildVariables(),
  });
  const entry = await cached({
    kind: "runner",
    key,
    signal,
    onWait: () => progress.step("Waiting for another Posemark that builds the same runner"),
    onDamaged: (found) => progress.step(`The kept runner is damaged (${found}): made anew`).done(),
    make: async (folder) => {
      await requireWhole(source);
      await makeRunner(folder, { source, toolchain, ncnn, kind, progress, signal });
      await requireUnchanged(sources);
    },
  });
  const runner = path.join(entry.folder, "posemark-runner");
  const benchncnn = await hasBenchncnn(source) ? path.join(entry.folder, "benchncnn") : null;
  const unitTests = path.join(entry.folder, "posemark-tests");
  return {
    runner,
    benchncnn,
    unitTests: hasUnitTests(toolchain, kind) ? unitTests : null,
    ncnnVersion: `1.0.${source.ncnnVersion}`,
    sha256: { runner: await fileSha256(runner) },
    cacheKey: key,
    cached: entry.cached && ncnn.cached,
  };
}

/** Returns whether the tree has benchncnn: ncnn's own packages hold the library only. */
async function hasBenchncnn({ folder }: NcnnSource): Promise<boolean> {
  return await isFile(path.join(folder, "benchmark", "benchncnn.cpp"));
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await Deno.stat(file)).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}

async function runnerSourcesSha256(): Promise<string> {
  return await folderSha256(RUNNER_SOURCES, (name) => !name.endsWith(".md") && name !== "fuzz");
}

/** Throws when the sources are no longer those that the cache key stands for. */
async function requireUnchanged(sources: string): Promise<void> {
  if (await runnerSourcesSha256() === sources) return;
  throw new HarnessError(
    "build-failed",
    `Cannot keep the runner that was built: the files in ${RUNNER_SOURCES} changed meanwhile: run again`,
  );
}

interface MakeRunner {
  source: NcnnSource;
  toolchain: Toolchain;
  ncnn: NcnnInstall;
  kind: BuildKind;
  progress: Progress;
  signal?: AbortSignal;
}

function hasUnitTests(toolchain: Toolchain, kind: BuildKind): boolean {
  return toolchain.target === "host" && (kind === "test" || kind === "sanitize");
}

/** The sanitizers' checks take the optimizer long: less of it costs nothing here. */
function flagArgs(kind: BuildKind): string[] {
  return kind === "sanitize" ? ["-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG"] : [];
}

function kindArgs(toolchain: Toolchain, kind: BuildKind): string[] {
  const onOff = (value: boolean) => (value ? "ON" : "OFF");
  return [
    `-DPOSEMARK_TEST_BUILD=${onOff(kind === "test" || kind === "sanitize")}`,
    `-DPOSEMARK_SANITIZE=${onOff(kind === "sanitize")}`,
    `-DPOSEMARK_LAYER_TIMES=${onOff(kind === "profile")}`,
    `-DPOSEMARK_TESTS=${onOff(hasUnitTests(toolchain, kind))}`,
  ];
}

async function makeRunner(folder: string, make: MakeRunner): Promise<void> {
  const { toolchain, kind } = make;
  const where = TARGET_PLACES[toolchain.target];
  const step = make.progress.step(
    `Building the runner${kind === "release" ? "" : ` (${kind})`} for ${where}`,
    25,
  );
  const programs: [string, string][] = [["posemark-runner", "posemark-runner"]];
  if (await hasBenchncnn(make.source)) programs.push(["benchncnn", "benchmark/benchncnn"]);
  if (hasUnitTests(toolchain, kind)) programs.push(["posemark-tests", "tests/posemark-tests"]);
  const args = [`-DPOSEMARK_NCNN_SOURCE=${make.source.folder}`]
    .concat([...kindArgs(toolchain, kind), ...flagArgs(kind)]);
  await makePrograms(folder, { ...make, args, programs, step });
}

interface MakePrograms {
  toolchain: Toolchain;
  ncnn: NcnnInstall;
  /** Further arguments of CMake's configuration. */
  args: string[];
  /** Targets, each with its file in the build folder. */
  programs: [target: string, file: string][];
  step: ProgressStep;
  signal?: AbortSignal;
}

/** Builds targets of the runner's sources and leaves their programs in the folder. */
async function makePrograms(folder: string, make: MakePrograms): Promise<void> {
  const { toolchain, programs, step, signal } = make;
  const where = TARGET_PLACES[toolchain.target];
  const build = path.join(folder, "build");
  await runBuildCommand({
    purpose: `configure the runner for ${where}`,
    command: "cmake",
    args: ["-G", toolchain.generator, "-S", RUNNER_SOURCES, "-B", build]
      .concat(["-DCMAKE_BUILD_TYPE=Release", ...toolchain.cmakeArgs, ...toolchain.runnerArgs])
      .concat([`-Dncnn_DIR=${path.join(make.ncnn.folder, "lib", "cmake", "ncnn")}`, ...make.args]),
    signal,
  });
  await buildTargets({
    purpose: `build the runner for ${where}`,
    build,
    targets: programs.map(([target]) => target),
    generator: toolchain.generator,
    onFraction: (fraction) => step.update(fraction),
    signal,
  });
  for (const [name, file] of programs) {
    if (toolchain.target !== "host") {
      requireStartable(await Deno.readFile(path.join(build, file)), name, toolchain.target);
    }
    await Deno.rename(path.join(build, file), path.join(folder, name));
  }
  await Deno.remove(build, { recursive: true });
  step.done();
}

/** Programs for developers, in `runner-cpp/tests`: what they ask of CMake. */
const DEVELOPER_PROGRAMS = {
  /** The unit tests, which have the plain forms of what is fast. */
  "posemark-tests": ["-DPOSEMARK_TEST_BUILD=ON"],
  /** Times of the letterbox beside ncnn's calls. */
  "letterbox-times": [],
} satisfies Record<string, string[]>;

/**
 * Returns the path of a program for developers, built for the target the first time. Throws as
 * {@linkcode buildRunner}.
 */
export async function buildDeveloperProgram(
  request: Pick<RunnerRequest, "target" | "progress" | "signal"> & {
    program: keyof typeof DEVELOPER_PROGRAMS;
  },
): Promise<string> {
  const { program, target, progress, signal } = request;
  const toolchain = await findToolchain(target, signal);
  const source = await ncnnSource(request);
  const ncnn = await buildNcnn({ source, toolchain, progress, signal });
  const sources = await runnerSourcesSha256();
  const args = ["-DPOSEMARK_TESTS=ON", ...DEVELOPER_PROGRAMS[program]];
  const options = [...toolchain.runnerArgs, ...args];
  const { folder } = await cached({
    kind: "runner",
    key: await contentKey({
      ...{ ncnn: ncnn.key, kind: program, options, runner: sources },
      ...buildVariables(),
    }),
    signal,
    onWait: () => progress.step(`Waiting for another Posemark that builds ${program}`),
    make: async (folder) => {
      const step = progress.step(`Building ${program} for ${TARGET_PLACES[target]}`, 25);
      const programs: [string, string][] = [[program, `tests/${program}`]];
      await makePrograms(folder, { toolchain, ncnn, args, programs, step, signal });
      await requireUnchanged(sources);
    },
  });
  return path.join(folder, program);
}

/**
 * Runs the unit tests of a build and returns what they printed. Throws `HarnessError`
 * `build-failed` when one fails, or when the build has none.
 */
export async function runUnitTests(built: BuiltRunner, signal?: AbortSignal): Promise<string> {
  if (built.unitTests === null) {
    throw new HarnessError(
      "build-failed",
      "Cannot run the runner's unit tests: this build has none: build the kind test or sanitize for the host",
    );
  }
  return await runBuildCommand({
    purpose: "pass the runner's unit tests",
    command: built.unitTests,
    args: [],
    signal,
  });
}
