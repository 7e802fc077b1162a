/**
 * The commands `shard` and `farm`.
 *
 * What a command works with is imported when it runs: each task then needs its own permissions
 * only, and starts at once.
 *
 * @module
 */
import * as path from "@std/path";
import { command, type CommandSpec } from "../cli.ts";
import { flag, integer, option, textOption } from "../options.ts";
import { HarnessError } from "../errors.ts";
import { ENGINE_OPTIONS } from "./engine_options.ts";

const SHARD_INDEX = integer(0, Number.MAX_SAFE_INTEGER);

/** `shard`: what a farm's engine starts on a phone's host. */
export const shardCommand = command({
  name: "shard",
  description: "runs one shard of a farm's run on this node's phone (started by the farm's engine)",
  arguments: [{ name: "[file]", description: "file of the shard; without it --run and the store" }],
  options: {
    store: option(
      "--store <address>",
      "store of the run. Default: POSEMARK_STORE, or what the file says",
    ),
    run: option("--run <id>", "run. Default: POSEMARK_RUN"),
    index: option(
      "--index <n>",
      "index of the shard in the run. Default: POSEMARK_SHARD",
      SHARD_INDEX,
    ),
    device: option(
      "--device <serial>",
      "phone. Default: that of the node (SLURMD_NODENAME) in /etc/posemark/nodes.tsv",
    ),
  },
  async run(options, args, signal) {
    const { startShard } = await import("./start_shard.ts");
    const shard = Deno.env.get("POSEMARK_SHARD");
    return await startShard({
      file: args[0] ?? null,
      store: options.store ?? Deno.env.get("POSEMARK_STORE") ?? null,
      run: options.run ?? Deno.env.get("POSEMARK_RUN") ?? null,
      index: options.index ?? (shard === undefined ? null : SHARD_INDEX("POSEMARK_SHARD", shard)),
      device: options.device ?? undefined,
      signal,
    });
  },
});

/** `farm`: phones of a farm and their set-up. */
export const farmCommand = command({
  name: "farm",
  description:
    "lists a farm's phones, takes them out of service and back, writes their set-up files",
  arguments: [
    { name: "<action>", description: "nodes, drain, resume, or setup" },
    { name: "[node]", description: "node to drain or resume" },
  ],
  options: {
    ...ENGINE_OPTIONS,
    reason: option("--reason <text>", "why the phone is drained"),
    out: textOption("--out <dir>", "folder for the set-up files", "farm-setup"),
    hostName: option("--host-name <name>", "name of this host for Slurm. Default: its own"),
    hostAddress: option(
      "--host-address <address>",
      "address of this host for the controller. Default: its name",
    ),
    firstPort: option(
      "--first-port <n>",
      "port of the first phone's slurmd",
      integer(1024, 65000),
      "18001",
    ),
    controller: textOption("--controller <host>", "host of Slurm's controller", "controller"),
    json: flag("--json", "print the phones as JSON"),
  },
  async run(options, args, signal) {
    const [action, node] = args;
    const actions = await import("./farm_actions.ts");
    switch (action) {
      case "nodes":
        return await actions.listNodes(options, signal);
      case "drain":
        return await actions.drainNode(options, requireNode(action, node));
      case "resume":
        return await actions.resumeNode(options, requireNode(action, node));
      case "setup":
        return await actions.writeSetup({ ...options, out: path.resolve(options.out) });
      default:
        throw new HarnessError(
          "bad-option",
          `Cannot do "${action}" with a farm: expected nodes, drain, resume or setup`,
        );
    }
  },
});

/** The commands of farms, in the order of help. */
export const farmCommands: CommandSpec[] = [farmCommand, shardCommand];

function requireNode(action: string, node: string | undefined): string {
  if (node !== undefined) return node;
  throw new HarnessError(
    "bad-option",
    `Cannot ${action} a phone: no node is named. "deno task farm nodes" lists them`,
  );
}
