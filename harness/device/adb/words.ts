/**
 * The words of adb: what it lists, says and refuses, as data and as errors: pure.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { shortly } from "../shell/runner_exit.ts";

/** One line of `adb devices -l`. */
export interface ListedDevice {
  /** As the device tells it; others may tell the same. */
  serial: string;
  /** `device`, `offline`, `unauthorized`, `no permissions`, `recovery`, … */
  state: string;
  /** `model:` of the line, with `_` for blanks; null when the device is not ready. */
  model: string | null;
  /** Its place on the bus, for instance `usb:1-2`; null over the network. */
  usb: string | null;
  /** Number of its connection in the adb server; null where an old one gives none. */
  transportId: number | null;
}

/** Fields at the end of a line: `usb:1-4 product:p model:M device:d transport_id:1`. */
const FIELDS = /(?:\s+[a-z_]+:\S*)*$/;

/**
 * What stands before the fields: the serial, which may hold blanks and a state's name, and one of
 * adb's states (`adb.cpp`, `to_string(ConnectionState)`).
 */
const SERIAL_AND_STATE =
  /^(.+?)\s+(no permissions)\b.*$|^(.+)\s+(device|offline|unauthorized|authorizing|connecting|recovery|sideload|bootloader|rescue|host|detached|unknown)$|^(\S+)\s+(\S+)$/;

/**
 * Returns the devices in the text of `host:devices-l`.
 *
 * Not the library's own parser: it fails when a device has no transport id, and takes `no
 * permissions` for a state `no`.
 */
export function parseDeviceList(text: string): ListedDevice[] {
  const devices: ListedDevice[] = [];
  for (const line of text.split("\n").map((line) => line.trim())) {
    if (line.startsWith("*") || line.startsWith("List of devices")) continue;
    const fields = FIELDS.exec(line)![0];
    const match = SERIAL_AND_STATE.exec(line.slice(0, line.length - fields.length));
    if (!match) continue;
    const [serial, state] = match.slice(1).filter((word) => word !== undefined);
    const field = (key: string) => new RegExp(`\\s${key}:(\\S+)`).exec(fields)?.[1] ?? null;
    const transportId = field("transport_id");
    const usb = field("usb");
    devices.push({
      serial: serial.trim(),
      state,
      model: field("model"),
      usb: usb === null ? null : `usb:${usb}`,
      transportId: transportId === null ? null : Number(transportId),
    });
  }
  return devices;
}

/** Returns true for serials that `adb connect` takes: `host:port`. */
export function isNetworkSerial(serial: string): boolean {
  return /^[^\s:]+:\d{1,5}$|^\[[^\s\]]+\]:\d{1,5}$/.test(serial);
}

/**
 * Returns what the text of `adb connect` means. It is needed since `adb connect` succeeds even when
 * it was refused.
 *
 * `stale`: the server holds a connection that may be dead; disconnect first, then connect again.
 */
export function connectOutcome(text: string): "connected" | "stale" | "unauthorized" | "refused" {
  if (/^connected to /.test(text)) return "connected";
  if (/^already connected to /.test(text)) return "stale";
  if (/^failed to authenticate to /.test(text)) return "unauthorized";
  return "refused";
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
 * Returns the error of an operation on a device as a `HarnessError`: what the adb server refused,
 * or a stream that broke off.
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
      shortly(said.split("\n")[0])
    }): check the cable or network and run again`,
    { cause },
  );
}
