/**
 * A private Slurm cluster on this machine, one node a phone: what the tests of the farm run on.
 *
 * Needs Debian's slurm-wlm and munge (22.05), and root: slurmd starts jobs for others.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { nodeLines, slurmConf } from "../nodes.ts";

/** Programs that a private cluster needs. */
export const CLUSTER_TOOLS = ["munged", "slurmctld", "slurmd", "scontrol", "sbatch"];

/** A phone of the cluster. */
export interface ClusterNode {
  name: string;
  features: string[];
}

/** A running cluster; dispose of it to end all its daemons and remove its folder. */
export interface SlurmCluster extends AsyncDisposable {
  /** Folder with `slurm.conf`, keys, state and logs. */
  dir: string;
  /** Environment that points Slurm's tools at this cluster. */
  environment: { SLURM_CONF: string };
  /** Ends the controller; `hard` by a kill that gives it no time to save its state. */
  stopController(hard: boolean): Promise<void>;
  startController(): Promise<void>;
  /** Kills the daemon of a phone's host and its shards, as when the host loses power. */
  killHost(node: string): Promise<void>;
  startHost(node: string): Promise<void>;
  /** Returns the end of the logs, for messages of failed tests. */
  logs(): Promise<string>;
}

/** Returns which of the programs are not on the PATH. */
export async function missingTools(names: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    const found = await new Deno.Command("sh", {
      args: ["-c", 'command -v "$0" || test -x "/usr/sbin/$0"', name],
      stdout: "null",
      stderr: "null",
    }).output();
    if (!found.success) missing.push(name);
  }
  return missing;
}

/**
 * Returns a cluster with these nodes, up and idle; throws `farm-failed` with the logs when it does
 * not come up.
 */
export async function startCluster(
  nodes: readonly ClusterNode[],
  options: { prolog: string; environment?: Record<string, string> },
): Promise<SlurmCluster> {
  const dir = await Deno.makeTempDir({ prefix: "posemark-slurm-" });
  await Deno.chmod(dir, 0o755);
  for (const folder of ["state", "spool", "log", "run"]) await Deno.mkdir(path.join(dir, folder));
  await Deno.writeFile(path.join(dir, "munge.key"), randomBytes(1024), { mode: 0o400 });
  await Deno.writeTextFile(path.join(dir, "prolog.sh"), options.prolog, { mode: 0o755 });
  const ports = freePorts(nodes.length + 1);
  const conf = slurmConf({
    clusterName: "posemark",
    controller: { host: "localhost", address: "127.0.0.1", port: ports[0] },
    user: "root",
    dir,
    mungeSocket: `${dir}/run/munge.sock`,
    nodeTimeoutSeconds: 10,
    credentialSeconds: 20,
  }) + nodeLines(nodes.map((node, index) => ({
    ...node,
    hostName: "localhost",
    address: "127.0.0.1",
    port: ports[index + 1],
  })));
  await Deno.writeTextFile(path.join(dir, "slurm.conf"), conf, { mode: 0o644 });
  const environment = { SLURM_CONF: path.join(dir, "slurm.conf") };

  const run = async (command: string, ...args: string[]): Promise<string> => {
    const output = await new Deno.Command(command, {
      args,
      env: { ...environment, ...options.environment, PATH: `${Deno.env.get("PATH")}:/usr/sbin` },
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(output.stdout);
    if (output.success) return text;
    const stderr = new TextDecoder().decode(output.stderr);
    throw new HarnessError("farm-failed", `Cannot run ${command} ${args.join(" ")}: ${stderr}`);
  };
  const startHost = async (node: string) => {
    await Deno.mkdir(path.join(dir, "spool", node), { recursive: true });
    await run("slurmd", "-N", node);
  };
  const startController = async () => {
    await run("slurmctld");
  };
  await run(
    "munged",
    "--force",
    `--key-file=${dir}/munge.key`,
    `--socket=${dir}/run/munge.sock`,
    `--pid-file=${dir}/run/munged.pid`,
    `--log-file=${dir}/log/munged.log`,
    `--seed-file=${dir}/run/munge.seed`,
  );
  await startController();
  for (const node of nodes) await startHost(node.name);

  const cluster: SlurmCluster = {
    dir,
    environment,
    async stopController(hard) {
      if (hard) await killPidFile(path.join(dir, "run", "slurmctld.pid"), "SIGKILL");
      else await run("scontrol", "shutdown", "slurmctld");
      await waitFor(async () => !(await isAlive(path.join(dir, "run", "slurmctld.pid"))), 10_000);
    },
    startController,
    async killHost(node) {
      await killPidFile(path.join(dir, "run", `slurmd-${node}.pid`), "SIGKILL");
      await killSteps(path.join(dir, "spool", node));
    },
    startHost,
    async logs() {
      const texts: string[] = [];
      for await (const entry of Deno.readDir(path.join(dir, "log"))) {
        const text = await Deno.readTextFile(path.join(dir, "log", entry.name)).catch(() => "");
        texts.push(`== ${entry.name}\n${text.split("\n").slice(-15).join("\n")}`);
      }
      return texts.join("\n");
    },
    async [Symbol.asyncDispose]() {
      await run("scancel", "--quiet", "--user=root").catch(() => {});
      await waitFor(
        async () => (await run("squeue", "--noheader").catch(() => "")).trim() === "",
        3000,
      );
      for (const node of nodes) await cluster.killHost(node.name);
      await killPidFile(path.join(dir, "run", "slurmctld.pid"), "SIGKILL");
      await killPidFile(path.join(dir, "run", "munged.pid"), "SIGTERM");
      await Deno.remove(dir, { recursive: true }).catch(() => {});
    },
  };
  const up = await waitFor(async () => {
    const states = await run("sinfo", "--noheader", "--Node", "--format=%t").catch(() => "");
    return states.split("\n").filter((state) => state.trim() === "idle").length === nodes.length;
  }, 30_000);
  if (up) return cluster;
  const logs = await cluster.logs();
  await cluster[Symbol.asyncDispose]();
  throw new HarnessError("farm-failed", `Cannot start a private Slurm cluster: ${logs}`);
}

/** Returns whether the condition came true within the time; asks every 100 ms. */
export async function waitFor(
  condition: () => Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return await condition();
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Ports that nobody listens on now; held all at once, so that none is given twice. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

async function readPid(file: string): Promise<number | null> {
  const pid = Number((await Deno.readTextFile(file).catch(() => "")).trim());
  return pid > 1 ? pid : null;
}

async function isAlive(file: string): Promise<boolean> {
  const pid = await readPid(file);
  if (pid === null) return false;
  // Deno gives /proc only to programs with all permissions, so that a program reads it
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] })
    .output();
  return /^[^Z\s]/.test(new TextDecoder().decode(stdout));
}

async function killPidFile(file: string, signal: Deno.Signal): Promise<void> {
  const pid = await readPid(file);
  if (pid === null || !(await isAlive(file))) return;
  Deno.kill(pid, signal);
  await waitFor(async () => !(await isAlive(file)), 5000);
}

/** Kills the batch jobs of a host: each has its spool folder as the place of its script. */
async function killSteps(spool: string): Promise<void> {
  const script = `for p in /proc/[0-9]*; do
  env=$(tr '\\0' '\\n' <$p/environ) && line=$(tr '\\0' ' ' <$p/cmdline) || continue
  case "$line" in *"$1/"*) kill -KILL "\${p##*/}"; continue ;; esac
  case "$env" in *SLURM_CONF="$2"/*) ;; *) continue ;; esac
  printf '%s\\n' "$env" | grep -qx "SLURMD_NODENAME=$3" && kill -KILL "\${p##*/}"
done 2>/dev/null
true`;
  const folder = path.dirname(path.dirname(spool));
  await new Deno.Command("sh", { args: ["-c", script, "sh", spool, folder, path.basename(spool)] })
    .output();
}
