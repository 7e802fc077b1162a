/**
 * A board as a device, over ssh: any Linux on 64-bit ARM or x86-64 with a POSIX shell.
 *
 * What a board has is found out first: its CPU, a folder that programs may run in, and ways to hash
 * and to detach. Nothing is taken for granted but `sh`, `grep`, `cat` and their like, as BusyBox
 * has them.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { ABILITIES } from "../../record/device.ts";
import { cpuOfAbi } from "../../toolchain/elf.ts";
import {
  LINUX_DESCRIBE_SCRIPT,
  LINUX_STATE_SCRIPT,
  type MachineIdentity,
  parseLinuxDescription,
  parseLinuxState,
} from "../host/describe.ts";
import { nonce } from "../names.ts";
import type { ShellLink } from "../shell/link.ts";
import { SECTION_PRELUDE, splitSections, textOrNull } from "../shell/sections.ts";
import { LINK_TIMES } from "../shell/session.ts";
import {
  type DeviceSight,
  inspectShellDevice,
  openShellDevice,
  type ShellDevice,
  type ShellOptions,
  type ShellSystem,
} from "../shell/shell_device.ts";
import { parseTools, TOOLS_LINES } from "../shell/tools.ts";
import { type BoardAddress, isPlainPath, parseBoardAddress } from "./address.ts";
import type { SshProgram } from "./client.ts";
import { sshLink } from "./link.ts";

/** What opening a board may be told. */
export interface BoardOptions extends ShellOptions {
  /** Default: as the environment names it. */
  ssh?: SshProgram;
}

/**
 * Returns a board, see {@linkcode openShellDevice}. Throws `bad-option` for a name that is none,
 * `device-unauthorized`, `device-not-found`, `device-offline`, `device-busy`, and
 * `device-unsuitable` for a board that runners can't be built for or that has no folder for them;
 * each with the remedy.
 *
 * @param name `ssh://user@host:port/folder`
 */
export async function openBoard(name: string, options: BoardOptions = {}): Promise<ShellDevice> {
  const { link, system } = await reach(name, options);
  return await openShellDevice(link, system, options);
}

/** Returns what a board is and how it is, without taking its lock. */
export async function inspectBoard(
  name: string,
  options: BoardOptions = {},
): Promise<DeviceSight> {
  const { link, system } = await reach(name, options);
  return await inspectShellDevice(link, system, options);
}

/** Returns a board's open link, and what was found out about it. */
async function reach(
  name: string,
  options: BoardOptions,
): Promise<{ link: ShellLink; system: ShellSystem }> {
  const address = parseBoardAddress(name);
  const link = sshLink(address, options.ssh);
  const { operationMs } = options.times ?? LINK_TIMES;
  const limit = { timeoutMs: operationMs };
  try {
    await link.open(limit);
    const script = probeScript(options.root ?? address.folder, nonce());
    const probed = await link.once("find out what it has", script, limit);
    return { link, system: boardSystem(address, probed.stdout) };
  } catch (error) {
    await link.close?.();
    throw error;
  }
}

/** Name of the folder in a board's home. */
const HOME_FOLDER = ".posemark";

/**
 * Returns the script that finds out what a board has.
 *
 * Its sections: `system`, `machine`, `refused` (lines `FOLDER: REASON`), `root` (the first folder
 * that is ours alone, can be written, and lets programs run), `sha256`, `setsid`.
 *
 * @param folder the only one that is tried; null: the home, then the folders for temporary files
 * @param word makes the name of a file unique
 */
export function probeScript(folder: string | null, word: string): string {
  const folders = folder === null
    ? `"\${HOME:-/nowhere}/${HOME_FOLDER}" "/var/tmp/posemark-$uid" "/tmp/posemark-$uid"`
    : `'${folder}'`;
  return `umask 077
${SECTION_PRELUDE}
section system; uname -s
section machine; uname -m
uid=$(id -u)
section refused
root=
for d in ${folders}; do
  why=
  p=$d/.probe-${word}
  m=$( { mkdir -p "$d" && printf '#!/bin/sh\\nexit 7\\n' >"$p" && chmod 700 "$p"; } 2>&1)
  if [ $? -ne 0 ]; then why=\${m:-"it can't be written"}
  elif [ -L "$d" ] || [ ! -O "$d" ]; then why="it belongs to somebody else"
  else
    "$p" 2>/dev/null
    [ $? -eq 7 ] || why="no program may run there (mounted noexec)"
  fi
  rm -f "$p" 2>/dev/null
  case $d in *[!A-Za-z0-9._+@%=,/-]*) why="its name has characters that a login shell may change" ;; esac
  if [ -z "$why" ]; then root=$d; break; fi
  echo "$d: $why"
done
section root; echo "$root"
${TOOLS_LINES}section end
exit 0
`;
}

/**
 * Returns what a board is to the shell operations, from the output of {@linkcode probeScript}.
 *
 * Throws `device-unsuitable` that names what is missing.
 */
export function boardSystem(address: BoardAddress, output: string): ShellSystem {
  const { serial } = address;
  const sections = splitSections(output);
  const unsuitable = (found: string, expected: string) =>
    new HarnessError(
      "device-unsuitable",
      `Cannot use device "${serial}": found ${found}, expected ${expected}`,
    );
  const system = textOrNull(sections.get("system")) ?? "no answer";
  if (system !== "Linux") throw unsuitable(`the system ${system}`, "Linux");
  const machine = textOrNull(sections.get("machine")) ?? "unknown";
  const cpu = cpuOfAbi(machine);
  if (cpu === null) {
    throw unsuitable(
      `a kernel for ${machine}`,
      "aarch64 or x86_64: the runner is built for 64-bit ARM and x86-64 (a Raspberry Pi 3 or newer has a 64-bit system too)",
    );
  }
  const root = textOrNull(sections.get("root"));
  if (root === null || !isPlainPath(root)) {
    const refused = (sections.get("refused") ?? "").split("\n").filter(Boolean).join("; ");
    throw unsuitable(
      `no folder for it (${refused || "none was tried"})`,
      `one of its own that can be written and lets programs run: name one, ${serial}/FOLDER`,
    );
  }
  const { sha256, setsid } = parseTools(sections);
  if (sha256 === null) {
    throw unsuitable("no way to hash a file", "sha256sum, shasum, openssl or python3 there");
  }
  if (setsid === null) {
    throw unsuitable(
      "no way to detach a program",
      "setsid (util-linux, BusyBox), python3 or perl there",
    );
  }
  const identity: MachineIdentity = {
    serial,
    kind: "ssh",
    ...(cpu === "arm64" ? ABILITIES.arm64Board : ABILITIES.x86Board),
  };
  return {
    root,
    tools: { sha256, setsid },
    whyVanished:
      'by logind at the end of the ssh session (KillUserProcesses=yes: "loginctl enable-linger" on the board): run again; close other programs',
    describeScript: LINUX_DESCRIBE_SCRIPT,
    parseDescription: (_serial, output) => parseLinuxDescription(output, identity),
    stateScript: LINUX_STATE_SCRIPT,
    parseState: parseLinuxState,
  };
}
