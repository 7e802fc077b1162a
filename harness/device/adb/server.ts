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
  /** The `adb` program that starts a server when none runs; null starts none. */
  adbProgram: string | null;
}

/**
 * Returns the adb server that the environment names: `ANDROID_ADB_SERVER_PORT` (default 5037) on
 * this machine, `ADB` as the program (default `adb` on the path).
 *
 * Throws `bad-option` when the port is not one.
 */
export function adbServerFromEnvironment(
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): AdbServer {
  const port = env("ANDROID_ADB_SERVER_PORT") || "5037";
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ANDROID_ADB_SERVER_PORT="${port}": expected a port from 1 to 65535`,
    );
  }
  return { hostname: "127.0.0.1", port: Number(port), adbProgram: env("ADB") || "adb" };
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
    const starting = startingServers.get(server.port) ?? startAdbServer(server, what);
    startingServers.set(server.port, starting);
    try {
      await starting;
    } finally {
      startingServers.delete(server.port);
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
    `Cannot ${what}: no adb server answers on ${server.hostname}:${server.port}: start one with "adb -P ${server.port} start-server"`,
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
async function connect(server: AdbServer): Promise<Deno.Conn> {
  try {
    return await Deno.connect({ hostname: server.hostname, port: server.port });
  } catch (cause) {
    if (cause instanceof Deno.errors.ConnectionRefused) throw new ServerAbsent("absent", { cause });
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
 * Servers that are being started, by port: of two programs that start one at the same time, one
 * fails.
 */
const startingServers = new Map<number, Promise<void>>();

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
      args: ["-P", String(server.port), "start-server"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: limit.signal,
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "missing-tool",
      `Cannot ${what}: no adb server answers on port ${server.port}, and there is no program "${server.adbProgram}" to start one: install Android's platform tools (Debian: apt-get install adb) or set ADB to the program`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
  if (output.code !== 0) throw absentError(server, what, undefined);
}
