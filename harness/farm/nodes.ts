/**
 * Set-up files of a Slurm farm with one node a phone, made from what `deno task devices` finds.
 *
 * @module
 */
import type { DeviceDescription } from "../record/device.ts";
import { deviceFeatures, featureValue } from "../record/device_features.ts";
import { HarnessError } from "../errors.ts";

/** One phone as a node of Slurm. */
export interface NodeLine {
  name: string;
  features: string[];
  /** Name of the host that the phone is plugged into, as `hostname -s` prints it there. */
  hostName: string;
  /** Address at which the controller reaches that host. */
  address: string;
  /** Port of this node's slurmd: each phone of a host has a slurmd, and a port, of its own. */
  port: number;
}

/** Where Slurm lives. */
export interface ConfOptions {
  clusterName: string;
  controller: { host: string; address: string; port: number };
  /** User of the daemons. */
  user: string;
  /** Folder for state, spool, logs, and `prolog.sh`. */
  dir: string;
  mungeSocket: string;
  /** A host that is silent for so long is down, and its shards are queued again. */
  nodeTimeoutSeconds: number;
  /** Life of a job's credential; a shard of a dead host runs again only after it. */
  credentialSeconds: number;
}

/**
 * Times that a shard may be queued again: Slurm's own limit (`MAX_BATCH_REQUEUE` in 22.05), held
 * after it.
 */
export const MAX_REQUEUES = 5;

/** Exit code of a shard whose phone is too hot or can't be reached: `EX_TEMPFAIL` of sysexits.h. */
export const EXIT_TRY_AGAIN = 75;

/**
 * Returns a `slurm.conf` without its nodes: phones are exclusive, shards that exit 75 are queued
 * again, a failing prolog drains the phone and the shard goes on elsewhere.
 *
 * The values were tried on Slurm 22.05; `nohold_on_prolog_fail` keeps the shard of a drained phone
 * from being held.
 */
export function slurmConf(options: ConfOptions): string {
  const { dir, controller } = options;
  return [
    `ClusterName=${options.clusterName}`,
    `SlurmctldHost=${controller.host}(${controller.address})`,
    `SlurmctldPort=${controller.port}`,
    `SlurmUser=${options.user}`,
    `SlurmdUser=root`,
    `AuthType=auth/munge`,
    `AuthInfo=socket=${options.mungeSocket},cred_expire=${options.credentialSeconds}`,
    `StateSaveLocation=${dir}/state`,
    `SlurmdSpoolDir=${dir}/spool/%n`,
    `SlurmctldPidFile=${dir}/run/slurmctld.pid`,
    `SlurmdPidFile=${dir}/run/slurmd-%n.pid`,
    `SlurmctldLogFile=${dir}/log/slurmctld.log`,
    `SlurmdLogFile=${dir}/log/slurmd-%n.log`,
    `ProctrackType=proctrack/pgid`,
    `TaskPlugin=task/none`,
    `MpiDefault=none`,
    `SwitchType=switch/none`,
    `JobAcctGatherType=jobacct_gather/none`,
    `AccountingStorageType=accounting_storage/none`,
    `SelectType=select/linear`,
    `ReturnToService=2`,
    `SlurmdTimeout=${options.nodeTimeoutSeconds}`,
    `SlurmctldTimeout=30`,
    `KillWait=5`,
    `Prolog=${dir}/prolog.sh`,
    `PrologFlags=Alloc`,
    `JobRequeue=1`,
    `RequeueExit=${EXIT_TRY_AGAIN}`,
    `MaxArraySize=10001`,
    `MaxJobCount=20000`,
    `SlurmdParameters=config_overrides`,
    `SchedulerType=sched/backfill`,
    `SchedulerParameters=nohold_on_prolog_fail,batch_sched_delay=1,sched_min_interval=100000,bf_interval=2`,
    "",
  ].join("\n");
}

/** Returns the lines of `slurm.conf` for the phones, and the partition that they make up. */
export function nodeLines(nodes: readonly NodeLine[]): string {
  const names = new Set<string>();
  const lines = nodes.map((node) => {
    if (names.has(node.name)) {
      throw new HarnessError(
        "bad-config",
        `Cannot write the nodes of Slurm: found the name "${node.name}" twice, expected one node a phone. Give one of them another name`,
      );
    }
    names.add(node.name);
    return `NodeName=${node.name} NodeHostname=${node.hostName} NodeAddr=${node.address} Port=${node.port} ` +
      `CPUs=1 RealMemory=100 Feature=${node.features.join(",")} State=UNKNOWN`;
  });
  return [
    ...lines,
    "PartitionName=phones Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=EXCLUSIVE State=UP",
    "",
  ].join("\n");
}

/**
 * Returns the node of each phone that is plugged into a host: named by its serial, its slurmd on a
 * port of its own.
 */
export function phoneNodes(
  devices: readonly DeviceDescription[],
  host: { hostName: string; address: string; firstPort: number },
): NodeLine[] {
  return devices.map((device, index) => ({
    name: nodeName(device.serial),
    features: deviceFeatures(device),
    hostName: host.hostName,
    address: host.address,
    port: host.firstPort + index,
  }));
}

/** Returns the name of the node that stands for a phone. */
export function nodeName(serial: string): string {
  return `phone-${featureValue(serial).replaceAll("_", "-")}`;
}

/**
 * Returns the table that tells a phone's host which device a node is: node, serial, adb server,
 * separated by tabs.
 */
export function nodeTable(
  devices: readonly DeviceDescription[],
  adbServer: string = "127.0.0.1:5037",
): string {
  return devices.map((device) => `${nodeName(device.serial)}\t${device.serial}\t${adbServer}\n`)
    .join("");
}

/**
 * Returns serial and adb server of a node by the table of {@linkcode nodeTable}.
 *
 * Throws `HarnessError` `bad-config` when the table does not have the node, or has a line of
 * another form.
 */
export function readNodeTable(
  text: string,
  node: string,
  where: string,
): { serial: string; adbServer: string } {
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const cells = line.split("\t");
    if (cells.length !== 3) {
      throw new HarnessError(
        "bad-config",
        `Cannot read ${where}, line ${
          index + 1
        }: found ${cells.length} cells, expected node, serial and adb server separated by tabs`,
      );
    }
    if (cells[0] === node) return { serial: cells[1], adbServer: cells[2] };
  }
  throw new HarnessError(
    "bad-config",
    `Cannot find node "${node}" in ${where}. Write the table anew by "deno task farm setup" on the phone's host`,
  );
}
