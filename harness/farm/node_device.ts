/**
 * The phone of a node: by the table of the node's host, or by name.
 *
 * @module
 */
import type { Device } from "../device/device.ts";
import { LINK_TIMES, type LinkTimes } from "../device/shell/session.ts";
import { openDevices } from "../device/devices.ts";
import { HarnessError } from "../errors.ts";
import { readNodeTable } from "./nodes.ts";

/** Where the table of a host's nodes lies unless `POSEMARK_NODE_TABLE` says otherwise. */
export const NODE_TABLE = "/etc/posemark/nodes.tsv";

/** Which phone a shard runs on. */
export interface NodeDevice {
  /** Name of the phone on the farm. */
  phone: string;
  /** `host`, or a serial. */
  serial: string;
  /** `host:port` of the adb server; null: the one that the environment names. */
  adbServer: string | null;
}

/**
 * Returns the phone of this shard: `--device` names it, else Slurm's node name is looked up in the
 * table.
 *
 * Throws `bad-option` when neither is known, `bad-config` when the table does not have the node.
 */
export async function findNodeDevice(
  device: string | undefined,
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<NodeDevice> {
  const node = env("SLURMD_NODENAME");
  if (device !== undefined) return { phone: node ?? device, serial: device, adbServer: null };
  if (node === undefined) {
    throw new HarnessError(
      "bad-option",
      "Cannot tell which phone the shard is for: found neither --device nor SLURMD_NODENAME. Name the phone by --device",
    );
  }
  const file = env("POSEMARK_NODE_TABLE") ?? NODE_TABLE;
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw new HarnessError(
      "bad-config",
      `Cannot read ${file}: ${
        (cause as Error).message
      }. Write it by "deno task farm setup" on this host`,
      { cause },
    );
  }
  return { phone: node, ...readNodeTable(text, node, file) };
}

/**
 * Time limits on a farm. A lost cable gives the shard back soon: the engine has others. A lock of a
 * shard whose host died is waited for until it is stale, rather than given back as busy again and
 * again: signs of life come every few seconds.
 */
export const FARM_TIMES: LinkTimes = {
  ...LINK_TIMES,
  linkMs: 120_000,
  lockStaleMs: 90_000,
  lockWaitMs: 120_000,
};

/** Returns the device, opened and locked; throws what opening throws. */
export async function openNodeDevice({ serial, adbServer }: NodeDevice): Promise<Device> {
  const times = FARM_TIMES;
  if (adbServer === null || serial === "host") return (await openDevices([serial], { times }))[0];
  const parts = /^([^:]+):(\d+)$/.exec(adbServer);
  if (parts === null) {
    throw new HarnessError(
      "bad-config",
      `Cannot use the adb server "${adbServer}" of device "${serial}": expected host:port`,
    );
  }
  const server = {
    hostname: parts[1],
    port: Number(parts[2]),
    adbProgram: parts[1] === "127.0.0.1" ? Deno.env.get("ADB") || "adb" : null,
  };
  return (await openDevices([serial], { server, times }))[0];
}
