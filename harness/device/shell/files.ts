/**
 * Files on a phone: pushed under the hash of their content, verified there, recognised later.
 *
 * @module
 */
import { posix } from "node:path";
import { HarnessError } from "../../errors.ts";
import type { ShellSession } from "./session.ts";
import { onDisk, shellLine } from "./words.ts";
import { parseFreeBytes } from "./proc.ts";
import { fileSource, programObstacle, sha256, type Source } from "./push_source.ts";
import { nonce } from "../names.ts";
import { stderrTail } from "./runner_exit.ts";

/** Room that a push leaves on the device's disk, bytes: for the outputs of a run. */
const SPARE_BYTES = 8 << 20;
/** Slowest link that a push may have, bytes per millisecond: half a megabyte a second. */
const SLOWEST_BYTES_PER_MS = 500;

/** Files of one device. */
export interface DeviceFiles {
  /**
   * Returns the path on the device of a file with this content; pushes it when it is not there yet.
   */
  push(
    localPath: string,
    options: { executable: boolean; abi: string; signal?: AbortSignal },
  ): Promise<string>;
  /** Removes pushed files. */
  drop(devicePaths: readonly string[]): Promise<void>;
  /** Copies a local file to a path on the device, verified. */
  pushTo(localPath: string, devicePath: string, signal?: AbortSignal): Promise<void>;
  /** Returns a file's bytes as they arrive, without a check. */
  read(devicePath: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a file of the device to a local path, verified by its hash. */
  pull(devicePath: string, localPath: string, signal?: AbortSignal): Promise<void>;
}

/**
 * Returns the files of a session's device under `root` (for instance `/data/local/tmp/posemark`).
 */
export function openFiles(session: ShellSession, root: string): DeviceFiles {
  const dir = `${root}/files`;
  const { sha256: hasher } = session.tools;
  /** Names (hashes) of the files that were verified in this session. */
  const verified = new Set<string>();

  /** Removes files of the folder, by their names. */
  const remove = async (names: readonly string[]) => {
    // A shell line has a limit: some hundred names of 64 digits each.
    for (let at = 0; at < names.length; at += 200) {
      const paths = names.slice(at, at + 200).map((name) => q(`${dir}/${name}`));
      await session.shell("remove pushed files", `rm -f ${paths.join(" ")}`);
    }
  };

  /** Sends bytes to a path; not verified. */
  const send = (source: Source, devicePath: string, mode: number, signal?: AbortSignal) => {
    const what = `push "${source.name}" to the disk`;
    // A server in between takes everything at once and passes it on at the device's pace: progress
    // here says little.
    const timeoutMs = session.times.operationMs + source.bytes / SLOWEST_BYTES_PER_MS;
    const limit = { timeoutMs, signal };
    return session.send(what, source, devicePath, mode, limit);
  };

  /** Pushes under a temporary name, verifies the hash on the device, renames. */
  const sendVerified = async (
    source: Source,
    target: string,
    mode: number,
    signal?: AbortSignal,
  ) => {
    const part = `${posix.dirname(target)}/.${posix.basename(target)}.${nonce()}.part`;
    const what = `push "${source.name}" to the disk`;
    try {
      await session.steady(what, async () => {
        await requireSpace(source, posix.dirname(target), signal);
        let found = "";
        // A wrong hash means that bytes were lost on the way, or by a reboot between the two steps.
        for (let attempt = 0; attempt < 3; attempt++) {
          await send(source, part, mode, signal);
          // Content before name, and both on the disk: else a power cut leaves a file of zeros that
          // looks whole, or none.
          const line = `h=$(${hasher} <${
            q(part)
          }) && echo "\${h%% *}" && [ "\${h%% *}" = ${source.sha256} ] && chmod ${
            mode.toString(8)
          } ${q(part)} && ${onDisk(part)} && mv -f ${q(part)} ${q(target)} && ${
            onDisk(posix.dirname(target))
          }`;
          const timeoutMs = hashLimitMs(source.bytes);
          const result = await session.once(what, line, { signal, timeoutMs });
          if (result.exitCode === 0) return;
          if (/sha256sum: .*not found/.test(result.stderr)) {
            throw new HarnessError(
              "device-unsuitable",
              `Cannot ${what} of device "${session.serial}": it has no sha256sum, so that no file can be verified: expected Android 8 or newer`,
            );
          }
          found = result.stdout.trim() || stderrTail(result.stderr).at(-1) || "nothing";
        }
        throw new HarnessError(
          "hash-mismatch",
          `Cannot ${what} of device "${session.serial}": found "${found}" there after three attempts, expected sha256 ${source.sha256}: check the device's storage and run again`,
        );
      }, signal);
    } catch (error) {
      // Whatever happened, a part that can be reached goes; one that can't is swept with the next
      // session's lock.
      await session.once("remove a partial file", `rm -f ${q(part)}`, { timeoutMs: 3000 }).catch(
        () => {},
      );
      throw error;
    }
  };

  /**
   * Throws `no-space` when the file would not fit, after dropping cached files that this session
   * has not used.
   */
  const requireSpace = async (source: Source, folder: string, signal?: AbortSignal) => {
    const ask = async () => {
      const line = `mkdir -p ${q(folder)} && df -k ${q(folder)}`;
      const result = await session.once("read the free space", line, { signal });
      if (/No space left on device/.test(result.stderr)) return 0;
      return parseFreeBytes(result.stdout);
    };
    const needed = source.bytes + SPARE_BYTES;
    let free = await ask();
    if (free === null || free >= needed) return;
    const listed = await session.once("list cached files", `ls ${q(dir)} 2>/dev/null`, { signal });
    await remove(listed.stdout.split("\n").filter((name) => name !== "" && !verified.has(name)));
    free = await ask();
    if (free === null || free >= needed) return;
    throw new HarnessError(
      "no-space",
      `Cannot push "${source.name}" to device "${session.serial}": found ${
        mib(free)
      } MiB free, expected ${mib(needed)} MiB (with ${
        SPARE_BYTES >> 20
      } MiB to spare): free some space on the device, "${root}" may be deleted as a whole`,
    );
  };

  const pushSource = async (source: Source, executable: boolean, signal?: AbortSignal) => {
    const target = `${dir}/${source.sha256}`;
    const mode = executable ? 0o700 : 0o600;
    const line = verified.has(source.sha256)
      ? `[ -f ${q(target)} ]`
      : `[ -f ${q(target)} ] && h=$(${hasher} <${q(target)}) && [ "\${h%% *}" = ${source.sha256} ]`;
    const allow = executable ? ` && chmod ${mode.toString(8)} ${q(target)}` : "";
    const there = await session.steady(
      `look for "${source.name}"`,
      () =>
        session.once(`look for "${source.name}"`, line + allow, {
          signal,
          timeoutMs: hashLimitMs(source.bytes),
        }),
      signal,
    );
    if (there.exitCode !== 0) await sendVerified(source, target, mode, signal);
    verified.add(source.sha256);
    return target;
  };

  const read = (devicePath: string, signal?: AbortSignal) =>
    session.steady(`pull "${devicePath}"`, () => {
      const limit = { timeoutMs: session.times.operationMs, signal };
      const what = `pull "${devicePath}"`;
      return session.fetch(what, devicePath, limit);
    }, signal);

  return {
    read,
    push: async (localPath, { executable, abi, signal }) => {
      const source = await fileSource(localPath);
      if (executable) {
        const obstacle = programObstacle(source.head, abi);
        if (obstacle !== null) {
          throw new HarnessError(
            "device-unsuitable",
            `Cannot run "${localPath}" on device "${session.serial}": ${obstacle}: build it for the device`,
          );
        }
      }
      return await pushSource(source, executable, signal);
    },
    drop: async (devicePaths) => {
      const names = devicePaths.map((file) => posix.basename(file));
      for (const name of names) verified.delete(name);
      await remove(names);
    },
    pushTo: async (localPath, devicePath, signal) =>
      await sendVerified(await fileSource(localPath), devicePath, 0o600, signal),
    pull: async (devicePath, localPath, signal) => {
      const hash = await session.shell(
        `hash "${devicePath}"`,
        `${hasher} <${q(devicePath)}`,
        { signal, timeoutMs: 120_000 },
      );
      const expected = hash.trim().split(/\s+/)[0];
      let found = "";
      for (let attempt = 0; attempt < 3 && found !== expected; attempt++) {
        const bytes = await read(devicePath, signal);
        found = sha256(bytes);
        if (found === expected) await Deno.writeFile(localPath, bytes);
      }
      if (found === expected) return;
      throw new HarnessError(
        "hash-mismatch",
        `Cannot pull "${devicePath}" of device "${session.serial}": found sha256 ${found} here, expected ${expected} as on the device: run again`,
      );
    },
  };
}

/** Returns the word in a shell's single quotes. */
function q(word: string): string {
  return shellLine([word]);
}

/** Time that hashing a file on a slow phone may take. */
function hashLimitMs(bytes: number): number {
  return 20_000 + bytes / 10_000;
}

/** Returns bytes as mebibytes with one digit. */
function mib(bytes: number): string {
  return (bytes / (1 << 20)).toFixed(1);
}
