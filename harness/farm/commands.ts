/**
 * The commands `shard` and `farm`.
 *
 * What a command works with is imported when it runs: each task then needs its own permissions
 * only, and starts at once.
 *
 * @module
 */
import * as path from "@std/path";
import type { CommandSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { ENGINE_OPTIONS } from "./engine_options.ts";

/** `shard`: what a farm's engine starts on a phone's host. */
export const shardCommand: CommandSpec = {
  name: "shard",
  description: "runs one shard of a farm's run on this node's phone (started by the farm's engine)",
  arguments: [{ name: "[file]", description: "file of the shard; without it --run and the store" }],
  options: [
    {
      flags: "--store <address>",
      description: "store of the run. Default: POSEMARK_STORE, or what the file says",
    },
    { flags: "--run <id>", description: "run. Default: POSEMARK_RUN" },
    { flags: "--index <n>", description: "index of the shard in the run. Default: POSEMARK_SHARD" },
    {
      flags: "--device <serial>",
      description: "phone. Default: that of the node (SLURMD_NODENAME) in /etc/posemark/nodes.tsv",
    },
  ],
  async run(options, args, signal) {
    const { startShard } = await import("./start_shard.ts");
    const index = options.index ?? Deno.env.get("POSEMARK_SHARD");
    return await startShard({
      file: args[0] ?? null,
      store: options.store ?? Deno.env.get("POSEMARK_STORE") ?? null,
      run: options.run ?? Deno.env.get("POSEMARK_RUN") ?? null,
      index: index === undefined
        ? null
        : parseNumber("--index", index, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }),
      device: options.device,
      signal,
    });
  },
};

/** `farm`: phones of a farm and their set-up. */
export const farmCommand: CommandSpec = {
  name: "farm",
  description:
    "lists a farm's phones, takes them out of service and back, writes their set-up files",
  arguments: [
    { name: "<action>", description: "nodes, drain, resume, or setup" },
    { name: "[node]", description: "node to drain or resume" },
  ],
  options: [
    ...ENGINE_OPTIONS,
    { flags: "--reason <text>", description: "why the phone is drained" },
    { flags: "--out <dir>", description: "folder for the set-up files", default: "farm-setup" },
    { flags: "--host-name <name>", description: "name of this host for Slurm. Default: its own" },
    {
      flags: "--host-address <address>",
      description: "address of this host for the controller. Default: its name",
    },
    {
      flags: "--first-port <n>",
      description: "port of the first phone's slurmd",
      default: "18001",
    },
    {
      flags: "--controller <host>",
      description: "host of Slurm's controller",
      default: "controller",
    },
    { flags: "--json", description: "print the phones as JSON" },
  ],
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
};

/** The commands of farms, in the order of help. */
export const farmCommands: CommandSpec[] = [farmCommand, shardCommand];

function requireNode(action: string, node: string | undefined): string {
  if (node !== undefined) return node;
  throw new HarnessError(
    "bad-option",
    `Cannot ${action} a phone: no node is named. "deno task farm nodes" lists them`,
  );
}
