/**
 * The words of OpenSSH's client, as errors with the remedy: pure.
 *
 * @module
 */
import { type ErrorCode, HarnessError } from "../../errors.ts";
import { shortly, stderrTail } from "../shell/runner_exit.ts";
import type { BoardAddress } from "./address.ts";

/** Returns how a user would reach the board by hand: `ssh -p 2222 pi@rpi5`. */
export function sshCommand(address: BoardAddress, program = "ssh"): string {
  const port = address.port === null ? "" : `-p ${address.port} `;
  return `${program} ${port}${address.destination}`;
}

/** What ssh says, what it means, and what helps. The first that fits counts. */
const MEANINGS: {
  said: RegExp;
  code: ErrorCode;
  remedy(address: BoardAddress): string;
}[] = [
  {
    said: /REMOTE HOST IDENTIFICATION HAS CHANGED|Offending \S+ key in/,
    code: "device-unauthorized",
    remedy: (address) =>
      `its host key is another than the one that is known here, expected the same: when the board was installed anew, forget the old key by "ssh-keygen -R '${
        knownName(address)
      }'" and connect once by hand ("${
        sshCommand(address)
      }"); otherwise somebody may stand between`,
  },
  {
    said: /Host key verification failed|No \S+ host key is known|key is not known by any other/,
    code: "device-unauthorized",
    remedy: (address) =>
      `its host key is not known here, expected one that was confirmed: connect once by hand ("${
        sshCommand(address)
      }"), compare the fingerprint and say yes, then run again`,
  },
  {
    said: /Permission denied|Too many authentication failures|No more authentication methods/,
    code: "device-unauthorized",
    remedy: (address) =>
      `it does not let this user in without a password, expected a key that it accepts: "${
        sshCommand(address, "ssh-copy-id")
      }" puts one there, "ssh-add" gives a key with a passphrase to the agent; then run again`,
  },
  {
    said: /no matching .* found|Unable to negotiate|no mutual signature/,
    code: "device-unauthorized",
    remedy: (address) =>
      `its ssh and this one share no algorithm: see that "${
        sshCommand(address)
      }" works by hand, then run again`,
  },
  {
    said:
      /Bad configuration option|Can't open user config|Bad owner or permissions|terminating, \d+ bad|keyword .* extra arguments|unknown option/i,
    code: "bad-option",
    remedy: () => "ssh can't read its configuration: correct the file that it names",
  },
  {
    said:
      /Could not resolve hostname|Name or service not known|nodename nor servname|Temporary failure in name resolution/,
    code: "device-not-found",
    remedy: () =>
      "no such host is known, expected a name or an address: see its spelling, the network, and your ssh configuration",
  },
  {
    said: /Connection refused/,
    code: "device-offline",
    remedy: () =>
      "nothing listens there, expected an ssh server: see the port, and that the board is up and has its ssh server switched on",
  },
  {
    said: /timed out|No route to host|Network is unreachable|Host is down|host is unreachable/i,
    code: "device-offline",
    remedy: () => "it does not answer, expected an ssh server: see its power and network",
  },
];

/** Returns how `known_hosts` names the board. */
function knownName({ destination, port }: BoardAddress): string {
  const host = destination.slice(destination.lastIndexOf("@") + 1);
  return port === null || port === 22 ? host : `[${host}]:${port}`;
}

/**
 * Returns the error of an ssh that ended by itself before the board answered, or in the middle of
 * its answer: `device-unauthorized`, `device-not-found`, `device-offline`, `bad-option`, and
 * `device-lost` for all else.
 *
 * @param what for messages: "read the state"
 * @param stderr what ssh, and whatever ran on the board, wrote there
 */
export function sshError(
  address: BoardAddress,
  what: string,
  stderr: string,
  cause?: unknown,
): HarnessError {
  const begin = `Cannot ${what} of device "${address.serial}":`;
  const tail = stderrTail(stderr);
  const meaning = MEANINGS.find(({ said }) => said.test(stderr));
  const said = shortly(wordsOf(tail, meaning?.said));
  if (meaning !== undefined) {
    return new HarnessError(
      meaning.code,
      `${begin} ${meaning.remedy(address)} (ssh: ${said})`,
      { cause, stderrTail: tail },
    );
  }
  return lostError(address, what, stderr, cause);
}

/** Returns the error `device-lost` of an answer that breaks off. */
export function lostError(
  address: BoardAddress,
  what: string,
  stderr: string,
  cause?: unknown,
): HarnessError {
  const tail = stderrTail(stderr);
  const said = tail.at(-1);
  return new HarnessError(
    "device-lost",
    `Cannot ${what} of device "${address.serial}": the connection broke off (${
      said === undefined ? "ssh said nothing" : `ssh: ${said}`
    }): check its power and network and run again`,
    { cause, stderrTail: tail },
  );
}

/** Returns the line that says it, else the last one. */
function wordsOf(tail: readonly string[], said?: RegExp): string {
  return (tail.find((line) => said?.test(line)) ?? tail.at(-1) ?? "").replace(/^ssh: /, "");
}

/** Returns the error of a board whose login runs no commands. */
export function noShellError(
  address: BoardAddress,
  what: string,
  exitCode: number,
  words: string,
): HarnessError {
  const tail = stderrTail(words);
  return new HarnessError(
    "device-unsuitable",
    `Cannot ${what} of device "${address.serial}": its login ended with exit code ${exitCode} and ran no command (${
      tail.at(-1) ?? "no message"
    }), expected an account whose shell runs "sh": see that "${
      sshCommand(address)
    } sh -c true" works by hand`,
    { stderrTail: tail },
  );
}
