/**
 * A session with one device: operations that survive a lost link, and the knowledge of which boot
 * they run in.
 *
 * Everything that goes through `steady` is written to be repeatable: after a lost link it is simply
 * done again.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { CommandResult } from "../device.ts";
import { pause as wait } from "../../pause.ts";
import type { Limit, ShellLink } from "./link.ts";
import { SECTION_PRELUDE, splitSections, textOrNull } from "./sections.ts";
import { parseUptimeSeconds } from "./proc.ts";
import { stderrTail } from "./runner_exit.ts";
import { type ShellTools, USUAL_TOOLS } from "./tools.ts";

/** Time limits of a session; tests make them short. */
export interface LinkTimes {
  /** Longest time that a short operation may go without an answer. */
  operationMs: number;
  /** Longest time that a lost link is waited for. */
  linkMs: number;
  /** Pause between two attempts to reconnect. */
  reconnectPauseMs: number;
  /** First pause between two looks at a launch; it grows up to {@linkcode LinkTimes.pollMaxMs}. */
  pollFirstMs: number;
  /** Longest pause between two looks at a launch: looking costs the phone some CPU. */
  pollMaxMs: number;
  /** Longest time that a busy device is waited for. */
  lockWaitMs: number;
  /** Age, by the device's own uptime, from which a lock without a sign of life is stale. */
  lockStaleMs: number;
}

/** The times that runs use. */
export const LINK_TIMES: LinkTimes = {
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

/** A session with one device. */
export interface ShellSession {
  readonly serial: string;
  readonly times: LinkTimes;
  /** Programs of the device that scripts start. */
  readonly tools: ShellTools;
  /**
   * Uses that ran before are kept for messages: what happened to the link since the session began.
   */
  readonly events: string[];
  /** Boot in which the session last saw the device. */
  boot(): Boot;
  /** Writes bytes to a path on the device once, see {@linkcode ShellLink.send}. */
  send: ShellLink["send"];
  /** Returns a file's bytes once, see {@linkcode ShellLink.fetch}. */
  fetch: ShellLink["fetch"];
  /** Runs a shell line once; a lost link throws. */
  once(
    what: string,
    line: string,
    limit?: Partial<Limit>,
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
    limit?: Partial<Limit>,
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
 * Returns a session over a link: brings the link up and reads the device's boot.
 *
 * Throws what {@linkcode ShellLink.open} throws.
 */
export async function openSession(
  link: ShellLink,
  times: LinkTimes = LINK_TIMES,
  tools: ShellTools = USUAL_TOOLS,
): Promise<ShellSession> {
  const { serial } = link;
  await link.open({ timeoutMs: times.operationMs });
  const readBoot = async (timeoutMs: number, signal?: AbortSignal) => {
    const limit = { timeoutMs, signal };
    const result = await link.once("read the uptime", SECTION_PRELUDE + BOOT_LINES, limit);
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
        if (attempt > 0) await link.reopen(attempt, { timeoutMs: times.operationMs });
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

  const session: ShellSession = {
    serial,
    times,
    tools,
    events,
    boot: () => boot,
    send: link.send,
    fetch: link.fetch,
    once: (what, line, limit = {}) =>
      // what a run leaves on a device is nobody else's to read
      link.once(what, `umask 077\n${line}`, {
        ...limit,
        timeoutMs: limit.timeoutMs ?? times.operationMs,
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
  await wait(ms, signal).catch(() => {
    throw new HarnessError("interrupted", "Cannot wait any longer: interrupted");
  });
}

/** Returns true when the error may pass by itself: the link broke, or the device did not answer. */
export function isLinkLoss(error: unknown): boolean {
  return error instanceof HarnessError &&
    ["device-lost", "device-offline", "device-not-found", "timeout"].includes(error.code);
}
