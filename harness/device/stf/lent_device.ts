/**
 * A phone of STF or DeviceHub as a device: reserved, connected over adb, given back when it is
 * disposed of.
 *
 * @module
 */
import { childCommand } from "../../child.ts";
import * as path from "@std/path";
import { cacheRoot } from "../../toolchain/cache.ts";
import type { Device } from "../device.ts";
import type { DeviceDescription } from "../../record/device.ts";
import { openAdb } from "../adb/adb.ts";
import { adbServerFromEnvironment } from "../adb/server.ts";
import { HarnessError, type Warning } from "../../errors.ts";
import { requireSecret } from "../../secret.ts";
import { parseStfAddress, STF_TOKEN_NAME, type StfClient, stfClient } from "./client.ts";
import { DEFAULT_LEASE, leasePhone, releaseAbandoned, type StfLease } from "./lease.ts";

/** What opening a lent phone may be told. */
export interface StfDeviceOptions {
  /** Longest wait for a phone that another has. */
  waitMs?: number;
  signal?: AbortSignal;
  onWarning?(warning: Warning): void;
  /** Opens the device at an address; replaced in tests. */
  open?(adbAddress: string): Promise<Device>;
  /** Folder for notes of open leases; default: in the cache. */
  noteDir?: string;
}

/** A device with the lease that it is held by. */
export interface LentDevice extends Device {
  /** Aborts when the lease is lost. */
  readonly lost: AbortSignal;
}

/**
 * Returns the phone that `stf://host/SERIAL` names, opened and locked. Its key in records is the
 * farm's serial.
 *
 * The token comes from `POSEMARK_STF_TOKEN` (or the file of `POSEMARK_STF_TOKEN_FILE`). Phones that
 * a killed process of this host left reserved are given back first. Throws what {@linkcode
 * leasePhone} and opening a device throw; then the phone is given back.
 */
export async function openStfDevice(
  name: string,
  options: StfDeviceOptions = {},
): Promise<LentDevice> {
  const { address, serial } = parseStfAddress(name);
  if (serial === null) {
    throw new HarnessError(
      "bad-option",
      `Cannot use "${name}" as a device: it names no phone, expected stf://host/SERIAL`,
    );
  }
  const token = await requireSecret(STF_TOKEN_NAME, `the farm ${address.origin}`);
  return await openLentDevice(stfClient({ address, token, timeoutMs: 15_000 }), serial, options);
}

/** Returns the phone of a farm's client, as {@linkcode openStfDevice}. */
export async function openLentDevice(
  client: StfClient,
  serial: string,
  options: StfDeviceOptions = {},
): Promise<LentDevice> {
  const noteDir = options.noteDir ?? path.join(cacheRoot(), "leases");
  await cleanUpOnce(client, noteDir, options);
  const lease = await leasePhone(client, serial, {
    ...DEFAULT_LEASE,
    waitMs: options.waitMs ?? DEFAULT_LEASE.waitMs,
    noteDir,
    signal: options.signal,
    onWarning: options.onWarning,
  });
  try {
    const open = options.open ??
      ((adbAddress: string) => openAdb(adbServerFromEnvironment(), adbAddress));
    return lent(await open(lease.adbAddress), serial, lease);
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

/** Clean-ups of this process by farm and folder of notes. */
const cleanUps = new Map<string, Promise<unknown>>();

/**
 * Gives back what killed processes left, before the first lease of this process; a phone that hangs
 * is waited for once.
 */
async function cleanUpOnce(
  client: StfClient,
  noteDir: string,
  { onWarning }: StfDeviceOptions,
): Promise<void> {
  const key = `${client.address} ${noteDir}`;
  const cleanUp = cleanUps.get(key) ?? releaseAbandoned(client, noteDir, isAlive, onWarning);
  cleanUps.set(key, cleanUp);
  await cleanUp;
}

/** The device under the farm's serial; every operation ends when the lease does. */
function lent(device: Device, serial: string, lease: StfLease): LentDevice {
  const within = <T>(work: Promise<T>): Promise<T> => {
    if (lease.lost.aborted) return Promise.reject(lease.lost.reason);
    return new Promise((resolve, reject) => {
      const stop = () => reject(lease.lost.reason);
      lease.lost.addEventListener("abort", stop, { once: true });
      work.then(resolve, reject).finally(() => lease.lost.removeEventListener("abort", stop));
    });
  };
  return {
    serial,
    lost: lease.lost,
    describe: async (): Promise<DeviceDescription> => ({
      ...await within(device.describe()),
      serial,
    }),
    state: () => within(device.state()),
    frequencyCapsKHz: () => device.frequencyCapsKHz(),
    push: (...args) => within(device.push(...args)),
    pushTo: (...args) => within(device.pushTo(...args)),
    pull: (...args) => within(device.pull(...args)),
    runDir: (...args) => within(device.runDir(...args)),
    run: (...args) => within(device.run(...args)),
    launch: (...args) => within(device.launch(...args)),
    drop: (...args) => within(device.drop(...args)),
    removeRunDir: (...args) => within(device.removeRunDir(...args)),
    async [Symbol.asyncDispose]() {
      try {
        await device[Symbol.asyncDispose]();
      } finally {
        await lease[Symbol.asyncDispose]();
      }
    },
  };
}

/** Whether a process of this host runs, or is another user's. */
export async function isAlive(pid: number): Promise<boolean> {
  // Deno itself looks at /proc only with every permission, and its own kill takes no signal 0.
  const { code, stderr } = await childCommand("sh", {
    args: ["-c", `kill -0 ${Math.trunc(pid)}`],
    stdout: "null",
  }).output();
  return code === 0 || /not permitted/i.test(new TextDecoder().decode(stderr));
}
