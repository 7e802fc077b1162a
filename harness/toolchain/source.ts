/**
 * ncnn's source: the pinned one, or a folder that the user names.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { pythonCommand } from "./python.ts";
import type { Progress } from "../progress.ts";
import { runBuildCommand } from "./build_command.ts";
import { cached } from "./cache.ts";
import { folderSha256, listFiles } from "./folder_hash.ts";
import { fileSha256 } from "../hash.ts";

/** The source package that carries the pinned ncnn under `src/ncnn`, on PyPI. */
export const PINNED_SDIST = {
  name: "sr-vulkan",
  version: "2.1.0",
  sha256: "02b8daa1c45b6ce33504ca390f5da2750622e33a5f35711c7f907d8ec339a645",
} as const;

/**
 * Date in the version that a build of the pinned source tells: the newest release that its README
 * names.
 */
const PINNED_DATE = "20260526";

/** Version of the unpacking: counted up when the files that are kept change. */
const LAYOUT = "2";

/** Version of the files that libraries and runners are built from: counted up when those change. */
const BUILD_INPUTS = "1";

/** ncnn's source on disk. */
export interface NcnnSource {
  /** Folder with ncnn's `CMakeLists.txt`. */
  folder: string;
  /** Stands for the content in cache keys. */
  id: string;
  /** Value for ncnn's `NCNN_VERSION`: a date, a dash and eight digits of the content's hash. */
  ncnnVersion: string;
}

/** What is asked of {@linkcode ncnnSource}. */
export interface SourceRequest {
  /** Another ncnn tree than the pinned one. */
  ncnnSource?: string;
  signal?: AbortSignal;
  progress: Progress;
}

/**
 * Returns ncnn's source, downloaded through pip and checked by its hash the first time.
 *
 * Throws `HarnessError`: `missing-tool` (no python3, no tar), `download-failed` (pip can't get it),
 * `hash-mismatch`, `bad-option` (the named folder holds no ncnn), `no-space`, `interrupted`.
 */
export async function ncnnSource(request: SourceRequest): Promise<NcnnSource> {
  if (request.ncnnSource !== undefined) return await namedSource(request.ncnnSource);
  const { sha256, name, version } = PINNED_SDIST;
  const { folder } = await cached({
    kind: "ncnn-source",
    key: `${name}-${version}-${sha256.slice(0, 16)}-${LAYOUT}`,
    signal: request.signal,
    onWait: () => request.progress.step("Waiting for another Posemark that gets ncnn's source"),
    make: (folder) => unpackPinned(folder, request),
  });
  return {
    folder: path.join(folder, "ncnn"),
    id: `${sha256}-${BUILD_INPUTS}`,
    ncnnVersion: `${PINNED_DATE}-${sha256.slice(0, 8)}`,
  };
}

/** Returns whether a file of ncnn's tree can change what is built here. */
export function isBuildInput(relative: string): boolean {
  if (/(^|\/)\.git($|\/)/.test(relative)) return false;
  if (relative.startsWith("src/layer/vulkan")) return false;
  return ["CMakeLists.txt", "cmake", "src", "benchmark", "tools", "toolchains"].some((top) =>
    relative === top || relative.startsWith(`${top}/`)
  );
}

async function namedSource(named: string): Promise<NcnnSource> {
  const folder = path.resolve(named);
  for (const file of ["CMakeLists.txt", "src/net.cpp", "benchmark/benchncnn.cpp"]) {
    try {
      await Deno.stat(path.join(folder, file));
    } catch (cause) {
      throw new HarnessError(
        "bad-option",
        `Cannot use "${named}" as ncnn's source: found no ${file} in it, expected a checkout of ncnn: name its top folder`,
        { cause },
      );
    }
  }
  const hash = await folderSha256(folder, isBuildInput);
  return { folder, id: hash, ncnnVersion: `0-${hash.slice(0, 8)}` };
}

async function unpackPinned(folder: string, request: SourceRequest): Promise<void> {
  const { name, version, sha256 } = PINNED_SDIST;
  const { signal } = request;
  const step = request.progress.step(`Getting ncnn's source (${name} ${version}, 37 MB)`, 45);
  const download = path.join(folder, "download");
  await Deno.mkdir(download);
  const archive = await downloadSdist(download, signal);
  const found = await fileSha256(archive);
  if (found !== sha256) {
    throw new HarnessError(
      "hash-mismatch",
      `Cannot use ${
        path.basename(archive)
      }: its SHA-256 is ${found}, expected ${sha256}: the package index gave another file than the pinned one`,
    );
  }
  step.update(0.7, "unpacking");
  await extract(archive, folder, signal);
  await Deno.remove(download, { recursive: true });
  step.update(0.9, "line ends");
  await toUnixLineEnds(path.join(folder, "ncnn"));
  step.done();
}

async function downloadSdist(folder: string, signal?: AbortSignal): Promise<string> {
  const { name, version } = PINNED_SDIST;
  try {
    await runBuildCommand({
      purpose: `get ${name} ${version} with pip`,
      command: pythonCommand(),
      args: ["-m", "pip", "download", "--no-deps", "--no-binary", name, `${name}==${version}`]
        .concat(["--disable-pip-version-check", "--no-input", "--dest", folder]),
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "build-failed") throw cause;
    throw new HarnessError(
      "download-failed",
      `Cannot get ncnn's source (${name} ${version}) with pip: see its last lines below: check the network or pip's index, and that python3 has pip (\`python3 -m ensurepip\`)`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
  const file = [...Deno.readDirSync(folder)].find((entry) => entry.name.endsWith(".tar.gz"));
  if (file === undefined) {
    throw new HarnessError(
      "download-failed",
      `Cannot get ncnn's source: pip left no .tar.gz in ${folder}: run the command again`,
    );
  }
  return path.join(folder, file.name);
}

/** Unpacks `src/ncnn` of the archive to `folder/ncnn`, without what no build here reads. */
async function extract(archive: string, folder: string, signal?: AbortSignal): Promise<void> {
  const top = `${PINNED_SDIST.name}-${PINNED_SDIST.version}`;
  const wanted = ["CMakeLists.txt", "LICENSE.txt", "cmake", "src", "benchmark", "toolchains"]
    .concat(["tools/modelwriter.h", "tools/ncnnoptimize.cpp", "tools/onnx", "tools/quantize"])
    // included by tools/modelwriter.h
    .concat(["tests/prng.h"]);
  await runBuildCommand({
    purpose: "unpack ncnn's source",
    command: "tar",
    args: ["-xzf", archive, "-C", folder, "--strip-components", "2"]
      .concat([`--exclude=${top}/src/ncnn/src/layer/vulkan`])
      .concat(wanted.map((name) => `${top}/src/ncnn/${name}`)),
    signal,
  });
}

/**
 * Turns the package's CRLF into LF: with CRLF, generated sources and continued lines break on some
 * tools.
 */
async function toUnixLineEnds(folder: string): Promise<void> {
  for (const name of await listFiles(folder)) {
    const file = path.join(folder, name);
    const bytes = await Deno.readFile(file);
    if (!bytes.includes(13) || bytes.includes(0)) continue;
    await Deno.writeFile(file, withoutCarriageReturns(bytes));
  }
}

/** Returns the bytes with every CR before an LF left out. */
export function withoutCarriageReturns(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, i) => byte !== 13 || bytes[i + 1] !== 10);
}
