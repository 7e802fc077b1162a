/**
 * A device with a POSIX shell: everything that variants need there, over any link.
 *
 * @module
 */
import { posix } from "node:path";
import { HarnessError } from "../../errors.ts";
import type { Device } from "../device.ts";
import type { DeviceDescription, DeviceState } from "../../record/device.ts";
import type { ShellLink } from "./link.ts";
import { LINK_TIMES, type LinkTimes, openSession, wasRebooted } from "./session.ts";
import { openFiles } from "./files.ts";
import { parseFreeBytes } from "./proc.ts";
import { launchDetached } from "./launch.ts";
import { type LockTeller, parseOwner, takeLock } from "./lock.ts";
import { pinFrequencies, type PinOptions } from "./root.ts";
import { shellLine } from "./words.ts";
import { requireSafeName } from "../names.ts";
import { SECTION_MARK, SECTION_PRELUDE, splitSections } from "./sections.ts";
import type { ShellTools } from "./tools.ts";

/** What runs behind a link: where files go, and how the device tells what and how it is. */
export interface ShellSystem {
  /** Folder of everything on the device: programs may run there, and the shell may write it. */
  root: string;
  /** Programs of the device that scripts start. */
  tools: ShellTools;
  /** What may end a launch together with the script that watches it, and what helps. */
  whyVanished: string;
  /** Script that reads the description; its last section is `end`. */
  describeScript: string;
  parseDescription(serial: string, output: string): DeviceDescription;
  /** Script that reads the state; its last section is `end`. */
  stateScript: string;
  parseState(output: string, at: string): DeviceState;
}

/** Time that reading the state may take: `top` and `dumpsys` on a busy phone. */
const READ_LIMIT_MS = 60_000;

/** What {@linkcode openShellDevice} may be told. */
export interface ShellOptions extends LockTeller {
  times?: LinkTimes;
  /** Folder on the device. Default: the system's. */
  root?: string;
  /** Who holds the lock, for people: `user@host pid 123`. */
  who?: string;
  /** Pins governor and frequencies while the device is open (needs root); null pins nothing. */
  pin?: PinOptions | null;
}

/** A device behind a link. */
export interface ShellDevice extends Device {
  /** What happened to the link since the device was opened, one sentence each. */
  readonly events: readonly string[];
}

/**
 * Returns the device behind a link, connected, locked for this harness, and swept of what a dead
 * one left.
 *
 * Disposing of it gives the lock back. Throws what opening the link throws, and `device-busy`, with
 * the remedy.
 */
export async function openShellDevice(
  link: ShellLink,
  system: ShellSystem,
  options: ShellOptions = {},
): Promise<ShellDevice> {
  const { serial } = link;
  const times = options.times ?? LINK_TIMES;
  const root = options.root ?? system.root;
  await using opened = new AsyncDisposableStack();
  opened.defer(() => link.close?.());
  const session = await openSession(link, times, system.tools);
  const lock = await takeLock(session, root, options.who ?? whoAmI(), options);
  opened.defer(() => lock.release());
  const files = openFiles(session, root);
  const pin = async (options: PinOptions) => ({
    ...await pinFrequencies(session, root, options),
    boot: session.boot(),
  });
  let pinned = options.pin ? await pin(options.pin) : null;
  /** A reboot puts the frequencies back: what runs after it is pinned anew. */
  const keepPinned = async () => {
    if (pinned === null || !wasRebooted(pinned.boot, session.boot())) return;
    pinned = await pin(options.pin!);
  };
  let description: DeviceDescription | undefined;
  const limit = { timeoutMs: Math.max(times.operationMs, READ_LIMIT_MS) };
  const readAll = async (what: string, script: string) => {
    const output = await session.shell(what, script, limit);
    if (output.includes(`${SECTION_MARK}end`)) return output;
    throw new HarnessError(
      "bad-device-output",
      `Cannot ${what} of device "${serial}": its output breaks off, expected the last section: run again`,
    );
  };
  const describe = async () =>
    description ??= system.parseDescription(
      serial,
      await readAll("read the description", system.describeScript),
    );
  const held = opened.move();
  return {
    serial,
    events: session.events,
    frequencyCapsKHz: () => pinned?.frequenciesKHz ?? null,
    describe,
    state: async () => {
      await keepPinned();
      const at = new Date().toISOString();
      return system.parseState(
        await readAll("read the state", `${lock.heartbeat}\n${system.stateScript}`),
        at,
      );
    },
    push: async (localPath, { executable = false, signal } = {}) =>
      await files.push(localPath, { executable, abi: (await describe()).abi, signal }),
    drop: async (devicePaths) => await files.drop(devicePaths),
    pushTo: async (localPath, devicePath, { signal } = {}) =>
      await files.pushTo(localPath, requireInside(devicePath, root), signal),
    pull: async (devicePath, localPath, { signal } = {}) =>
      await files.pull(devicePath, localPath, signal),
    runDir: async (runId) => {
      const dir = requireInside(`${root}/${requireSafeName(runId, "run id")}`, root);
      await session.shell("make the run's folder", `mkdir -p ${shellLine([dir])}`);
      return dir;
    },
    run: async (command, { timeoutMs, signal }) =>
      await session.once(`run "${command[0]}"`, shellLine(command), { timeoutMs, signal }),
    launch: async (launch, runOptions) => {
      await keepPinned();
      return await launchDetached(
        { session, files, heartbeat: lock.heartbeat, whyVanished: system.whyVanished },
        { ...launch, runDir: requireInside(launch.runDir, root) },
        runOptions,
      );
    },
    removeRunDir: async (runDir) => {
      await session.shell(
        "remove the run's folder",
        `rm -rf ${shellLine([requireInside(runDir, root)])}`,
      );
    },
    [Symbol.asyncDispose]: async () => {
      // When it can't be reached, the watcher on the device puts the frequencies back.
      await pinned?.restore().catch(() => {});
      pinned = null;
      await held.disposeAsync();
    },
  };
}

/** What looking at a device found. */
export interface DeviceSight {
  description: DeviceDescription;
  state: DeviceState;
  /** Free bytes where runs put their files; null when unknown. */
  freeBytes: number | null;
  /** Who holds the device's lock; null when nobody does. */
  lockedBy: string | null;
}

/**
 * Returns what a device is and how it is, without taking its lock: a run that goes on there is not
 * disturbed by more than this look.
 */
export async function inspectShellDevice(
  link: ShellLink,
  system: ShellSystem,
  options: Pick<ShellOptions, "times" | "root"> = {},
): Promise<DeviceSight> {
  const times = options.times ?? LINK_TIMES;
  const root = options.root ?? system.root;
  await using opened = new AsyncDisposableStack();
  opened.defer(() => link.close?.());
  const session = await openSession(link, { ...times, linkMs: 0 }, system.tools);
  const at = new Date().toISOString();
  const read = async (what: string, script: string) => {
    const timeoutMs = Math.max(times.operationMs, READ_LIMIT_MS);
    return (await session.once(what, script, { timeoutMs })).stdout;
  };
  const description = system.parseDescription(
    link.serial,
    await read("read the description", system.describeScript),
  );
  const state = system.parseState(await read("read the state", system.stateScript), at);
  const rest = splitSections(
    await read(
      "read the free space",
      `${SECTION_PRELUDE}section df; df -k ${shellLine([posix.dirname(root)])}
section owner; cat ${shellLine([`${root}/lock/owner`])} 2>/dev/null; true`,
    ),
  );
  return {
    description,
    state,
    freeBytes: parseFreeBytes(rest.get("df") ?? ""),
    lockedBy: parseOwner(rest.get("owner") ?? "")?.who ?? null,
  };
}

/**
 * Returns a path when it lies in `root` and is neither the files nor the lock; throws `RangeError`
 * otherwise.
 */
function requireInside(devicePath: string, root: string): string {
  const inside = posix.relative(root, posix.normalize(devicePath));
  const first = inside.split("/")[0];
  if (["", ".", "..", "files", "lock"].includes(first)) {
    throw new RangeError(
      `Cannot use "${devicePath}": expected a path in a run's folder of "${root}"`,
    );
  }
  return posix.join(root, inside);
}

/** Returns who runs this, for the lock of a device. */
function whoAmI(): string {
  const user = Deno.env.get("USER") ?? Deno.env.get("LOGNAME") ?? "someone";
  return `${user}@${Deno.hostname()} pid ${Deno.pid}`;
}
