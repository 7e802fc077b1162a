/**
 * What this machine has of all that Posemark needs, what for, and how to get the rest.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { runBuildCommand } from "./build_command.ts";
import { cacheRoot } from "./cache.ts";
import { askPython, EXPORT_PYTHONS, exportEnvironments, pythonCommand } from "./python.ts";

/** One line of the doctor's answer. */
export interface DoctorRow {
  name: string;
  /** True when the main job needs it; else only what `purpose` names does. */
  required: boolean;
  /** True when it is there. */
  ok: boolean;
  purpose: string;
  /** What was found: a version or a size; null when it is missing. */
  found: string | null;
  /** How to get it; shown when it is missing. */
  remedy: string;
}

/**
 * A program that the doctor asks for its version. The first of `commands` that answers is the one.
 */
interface Probe {
  name: string;
  required: boolean;
  purpose: string;
  commands: string[][];
  /** Picks the version out of the program's answer. */
  version: RegExp;
  debian: string;
  fedora: string;
  macos: string;
}

const ANY_VERSION = /\d+\.\d+(?:\.\d+)*/;

const PROBES: Probe[] = [
  {
    name: "node",
    required: true,
    purpose: "npx starts Deno",
    commands: [["node", "--version"]],
    version: ANY_VERSION,
    debian: "apt install nodejs npm",
    fedora: "dnf install nodejs",
    macos: "brew install node",
  },
  {
    name: "python3 with pip",
    required: true,
    purpose: "gets ncnn's source and pnnx",
    commands: [[pythonCommand(), "-m", "pip", "--version"]],
    version: /python \d+\.\d+/,
    debian: "apt install python3-pip",
    fedora: "dnf install python3-pip",
    macos: "brew install python",
  },
  {
    name: "cmake",
    required: true,
    purpose: "builds ncnn and the runner",
    commands: [["cmake", "--version"]],
    version: ANY_VERSION,
    debian: "apt install cmake",
    fedora: "dnf install cmake",
    macos: "brew install cmake",
  },
  {
    name: "ninja or make",
    required: true,
    purpose: "builds ncnn and the runner",
    commands: [["ninja", "--version"], ["make", "--version"]],
    version: ANY_VERSION,
    debian: "apt install ninja-build",
    fedora: "dnf install ninja-build",
    macos: "brew install ninja",
  },
  {
    name: "C++ compiler",
    required: true,
    purpose: "builds ncnn and the runner",
    commands: [[Deno.env.get("CXX") || "c++", "--version"]],
    version: /.+/,
    debian: "apt install g++",
    fedora: "dnf install gcc-c++",
    macos: "xcode-select --install",
  },
  {
    name: "tar",
    required: true,
    purpose: "unpacks ncnn's source",
    commands: [["tar", "--version"]],
    version: ANY_VERSION,
    debian: "apt install tar gzip",
    fedora: "dnf install tar gzip",
    macos: "part of macOS",
  },
  {
    name: "adb",
    required: false,
    purpose: "phones",
    commands: [["adb", "--version"]],
    version: ANY_VERSION,
    debian: "apt install adb",
    fedora: "dnf install android-tools",
    macos: "brew install android-platform-tools",
  },
  {
    name: "aarch64 g++",
    required: false,
    purpose: "64-bit ARM boards, and phones when there is no Android NDK",
    commands: [["aarch64-linux-gnu-g++", "--version"]],
    version: ANY_VERSION,
    debian: "apt install g++-aarch64-linux-gnu",
    fedora: "dnf install gcc-c++-aarch64-linux-gnu, or use the Android NDK for phones",
    macos: "use the Android NDK for phones",
  },
  {
    name: "ssh",
    required: false,
    purpose: "boards (Raspberry Pi, RK3588, any Linux)",
    commands: [[Deno.env.get("SSH") || "ssh", "-V"]],
    version: /OpenSSH_[^\s,]+/,
    debian: "apt install openssh-client",
    fedora: "dnf install openssh-clients",
    macos: "part of macOS",
  },
  {
    name: "protobuf",
    required: false,
    purpose: "--converter onnx2ncnn",
    commands: [["protoc", "--version"]],
    version: ANY_VERSION,
    debian: "apt install protobuf-compiler libprotobuf-dev",
    fedora: "dnf install protobuf-compiler protobuf-devel",
    macos: "brew install protobuf",
  },
  {
    name: "chromium",
    required: false,
    purpose: "tests of the report",
    commands: [["chromium", "--version"], ["chromium-browser", "--version"]]
      .concat([["google-chrome", "--version"]]),
    version: ANY_VERSION,
    debian: "apt install chromium",
    fedora: "dnf install chromium",
    macos: "brew install --cask chromium",
  },
  {
    name: "qemu",
    required: false,
    purpose: "tests on emulated phones",
    commands: [["qemu-system-aarch64", "--version"]],
    version: ANY_VERSION,
    debian: "apt install qemu-system-arm",
    fedora: "dnf install qemu-system-aarch64",
    macos: "brew install qemu",
  },
];

/**
 * Space that the first run needs in the cache: source, build folders, libraries for two targets.
 */
const CACHE_BYTES_NEEDED = 2e9;

/** Returns one row for each thing that Posemark needs of this machine, required ones first. */
export async function doctor(signal?: AbortSignal): Promise<DoctorRow[]> {
  const rows = await Promise.all(PROBES.map((probe) => programRow(probe, signal)));
  rows.push(await ndkRow(), await exportRow(signal), await cacheRow(signal));
  return [
    ...rows.filter((row) => row.required),
    ...rows.filter((row) => !row.required),
  ];
}

async function programRow(probe: Probe, signal?: AbortSignal): Promise<DoctorRow> {
  const { name, required, purpose } = probe;
  const remedy =
    `${probe.debian} (Debian, Ubuntu), ${probe.fedora} (Fedora), ${probe.macos} (macOS)`;
  for (const [command, ...args] of probe.commands) {
    const answer = await output(command, args, signal);
    if (answer === null) continue;
    const found = probe.version.exec(answer)?.[0] ?? "unknown version";
    const label = probe.commands.length > 1 ? `${command} ${found}` : found;
    return { name, required, ok: true, purpose, found: label, remedy };
  }
  return { name, required, ok: false, purpose, found: null, remedy };
}

/** Returns what the program prints; null when it can't be started or fails. */
async function output(
  command: string,
  args: string[],
  signal?: AbortSignal,
): Promise<string | null> {
  try {
    return await runBuildCommand({ purpose: `ask ${command}`, command, args, signal });
  } catch (error) {
    if (error instanceof HarnessError && error.code !== "interrupted") return null;
    throw error;
  }
}

async function ndkRow(): Promise<DoctorRow> {
  const row = {
    name: "Android NDK",
    required: false,
    purpose: "phones, in place of aarch64 g++",
    remedy:
      "get it with Android Studio's SDK manager or from developer.android.com/ndk, and set ANDROID_NDK_HOME to its folder",
  };
  const folder = Deno.env.get("ANDROID_NDK_HOME");
  if (!folder) return { ...row, ok: false, found: null };
  try {
    const properties = await Deno.readTextFile(path.join(folder, "source.properties"));
    const found = /Pkg\.Revision\s*=\s*(\S+)/.exec(properties)?.[1] ?? "unknown version";
    return { ...row, ok: true, found };
  } catch {
    const remedy =
      `ANDROID_NDK_HOME=${folder} holds no source.properties: point it to the NDK's top folder`;
    return { ...row, ok: false, found: null, remedy };
  }
}

/** Space that an environment for exports takes: torch and the libraries that it brings. */
const ENVIRONMENT_BYTES = 6e9;

/**
 * Returns what an export of a checkpoint would meet: its Python, and the environments that stand.
 */
export async function exportRow(
  signal?: AbortSignal,
  command: string = pythonCommand(),
  root?: string,
): Promise<DoctorRow> {
  const row = { name: "python3 for .pt", required: false, purpose: "--model FILE.pt" };
  const { oldest, newest } = EXPORT_PYTHONS;
  const wanted = `Python 3.${oldest} to 3.${newest}`;
  const other = `set POSEMARK_PYTHON to the path of ${wanted}, or export the model elsewhere`;
  const python = await askPython(command, signal);
  if (typeof python === "string") {
    const remedy = `${command}: ${python}: install ${wanted} with its venv module, or ${other}`;
    return { ...row, ok: false, found: null, remedy };
  }
  const version = python.version.join(".");
  const [major, minor] = python.version;
  const fits = major === 3 && minor >= oldest && minor <= newest;
  const environments = await exportEnvironments(root);
  const kept = environments.map(({ ultralytics, python }) => `${ultralytics} (Python ${python})`);
  const space = `the first export installs ${ENVIRONMENT_BYTES / 1e9} GB by pip`;
  const cache = kept.length > 0 ? `in the cache: ultralytics ${kept.join(", ")}` : space;
  if (!fits) return { ...row, ok: false, found: version, remedy: other };
  const found = `${version}${python.venv ? "" : " without venv"}, ${cache}`;
  const remedy = `apt install python${major}.${minor}-venv (Debian, Ubuntu), or ${other}`;
  return { ...row, ok: python.venv, found, remedy };
}

async function cacheRow(signal?: AbortSignal): Promise<DoctorRow> {
  const root = cacheRoot();
  const needed = `${CACHE_BYTES_NEEDED / 1e9} GB`;
  const row = {
    name: "space in the cache",
    required: true,
    purpose: `builds and downloads are kept in ${root}`,
    remedy: `free ${needed} there, or set POSEMARK_CACHE to a folder on another disk`,
  };
  const answer = await output("df", ["-P", "-k", await existingAncestor(root)], signal);
  const free = answer === null ? null : freeBytes(answer);
  // a system without df tells nothing, and a full disk tells itself when it is met
  if (free === null) return { ...row, ok: true, found: "unknown" };
  return { ...row, ok: free >= CACHE_BYTES_NEEDED, found: `${(free / 1e9).toFixed(1)} GB free` };
}

/** Returns the folder, or the nearest one above it that is there. */
async function existingAncestor(folder: string): Promise<string> {
  try {
    await Deno.stat(folder);
    return folder;
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : await existingAncestor(parent);
  }
}

/** Returns the free bytes in what `df -P -k FOLDER` prints; null when the text is another. */
export function freeBytes(df: string): number | null {
  const last = df.trim().split("\n").at(-1)!.trim();
  const match = /\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s/.exec(last);
  return match ? Number(match[3]) * 1024 : null;
}

/**
 * Returns the rows as text, a line each.
 *
 * @example
 * ```ts
 * doctorText([
 *   { name: "adb", required: false, ok: false, purpose: "phones", found: null, remedy: "apt install adb" },
 * ]);
 * // "– adb: missing; needed for phones: apt install adb\n"
 * ```
 */
export function doctorText(rows: readonly DoctorRow[]): string {
  return rows.map((row) => {
    if (row.ok) return `✓ ${row.name}: ${row.found} (${row.purpose})\n`;
    const found = row.found ?? "missing";
    return `${
      row.required ? "✗" : "–"
    } ${row.name}: ${found}; needed for ${row.purpose}: ${row.remedy}\n`;
  }).join("");
}
