/**
 * The link to one device: single operations over it, and the way back when it is lost.
 *
 * @module
 */
import {
  Adb,
  ADB_SERVER_DEFAULT_FEATURES,
  AdbBanner,
  AdbFeature,
  type AdbServerClient,
  type AdbTransport,
} from "@yume-chan/adb";
import { HarnessError } from "../../errors.ts";
import type { CommandResult } from "../device.ts";
import { type AdbOperation, type AdbServer, type Limit, withAdbServer } from "./server.ts";
import { linkError, type ListedDevice, parseDeviceList } from "./words.ts";

/** Returns the devices that the adb server knows, in its order. */
export async function listAdbDevices(server: AdbServer, limit: Limit): Promise<ListedDevice[]> {
  return parseDeviceList(await hostService(server, "list the devices", "host:devices-l", limit));
}

/** Returns the text that a service of the adb server answers. */
async function hostService(
  server: AdbServer,
  what: string,
  service: string,
  limit: Limit,
): Promise<string> {
  return await withAdbServer(server, what, limit, async ({ client }) => {
    const stream = await client.createConnection(service);
    return await stream.readString();
  });
}

/** Connects to a device over the network. Returns the server's words. */
export async function connectNetworkDevice(
  server: AdbServer,
  serial: string,
  limit: Limit,
): Promise<string> {
  return await hostService(
    server,
    `connect to device "${serial}"`,
    `host:connect:${serial}`,
    limit,
  ).catch(wordsOfRefusal);
}

/** Forgets a connection over the network, so that the next `connect` makes a fresh one. */
export async function disconnectNetworkDevice(
  server: AdbServer,
  serial: string,
  limit: Limit,
): Promise<string> {
  return await hostService(
    server,
    `disconnect device "${serial}"`,
    `host:disconnect:${serial}`,
    limit,
  ).catch(wordsOfRefusal);
}

/** Returns the reason when the server refused; throws ours on. */
function wordsOfRefusal(error: unknown): string {
  if (error instanceof HarnessError || !(error instanceof Error)) throw error;
  return error.message;
}

/** What an operation on a device works with. */
export interface DeviceOperation extends AdbOperation {
  adb: Adb;
}

/** Returns what `work` gives, on a device; throws as {@linkcode linkError} says. */
export async function withDevice<T>(
  server: AdbServer,
  serial: string,
  what: string,
  limit: Limit,
  work: (operation: DeviceOperation) => Promise<T>,
): Promise<T> {
  try {
    return await withAdbServer(
      server,
      `${what} of device "${serial}"`,
      limit,
      async (operation) => {
        const { features } = await operation.client.getDeviceFeatures({ serial });
        const adb = new Adb(transportOf(operation.client, serial, features));
        return await work({ ...operation, adb });
      },
    );
  } catch (error) {
    throw linkError(serial, what, error);
  }
}

/** Returns the library's transport to a device: each socket a new connection of the operation. */
function transportOf(
  client: AdbServerClient,
  serial: string,
  features: readonly AdbFeature[],
): AdbTransport {
  return {
    serial,
    maxPayloadSize: 1 << 20,
    banner: new AdbBanner("device", undefined, undefined, undefined, features),
    disconnected: new Promise(() => {}),
    clientFeatures: ADB_SERVER_DEFAULT_FEATURES,
    connect: (service) => client.createDeviceConnection({ serial }, service),
    addReverseTunnel: noTunnel,
    removeReverseTunnel: noTunnel,
    clearReverseTunnels: noTunnel,
    close: () => {},
  };
}

/** Reverse tunnels are of no use to us. */
function noTunnel(): never {
  throw new TypeError("Cannot tunnel through this transport: reverse tunnels are not used");
}

/** Most output that a command may give: what is larger belongs in a file. */
const OUTPUT_LIMIT_BYTES = 16 << 20;

/**
 * Returns how a shell line ended on a device, with both outputs apart and the exit code of the
 * shell v2 protocol.
 *
 * A stream that ends without an exit code throws `device-lost`. Bytes that are no UTF-8 become
 * U+FFFD.
 */
export async function shellOnce(
  server: AdbServer,
  serial: string,
  what: string,
  line: string,
  limit: Limit,
): Promise<CommandResult> {
  // The adb server takes requests of at most 0xffff bytes.
  if (new TextEncoder().encode(line).length > 60_000) {
    throw new RangeError(
      `Cannot ${what} of device "${serial}": the command is longer than 60000 bytes`,
    );
  }
  return await withDevice(server, serial, what, limit, async ({ adb, progress }) => {
    const shell = adb.subprocess.shellProtocol;
    if (shell === undefined || !shell.isSupported) {
      throw new HarnessError(
        "device-unsuitable",
        `Cannot ${what} of device "${serial}": its adbd knows no shell protocol v2, so that exit codes can't be trusted: expected Android 8 or newer`,
      );
    }
    const process = await shell.spawn([line]);
    const [exitCode, stdout, stderr] = await Promise.all([
      process.exited,
      readAll(process.stdout, serial, what, progress),
      readAll(process.stderr, serial, what, progress),
    ]);
    return { exitCode, stdout, stderr };
  });
}

/** Returns all text of a stream; throws `bad-device-output` when it is too long. */
async function readAll(
  // The library's own declaration of a stream.
  stream: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> } },
  serial: string,
  what: string,
  progress: () => void,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    progress();
    total += value.length;
    if (total > OUTPUT_LIMIT_BYTES) {
      throw new HarnessError(
        "bad-device-output",
        `Cannot ${what} of device "${serial}": it printed more than ${
          OUTPUT_LIMIT_BYTES >> 20
        } MiB, expected a few lines`,
      );
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder().decode(bytes);
}
