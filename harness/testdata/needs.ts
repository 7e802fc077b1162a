/**
 * What a test needs besides Deno. A test whose need is absent is left out by name; with
 * `POSEMARK_REQUIRE_ALL=1`, as in CI, it runs and fails.
 *
 * @module
 */
import { SHARED, sharedModel } from "../model/testdata/shared.ts";

/** True when CI demands that every test runs whose group was asked for. */
export const REQUIRE_ALL = Deno.env.get("POSEMARK_REQUIRE_ALL") === "1";

/** Places where a Chromium is looked for. */
const CHROMIUMS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
];

/** How each need is looked for: true when it is there. */
const NEEDS = {
  /** The published models and photographs that lie beside the checkout (`POSEMARK_SHARED`). */
  shared: () => exists(SHARED) && exists(sharedModel("yolov8n-pose-silu.onnx")),
  /** A Chromium for the report's page. */
  chromium: () => findChromium() !== null,
  /**
   * A font with Chinese characters: without one the page shows boxes, and its lines break apart.
   */
  chineseFont: () => succeeds("sh", ["-c", 'test -n "$(fc-list :lang=zh)"']),
  adb: () => exists("/usr/bin/adb"),
  /** OpenSSH's client and server, and Linux, whose tools stand for a board's. */
  sshd: () =>
    Deno.build.os === "linux" && exists("/usr/sbin/sshd") &&
    ["ssh", "ssh-keygen", "pgrep"].every(isInstalled),
  /** PostgreSQL's server, as Debian installs it. */
  postgresql: () => exists("/usr/lib/postgresql"),
  /** python3 that can make a virtual environment. */
  python: () => succeeds("python3", ["-c", "import venv, ensurepip"]),
  /** The tools that build and start emulated arm64 phones. */
  emulator: () =>
    ["adb", "qemu-system-aarch64", "aarch64-linux-gnu-g++", "cpio", "bash"].every(isInstalled),
  /** Minutes of patience: such a test runs in CI alone. */
  time: () => false,
} satisfies Record<string, () => boolean>;

/** A thing that a test may need. */
export type Need = keyof typeof NEEDS;

/** Groups of tests that run only when their task asks for them, and by which variable it does. */
const GROUPS = { device: "POSEMARK_DEVICE_TESTS", farm: "POSEMARK_FARM_TESTS" };

/**
 * Returns the option `ignore` of a test that needs all of these: true when one is absent and
 * `POSEMARK_REQUIRE_ALL` is not 1.
 *
 * @example
 * ```ts
 * Deno.test({ name: "the page draws its charts", ...needs("chromium"), fn: () => {} });
 * ```
 */
export function needs(...all: Need[]): { ignore: boolean } {
  return { ignore: !REQUIRE_ALL && !all.every((need) => NEEDS[need]()) };
}

/**
 * Returns the option `ignore` of a test of a group with daemons: true unless the group's task asks
 * for it and its needs are there.
 */
export function inGroup(group: keyof typeof GROUPS, ...all: Need[]): { ignore: boolean } {
  return Deno.env.get(GROUPS[group]) === "1" ? needs(...all) : { ignore: true };
}

/**
 * Returns the option `ignore` of a test that changes the system (it mounts a small disk): true
 * unless the user is root on Linux, whatever CI demands.
 */
export function needsRoot(...all: Need[]): { ignore: boolean } {
  const root = Deno.build.os === "linux" && Deno.uid() === 0;
  return root ? needs(...all) : { ignore: true };
}

/**
 * Returns the path of the Chromium to test with: `CHROMIUM`, else the first one found; null when
 * there is none.
 */
export function findChromium(): string | null {
  return Deno.env.get("CHROMIUM") ?? CHROMIUMS.find(exists) ?? null;
}

function exists(file: string): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Returns true when the shell finds a program. */
function isInstalled(tool: string): boolean {
  return succeeds("sh", ["-c", `command -v ${tool}`]);
}

function succeeds(program: string, args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
