/**
 * The devices that can be reached: listed with what stands in the way, and opened by name.
 *
 * @module
 */
import { formatTable } from "../text/table.ts";
import { HarnessError } from "../errors.ts";
import type { Device } from "./device.ts";
import type { DeviceDescription, DeviceState } from "../record/device.ts";
import { inspectAdb, openAdb } from "./adb/adb.ts";
import { type ListedPhone, listPhones } from "./adb/phones.ts";
import { obstacleOf } from "./adb/words.ts";
import { type AdbServer, adbServerFromEnvironment } from "./adb/server.ts";
import { LINK_TIMES } from "./shell/session.ts";
import { openHost } from "./host/host.ts";
import type { DeviceSight } from "./shell/shell_device.ts";
import { isBoardName, parseBoardAddress, withoutPassword } from "./ssh/address.ts";
import { type BoardOptions, inspectBoard, openBoard } from "./ssh/board.ts";
import { cpuOfAbi, cpuOfTarget } from "../toolchain/elf.ts";

/** One device as `deno task devices` shows it. */
export interface DeviceRow {
  serial: string;
  /** How it is reached: `host`, `adb`, `ssh`. */
  kind: string;
  /** Null when the device could not be asked. */
  description: DeviceDescription | null;
  /** Null when the device could not be asked. */
  state: DeviceState | null;
  /** What keeps a run from it, or from counting, with the remedy; null when nothing does. */
  obstacle: { code: string; message: string } | null;
}

/** What listing and opening may be told. */
export interface DevicesOptions extends BoardOptions {
  /** Default: the one that the environment names. */
  server?: AdbServer;
  /** Names of devices that no daemon lists: boards. */
  named?: readonly string[];
}

/** Free space below which a run is unlikely to fit, bytes. */
const LITTLE_SPACE_BYTES = 64 << 20;

/** A way to reach devices. */
interface Scheme {
  /** Whether a name is one of its devices'. */
  takes(name: string): boolean;
  /** Returns the device, opened and locked. */
  open(name: string, options: DevicesOptions): Promise<Device>;
  /** Returns the devices that it knows; those that can't be used with the reason. */
  list(options: DevicesOptions): Promise<DeviceRow[]>;
}

/** The ways to reach devices; a name belongs to the first that takes it. */
const SCHEMES: readonly Scheme[] = [
  {
    takes: (name) => name === "host",
    open: () => Promise.resolve(openHost()),
    list: async () => [await hostRow()],
  },
  {
    takes: (name) => /^stf(\+http)?:/.test(name),
    async open(name, options) {
      if (options.pin) {
        throw new HarnessError(
          "bad-option",
          `Cannot pin the frequencies of "${name}": a leased phone is not ours to change: leave --root out`,
        );
      }
      // loaded only here: a run without a farm needs none of it
      const { openStfDevice } = await import("./stf/lent_device.ts");
      return await openStfDevice(name, {
        onWarning: ({ message, advice }) => options.tell?.(`${message}. ${advice}`),
      });
    },
    // A farm's phones are listed by "deno task farm nodes".
    list: () => Promise.resolve([]),
  },
  {
    takes: isBoardName,
    open: openBoard,
    // Nobody knows the boards but those who name them.
    list: async (options) =>
      await Promise.all(
        (options.named ?? []).filter(isBoardName).map((name) =>
          sightRow(withoutPassword(name), "ssh", async () => {
            const { serial } = parseBoardAddress(name);
            return { serial, sight: await inspectBoard(name, options) };
          })
        ),
      ),
  },
  {
    // A serial, usb:1-2, transport:5, or host:port.
    takes: () => true,
    open: (name, options) => openAdb(serverOf(options), name, options),
    list: phoneRows,
  },
];

function serverOf(options: DevicesOptions): AdbServer {
  return options.server ?? adbServerFromEnvironment();
}

/**
 * Returns this machine, the boards that are named, and every device that the adb server knows.
 * Devices that can't be used are in it, with the reason.
 *
 * Without adb the list is this machine alone, with the reason in the row `adb`.
 */
export async function listDevices(options: DevicesOptions = {}): Promise<DeviceRow[]> {
  return (await Promise.all(SCHEMES.map((scheme) => scheme.list(options)))).flat();
}

/** Returns the rows of the phones that the adb server knows. */
async function phoneRows(options: DevicesOptions): Promise<DeviceRow[]> {
  const server = serverOf(options);
  const times = options.times ?? LINK_TIMES;
  let listed: ListedPhone[];
  try {
    listed = await listPhones(server, { timeoutMs: times.operationMs });
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    const obstacle = { code: error.code, message: error.message };
    return [{ serial: "adb", kind: "adb", description: null, state: null, obstacle }];
  }
  return await Promise.all(listed.map(async ({ name, state, sameAs }): Promise<DeviceRow> => {
    const left = { serial: name, kind: "adb", description: null, state: null } as const;
    if (state !== "device") return { ...left, obstacle: obstacleOf(name, state) };
    if (sameAs !== null) {
      const message = `"${name}" is the same phone as "${sameAs}": use that name`;
      return { ...left, obstacle: { code: "same-phone", message } };
    }
    return await sightRow(name, "adb", async () => ({
      serial: name,
      sight: await inspectAdb(server, name, options),
    }));
  }));
}

/** Returns the row of a device that is looked at, or with the reason why it can't be. */
async function sightRow(
  name: string,
  kind: string,
  look: () => Promise<{ serial: string; sight: DeviceSight }>,
): Promise<DeviceRow> {
  try {
    const { serial, sight } = await look();
    const { description, state } = sight;
    return { serial, kind, description, state, obstacle: deviceObstacle(serial, sight) };
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    const obstacle = { code: error.code as string, message: error.message };
    return { serial: name, kind, description: null, state: null, obstacle };
  }
}

/** Returns the row of this machine. */
async function hostRow(): Promise<DeviceRow> {
  const host = openHost();
  const [description, state] = [await host.describe(), await host.state()];
  return { serial: "host", kind: "host", description, state, obstacle: null };
}

/**
 * Returns what keeps a run from a device that answers, or its times from counting; null when
 * nothing does.
 */
export function deviceObstacle(
  serial: string,
  sight: {
    description: Pick<DeviceDescription, "abi" | "emulated" | "target">;
    freeBytes: number | null;
    lockedBy: string | null;
  },
): DeviceRow["obstacle"] {
  if (sight.lockedBy !== null) {
    return {
      code: "device-busy",
      message: `"${serial}" is used by ${sight.lockedBy}: wait for that run to end`,
    };
  }
  const { abi, target } = sight.description;
  if (target !== "host" && cpuOfAbi(abi) !== cpuOfTarget(target)) {
    return {
      code: "device-unsuitable",
      message: `"${serial}" has ABI ${abi}, expected one of ${
        cpuOfTarget(target)
      }: no runner is built for it`,
    };
  }
  if (sight.freeBytes !== null && sight.freeBytes < LITTLE_SPACE_BYTES) {
    return {
      code: "no-space",
      message: `"${serial}" has ${sight.freeBytes >> 20} MiB free, expected ${
        LITTLE_SPACE_BYTES >> 20
      } MiB or more: free some space on it`,
    };
  }
  if (sight.description.emulated) {
    return {
      code: "emulated",
      message:
        `"${serial}" is emulated: its times are marked and enter no statistics, rank or gate`,
    };
  }
  return null;
}

/** Returns the table of `deno task devices`, columns padded, with the obstacles below it. */
export function devicesTable(rows: readonly DeviceRow[]): string {
  const unknown = "-";
  const cells = rows.map(({ serial, description, state, obstacle }) => [
    serial,
    description?.model ?? unknown,
    description?.soc ?? unknown,
    description?.os ?? unknown,
    description?.abi ?? unknown,
    description === null ? unknown : coresText(description),
    description?.bigCoreMask ?? unknown,
    description?.memoryBytes ? `${(description.memoryBytes / 2 ** 30).toFixed(1)} GiB` : unknown,
    description === null ? unknown : description.cpuFeatures.join(" ") || unknown,
    batteryText(state),
    temperatureText(state),
    obstacle === null ? "ready" : obstacle.code,
  ]);
  const table = formatTable(
    [
      ...[
        "serial",
        "model",
        "SoC",
        "system",
        "ABI",
        "cores",
        "big cores",
        "memory",
        "CPU features",
      ],
      ...["battery", "temperature", "state"],
    ],
    cells,
  );
  const obstacles = rows.flatMap(({ obstacle }) => obstacle === null ? [] : [obstacle.message]);
  return obstacles.length === 0 ? table : `${table}\n${obstacles.join("\n")}\n`;
}

/** Returns cores by maximum frequency, for instance `4×1.80 3×2.42 1×2.84 GHz`. */
export function coresText(description: Pick<DeviceDescription, "cores">): string {
  const counts = new Map<number | null, number>();
  for (const { maxFrequencyKHz } of description.cores) {
    counts.set(maxFrequencyKHz, (counts.get(maxFrequencyKHz) ?? 0) + 1);
  }
  if (counts.size === 0) return "-";
  if (counts.size === 1 && counts.has(null)) return String(description.cores.length);
  const parts = [...counts].sort(([a], [b]) => (a ?? 0) - (b ?? 0)).map(([kHz, count]) =>
    `${count}×${kHz === null ? "?" : (kHz / 1e6).toFixed(2)}`
  );
  return `${parts.join(" ")} GHz`;
}

/** Returns the battery's level and whether it charges. */
function batteryText(state: DeviceState | null): string {
  if (state === null || state.batteryPercent === null) return "-";
  return `${state.batteryPercent} %${state.charging ? " charging" : ""}`;
}

/**
 * Returns the battery's temperature, else the warmest zone's, and the thermal status when it is
 * above none.
 */
function temperatureText(state: DeviceState | null): string {
  if (state === null) return "-";
  const warmest = Math.max(...state.temperatures.map(({ tempC }) => tempC));
  const tempC = state.batteryTempC ?? (Number.isFinite(warmest) ? warmest : null);
  const status = state.thermalStatus ? ` (thermal status ${state.thermalStatus})` : "";
  return tempC === null ? status.trim() || "-" : `${tempC.toFixed(1)} °C${status}`;
}

/**
 * Returns the devices of these names, each once, opened and locked; nothing named is this machine.
 *
 * @param names `host`, serials, `host:port` addresses, `ssh://user@host`, `stf://host/SERIAL`, or
 * `all` for every phone that is ready
 *
 * Throws what {@linkcode openAdb} throws (the devices that were open are given back), and
 * `device-not-found` when `all` finds none.
 */
export async function openDevices(
  names: readonly string[],
  options: DevicesOptions = {},
): Promise<Device[]> {
  const serials = new Set<string>();
  for (const name of names.length === 0 ? ["host"] : names) {
    if (name !== "all") serials.add(name);
    else {
      const server = serverOf(options);
      const limit = { timeoutMs: (options.times ?? LINK_TIMES).operationMs };
      const listed = await listPhones(server, limit);
      const ready = listed.filter(({ state, sameAs }) => state === "device" && sameAs === null);
      if (ready.length === 0) {
        const seen = listed.map(({ name, state }) => `${name} ${state}`).join(", ") || "none";
        throw new HarnessError(
          "device-not-found",
          `Cannot use all devices: the adb server knows ${seen}, expected at least one that is ready: see "deno task devices"`,
        );
      }
      for (const { name } of ready) serials.add(name);
    }
  }
  const opening = [...serials].map((name) =>
    SCHEMES.find((scheme) => scheme.takes(name))!.open(name, options)
  );
  const settled = await Promise.allSettled<Device>(opening);
  const failed = settled.find((one) => one.status === "rejected");
  const opened = settled.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  if (failed === undefined) return opened;
  await Promise.all(opened.map((device) => device[Symbol.asyncDispose]()));
  throw failed.reason;
}
