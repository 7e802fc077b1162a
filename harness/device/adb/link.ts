/**
 * The link to one phone over an adb server.
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
import type { Limit, ShellLink } from "../shell/link.ts";
import type { Source } from "../shell/push_source.ts";
import { pause } from "../shell/session.ts";
import { writeFailure } from "../shell/write_failure.ts";
import { findDevice, selectorOf } from "./names.ts";
import { type AdbOperation, type AdbServer, withAdbServer } from "./server.ts";
import {
  connectOutcome,
  isNetworkSerial,
  linkError,
  type ListedDevice,
  obstacleOf,
  parseDeviceList,
} from "./words.ts";

/**
 * Returns the link to a phone: connects to it when the serial is a network address.
 *
 * @param serial as `adb devices` lists it, `usb:1-2`, `transport:5`, or `host:port`
 */
export function adbLink(server: AdbServer, serial: string): ShellLink {
  return {
    serial,
    open: (limit) => reach(server, serial, limit),
    reopen: (attempt, limit) => reconnect(server, serial, attempt, limit),
    once: (what, line, limit) => shellOnce(server, serial, what, line, limit),
    send: (what, source, devicePath, mode, limit) =>
      send(server, serial, what, source, devicePath, mode, limit),
    fetch: (what, devicePath, limit) => fetchFile(server, serial, what, devicePath, limit),
  };
}

/**
 * Returns the name that lasts longest of a device that is asked for by its place or its transport:
 * its serial where no other has it. Other names stay as they are.
 *
 * Throws `device-not-found` when no such device is listed.
 */
export async function resolveName(
  server: AdbServer,
  name: string,
  { operationMs }: { operationMs: number },
): Promise<string> {
  if (!/^(usb|transport):/.test(name)) return name;
  const found = findDevice(await listAdbDevices(server, { timeoutMs: operationMs }), name);
  if (found !== null) return found.name;
  const obstacle = obstacleOf(name, "missing");
  throw new HarnessError(obstacle.code, obstacle.message);
}

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
        // The transport that answers is the one that is used: others may have the same serial.
        const { features, transportId } = await operation.client.getDeviceFeatures(
          selectorOf(serial),
        );
        const adb = new Adb(transportOf(operation.client, serial, transportId, features));
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
  transportId: bigint,
  features: readonly AdbFeature[],
): AdbTransport {
  return {
    serial,
    maxPayloadSize: 1 << 20,
    banner: new AdbBanner("device", undefined, undefined, undefined, features),
    disconnected: new Promise(() => {}),
    clientFeatures: ADB_SERVER_DEFAULT_FEATURES,
    connect: (service) => client.createDeviceConnection({ transportId }, service),
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

/** Writes bytes to a path on the device by adb's sync service. */
async function send(
  server: AdbServer,
  serial: string,
  what: string,
  source: Source,
  devicePath: string,
  mode: number,
  limit: Limit,
): Promise<void> {
  await withDevice(server, serial, what, limit, async ({ adb, progress }) => {
    const sync = await adb.sync();
    try {
      await sync.write({
        filename: devicePath,
        file: source.stream(progress) as never,
        permission: mode,
      });
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw writeFailure(serial, what, said, error) ?? linkError(serial, what, error);
    }
  });
}

/** Returns a file's bytes by adb's sync service. */
async function fetchFile(
  server: AdbServer,
  serial: string,
  what: string,
  devicePath: string,
  limit: Limit,
): Promise<Uint8Array<ArrayBuffer>> {
  return await withDevice(server, serial, what, limit, async ({ adb, progress }) => {
    const sync = await adb.sync();
    const chunks: Uint8Array[] = [];
    const reader = sync.read(devicePath).getReader();
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        if (!/No such file|Permission denied/.test(String(error))) throw error;
        throw new HarnessError(
          "bad-device-output",
          `Cannot ${what} of device "${serial}": ${(error as Error).message}`,
          { cause: error },
        );
      });
      if (done || value === undefined) return concat(chunks);
      progress();
      chunks.push(value);
    }
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
  return new TextDecoder().decode(concat(chunks));
}

/** Returns all chunks as one array. */
function concat(chunks: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Returns the state of a device as the adb server lists it, `missing` when it does not. */
async function listedState(server: AdbServer, serial: string, timeoutMs: number): Promise<string> {
  const devices = await listAdbDevices(server, { timeoutMs });
  return findDevice(devices, serial)?.device.state ?? "missing";
}

/**
 * Makes a fresh connection to a device over the network; of one on a cable it asks for nothing.
 *
 * A connection that the adb server still holds is given up at every third attempt only: it may be
 * dead without anybody knowing, or the device may just be slow.
 */
async function reconnect(
  server: AdbServer,
  serial: string,
  attempt: number,
  limit: Limit,
): Promise<void> {
  if (!isNetworkSerial(serial)) return;
  const state = await listedState(server, serial, limit.timeoutMs);
  if (state === "device" && attempt % 3 !== 2) return;
  if (state !== "missing") await disconnectNetworkDevice(server, serial, limit);
  await connectNetworkDevice(server, serial, limit);
}

/** Longest time that a device may stay offline or connecting when a session begins. */
const SETTLE_MS = 3_000;
/**
 * Longest time that a device over the network may not know this computer's key: a farm adds it a
 * moment after the first connection, and somebody may look for the prompt.
 */
const KEY_MS = 10_000;
/** Pause between two connections to such a device. */
const KEY_PAUSE_MS = 500;

/** Brings a device to the state `device`; throws what stands in the way. */
async function reach(server: AdbServer, serial: string, limit: Limit): Promise<void> {
  const beganMs = performance.now();
  let state = await listedState(server, serial, limit.timeoutMs);
  let words = "";
  if (isNetworkSerial(serial) && state !== "device") {
    // While a device is listed as offline, connect only says that it is connected already.
    if (state !== "missing") await disconnectNetworkDevice(server, serial, limit);
    words = await connectNetworkDevice(server, serial, limit);
    if (connectOutcome(words) === "stale") {
      await disconnectNetworkDevice(server, serial, limit);
      words = await connectNetworkDevice(server, serial, limit);
    }
    while (
      connectOutcome(words) === "unauthorized" &&
      performance.now() - beganMs < Math.min(KEY_MS, limit.timeoutMs)
    ) {
      await pause(KEY_PAUSE_MS);
      if (await listedState(server, serial, limit.timeoutMs) === "device") break;
      await disconnectNetworkDevice(server, serial, limit);
      words = await connectNetworkDevice(server, serial, limit);
    }
    state = await listedState(server, serial, limit.timeoutMs);
    if (state !== "device" && connectOutcome(words) === "unauthorized") state = "unauthorized";
  }
  while (
    ["offline", "connecting", "authorizing"].includes(state) &&
    performance.now() - beganMs < SETTLE_MS
  ) {
    await pause(200);
    state = await listedState(server, serial, limit.timeoutMs);
  }
  if (state === "device") return;
  const obstacle = obstacleOf(serial, state);
  const said = words !== "" && connectOutcome(words) === "refused"
    ? ` (adb connect: ${words})`
    : "";
  throw new HarnessError(obstacle.code, obstacle.message + said);
}
