/**
 * A scripted adb server for tests: speaks the server's protocol over TCP and answers what it is
 * told, for what a real device can't be made to show.
 *
 * Protocol: AOSP `packages/modules/adb/OVERVIEW.TXT` and `SERVICES.TXT` (requests are four
 * hexadecimal digits and text; answers `OKAY` or `FAIL` with a text), shell protocol v2
 * `shell_protocol.h`.
 *
 * @module
 */

/** What the server plays. */
export interface AdbScript {
  /** Text of `host:devices-l`. */
  devices(): string;
  /** Features of each device; without `shell_v2` it is old. */
  features?: string;
  /** Answers `adb connect` and `adb disconnect`. */
  connect?(address: string): string;
  /**
   * Packets of the answer to a shell line of a transport; null leaves the connection open for ever.
   */
  shell?(line: string, transportId: number): ShellPacket[] | null | Promise<ShellPacket[] | null>;
  /**
   * Called before each file that the sync service sends or receives; true breaks the connection off
   * in its middle.
   */
  breakSync?(path: string): boolean;
}

/** A packet of shell protocol v2: 1 standard output, 2 standard error, 3 exit code. */
export interface ShellPacket {
  id: 1 | 2 | 3;
  data: Uint8Array;
}

/** A running scripted server. */
export interface ScriptedAdbServer extends AsyncDisposable {
  readonly port: number;
  /** Requests in the order of their arrival. */
  readonly requests: readonly string[];
}

/** Starts a scripted adb server on a free port of this machine, or on a socket. */
export function startScriptedAdbServer(script: AdbScript, path?: string): ScriptedAdbServer {
  const listener = path === undefined
    ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
    : Deno.listen({ transport: "unix", path });
  const requests: string[] = [];
  const connections = new Set<Deno.Conn>();
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      served.push(
        serve(connection, script, requests).catch(() => {}).finally(() => {
          connections.delete(connection);
          close(connection);
        }),
      );
    }
  })();
  return {
    port: path === undefined ? (listener.addr as Deno.NetAddr).port : 0,
    requests,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      for (const connection of connections) close(connection);
      await Promise.all(served);
    },
  };
}

/** Closes what may be closed already. */
function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The other side was faster.
  }
}

/** Reads exactly so many bytes; throws when the stream ends first. */
async function readExactly(connection: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new Error("the client is gone");
    at += count;
  }
  return bytes;
}

/** Reads one request. */
async function readRequest(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const length = parseInt(decoder.decode(await readExactly(connection, 4)), 16);
  return decoder.decode(await readExactly(connection, length));
}

/** Writes all bytes. */
async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Serves one connection to its end. */
async function serve(connection: Deno.Conn, script: AdbScript, requests: string[]): Promise<void> {
  const say = (text: string) => write(connection, new TextEncoder().encode(text));
  const counted = (text: string) => text.length.toString(16).padStart(4, "0") + text;
  /** The device that the connection was switched to. */
  let own = 1;
  for (;;) {
    const request = await readRequest(connection);
    requests.push(request);
    if (request === "host:version") return await say(`OKAY${counted("0029")}`);
    if (request === "host:devices-l") return await say(`OKAY${counted(script.devices())}`);
    const network = /^host:(?:dis)?connect:(.*)$/.exec(request);
    if (network) return await say(`OKAY${counted(script.connect?.(network[1]) ?? "failed")}`);
    if (request === "host:features") {
      return await say(
        `OKAY${counted(script.features ?? "shell_v2,cmd,stat_v2,fixed_push_mkdir")}`,
      );
    }
    const switched = /^host:(tport:serial|transport-id):(.*)$/.exec(request);
    if (switched) {
      const [, by, name] = switched;
      const fits = (line: string) =>
        by === "transport-id"
          ? line.endsWith(` transport_id:${name}`)
          : line.startsWith(name) || line.includes(` ${name} `);
      const found = script.devices().split("\n").filter(fits);
      if (found.length === 0) return await say(`FAIL${counted(`device '${name}' not found`)}`);
      if (found.length > 1) return await say(`FAIL${counted("more than one device with serial")}`);
      own = Number(/ transport_id:(\d+)$/.exec(found[0])?.[1] ?? 1);
      await say("OKAY");
      if (by === "tport:serial") {
        await write(connection, new Uint8Array([own, 0, 0, 0, 0, 0, 0, 0]));
      }
      continue;
    }
    const shell = /^shell,v2,raw:([^]*)$/.exec(request);
    if (shell && script.shell) {
      await say("OKAY");
      const packets = await script.shell(shell[1], own);
      if (packets === null) {
        await readExactly(connection, 1 << 30);
        return;
      }
      for (const { id, data } of packets) {
        const head = new Uint8Array(5);
        head[0] = id;
        new DataView(head.buffer).setUint32(1, data.length, true);
        await write(connection, head);
        await write(connection, data);
      }
      return;
    }
    if (request === "sync:") {
      await say("OKAY");
      return await serveSync(connection, script);
    }
    return await say(`FAIL${counted(`unknown service ${request}`)}`);
  }
}

/** Returns the packets of a command that printed a text and ended. */
export function shellAnswer(stdout: string, exitCode = 0): ShellPacket[] {
  return [
    { id: 1, data: new TextEncoder().encode(stdout) },
    { id: 3, data: new Uint8Array([exitCode]) },
  ];
}

/**
 * Serves the sync service (AOSP `adb/SYNC.TXT`) with files of this machine: SEND and RECV of
 * version 1.
 */
async function serveSync(connection: Deno.Conn, script: AdbScript): Promise<void> {
  const decoder = new TextDecoder();
  const answer = async (id: string, data: Uint8Array) => {
    const head = new Uint8Array(8);
    head.set(new TextEncoder().encode(id));
    new DataView(head.buffer).setUint32(4, data.length, true);
    await write(connection, head);
    await write(connection, data);
  };
  const fail = (error: unknown) => answer("FAIL", new TextEncoder().encode(String(error)));
  for (;;) {
    const head = await readExactly(connection, 8);
    const id = decoder.decode(head.subarray(0, 4));
    const length = new DataView(head.buffer).getUint32(4, true);
    if (id === "QUIT") return;
    const argument = decoder.decode(await readExactly(connection, length));
    if (id === "SEND") {
      const [, file, mode] = /^(.*),(\d+)$/.exec(argument)!;
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for (;;) {
        const data = await readExactly(connection, 8);
        if (decoder.decode(data.subarray(0, 4)) === "DONE") break;
        const size = new DataView(data.buffer).getUint32(4, true);
        chunks.push(new Uint8Array(await readExactly(connection, size)));
        if (script.breakSync?.(file)) return;
      }
      try {
        const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
        await Deno.writeFile(file, bytes, { mode: Number(mode) & 0o777 });
        await answer("OKAY", new Uint8Array());
      } catch (error) {
        await fail(error);
      }
    } else if (id === "RECV") {
      try {
        const bytes = await Deno.readFile(argument);
        if (script.breakSync?.(argument)) return;
        for (let at = 0; at < bytes.length; at += 65536) {
          await answer("DATA", bytes.subarray(at, at + 65536));
        }
        await answer("DONE", new Uint8Array());
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        await fail("open failed: No such file or directory");
      }
    } else return;
  }
}

/**
 * Returns the packets of a shell line that this machine's shell runs: a phone for tests that need
 * no Android.
 */
export async function localShell(line: string): Promise<ShellPacket[]> {
  const child = new Deno.Command("sh", { args: ["-c", line], stdin: "null" });
  const { code, stdout, stderr } = await child.output();
  return [
    { id: 1, data: stdout },
    { id: 2, data: stderr },
    { id: 3, data: new Uint8Array([code]) },
  ];
}
