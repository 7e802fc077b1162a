/**
 * The adb server: one limited operation at a time over npm `@yume-chan/adb`, whose every connection
 * is closed when the operation ends, whichever way.
 *
 * The connections are our own and not those of `@yume-chan/adb-server-node-tcp` 2.5.2: that one
 * neither ends its stream when the server resets the connection (`index.js`: only `end` closes it,
 * not `close`) nor can be closed while a frozen device keeps it open, so that a read would hang for
 * ever.
 *
 * @module
 */
import { childCommand } from "../../child.ts";
import { AdbServerClient } from "@yume-chan/adb";
import { MaybeConsumable } from "@yume-chan/stream-extra";
import { HarnessError } from "../../errors.ts";
import type { Limit } from "../shell/link.ts";

/** Where the adb server is. */
export interface AdbServer {
  hostname: string;
  port: number;
  /** A socket of the file system in place of host and port. */
  path?: string;
  /** The `adb` program that starts a server when none runs; null starts none. */
  adbProgram: string | null;
}

/** Hosts that are this machine, where a server may be started (adb: `is_local_socket_spec`). */
const LOCAL_HOSTS = ["127.0.0.1", "localhost", "::1"];

/** Returns the words by which adb is told the server: its port alone, or its socket. */
function serverArguments({ hostname, port, path }: AdbServer): string[] {
  if (path !== undefined) return ["-L", `localfilesystem:${path}`];
  if (hostname === "127.0.0.1") return ["-P", String(port)];
  return ["-L", `tcp:${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`];
}

/** Returns the server's address for people. */
function addressOf({ hostname, port, path }: AdbServer): string {
  return path ?? `${hostname}:${port}`;
}

/**
 * Returns the adb server that the environment names, as adb itself reads it: `ADB_SERVER_SOCKET`
 * (`tcp:5037`, `tcp:HOST:PORT`, `localfilesystem:PATH`), else `ANDROID_ADB_SERVER_ADDRESS` (default
 * this machine) and `ANDROID_ADB_SERVER_PORT` (default 5037). `ADB` is the program (default `adb`
 * on the path); a server on another machine is never started from here.
 *
 * Throws `bad-option` for what is no such name.
 */
export function adbServerFromEnvironment(
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): AdbServer {
  const adbProgram = env("ADB") || "adb";
  const socket = env("ADB_SERVER_SOCKET");
  if (socket) return serverOfSocket(socket, adbProgram);
  const port = parsePort("ANDROID_ADB_SERVER_PORT", env("ANDROID_ADB_SERVER_PORT") || "5037");
  return tcpServer(env("ANDROID_ADB_SERVER_ADDRESS") || "127.0.0.1", port, adbProgram);
}

function serverOfSocket(socket: string, adbProgram: string): AdbServer {
  const file = /^localfilesystem:(\/.+)$/.exec(socket);
  if (file) return { hostname: "", port: 0, path: file[1], adbProgram };
  const tcp = /^tcp:(?:(\[[^\]]+\]|[^:]+):)?([^:]*)$/.exec(socket);
  if (tcp === null) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ADB_SERVER_SOCKET="${socket}": expected tcp:PORT, tcp:HOST:PORT or localfilesystem:PATH`,
    );
  }
  const port = parsePort("ADB_SERVER_SOCKET", tcp[2]);
  return tcpServer(tcp[1]?.replace(/^\[|\]$/g, "") ?? "127.0.0.1", port, adbProgram);
}

function tcpServer(hostname: string, port: number, adbProgram: string): AdbServer {
  const isLocal = LOCAL_HOSTS.includes(hostname);
  return { hostname, port, adbProgram: isLocal ? adbProgram : null };
}

function parsePort(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return Number(text);
  throw new HarnessError(
    "bad-option",
    `Cannot use ${name}: found the port "${text}", expected one from 1 to 65535`,
  );
}

/** What an operation works with. */
export interface AdbOperation {
  client: AdbServerClient;
  /** Tells that something arrived or left: the time limit begins anew. */
  progress(): void;
}

/**
 * Returns what `work` gives, within its limit; starts the adb server first when none runs.
 *
 * Throws `timeout` when the limit is reached, `interrupted` when the signal aborts, `missing-tool`
 * when there is neither a server nor a program to start one, and whatever `work` throws.
 *
 * @param what names the operation in messages, for instance `read the state of device "R5CT10"`
 */
export async function withAdbServer<T>(
  server: AdbServer,
  what: string,
  limit: Limit,
  work: (operation: AdbOperation) => Promise<T>,
): Promise<T> {
  try {
    return await operate(server, what, limit, work);
  } catch (error) {
    if (!(error instanceof ServerAbsent)) throw error;
    const address = addressOf(server);
    const starting = startingServers.get(address) ?? startAdbServer(server, what);
    startingServers.set(address, starting);
    try {
      await starting;
    } finally {
      startingServers.delete(address);
    }
    try {
      return await operate(server, what, limit, work);
    } catch (again) {
      throw again instanceof ServerAbsent ? absentError(server, what, again.cause) : again;
    }
  }
}

/** No server answered. */
class ServerAbsent extends Error {}

/** Returns the error for a server that is not there and was not to be started. */
function absentError(server: AdbServer, what: string, cause: unknown): HarnessError {
  return new HarnessError(
    "missing-tool",
    `Cannot ${what}: no adb server answers on ${addressOf(server)}: start one ${
      server.path === undefined && !LOCAL_HOSTS.includes(server.hostname) ? "there " : ""
    }with "adb ${serverArguments(server).join(" ")} start-server"${
      server.path === undefined && !LOCAL_HOSTS.includes(server.hostname)
        ? ` ("adb -a -P ${server.port} nodaemon server" for one that others reach)`
        : ""
    }`,
    { cause },
  );
}

/** Runs `work` once. */
async function operate<T>(
  server: AdbServer,
  what: string,
  limit: Limit,
  work: (operation: AdbOperation) => Promise<T>,
): Promise<T> {
  const connections = new Set<Deno.Conn>();
  let end: (error: Error) => void = () => {};
  const ended = new Promise<never>((_, reject) => end = reject);
  const expire = () =>
    end(
      new HarnessError(
        "timeout",
        `Cannot ${what}: no answer within ${
          limit.timeoutMs / 1000
        } s: check that the device is awake and its cable or network is sound`,
      ),
    );
  let timer = setTimeout(expire, limit.timeoutMs);
  const progress = () => {
    clearTimeout(timer);
    timer = setTimeout(expire, limit.timeoutMs);
  };
  const onAbort = () => end(new HarnessError("interrupted", `Cannot ${what}: interrupted`));
  limit.signal?.addEventListener("abort", onAbort);
  if (limit.signal?.aborted) onAbort();
  const client = new AdbServerClient({
    connect: async () => {
      const connection = await connect(server);
      connections.add(connection);
      return wrapConnection(connection);
    },
    addReverseTunnel: unsupported,
    removeReverseTunnel: unsupported,
    clearReverseTunnels: unsupported,
  });
  const working = work({ client, progress });
  // Whoever loses the race may still fail later, when its connections are closed: nobody needs to
  // hear of it.
  working.catch(() => {});
  ended.catch(() => {});
  try {
    return await Promise.race([working, ended]);
  } finally {
    clearTimeout(timer);
    limit.signal?.removeEventListener("abort", onAbort);
    for (const connection of connections) closeQuietly(connection);
  }
}

/** Reverse tunnels are of no use to us. */
function unsupported(): never {
  throw new TypeError("Cannot tunnel through this connection: reverse tunnels are not used");
}

/** Connects to the server; throws {@linkcode ServerAbsent} when nothing listens. */
async function connect(server: AdbServer): Promise<Deno.TcpConn | Deno.UnixConn> {
  try {
    return server.path === undefined
      ? await Deno.connect({ hostname: server.hostname, port: server.port })
      : await Deno.connect({ transport: "unix", path: server.path });
  } catch (cause) {
    const isAbsent = cause instanceof Deno.errors.ConnectionRefused ||
      (server.path !== undefined && cause instanceof Deno.errors.NotFound);
    if (isAbsent) throw new ServerAbsent("absent", { cause });
    throw cause;
  }
}

/** Closes what may be closed already. */
function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The stream closed it when it ended.
  }
}

/** Returns the connection in the library's shape. */
function wrapConnection(connection: Deno.Conn): AdbServerClient.ServerConnection {
  let resolveClosed: (value: undefined) => void = () => {};
  const closed = new Promise<undefined>((resolve) => resolveClosed = resolve);
  const close = () => {
    closeQuietly(connection);
    resolveClosed(undefined);
  };
  return {
    readable: connection.readable as AdbServerClient.ServerConnection["readable"],
    writable: new MaybeConsumable.WritableStream<Uint8Array>({
      // A write that fails is not an error of its own: inside the library nobody would catch it.
      // The reader finds the connection closed, and that is what fails the operation.
      write: async (chunk) => {
        try {
          for (let sent = 0; sent < chunk.length;) {
            sent += await connection.write(chunk.subarray(sent));
          }
        } catch {
          close();
        }
      },
    }),
    closed,
    close,
  };
}

/**
 * Servers that are being started, by address: of two programs that start one at the same time, one
 * fails.
 */
const startingServers = new Map<string, Promise<void>>();

/** Time that starting a server may take. */
const START_LIMIT_MS = 20_000;

/**
 * Starts an adb server with the `adb` program; throws `missing-tool` when that can't be done. Never
 * stops one: others may use it.
 */
async function startAdbServer(server: AdbServer, what: string): Promise<void> {
  if (server.adbProgram === null) throw absentError(server, what, undefined);
  let output: Deno.CommandOutput;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), START_LIMIT_MS);
  try {
    output = await childCommand(server.adbProgram, {
      args: [...serverArguments(server), "start-server"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: limit.signal,
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "missing-tool",
      `Cannot ${what}: no adb server answers on ${
        addressOf(server)
      }, and there is no program "${server.adbProgram}" to start one: install Android's platform tools (Debian: apt-get install adb) or set ADB to the program`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
  if (output.code !== 0) throw absentError(server, what, undefined);
}
