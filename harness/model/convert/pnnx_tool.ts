/**
 * The pinned pnnx: its wheel from PyPI through pip, checked by hash, unpacked into a folder.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { pythonCommand } from "../../toolchain/python.ts";
import { sha256Hex } from "../../hash.ts";
import { runTool } from "./tool.ts";

/** Version of pnnx. */
export const PNNX_VERSION = "20261020";

/** SHA-256 of the wheels of {@linkcode PNNX_VERSION} by the platform that their name ends with. */
const PNNX_WHEEL_SHA256: Record<string, string> = {
  "manylinux2014_x86_64.manylinux_2_17_x86_64":
    "d50d921e5897293d616444191c1a2dc5366423c81bdb4bd22a985fe8071cf17c",
  "manylinux2014_aarch64.manylinux_2_17_aarch64":
    "13727adb291bf8061a4cc95c8b911ff2459b406144ad3c86e755b6e3f8953427",
  "macosx_10_9_universal2.macosx_10_9_x86_64.macosx_11_0_arm64":
    "f4d60b7df5d1f7329f60cf75018ab4e25006db6d2299cf5ef8d56c051044660b",
  "win_amd64": "cde5381cdebbef5d3e0e796e824ed02e2e1dfd075731921a3b3653514c518309",
};

/** Path of the program in the folder that {@linkcode fetchPnnx} fills. */
export const PNNX_PROGRAM = path.join("pnnx", Deno.build.os === "windows" ? "pnnx.exe" : "pnnx");

/**
 * Puts the pnnx program for this machine into the folder, see {@linkcode PNNX_PROGRAM}.
 *
 * Throws `HarnessError`: `missing-tool` (no python3), `download-failed` (pip can't get the wheel),
 * `hash-mismatch`.
 */
export async function fetchPnnx(folder: string, signal?: AbortSignal): Promise<void> {
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
        `pnnx==${PNNX_VERSION}`,
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
      `Cannot get pnnx ${PNNX_VERSION} with pip: see its last lines below: check the network or pip's index, and that python3 has pip (\`python3 -m ensurepip\`)`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
  const wheel = [...Deno.readDirSync(wheels)].map((entry) => entry.name)
    .find((name) => name.endsWith(".whl"));
  if (!wheel) {
    throw new HarnessError(
      "download-failed",
      `Cannot get pnnx ${PNNX_VERSION}: pip left no wheel in ${wheels}: run the command again`,
    );
  }
  const file = path.join(wheels, wheel);
  const platform = wheel.replace(/^pnnx-\d+-py3-none-|\.whl$/g, "");
  const expected = PNNX_WHEEL_SHA256[platform];
  const actual = await sha256Hex(await Deno.readFile(file));
  if (expected !== actual) {
    throw new HarnessError(
      "hash-mismatch",
      `Cannot use ${wheel}: its SHA-256 is ${actual}, expected ${
        expected ?? `one of the pinned wheels (${Object.keys(PNNX_WHEEL_SHA256).join(", ")})`
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
