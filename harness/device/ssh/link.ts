/**
 * The link to one board over ssh.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { Limit, ShellLink } from "../shell/link.ts";
import { writeFailure } from "../shell/write_failure.ts";
import { shellLine } from "../shell/words.ts";
import { type BoardAddress, isPlainPath } from "./address.ts";
import { openSshClient, type SshProgram } from "./client.ts";
import { lostError } from "./words.ts";

/** Most output that a command may give: what is larger belongs in a file. */
const OUTPUT_LIMIT_BYTES = 16 << 20;

/**
 * Returns the link to a board: connected when it is opened, ended when it is closed.
 *
 * @param ssh default: as the environment names it
 */
export function sshLink(address: BoardAddress, ssh?: SshProgram): ShellLink {
  const { serial } = address;
  const client = openSshClient(address, ssh);
  return {
    serial,
    open: (limit) => client.connect(limit),
    reopen: async (attempt, limit) => {
      // A connection that still stands is given up at every second attempt only: the board may just
      // be slow.
      if (client.isConnected() && attempt % 2 === 1) return;
      client.drop();
      await client.connect(limit);
    },
    once: async (what, line, limit) => {
      const { exitCode, stdout, stderr } = await client.run(
        what,
        line,
        limit,
        OUTPUT_LIMIT_BYTES,
      );
      return { exitCode, stdout: new TextDecoder().decode(stdout), stderr };
    },
    send: async (what, source, devicePath, _mode, limit) => {
      if (!isPlainPath(devicePath)) {
        throw new RangeError(
          `Cannot ${what} of device "${serial}": "${devicePath}" is no plain path`,
        );
      }
      const line = `umask 077; cat >${devicePath}`;
      const { exitCode, stderr } = await client.feed(
        what,
        line,
        (progress) => source.stream(progress),
        limit,
      );
      if (exitCode === 0) return;
      throw writeFailure(serial, what, stderr) ?? lostError(address, what, stderr);
    },
    fetch: async (what, devicePath, limit: Limit) => {
      const { exitCode, stdout, stderr } = await client.run(
        what,
        `cat ${shellLine([devicePath])}`,
        limit,
      );
      if (exitCode === 0) return stdout;
      throw new HarnessError(
        "bad-device-output",
        `Cannot ${what} of device "${serial}": ${stderr.trim().split("\n").at(-1)}`,
      );
    },
    close: () => client.close(),
  };
}
