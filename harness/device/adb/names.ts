/**
 * By which name a phone is asked for, when serials are not enough: pure.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { printable } from "../../text/printable.ts";
import type { ListedDevice } from "./words.ts";

/** How the adb server is asked for one device. */
export type DeviceSelector = { serial: string } | { transportId: bigint };

/** Returns how the adb server is asked for a device of this name. */
export function selectorOf(name: string): DeviceSelector {
  const transport = /^transport:(\d{1,18})$/.exec(name);
  // The server itself takes a path of the bus for a serial.
  return transport ? { transportId: BigInt(transport[1]) } : { serial: name };
}

/**
 * Returns the name of each listed device, in their order: its serial where no other has it, else
 * its place on the bus (`usb:1-2`), else its transport (`transport:5`), which lasts as long as its
 * connection. Some makers give every phone the same serial, or none.
 */
export function deviceNames(listed: readonly ListedDevice[]): string[] {
  return listed.map(({ serial, usb, transportId }) => {
    if (listed.filter((other) => other.serial === serial).length === 1) return serial;
    return usb ?? (transportId === null ? serial : `transport:${transportId}`);
  });
}

/**
 * Returns the listed device that a name asks for: `SERIAL`, `usb:1-2`, `transport:5`; null when
 * none is listed.
 *
 * Throws `bad-option` with the names to choose from when several have the serial.
 */
export function findDevice(
  listed: readonly ListedDevice[],
  name: string,
): { device: ListedDevice; name: string } | null {
  const names = deviceNames(listed);
  const fits = ({ serial, usb, transportId }: ListedDevice) =>
    serial === name || usb === name || `transport:${transportId}` === name;
  const found = listed.flatMap((device, at) => fits(device) ? [{ device, name: names[at] }] : []);
  if (found.length <= 1) return found[0] ?? null;
  throw new HarnessError(
    "bad-option",
    `Cannot use device "${
      printable(name)
    }": found ${found.length} devices of that serial, expected one: name ${
      found.map(({ name }) => name).join(" or ")
    }`,
  );
}
