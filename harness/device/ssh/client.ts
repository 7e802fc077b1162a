/**
 * OpenSSH's own client: one connection to a board that every operation shares, and scripts whose
 * end is known by a line of their own and not by ssh's exit code.
 *
 * ```text
 * harness ── ssh -M (the connection) ────────────── sshd ── sh: cat      ends when the harness does
 *        └── ssh -S (an operation) ─ through it ──────── └─ sh -s        script on its standard input
 * ```
 *
 * Keys, agent and configuration are the user's. Nothing is asked at a terminal (`BatchMode`).
 *
 * @module
 */
import { childCommand } from "../../child.ts";
import { Buffer } from "node:buffer";
import { HarnessError } from "../../errors.ts";
import type { Limit } from "../shell/link.ts";
import { openWorkFolder, type WorkFolder } from "../../work_folder.ts";
import { nonce } from "../names.ts";
import type { BoardAddress } from "./address.ts";
import { startsAnswer, unwrapAnswer, wrapScript } from "./answer.ts";
import { lostError, noShellError, sshError } from "./words.ts";

/** What `ssh` is and reads. */
export interface SshProgram {
  /** The program. */
  program: string;
  /** Configuration that is read in place of the user's and the system's; null: those. */
  configFile: string | null;
}

/**
 * Returns the client that the environment names: `SSH` as the program (default `ssh` on the path),
 * `POSEMARK_SSH_CONFIG` as its configuration.
 */
export function sshFromEnvironment(
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): SshProgram {
  return { program: env("SSH") || "ssh", configFile: env("POSEMARK_SSH_CONFIG") || null };
}

/** How a script on the board ended. */
export interface Exchange {
  exitCode: number;
  stdout: Uint8Array<ArrayBuffer>;
  stderr: string;
}

/** A connection to a board. */
export interface SshClient {
  /** Connects unless it is connected. */
  connect(limit: Limit): Promise<void>;
  /** True while the connection's own process runs. */
  isConnected(): boolean;
  /** Gives the connection up: the next operation makes a fresh one. */
  drop(): void;
  /**
   * Runs a script by the board's `sh`. An answer that breaks off throws `device-lost`.
   *
   * @param mostBytes of its standard output; more throws `bad-device-output`
   */
  run(what: string, script: string, limit: Limit, mostBytes?: number): Promise<Exchange>;
  /**
   * Runs a shell line with bytes as its standard input; its standard output is dropped.
   *
   * @param line without quotes, backslashes, `$` and `!`: any login shell gets it
   */
  feed(
    what: string,
    line: string,
    bytes: (progress: () => void) => ReadableStream<Uint8Array>,
    limit: Limit,
  ): Promise<Omit<Exchange, "stdout">>;
  /** Ends the connection and removes its folder. */
  close(): Promise<void>;
}

/** Most of the standard error that is kept, bytes. */
const STDERR_BYTES = 1 << 20;
/** Exit code by which ssh says that it failed itself. */
const SSH_FAILED = 255;
/** What the connection's own command prints when it is there. */
const UP = "@@posemark up";

/**
 * Options of every ssh: nothing is asked, forwarded or run besides; a dead link is noticed within
 * some 20 s even when nothing is sent.
 */
const FIXED_OPTIONS = [
  ...["BatchMode=yes", "LogLevel=ERROR", "ConnectionAttempts=1", "EscapeChar=none"],
  ...["ServerAliveInterval=5", "ServerAliveCountMax=3", "RequestTTY=no", "RemoteCommand=none"],
  ...["ClearAllForwardings=yes", "PermitLocalCommand=no", "ForwardAgent=no", "ForwardX11=no"],
  ...["ControlPersist=no", "Tunnel=no"],
];

/** Returns a client of a board; nothing is connected yet. */
export function openSshClient(
  address: BoardAddress,
  ssh: SshProgram = sshFromEnvironment(),
): SshClient {
  let folder: WorkFolder | null = null;
  let generation = 0;
  let master: Deno.ChildProcess | null = null;
  /** The present connection and earlier ones, each with its end. */
  const connections = new Map<Deno.ChildProcess, Promise<unknown>>();
  let socket = "none";
  let connecting: Promise<void> | null = null;

  const args = (more: readonly string[], connectMs: number) => [
    ...(ssh.configFile === null ? [] : ["-F", ssh.configFile]),
    ...[...FIXED_OPTIONS, ...more, `ConnectTimeout=${Math.max(1, Math.ceil(connectMs / 1000))}`]
      .flatMap((option) => ["-o", option]),
    ...(address.port === null ? [] : ["-p", String(address.port)]),
    ...["--", address.destination],
  ];

  const start = (args: string[]): Deno.ChildProcess => {
    try {
      return childCommand(ssh.program, {
        args,
        env: { LC_ALL: "C" },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        // Ctrl-C is the harness' to answer: the link is still needed to tidy up.
        detached: true,
      }).spawn();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new HarnessError(
        "missing-tool",
        `Cannot reach device "${address.serial}": found no program "${ssh.program}", expected OpenSSH's client: install it (Debian: apt-get install openssh-client) or set SSH to the program`,
        { cause },
      );
    }
  };

  const connectOnce = async (limit: Limit) => {
    // Whatever TMPDIR says: a socket's path has at most 103 bytes on macOS, and ssh adds 17 while
    // it makes one.
    folder ??= await openWorkFolder("ssh", "/tmp");
    socket = `${folder.path}/${++generation}`;
    const child = start([
      ...args(["ControlMaster=yes", `ControlPath=${socket}`], limit.timeoutMs),
      `sh -c 'echo; echo ${UP}; exec cat >/dev/null'`,
    ]);
    child.unref();
    const what = "open the connection";
    const ended = watch(child, address, what, limit);
    const words = collectText(child.stderr, STDERR_BYTES);
    const up = untilLine(child.stdout, UP);
    try {
      const { isUp, before } = await Promise.race([up, ended.failed]);
      if (isUp) {
        master = child;
        const end = Promise.all([child.status, words]).then(() => {
          connections.delete(child);
          if (master === child) master = null;
        });
        connections.set(child, end);
        return;
      }
      const { code } = await Promise.race([child.status, ended.failed]);
      const said = await Promise.race([words, ended.failed]);
      throw code === SSH_FAILED
        ? sshError(address, what, said)
        : noShellError(address, what, code, `${before}\n${said}`);
    } catch (error) {
      kill(child);
      throw error;
    } finally {
      ended.stop();
    }
  };

  const connect = async (limit: Limit) => {
    if (master !== null) return;
    connecting ??= connectOnce(limit).finally(() => connecting = null);
    await connecting;
  };

  /** Returns a child that works through the connection. */
  const operate = async (line: string, limit: Limit) => {
    await connect(limit);
    return start([
      ...args(["ControlMaster=no", `ControlPath=${socket}`], limit.timeoutMs),
      line,
    ]);
  };

  return {
    connect,
    isConnected: () => master !== null,
    drop: () => {
      if (master !== null) {
        master.stdin.close().catch(() => {});
        kill(master);
      }
      master = null;
    },
    run: async (what, script, limit, mostBytes = Infinity) => {
      const mark = nonce() + nonce();
      const child = await operate("sh -s", limit);
      const ended = watch(child, address, what, limit);
      const written = writeAll(child.stdin, [new TextEncoder().encode(wrapScript(script, mark))]);
      const work = Promise.all([
        collectBytes(child.stdout, mostBytes, ended.progress, address, what),
        collectText(child.stderr, STDERR_BYTES, ended.progress),
        child.status,
        written,
      ]);
      work.catch(() => {});
      try {
        const [bytes, stderr, { code }] = await Promise.race([work, ended.failed]);
        const answer = unwrapAnswer(bytes, mark);
        if (answer !== null) return { ...answer, stderr };
        // The script's own words are no reason of ssh's.
        if (startsAnswer(bytes, mark)) throw lostError(address, what, stderr);
        throw code === SSH_FAILED
          ? sshError(address, what, stderr)
          : noShellError(address, what, code, stderr);
      } catch (error) {
        kill(child);
        throw error;
      } finally {
        ended.stop();
      }
    },
    feed: async (what, line, bytes, limit) => {
      const child = await operate(`sh -c '${line}'`, limit);
      const ended = watch(child, address, what, limit);
      const written = writeAll(child.stdin, bytes(ended.progress));
      const work = Promise.all([
        collectText(child.stdout, 1 << 16, ended.progress),
        collectText(child.stderr, STDERR_BYTES, ended.progress),
        child.status,
        written,
      ]);
      work.catch(() => {});
      try {
        const [, stderr, { code }] = await Promise.race([work, ended.failed]);
        if (code === SSH_FAILED) throw lostError(address, what, stderr);
        return { exitCode: code, stderr };
      } catch (error) {
        kill(child);
        throw error;
      } finally {
        ended.stop();
      }
    },
    close: async () => {
      if (master !== null) {
        await master.stdin.close().catch(() => {});
        kill(master, "SIGTERM");
      }
      master = null;
      // They keep no program from its end, but here their end is waited for.
      for (const child of connections.keys()) child.ref();
      await Promise.all(connections.values());
      const opened = folder;
      folder = null;
      await opened?.[Symbol.asyncDispose]();
    },
  };
}

/** A child under a time limit. */
interface Watched {
  /** Rejects when the limit is reached or the caller aborts. */
  failed: Promise<never>;
  /** The limit begins anew. */
  progress(): void;
  stop(): void;
}

/** Watches a child: at its time limit, or at the caller's abort, `failed` rejects. */
function watch(
  child: Deno.ChildProcess,
  { serial }: BoardAddress,
  what: string,
  { timeoutMs, signal }: Limit,
): Watched {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => fail = reject);
  failed.catch(() => {});
  const expire = () => {
    kill(child);
    fail(
      new HarnessError(
        "timeout",
        `Cannot ${what} of device "${serial}": no answer within ${
          timeoutMs / 1000
        } s: check its power and network`,
      ),
    );
  };
  let timer = setTimeout(expire, timeoutMs);
  const onAbort = () => {
    kill(child);
    fail(
      new HarnessError("interrupted", `Cannot ${what} of device "${serial}": interrupted`),
    );
  };
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  return {
    failed,
    progress: () => {
      clearTimeout(timer);
      timer = setTimeout(expire, timeoutMs);
    },
    stop: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    },
  };
}

/** Ends a child that may have ended by itself. */
function kill(child: Deno.ChildProcess, signal: Deno.Signal = "SIGKILL"): void {
  try {
    child.kill(signal);
  } catch {
    // It ended by itself a moment ago.
  }
}

/** Writes everything to a child; a child that ended takes no more, and its end tells why. */
async function writeAll(
  stdin: WritableStream<Uint8Array>,
  chunks: Iterable<Uint8Array> | ReadableStream<Uint8Array>,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for await (const chunk of chunks) await writer.write(chunk);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  } finally {
    await writer.close().catch(() => {});
  }
}

/** Returns all bytes of a stream; throws `bad-device-output` when they are too many. */
async function collectBytes(
  stream: ReadableStream<Uint8Array>,
  most: number,
  progress: () => void,
  { serial }: BoardAddress,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    progress();
    total += chunk.length;
    if (total > most) {
      throw new HarnessError(
        "bad-device-output",
        `Cannot ${what} of device "${serial}": it printed more than ${
          most >> 20
        } MiB, expected a few lines`,
      );
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Returns the text of a stream, its last bytes when it is long; what breaks off is kept. */
async function collectText(
  stream: ReadableStream<Uint8Array>,
  most: number,
  progress: () => void = () => {},
): Promise<string> {
  let kept = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      progress();
      kept = Buffer.concat([kept, chunk]).subarray(-most);
    }
  } catch {
    // The child was ended.
  }
  return new TextDecoder().decode(kept);
}

/** Reads a stream until a line stands there, then leaves it alone. */
async function untilLine(
  stream: ReadableStream<Uint8Array>,
  line: string,
): Promise<{ isUp: boolean; before: string }> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-10_000);
    if (text.split("\n").includes(line)) return { isUp: true, before: text };
  }
  return { isUp: false, before: text };
}
