/**
 * A session with one phone: operations that survive a lost link, and the knowledge of which boot
 * they run in.
 *
 * Everything that goes through `steady` is written to be repeatable: after a lost link it is simply
 * done again.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { CommandResult } from "../device.ts";
import type { AdbServer } from "./server.ts";
import {
  connectNetworkDevice,
  disconnectNetworkDevice,
  listAdbDevices,
  shellOnce,
} from "./link.ts";
import { connectOutcome, isLinkLoss, isNetworkSerial, obstacleOf } from "./words.ts";
import { SECTION_PRELUDE, splitSections, textOrNull } from "../shell/sections.ts";
import { parseUptimeSeconds } from "../shell/proc.ts";
import { stderrTail } from "../shell/runner_exit.ts";

/** Time limits of a session; tests make them short. */
export interface AdbTimes {
  /** Longest time that a short operation may go without an answer. */
  operationMs: number;
  /** Longest time that a lost link is waited for. */
  linkMs: number;
  /** Pause between two attempts to reconnect. */
  reconnectPauseMs: number;
  /** First pause between two looks at a launch; it grows up to {@linkcode AdbTimes.pollMaxMs}. */
  pollFirstMs: number;
  /** Longest pause between two looks at a launch: looking costs the phone some CPU. */
  pollMaxMs: number;
  /** Longest time that a busy device is waited for. */
  lockWaitMs: number;
  /** Age, by the device's own uptime, from which a lock without a sign of life is stale. */
  lockStaleMs: number;
}

/** The times that runs use. */
export const ADB_TIMES: AdbTimes = {
  operationMs: 20_000,
  linkMs: 180_000,
  reconnectPauseMs: 2_000,
  pollFirstMs: 200,
  pollMaxMs: 2_000,
  lockWaitMs: 30_000,
  lockStaleMs: 300_000,
};

/** Which boot a device runs in. */
export interface Boot {
  /** Random id that Linux makes at each boot; null where the shell may not read it. */
  id: string | null;
  uptimeSeconds: number | null;
  /** Monotonic host clock when this was read, milliseconds. */
  readAtMs: number;
}

/**
 * Returns true when the device was booted anew between the two looks.
 *
 * Without a boot id: the uptime is smaller than it was, or much smaller than the time that passed
 * on the host. The device's clock is not asked: it may jump.
 */
export function wasRebooted(before: Boot, after: Boot): boolean {
  if (before.id !== null && after.id !== null) return before.id !== after.id;
  if (before.uptimeSeconds === null || after.uptimeSeconds === null) return false;
  return after.uptimeSeconds < before.uptimeSeconds - 1;
}

/** A session with one phone. */
export interface AdbSession {
  readonly server: AdbServer;
  readonly serial: string;
  readonly times: AdbTimes;
  /**
   * Uses that ran before are kept for messages: what happened to the link since the session began.
   */
  readonly events: string[];
  /** Boot in which the session last saw the device. */
  boot(): Boot;
  /** Runs a shell line once; a lost link throws. */
  once(
    what: string,
    line: string,
    limit?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<CommandResult>;
  /**
   * Does something repeatable until it is done; a lost link is waited for, and the work done again.
   *
   * Throws `device-offline` when the link stays lost for longer than `times.linkMs`.
   */
  steady<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Runs a repeatable shell line until it is done, and returns its output; throws
   * `bad-device-output` when it fails.
   */
  shell(
    what: string,
    line: string,
    limit?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<string>;
}

/** Shell lines that tell the boot, for {@linkcode parseBoot}. */
export const BOOT_LINES = `section boot; first /proc/sys/kernel/random/boot_id; echo "$v"
section uptime; first /proc/uptime; echo "$v"
`;

/** Returns the boot from the output of {@linkcode BOOT_LINES}. */
export function parseBoot(output: string): Boot {
  const sections = splitSections(output);
  const id = textOrNull(sections.get("boot"));
  return {
    id: id !== null && /^[0-9a-f-]{36}$/.test(id) ? id : null,
    uptimeSeconds: parseUptimeSeconds(sections.get("uptime") ?? ""),
    readAtMs: performance.now(),
  };
}

/**
 * Returns a session with a device: connects to it when the serial is a network address, and reads
 * its boot.
 *
 * Throws `device-not-found`, `device-unauthorized` or `device-offline` with the remedy, within one
 * operation's time (and a second's patience with a device that is still connecting).
 */
export async function openSession(
  server: AdbServer,
  serial: string,
  times: AdbTimes = ADB_TIMES,
): Promise<AdbSession> {
  await reach(server, serial, times);
  const readBoot = async (timeoutMs: number, signal?: AbortSignal) => {
    const limit = { timeoutMs, signal };
    const result = await shellOnce(
      server,
      serial,
      "read the uptime",
      SECTION_PRELUDE + BOOT_LINES,
      limit,
    );
    return parseBoot(result.stdout);
  };
  let boot = await readBoot(times.operationMs);
  const events: string[] = [];

  const recover = async (lost: HarnessError, beganMs: number, signal?: AbortSignal) => {
    let last = lost;
    for (let attempt = 0;; attempt++) {
      const waitedMs = performance.now() - beganMs;
      if (waitedMs > times.linkMs) {
        throw new HarnessError(
          "device-offline",
          `Cannot go on with device "${serial}": no answer for ${
            Math.round(waitedMs / 1000)
          } s (${last.code}: ${last.message}): what was finished is kept; check cable, network and power, then resume the run`,
          { cause: last },
        );
      }
      // The first attempt only asks again: a busy device needs no new connection.
      if (attempt > 0) await pause(times.reconnectPauseMs, signal);
      try {
        const patience = Math.min(1 + attempt / 2, 4);
        if (attempt > 0) await reconnect(server, serial, times, attempt);
        const after = await readBoot(times.operationMs * patience, signal);
        const rebooted = wasRebooted(boot, after);
        events.push(
          `link lost (${last.code}), back after ${Math.round(waitedMs / 100) / 10} s${
            rebooted ? ", device was rebooted" : ""
          }`,
        );
        boot = after;
        return;
      } catch (error) {
        if (!(error instanceof HarnessError)) throw error;
        // A device that reconnects may ask for permission for a moment.
        if (!isLinkLoss(error) && error.code !== "device-unauthorized") throw error;
        last = error;
      }
    }
  };

  const session: AdbSession = {
    server,
    serial,
    times,
    events,
    boot: () => boot,
    once: (what, line, limit = {}) =>
      shellOnce(server, serial, what, line, {
        timeoutMs: limit.timeoutMs ?? times.operationMs,
        signal: limit.signal,
      }),
    steady: async (what, work, signal) => {
      let lostSinceMs: number | null = null;
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (!isLinkLoss(error)) throw error;
          lostSinceMs ??= performance.now();
          if (performance.now() - lostSinceMs > times.linkMs) {
            throw new HarnessError(
              "device-offline",
              `Cannot ${what} of device "${serial}": the link broke again and again for ${
                Math.round((performance.now() - lostSinceMs) / 1000)
              } s (${
                (error as HarnessError).message
              }): what was finished is kept; check cable and network, then resume the run`,
              { cause: error },
            );
          }
          await recover(error as HarnessError, lostSinceMs, signal);
        }
      }
    },
    shell: async (what, line, limit = {}) => {
      const result = await session.steady(
        what,
        () => session.once(what, line, limit),
        limit.signal,
      );
      if (result.exitCode === 0) return result.stdout;
      const tail = stderrTail(result.stderr);
      const full = /No space left on device/.test(result.stderr);
      throw new HarnessError(
        full ? "no-space" : "bad-device-output",
        `Cannot ${what} of device "${serial}": its shell exited ${result.exitCode} (${
          tail.at(-1) ?? "no message"
        }), expected 0${full ? ": no space left on the device: free some and run again" : ""}`,
        { stderrTail: tail },
      );
    },
  };
  return session;
}

/** Waits; throws `interrupted` when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new HarnessError("interrupted", "Cannot wait any longer: interrupted"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Returns the state of a device as the adb server lists it, `missing` when it does not. */
async function listedState(server: AdbServer, serial: string, timeoutMs: number): Promise<string> {
  const devices = await listAdbDevices(server, { timeoutMs });
  return devices.find((device) => device.serial === serial)?.state ?? "missing";
}

/**
 * Makes a fresh connection to a device over the network; of one on a cable it asks for nothing.
 *
 * A connection that the adb server still holds is given up at every third attempt only: it may be
 * dead without anybody knowing, or the device may just be slow.
 */
async function reconnect(
  server: AdbServer,
  serial: string,
  times: AdbTimes,
  attempt: number,
): Promise<void> {
  if (!isNetworkSerial(serial)) return;
  const limit = { timeoutMs: times.operationMs };
  const state = await listedState(server, serial, times.operationMs);
  if (state === "device" && attempt % 3 !== 2) return;
  if (state !== "missing") await disconnectNetworkDevice(server, serial, limit);
  await connectNetworkDevice(server, serial, limit);
}

/** Longest time that a device may stay offline or connecting when a session begins. */
const SETTLE_MS = 3_000;

/** Brings a device to the state `device`; throws what stands in the way. */
async function reach(server: AdbServer, serial: string, times: AdbTimes): Promise<void> {
  const limit = { timeoutMs: times.operationMs };
  const beganMs = performance.now();
  let state = await listedState(server, serial, limit.timeoutMs);
  let words = "";
  if (isNetworkSerial(serial) && state !== "device" && state !== "unauthorized") {
    // While a device is listed as offline, connect only says that it is connected already.
    if (state !== "missing") await disconnectNetworkDevice(server, serial, limit);
    words = await connectNetworkDevice(server, serial, limit);
    if (connectOutcome(words) === "stale") {
      await disconnectNetworkDevice(server, serial, limit);
      words = await connectNetworkDevice(server, serial, limit);
    }
    if (connectOutcome(words) === "unauthorized") state = "unauthorized";
    else state = await listedState(server, serial, limit.timeoutMs);
  }
  while (
    ["offline", "connecting", "authorizing"].includes(state) &&
    performance.now() - beganMs < SETTLE_MS
  ) {
    await pause(200);
    state = await listedState(server, serial, limit.timeoutMs);
  }
  if (state === "device") return;
  const obstacle = obstacleOf(serial, state);
  const said = words !== "" && connectOutcome(words) === "refused"
    ? ` (adb connect: ${words})`
    : "";
  throw new HarnessError(obstacle.code, obstacle.message + said);
}
