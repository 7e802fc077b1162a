/**
 * Names of boards: `ssh://[user@]host[:port][/folder]`: pure.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";

/** Where a board is. */
export interface BoardAddress {
  /** Name of the board in records: its address without the folder. */
  serial: string;
  /** What `ssh` is given: `host` or `user@host`; the host may be an alias of the configuration. */
  destination: string;
  /** Null: the configuration's, else 22. */
  port: number | null;
  /** Folder of the board that everything goes into; null: one is looked for. */
  folder: string | null;
}

/** Returns a name for messages: without the password that it should not have. */
export function withoutPassword(name: string): string {
  return name.replace(/^(ssh:\/\/[^:@/]*):[^@]*@/i, "$1:…@");
}

/** Returns true for names that begin as a board's. */
export function isBoardName(name: string): boolean {
  return /^ssh:/i.test(name);
}

/**
 * Returns the address that a name gives.
 *
 * Throws `bad-option` for what is no such name, holds a password, or could be taken by a shell or
 * by ssh for something else than a host and a folder.
 *
 * @example
 * ```ts
 * parseBoardAddress("ssh://pi@rpi5.local:2222/mnt/ssd").destination; // "pi@rpi5.local"
 * ```
 */
export function parseBoardAddress(name: string): BoardAddress {
  const match = /^ssh:\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^:/@]*)(?::([^/]*))?(\/.*)?$/i.exec(name);
  const refuse = (found: string) =>
    new HarnessError(
      "bad-option",
      `Cannot use device "${
        withoutPassword(name)
      }": ${found}, expected ssh://USER@HOST, with :PORT and /FOLDER where they are needed`,
    );
  if (match === null) throw refuse("found no address of a board");
  const [, user, host, port, path] = match;
  if (user?.includes(":")) {
    throw new HarnessError(
      "bad-option",
      `Cannot use device "${
        withoutPassword(name)
      }": found a password, which ssh does not take there: use a key (ssh-copy-id ${
        user.slice(0, user.indexOf(":"))
      }@${host}), and leave the password out`,
    );
  }
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9._+\\-]*\$?$/.test(user)) {
    throw refuse(`found the user "${user}"`);
  }
  const isV6 = host.startsWith("[");
  const bare = isV6 ? host.slice(1, -1) : host;
  if (
    !(isV6 ? /^[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?$/ : /^[A-Za-z0-9_][A-Za-z0-9._-]*$/).test(bare)
  ) {
    throw refuse(bare === "" ? "found no host" : `found the host "${bare}"`);
  }
  if (
    port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)
  ) {
    throw refuse(`found the port "${port}"`);
  }
  const folder = path === undefined || /^\/+$/.test(path) ? null : path.replace(/(.)\/+$/, "$1");
  if (folder !== null && !isPlainPath(folder)) {
    throw refuse(
      `found the folder "${folder}", of which only letters, digits and . _ + @ % = , - can be taken`,
    );
  }
  const at = user === undefined ? "" : `${user}@`;
  return {
    serial: `ssh://${at}${host}${port === undefined ? "" : `:${Number(port)}`}`,
    destination: `${at}${bare}`,
    port: port === undefined ? null : Number(port),
    folder,
  };
}

/**
 * Returns true for an absolute path that any login shell takes as it is, within quotes or without:
 * a board's may be fish or csh.
 */
export function isPlainPath(path: string): boolean {
  return /^\/[A-Za-z0-9._+@%=,/-]*$/.test(path) && !/(^|\/)\.\.?(\/|$)/.test(path);
}
