/**
 * One harness at a time on a phone: a folder as lock, with its owner, a sign of life, and a way to
 * break it when it is stale.
 *
 * All ages are by the device's uptime: clocks of hosts differ, and a device's clock may jump.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { ShellSession } from "./session.ts";
import { retry } from "../../pause.ts";
import { BOOT_LINES, parseBoot } from "./session.ts";
import { onDisk, shellLine } from "./words.ts";
import { SECTION_PRELUDE, splitSections } from "./sections.ts";
import {
  formatProcess,
  isGone,
  type OwnerProcess,
  parseProcess,
  thisProcess,
} from "./owner_process.ts";
import { shortly } from "./runner_exit.ts";

/** Who holds a lock, as its file says. */
export interface LockOwner {
  /** Unique per session. */
  id: string;
  /** `user@host pid 123`, for people. */
  who: string;
  /** Its process; null when that is not known. */
  process: OwnerProcess | null;
}

/** Returns the text of the owner's file. */
export function formatOwner({ id, who, process }: LockOwner): string {
  const words = [id, who.replace(/[|\n]/g, " ")];
  if (process !== null) words.push(formatProcess(process));
  return words.join("|");
}

/**
 * Returns the owner from the text of its file; null when it is none (still being written, or cut).
 */
export function parseOwner(text: string): LockOwner | null {
  const match = /^([0-9a-f-]+)\|([^|]*)(?:\|(.*))?$/.exec(text.trim());
  return match ? { id: match[1], who: match[2], process: parseProcess(match[3] ?? "") } : null;
}

/** A sign of life: when it was given, by the device's uptime, and in which boot. */
export interface SignOfLife {
  uptimeSeconds: number;
  /** Null where the shell may not read it. */
  bootId: string | null;
}

/** Returns the sign of life from the text of its file: `UPTIME BOOTID`; null when it is none. */
export function parseSignOfLife(text: string): SignOfLife | null {
  const match = /^(\d+)(?: ([0-9a-f-]{36}))?\s*$/.exec(text);
  return match ? { uptimeSeconds: Number(match[1]), bootId: match[2] ?? null } : null;
}

/** What a lock says to people while it is taken. */
export interface LockTeller {
  /** Told once of something that happened. */
  tell?(message: string): void;
  /** Told once of somebody who is waited for. */
  wait?(message: string): void;
}

/** Grace after a boot in which an owner may come back to its lock, seconds. */
const BOOT_GRACE_SECONDS = 60;

/**
 * Returns why a lock is stale, or null while its owner may be alive.
 *
 * Stale: no sign of life for `staleMs` in this boot; or its last one is from an earlier boot, and
 * the owner did not come back within a minute.
 *
 * @param sign the last sign of life; null when there is none yet
 * @param now the device's boot and uptime
 */
export function whyStale(
  sign: SignOfLife | null,
  now: { uptimeSeconds: number | null; id: string | null },
  staleMs: number,
): string | null {
  if (sign === null || now.uptimeSeconds === null) return null;
  const earlierBoot = sign.bootId !== null && now.id !== null
    ? sign.bootId !== now.id
    : sign.uptimeSeconds > now.uptimeSeconds + 1;
  if (earlierBoot) {
    return now.uptimeSeconds > BOOT_GRACE_SECONDS ? "it is from before the device rebooted" : null;
  }
  const ageSeconds = now.uptimeSeconds - sign.uptimeSeconds;
  return ageSeconds * 1000 > staleMs
    ? `its owner gave no sign of life for ${Math.round(ageSeconds)} s`
    : null;
}

/** A lock that this session holds. */
export interface DeviceLock {
  /** Shell line that writes a sign of life. */
  heartbeat: string;
  /** Gives the lock back, when it is still ours and the device can be reached. */
  release(): Promise<void>;
}

/**
 * Age from which a lock without an owner is stale: it is written within milliseconds of the folder.
 */
const UNSIGNED_STALE_MS = 10_000;
/** Pause between two signs of life while nothing else runs. */
const HEARTBEAT_MS = 30_000;

/**
 * Takes the lock of a device under `root`, waiting up to `times.lockWaitMs`; breaks a stale one
 * (at once where its owner ran on this machine and is gone), ends what its owner left running, and
 * removes the owner's run folders.
 *
 * Throws `device-busy` with the owner and the age of its last sign of life.
 *
 * @param who for people: `user@host pid 123`
 */
export async function takeLock(
  session: ShellSession,
  root: string,
  who: string,
  { tell = () => {}, wait = tell }: LockTeller = {},
): Promise<DeviceLock> {
  const id = crypto.randomUUID();
  const process = await thisProcess();
  const lock = `${root}/lock`;
  const q = (name: string) => shellLine([name]);
  // In built-ins alone: it runs with every look at a launch, and should cost the phone nothing.
  const heartbeat = `[ -d ${
    q(lock)
  } ] && { b=; read -r u x </proc/uptime; read -r b </proc/sys/kernel/random/boot_id; echo "\${u%%.*} $b" >${
    q(`${lock}/sign`)
  }; } 2>/dev/null`;
  const own = formatOwner({ id, who, process });
  const ask = `${SECTION_PRELUDE}mkdir -p ${q(root)} || exit 1
if [ "$(cat ${q(`${lock}/owner`)} 2>/dev/null)" = ${q(own)} ]; then section taken
elif mkdir ${q(lock)} 2>/dev/null; then
  echo ${q(own)} >${q(`${lock}/owner.new`)} && ${onDisk(`${lock}/owner.new`)} &&
  mv ${q(`${lock}/owner.new`)} ${q(`${lock}/owner`)} && ${onDisk(lock)} && ${onDisk(root)} ||
  { rm -rf ${q(lock)}; exit 1; }
  ${heartbeat}
  section taken
elif [ ! -d ${q(lock)} ]; then mkdir ${q(lock)} || exit 1
else
  section owner; cat ${q(`${lock}/owner`)} 2>/dev/null
  section sign; cat ${q(`${lock}/sign`)} 2>/dev/null
fi
${BOOT_LINES}`;
  const beganMs = performance.now();
  let told = false;
  let unsigned: SignOfLife | null = null;
  /** Takes the lock, or throws who has it; a stale one is broken on the way. */
  const take = async () => {
    for (;;) {
      const output = await session.shell("take the lock", ask);
      const sections = splitSections(output);
      if (sections.has("taken")) return;
      const boot = parseBoot(output);
      const ownerText = sections.get("owner") ?? "";
      const owner = parseOwner(ownerText);
      const holder = shortly(owner?.who ?? "an unknown owner");
      let sign = parseSignOfLife(sections.get("sign") ?? "");
      if (sign === null && boot.uptimeSeconds !== null) {
        // Being taken just now, or its taker died in the middle: its age counts from the first
        // look.
        unsigned ??= { uptimeSeconds: boot.uptimeSeconds, bootId: boot.id };
        sign = unsigned;
      }
      const { lockStaleMs } = session.times;
      const staleMs = owner === null ? Math.min(UNSIGNED_STALE_MS, lockStaleMs) : lockStaleMs;
      const stale = owner?.process && await isGone(owner.process)
        ? "its process on this machine is gone"
        : whyStale(sign, boot, staleMs);
      if (stale === null) {
        const age = boot.uptimeSeconds !== null && sign !== null
          ? `${Math.max(0, Math.round(boot.uptimeSeconds - sign.uptimeSeconds))} s ago`
          : "at an unknown time";
        if (!told) {
          const most = Math.ceil(session.times.lockWaitMs / 1000);
          wait(`${session.serial}: waits at most ${most} s for ${holder}, who uses the device`);
        }
        told = true;
        const waited = Math.round((performance.now() - beganMs) / 1000);
        throw new HarnessError(
          "device-busy",
          `Cannot use device "${session.serial}": found it locked by ${holder} (last sign of life ${age}), waited ${waited} s: wait for that run to end; if it is dead, remove ${lock} on the device`,
        );
      }
      tell(`${session.serial}: breaks the lock of ${holder}: ${stale}`);
      // Renaming is atomic: of two that break it, one wins, and only while it is still the lock
      // that was looked at.
      const aside = `${lock}.${id}`;
      await session.shell(
        "break a stale lock",
        `[ "$(cat ${q(`${lock}/owner`)} 2>/dev/null)" = ${q(ownerText)} ] && mv ${q(lock)} ${
          q(aside)
        } 2>/dev/null; rm -rf ${q(aside)}; true`,
      );
    }
  };
  await retry(take, {
    waitMs: session.times.lockWaitMs,
    firstPauseMs: 1000,
    mostPauseMs: 1000,
    passes: (error) => error instanceof HarnessError && error.code === "device-busy",
  });
  if (told) {
    const waited = Math.round((performance.now() - beganMs) / 1000);
    tell(`${session.serial}: the device is free after ${waited} s`);
  }
  await sweep(session, root);
  const beat = () => session.once("give a sign of life", heartbeat).catch(() => {});
  const timer = setInterval(beat, HEARTBEAT_MS);
  Deno.unrefTimer(timer);
  return {
    heartbeat,
    release: async () => {
      clearInterval(timer);
      const line = `[ "$(cat ${q(`${lock}/owner`)} 2>/dev/null)" = ${q(own)} ] && rm -rf ${
        q(lock)
      }; true`;
      await session.once("give the lock back", line, { timeoutMs: 5000 }).catch(() => {});
    },
  };
}

/** Ends processes and removes folders that a dead harness left: whoever holds the lock may. */
async function sweep(session: ShellSession, root: string): Promise<void> {
  const line = `cd ${shellLine([root])} || exit 1
for f in */*.pid */*.dog; do
  [ -s "$f" ] || continue
  p=$(cat "$f"); b=\${f##*/}
  grep -q "\${b%.*}" /proc/$p/cmdline 2>/dev/null && kill -KILL -$p
done
for d in *; do case $d in files|lock|pin) ;; *) rm -rf "$d" ;; esac; done
rm -f files/.*.part
true`;
  await session.shell("sweep what an earlier run left", line);
}
