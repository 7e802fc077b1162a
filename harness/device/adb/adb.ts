/**
 * A phone as a device, over adb.
 *
 * @module
 */
import {
  type DeviceSight,
  inspectShellDevice,
  openShellDevice,
  type ShellDevice,
  type ShellOptions,
  type ShellSystem,
} from "../shell/shell_device.ts";
import { ANDROID_DESCRIBE_SCRIPT, parseAndroidDescription } from "./describe.ts";
import { LINK_TIMES } from "../shell/session.ts";
import { USUAL_TOOLS } from "../shell/tools.ts";
import { adbLink, resolveName } from "./link.ts";
import type { AdbServer } from "./server.ts";
import { ANDROID_STATE_SCRIPT, parseAndroidState } from "./state.ts";

/** Folder of everything on a phone: programs may run there, and the shell may write it. */
export const ADB_ROOT = "/data/local/tmp/posemark";

const ANDROID: ShellSystem = {
  root: ADB_ROOT,
  tools: USUAL_TOOLS,
  whyVanished:
    "along with a restarted adbd: run again; close other programs, and keep USB settings as they are",
  describeScript: ANDROID_DESCRIBE_SCRIPT,
  parseDescription: parseAndroidDescription,
  stateScript: ANDROID_STATE_SCRIPT,
  parseState: parseAndroidState,
};

/**
 * Returns a phone, see {@linkcode openShellDevice}; throws `device-not-found`,
 * `device-unauthorized`, `device-offline` or `device-busy` with the remedy.
 *
 * @param serial as `adb devices` lists it, `usb:1-2`, `transport:5`, or `host:port`
 */
export async function openAdb(
  server: AdbServer,
  serial: string,
  options: ShellOptions = {},
): Promise<ShellDevice> {
  const name = await resolveName(server, serial, options.times ?? LINK_TIMES);
  return await openShellDevice(adbLink(server, name), ANDROID, options);
}

/** Returns what a phone is and how it is, without taking its lock. */
export async function inspectAdb(
  server: AdbServer,
  serial: string,
  options: Pick<ShellOptions, "times" | "root"> = {},
): Promise<DeviceSight> {
  return await inspectShellDevice(adbLink(server, serial), ANDROID, options);
}
