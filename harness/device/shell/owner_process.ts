/**
 * Which process of which machine holds a lock, and whether it is gone: a harness that was killed is
 * then known to be dead at once.
 *
 * @module
 */
import { childCommand } from "../../child.ts";

/** A process that can't be mistaken for a later one of the same number. */
export interface OwnerProcess {
  /** The machine in its present boot. */
  boot: string;
  /** The namespace that the number counts in: each container has its own. */
  namespace: string;
  pid: number;
  /** When it started, as the system counts it. */
  start: string;
}

/** Prints `BOOT NAMESPACE START`; `-` as start of a process that is not there. */
const LINUX_SCRIPT = `read -r boot </proc/sys/kernel/random/boot_id || exit 1
space=$(readlink /proc/self/ns/pid) || exit 1
start=-
if [ -d /proc/$1 ]; then
  read -r stat </proc/$1/stat || exit 1
  set -- \${stat##*) }; shift 19; start=$1
else
  # Where others' processes are hidden, nobody can tell.
  [ -d /proc/1 ] || exit 1
fi
echo "$boot $space $start"`;

const DARWIN_SCRIPT = `boot=$(sysctl -n kern.bootsessionuuid) || exit 1
start=$(ps -p $1 -o lstart= | tr -s ' ' _)
echo "$boot darwin \${start:--}"`;

/** Returns what the system tells about a process; null when it tells nothing. */
async function lookUp(
  pid: number,
): Promise<{ boot: string; namespace: string; start: string } | null> {
  const script = Deno.build.os === "darwin" ? DARWIN_SCRIPT : LINUX_SCRIPT;
  try {
    const { success, stdout } = await childCommand("sh", {
      args: ["-c", script, "sh", String(pid)],
      stdin: "null",
      stderr: "null",
    }).output();
    const words = new TextDecoder().decode(stdout).trim().split(" ");
    if (!success || words.length !== 3) return null;
    const [boot, namespace, start] = words;
    return { boot, namespace, start };
  } catch {
    return null;
  }
}

/** Returns this process; null where the system does not tell enough. */
export async function thisProcess(): Promise<OwnerProcess | null> {
  const found = await lookUp(Deno.pid);
  return found === null || found.start === "-" ? null : { ...found, pid: Deno.pid };
}

/**
 * Returns true when the process is gone for certain: it was of this machine, of this boot and of
 * this namespace, and is no more.
 */
export async function isGone(owner: OwnerProcess): Promise<boolean> {
  const now = await lookUp(owner.pid);
  return now !== null && now.boot === owner.boot && now.namespace === owner.namespace &&
    now.start !== owner.start;
}

/** Returns the process as text without blanks and bars. */
export function formatProcess({ boot, namespace, pid, start }: OwnerProcess): string {
  return [boot, namespace, pid, start].join("/");
}

/** Returns the process of its text; null when it is none. */
export function parseProcess(text: string): OwnerProcess | null {
  const match = /^([\w-]+)\/([\w:[\]-]+)\/(\d+)\/([\w:]+)$/.exec(text);
  if (match === null) return null;
  return { boot: match[1], namespace: match[2], pid: Number(match[3]), start: match[4] };
}
