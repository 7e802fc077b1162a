/**
 * Which ultralytics exports a checkpoint with which Python, and the virtual environment with it.
 *
 * @module
 */
import * as path from "@std/path";
import { contentKey } from "../../toolchain/cache.ts";
import {
  askPython,
  environmentsFolder,
  EXPORT_PYTHONS,
  type ExportEnvironment,
  type Python,
  pythonCommand,
  STAMP,
} from "../../toolchain/python.ts";
import { HarnessError } from "../../errors.ts";
import type { Progress } from "../../progress.ts";
import { runTool } from "../convert/tool.ts";
import { type Checkpoint, isNewer, NEWEST_KNOWN } from "./checkpoint.ts";

/** The versions of ultralytics with pinned packages; each has its requirements file. */
export const PINNED_ULTRALYTICS = ["8.3.203", NEWEST_KNOWN] as const;

/** The ultralytics for checkpoints of 8.0 to 8.3; its torch has wheels up to Python 3.12. */
const OLDER = { ultralytics: PINNED_ULTRALYTICS[0], newestPython: 12 };

/** What to do when an environment can't be made: the end of each such error. */
const ELSEWHERE =
  "or export the model elsewhere (`yolo export model=FILE.pt format=onnx`) and give the .onnx file to --model";

const PYTHONS = `Python 3.${EXPORT_PYTHONS.oldest} to 3.${EXPORT_PYTHONS.newest}`;

/** What an environment is made with. */
export interface EnvironmentContext {
  progress: Progress;
  signal?: AbortSignal;
  /** The cache; see `cacheRoot`. */
  root?: string;
  /** The interpreter's command; `POSEMARK_PYTHON`, else `python3`, when it is absent. */
  interpreter?: string;
  /** The version of ultralytics; `POSEMARK_ULTRALYTICS` when it is absent. */
  ultralytics?: string;
}

/**
 * Returns the version of ultralytics that exports the checkpoint.
 *
 * - One that the user named, whatever the checkpoint says.
 * - 8.3.203 for what 8.0 to 8.3 saved, where its torch has wheels (Python up to 3.12).
 * - The checkpoint's own version when it is newer than all that are pinned.
 * - {@linkcode NEWEST_KNOWN} for all others: YOLO26, no version, a newer Python.
 *
 * @param pythonMinor The interpreter's minor version: 11 for Python 3.11.
 */
export function ultralyticsFor(
  checkpoint: Pick<Checkpoint, "version" | "isYolo26">,
  pythonMinor: number,
  named: string | null,
): string {
  const { version, isYolo26 } = checkpoint;
  if (named !== null) return named;
  if (version !== null && isNewer(version, NEWEST_KNOWN)) return version;
  const isOlder = !isYolo26 && version !== null && !isNewer(version, "8.3.9999");
  return isOlder && pythonMinor <= OLDER.newestPython ? OLDER.ultralytics : NEWEST_KNOWN;
}

/**
 * Returns the packages of an environment, as a requirements file: the pinned ones of its version;
 * for a version without a file those of the nearest one that has a file.
 */
export async function requirementsFor(ultralytics: string): Promise<string> {
  const pinned = isNewer(ultralytics, "8.3.9999") ? NEWEST_KNOWN : OLDER.ultralytics;
  const text = await Deno.readTextFile(path.join(import.meta.dirname!, `export_${pinned}.txt`));
  return text.replace(`ultralytics==${pinned}`, `ultralytics==${ultralytics}`);
}

/**
 * Returns the version of ultralytics that the user named; null when there is none. Throws
 * `HarnessError` `bad-option` when it is no version.
 */
export function namedUltralytics(context: Pick<EnvironmentContext, "ultralytics">): string | null {
  const named = (context.ultralytics ?? Deno.env.get("POSEMARK_ULTRALYTICS")) || null;
  if (named === null || /^\d+\.\d+\.\d+$/.test(named)) return named;
  throw new HarnessError(
    "bad-option",
    `Cannot use POSEMARK_ULTRALYTICS=${named}: expected a version of three numbers, for instance ${NEWEST_KNOWN}`,
  );
}

/** Which ultralytics exports: its version, and the interpreter that has it. */
export interface ChosenUltralytics {
  ultralytics: string;
  /** Absent: an environment that is made in the cache. */
  python?: string;
}

/**
 * Returns the ultralytics that was named: a version of three numbers, the path of a Python that has
 * it, or a virtual environment's folder.
 *
 * Throws `HarnessError` `bad-option` for what is neither, `missing-tool` for a Python without it.
 */
export async function chooseUltralytics(named: string): Promise<ChosenUltralytics> {
  if (/^\d+\.\d+\.\d+$/.test(named)) return { ultralytics: named };
  const places = [["bin", "python"], ["Scripts", "python.exe"]];
  for (const place of [named, ...places.map((parts) => path.join(named, ...parts))]) {
    if (!await isFile(place)) continue;
    const python = path.resolve(place);
    return { python, ultralytics: await ultralyticsOf(python) };
  }
  throw new HarnessError(
    "bad-option",
    `Cannot use ultralytics "${named}": expected a version of three numbers, for instance ${NEWEST_KNOWN}, or a path: of a Python that has ultralytics, or of a virtual environment with it`,
  );
}

/** Returns the version of ultralytics that an interpreter has. */
async function ultralyticsOf(python: string): Promise<string> {
  const question = "from importlib.metadata import version; print(version('ultralytics'))";
  try {
    const log = await runTool({
      name: python,
      command: python,
      args: ["-c", question],
      cwd: ".",
    });
    return log.trim().split("\n").at(-1)!;
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
    throw new HarnessError(
      "missing-tool",
      `Cannot export with ${python}: it has no ultralytics: install it there (pip install ultralytics onnx), or name another Python`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
}

/** An environment that stands: what is in it, and its Python's path. */
export interface StandingEnvironment extends ExportEnvironment {
  command: string;
}

/**
 * Returns the environment that exports the checkpoint; made in the cache the first time (some GB).
 *
 * Throws `HarnessError`: `missing-tool` (no Python, one that is too old, or one without its venv
 * module), `download-failed` (pip can't reach its index, or there is no wheel for this Python),
 * `bad-option` (`POSEMARK_ULTRALYTICS` is no version), `no-space`, `interrupted`.
 */
export async function exportEnvironment(
  checkpoint: Checkpoint,
  context: EnvironmentContext,
): Promise<StandingEnvironment> {
  const python = await usablePython(context);
  const ultralytics = ultralyticsFor(
    checkpoint,
    python.version[1],
    namedUltralytics(context),
  );
  const requirements = await requirementsFor(ultralytics);
  const minor = python.version.slice(0, 2).join(".");
  const key = await contentKey({ requirements, python: minor });
  // scripts in an environment hold its path: it is made where it stays, and its stamp says that it
  // is complete
  const venv = path.join(environmentsFolder(context.root), key);
  const inVenv = Deno.build.os === "windows" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const standing = { ultralytics, python: minor, command: path.join(venv, ...inVenv) };
  await Deno.mkdir(path.dirname(venv), { recursive: true });
  using lockFile = await Deno.open(`${venv}.lock`, { create: true, write: true });
  await lockFile.lock(true);
  // the interpreter that it was made with may be gone: its link leads nowhere then
  if (await isFile(path.join(venv, STAMP)) && await isFile(standing.command)) return standing;
  const step = context.progress.step(
    `Installing ultralytics ${ultralytics} and torch for the export (some GB)`,
    300,
  );
  await install(venv, standing, requirements, python, context.signal);
  await Deno.writeTextFile(path.join(venv, STAMP), JSON.stringify({ ultralytics, python: minor }));
  step.done();
  return standing;
}

/** Returns the interpreter; throws when it can't make an environment for exports. */
async function usablePython(context: EnvironmentContext): Promise<Python> {
  const command = context.interpreter ?? pythonCommand();
  const python = await askPython(command, context.signal);
  const refuse = (found: string, remedy: string) =>
    new HarnessError(
      "missing-tool",
      `Cannot export a checkpoint with ${command}: ${found}: ${remedy}, ${ELSEWHERE}`,
    );
  if (typeof python === "string") {
    throw refuse(
      python,
      `install ${PYTHONS} (\`deno task doctor\` says how), or set POSEMARK_PYTHON to the path of one`,
    );
  }
  const [major, minor] = python.version;
  if (major < 3 || minor < EXPORT_PYTHONS.oldest) {
    throw refuse(
      `it is Python ${python.version.join(".")}, expected ${PYTHONS}`,
      "set POSEMARK_PYTHON to the path of a newer one",
    );
  }
  if (!python.venv) {
    throw refuse(
      `Python ${python.version.join(".")} has no venv module`,
      `install it (Debian, Ubuntu: apt install python${major}.${minor}-venv), or set POSEMARK_PYTHON to the path of a Python that has it`,
    );
  }
  return python;
}

async function install(
  venv: string,
  { ultralytics, command }: StandingEnvironment,
  requirements: string,
  python: Python,
  signal?: AbortSignal,
): Promise<void> {
  const version = python.version.join(".");
  try {
    await runTool({
      name: `${python.command} -m venv`,
      command: python.command,
      args: ["-m", "venv", "--clear", venv],
      cwd: path.dirname(venv),
      env: { LC_ALL: "C" },
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
    throw spaceError(cause, venv) ?? new HarnessError(
      "missing-tool",
      `Cannot make a virtual environment with ${python.command} (Python ${version}): see its last lines below: install its venv module (Debian, Ubuntu: apt install python3-venv), or set POSEMARK_PYTHON to the path of another Python, ${ELSEWHERE}`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
  const file = path.join(venv, "requirements.txt");
  await Deno.writeTextFile(file, requirements);
  try {
    await runTool({
      name: `${command} -m pip`,
      command,
      // a package that is built from source takes hours or fails in a way that says little
      args: ["-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-input"]
        .concat(["--disable-pip-version-check", "--requirement", file]),
      cwd: venv,
      env: { LC_ALL: "C" },
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
    throw spaceError(cause, venv) ?? pipError(cause, ultralytics, version);
  }
}

/** Returns the error for a full disk when that is what the program's last lines say, else null. */
function spaceError(cause: HarnessError, venv: string): HarnessError | null {
  if (!/No space left|Disk quota exceeded/i.test(cause.stderrTail.join("\n"))) return null;
  return new HarnessError(
    "no-space",
    `Cannot make the environment ${venv}: no space left on the disk: free some GB, or set POSEMARK_CACHE to a folder on another disk`,
    { cause, stderrTail: cause.stderrTail },
  );
}

/** What pip says when it can't reach its index; it then says that there is no such version, too. */
const NO_NETWORK =
  /NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution|Name or service not known|Network is unreachable|ConnectTimeout|ReadTimeout|ProxyError|Connection refused|SSLError|nodename nor servname/i;

function pipError(cause: HarnessError, ultralytics: string, version: string): HarnessError {
  const said = cause.stderrTail.join("\n");
  const wanted = /(?:No matching distribution found for|satisfies the requirement) ([^\s;(]+)/i
    .exec(said)?.[1];
  // pip lists every version that there is
  const options = { cause, stderrTail: cause.stderrTail.map((line) => line.slice(0, 400)) };
  const what = `Cannot install ultralytics ${ultralytics} with pip`;
  if (NO_NETWORK.test(said)) {
    return new HarnessError(
      "download-failed",
      `${what}: its index can't be reached (no network, or a proxy in between): connect this machine or set PIP_INDEX_URL to a mirror, ${ELSEWHERE}`,
      options,
    );
  }
  if (wanted !== undefined) {
    return new HarnessError(
      "download-failed",
      `${what}: its index has no wheel of ${wanted} for Python ${version} on this machine (${Deno.build.os} ${Deno.build.arch}): set POSEMARK_PYTHON to the path of another Python (${PYTHONS}) or POSEMARK_ULTRALYTICS to another version (${
        PINNED_ULTRALYTICS.join(", ")
      }), ${ELSEWHERE}`,
      options,
    );
  }
  return new HarnessError(
    "download-failed",
    `${what} for Python ${version}: see its last lines below: check the network or pip's index, ${ELSEWHERE}`,
    options,
  );
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await Deno.stat(file)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
