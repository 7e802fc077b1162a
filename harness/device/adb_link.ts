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
import { HarnessError } from "../errors.ts";
import type { CommandResult } from "./device.ts";
import { type AdbOperation, type AdbServer, type Limit, withAdbServer } from "./adb_server.ts";
import { printable } from "./runner_exit.ts";

/** One line of `adb devices -l`. */
export interface ListedDevice {
  serial: string;
  /** `device`, `offline`, `unauthorized`, `no permissions`, `recovery`, … */
  state: string;
  /** `model:` of the line, with `_` for blanks; null when the device is not ready. */
  model: string | null;
}

/**
 * Returns the devices in the text of `host:devices-l`.
 *
 * Not the library's own parser: it fails when a device has no transport id, and takes `no permissions` for a state `no`.
 */
export function parseDeviceList(text: string): ListedDevice[] {
  const devices: ListedDevice[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\S+)\s+(no permissions|\S+)(.*)$/.exec(line.trim());
    if (!match || line.startsWith("*") || line.startsWith("List of devices")) continue;
    const model = /\smodel:(\S+)/.exec(match[3]);
    devices.push({ serial: match[1], state: match[2], model: model?.[1] ?? null });
  }
  return devices;
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

/** Returns true for serials that `adb connect` takes: `host:port`. */
export function isNetworkSerial(serial: string): boolean {
  return /^[^\s:]+:\d{1,5}$|^\[[^\s\]]+\]:\d{1,5}$/.test(serial);
}

/**
 * Returns what the text of `adb connect` means. It is needed since `adb connect` succeeds even when it was refused.
 *
 * `stale`: the server holds a connection that may be dead; disconnect first, then connect again.
 */
export function connectOutcome(text: string): "connected" | "stale" | "unauthorized" | "refused" {
  if (/^connected to /.test(text)) return "connected";
  if (/^already connected to /.test(text)) return "stale";
  if (/^failed to authenticate to /.test(text)) return "unauthorized";
  return "refused";
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

/** What stands in the way of a device in a state that is not `device`, with the remedy. */
export function obstacleOf(
  serial: string,
  state: string,
): { code: "device-unauthorized" | "device-offline" | "device-not-found"; message: string } {
  const begin = `Cannot use device "${serial}":`;
  switch (state) {
    case "unauthorized":
      return {
        code: "device-unauthorized",
        message:
          `${begin} found it unauthorized, expected it to trust this computer: accept the prompt on its screen and run again`,
      };
    case "no permissions":
      return {
        code: "device-unauthorized",
        message:
          `${begin} this user may not open the USB device: add a udev rule for it (Debian: apt-get install android-sdk-platform-tools-common, and join group plugdev), then plug it in again`,
      };
    case "missing":
      return {
        code: "device-not-found",
        message:
          `${begin} the adb server knows no such device: see "deno task devices", check the cable, and that USB debugging is on`,
      };
    case "offline":
    case "connecting":
    case "authorizing":
      return {
        code: "device-offline",
        message: `${begin} found it ${state}, expected it ready: ${
          isNetworkSerial(serial)
            ? `check its network, or "adb disconnect ${serial}" and run again`
            : "unplug it and plug it in again, or switch USB debugging off and on"
        }`,
      };
    default:
      return {
        code: "device-offline",
        message:
          `${begin} found it in state "${state}", expected "device": start Android on it and run again`,
      };
  }
}

/**
 * Returns the error of an operation on a device as a `HarnessError`: what the adb server refused, or a stream that broke off.
 */
export function linkError(serial: string, what: string, cause: unknown): HarnessError {
  if (cause instanceof HarnessError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  const state = /unauthorized/.test(said)
    ? "unauthorized"
    : /offline/.test(said)
    ? "offline"
    : /still authorizing/.test(said)
    ? "authorizing"
    : /still connecting/.test(said)
    ? "connecting"
    : /no permissions/.test(said)
    ? "no permissions"
    : /device .*not found|no devices/.test(said)
    ? "missing"
    : null;
  if (state !== null) {
    const obstacle = obstacleOf(serial, state);
    return new HarnessError(obstacle.code, obstacle.message, { cause });
  }
  return new HarnessError(
    "device-lost",
    `Cannot ${what} of device "${serial}": the connection broke off (${
      printable(said.split("\n")[0])
    }): check the cable or network and run again`,
    { cause },
  );
}

/** Returns true when the error may pass by itself: the link broke, or the device did not answer. */
export function isLinkLoss(error: unknown): boolean {
  return error instanceof HarnessError &&
    ["device-lost", "device-offline", "device-not-found", "timeout"].includes(error.code);
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
 * Returns how a shell line ended on a device, with both outputs apart and the exit code of the shell v2 protocol.
 *
 * A stream that ends without an exit code throws `device-lost`. Bytes that are no UTF-8 become U+FFFD.
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
        `Cannot ${what} of device "${serial}": its adbd knows no shell protocol v2, so that exit codes can't be trusted: expected Android 7 or newer`,
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

/** Returns the words as one shell line: each in single quotes. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}
