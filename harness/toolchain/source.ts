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
import { NCNN_VERSIONS, type NcnnPackage, PINNED_NCNN } from "./ncnn_versions.ts";

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
  /** Another ncnn than the pinned one: a tree's folder, or a version of `NCNN_VERSIONS`. */
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
  const { ncnnSource: named } = request;
  if (named === undefined) return await packagedSource(PINNED_NCNN, request);
  const version = Object.hasOwn(NCNN_VERSIONS, named) ? named : null;
  return version === null ? await namedSource(named) : await packagedSource(version, request);
}

/** Throws `bad-option` when it is neither a known version nor the folder of an ncnn tree. */
export async function requireNcnn(named: string): Promise<void> {
  if (!Object.hasOwn(NCNN_VERSIONS, named)) await requireTree(named);
}

async function packagedSource(version: string, request: SourceRequest): Promise<NcnnSource> {
  const from = NCNN_VERSIONS[version];
  const { sha256, name, version: packageVersion } = from;
  const { folder } = await cached({
    kind: "ncnn-source",
    key: `${name}-${packageVersion}-${sha256.slice(0, 16)}-${LAYOUT}`,
    signal: request.signal,
    onWait: () => request.progress.step("Waiting for another Posemark that gets ncnn's source"),
    make: (folder) => unpackPackage(folder, from, request),
  });
  return {
    folder: path.join(folder, "ncnn"),
    id: `${sha256}-${BUILD_INPUTS}`,
    ncnnVersion: `${version}-${sha256.slice(0, 8)}`,
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
  await requireTree(named);
  const folder = path.resolve(named);
  const hash = await folderSha256(folder, isBuildInput);
  return { folder, id: hash, ncnnVersion: `0-${hash.slice(0, 8)}` };
}

async function requireTree(named: string): Promise<void> {
  const folder = path.resolve(named);
  for (const file of ["CMakeLists.txt", "src/net.cpp"]) {
    try {
      await Deno.stat(path.join(folder, file));
    } catch (cause) {
      throw new HarnessError(
        "bad-option",
        `Cannot use "${named}" as ncnn's source: found no ${file} in it, expected a checkout of ncnn: name its top folder, or one of the versions that a package index has (${
          Object.keys(NCNN_VERSIONS).join(", ")
        })`,
        { cause },
      );
    }
  }
}

async function unpackPackage(
  folder: string,
  from: NcnnPackage,
  request: SourceRequest,
): Promise<void> {
  const { signal } = request;
  const { name, version, megabytes } = from;
  const step = request.progress.step(
    `Getting ncnn's source (${name} ${version}, ${megabytes} MB)`,
    45,
  );
  const download = path.join(folder, "download");
  await Deno.mkdir(download);
  const archive = await downloadSdist(download, from, signal);
  const found = await fileSha256(archive);
  if (found !== from.sha256) {
    throw new HarnessError(
      "hash-mismatch",
      `Cannot use ${
        path.basename(archive)
      }: its SHA-256 is ${found}, expected ${from.sha256}: the package index gave another file than the pinned one`,
    );
  }
  step.update(0.7, "unpacking");
  await extract(archive, folder, from, signal);
  await Deno.remove(download, { recursive: true });
  step.update(0.9, "line ends");
  await toUnixLineEnds(path.join(folder, "ncnn"));
  step.done();
}

async function downloadSdist(
  folder: string,
  from: NcnnPackage,
  signal?: AbortSignal,
): Promise<string> {
  const { name, version } = from;
  try {
    const wanted = from.versionIsBuildDate ? await linkOf(from, signal) : `${name}==${version}`;
    await runBuildCommand({
      purpose: `get ${name} ${version} with pip`,
      command: pythonCommand(),
      args: ["-m", "pip", "download", "--no-deps", "--no-binary", name, wanted]
        .concat(["--disable-pip-version-check", "--no-input", "--dest", folder]),
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "build-failed") throw cause;
    throw downloadFailed(from, cause);
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

function downloadFailed({ name, version }: NcnnPackage, cause: HarnessError): HarnessError {
  return new HarnessError(
    "download-failed",
    `Cannot get ncnn's source (${name} ${version}) with pip: see its last lines below: check the network or pip's index, and that python3 has pip (\`python3 -m ensurepip\`)`,
    { cause, stderrTail: cause.stderrTail },
  );
}

/**
 * Returns the address that pip's index has for the archive. Asked for by its version, pip refuses
 * an archive whose build calls itself after the day on which it is built.
 */
async function linkOf(from: NcnnPackage, signal?: AbortSignal): Promise<string> {
  const { name, version } = from;
  const told = await runBuildCommand({
    purpose: `find ${name} ${version} with pip`,
    command: pythonCommand(),
    args: ["-m", "pip", "index", "versions", name, "-vvv", "--no-input"],
    signal,
  });
  const link = sdistLink(told, name, version);
  if (link !== null) return link;
  throw new HarnessError(
    "download-failed",
    `Cannot get ncnn's source: pip's index has no ${name}-${version}.tar.gz: check PIP_INDEX_URL, or give a checkout's folder`,
  );
}

/** Returns the address of a source package in what `pip index versions -vvv` prints, or null. */
export function sdistLink(told: string, name: string, version: string): string | null {
  const file = `/${name}-${version}.tar.gz`;
  const links = told.match(/[a-z]+:\/\/[^\s#)]+/g) ?? [];
  return links.find((link) => link.endsWith(file)) ?? null;
}

/** Unpacks ncnn's tree of the archive to `folder/ncnn`, without what no build here reads. */
async function extract(
  archive: string,
  folder: string,
  from: NcnnPackage,
  signal?: AbortSignal,
): Promise<void> {
  const tree = [`${from.name}-${from.version}`, from.folder].filter((part) => part !== "").join(
    "/",
  );
  const target = path.join(folder, "ncnn");
  await Deno.mkdir(target);
  await runBuildCommand({
    purpose: "unpack ncnn's source",
    command: "tar",
    args: ["-xzf", archive, "-C", target]
      .concat(["--strip-components", String(tree.split("/").length)])
      .concat([`--exclude=${tree}/src/layer/vulkan`])
      .concat(from.parts.map((name) => `${tree}/${name}`)),
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
