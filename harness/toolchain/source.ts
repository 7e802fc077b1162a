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
import { damageOf } from "./seal.ts";
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
  /** True when it was unpacked by Posemark. */
  isPackaged: boolean;
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
    isChecked: false,
    onWait: () => request.progress.step("Waiting for another Posemark that gets ncnn's source"),
    make: (folder) => unpackPackage(folder, from, request),
  });
  return {
    folder: path.join(folder, "ncnn"),
    id: `${sha256}-${BUILD_INPUTS}`,
    ncnnVersion: `${version}-${sha256.slice(0, 8)}`,
    isPackaged: true,
  };
}

/**
 * Throws `hash-mismatch` when files of the packaged tree were changed since it was unpacked: what
 * is built of it would be filed under the unchanged one. A tree that the user named has its content
 * in the keys.
 */
export async function requireWhole(source: NcnnSource): Promise<void> {
  if (!source.isPackaged) return;
  const entry = path.dirname(source.folder);
  const found = await damageOf(entry);
  if (found === null) return;
  throw new HarnessError(
    "hash-mismatch",
    `Cannot build from ncnn's source in ${entry}: ${found} since it was unpacked. Remove the folder, and it is fetched anew; to build changed sources, copy the tree and name the copy by --ncnn-source`,
  );
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
  return { folder, id: hash, ncnnVersion: `0-${hash.slice(0, 8)}`, isPackaged: false };
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
  try {
    await fetchSdist(folder, from, signal);
  } catch (cause) {
    if (
      !(cause instanceof HarnessError) || !["build-failed", "download-failed"].includes(cause.code)
    ) {
      throw cause;
    }
    // pip refuses its own archive whose build calls itself after the day
    if (from.versionIsBuildDate) throw downloadFailed(from, cause);
    await pipDownload(folder, from, signal).catch((cause) => {
      throw cause instanceof HarnessError && cause.code === "build-failed"
        ? downloadFailed(from, cause)
        : cause;
    });
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

/**
 * Fetches the archive as a file. pip would run its set-up to learn its name, and what that asks for
 * beside it.
 */
async function fetchSdist(folder: string, from: NcnnPackage, signal?: AbortSignal): Promise<void> {
  await runBuildCommand({
    purpose: `get ${from.name} ${from.version}`,
    command: pythonCommand(),
    args: ["-c", FETCH_SCRIPT, await linkOf(from, signal), folder],
    signal,
  });
}

/**
 * Lets pip fetch the archive where only pip can (an old one without `index`, an index that is set
 * in its own files): it looks at the hash before it runs anything.
 */
async function pipDownload(folder: string, from: NcnnPackage, signal?: AbortSignal): Promise<void> {
  const wanted = path.join(folder, "wanted.txt");
  await Deno.writeTextFile(wanted, `${from.name}==${from.version} --hash=sha256:${from.sha256}\n`);
  await runBuildCommand({
    purpose: `get ${from.name} ${from.version} with pip`,
    command: pythonCommand(),
    args: ["-m", "pip", "download", "--no-deps", "--no-binary", from.name, "--require-hashes"]
      .concat(["-r", wanted, "--disable-pip-version-check", "--no-input", "--dest", folder]),
    signal,
  });
}

function downloadFailed({ name, version }: NcnnPackage, cause: HarnessError): HarnessError {
  return new HarnessError(
    "download-failed",
    `Cannot get ncnn's source (${name} ${version}) with pip: see its last lines below: check the network or pip's index, and that python3 has pip (\`python3 -m ensurepip\`)`,
    { cause, stderrTail: cause.stderrTail },
  );
}

/**
 * Fetches an address to a folder, by Python's own means: proxies and certificates as its variables
 * say, and the password of pip's index where the address is on its host.
 */
const FETCH_SCRIPT = `
import base64, os, sys, urllib.parse, urllib.request
url, folder = sys.argv[1:]
parts = urllib.parse.urlsplit(url.split("#")[0])
plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
request = urllib.request.Request(plain, headers={"User-Agent": "posemark"})
index = urllib.parse.urlsplit(os.environ.get("PIP_INDEX_URL", ""))
if index.password and index.hostname == parts.hostname:
    secret = urllib.parse.unquote(index.username or "") + ":" + urllib.parse.unquote(index.password)
    request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
name = os.path.basename(parts.path)
with urllib.request.urlopen(request, timeout=60) as answer, open(os.path.join(folder, name), "wb") as file:
    while True:
        part = answer.read(1 << 20)
        if not part:
            break
        file.write(part)
`;

/** Returns the address that pip's index has for the archive; nothing of it is run. */
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
  // an index may write a name with any of the three (PEP 503, PEP 625)
  const plain = (text: string) => text.toLowerCase().replace(/[-_.]+/g, "-");
  const file = plain(`${name}-${version}.tar.gz`);
  const links = told.match(/[a-z]+:\/\/[^\s#)]+/g) ?? [];
  return links.find((link) => plain(link.slice(link.lastIndexOf("/") + 1)) === file) ?? null;
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
