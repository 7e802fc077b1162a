/**
 * What `deno task farm` does.
 *
 * @module
 */
import * as path from "@std/path";
import { formatTable } from "../text/table.ts";
import { listDevices } from "../device/devices.ts";
import { makeFolder } from "../disk.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { print, printJson, tell } from "../terminal.ts";
import { printable } from "../text/printable.ts";
import { type EngineChoice, openSlurm } from "./engine_options.ts";
import { nodeLines, nodeTable, phoneNodes, slurmConf } from "./nodes.ts";
import { requireSecret } from "../secret.ts";
import { parseStfAddress, STF_TOKEN_NAME, stfClient } from "../device/stf/client.ts";

/** What `farm setup` is told. */
export interface SetupChoice {
  /** Folder for the files. */
  out: string;
  hostName: string | null;
  hostAddress: string | null;
  firstPort: number;
  controller: string;
}

/** Prints the phones of the farm with their features and what is wrong with them. */
export async function listNodes(
  options: EngineChoice & { json: boolean },
  signal: AbortSignal,
): Promise<number> {
  const rows = options.farm?.startsWith("stf")
    ? await stfRows(options.farm, signal)
    : await slurmRows(options);
  if (options.json) {
    printJson(rows, 0);
    return EXIT.pass;
  }
  const cells = rows.map((
    { name, state, reason, features },
  ) => [name, state, reason ?? "-", features.join(" ")]);
  print(formatTable(["phone", "state", "reason", "features"], cells));
  return EXIT.pass;
}

/** Takes a phone out of service. */
export async function drainNode(
  options: EngineChoice & { reason: string | null },
  node: string,
): Promise<number> {
  if (!options.reason) {
    throw new HarnessError(
      "bad-option",
      `Cannot drain "${node}" without a reason: say why by --reason, for those who find it drained`,
    );
  }
  await using engine = openSlurm(options);
  await engine.drain(node, options.reason);
  return EXIT.pass;
}

/** Takes a phone back into service. */
export async function resumeNode(options: EngineChoice, node: string): Promise<number> {
  await using engine = openSlurm(options);
  await engine.resume(node);
  return EXIT.pass;
}

/** Writes the set-up files for the phones that are plugged into this host. */
export async function writeSetup(options: SetupChoice): Promise<number> {
  const hostName = options.hostName ?? Deno.hostname();
  const rows = await listDevices();
  const phones = rows.flatMap(({ description }) =>
    description === null || description.target === "host" ? [] : [description]
  );
  for (const { serial, description, obstacle } of rows) {
    if (description === null) {
      tell(`left out: ${printable(serial)}: ${obstacle?.message}`);
    }
  }
  if (phones.length === 0) {
    throw new HarnessError(
      "device-not-found",
      'Cannot write a set-up: no phone that is plugged into this host answers. "deno task devices" says why',
    );
  }
  const nodes = phoneNodes(phones, {
    hostName,
    address: options.hostAddress ?? hostName,
    firstPort: options.firstPort,
  });
  const templates = path.join(import.meta.dirname!, "slurm");
  const files: Record<string, string> = {
    "slurm.conf": slurmConf({
      clusterName: "phones",
      controller: { host: options.controller, address: options.controller, port: 6817 },
      user: "slurm",
      dir: "/etc/posemark",
      mungeSocket: "/run/munge/munge.socket.2",
      nodeTimeoutSeconds: 30,
      credentialSeconds: 30,
    }),
    "nodes.conf": nodeLines(nodes),
    "nodes.tsv": nodeTable(phones),
    "prolog.sh": await Deno.readTextFile(path.join(templates, "prolog.sh")),
    "posemark-shard": await Deno.readTextFile(path.join(templates, "posemark-shard")),
    "slurmd@.service": await Deno.readTextFile(path.join(templates, "slurmd@.service")),
  };
  makeFolder(options.out);
  for (const [name, text] of Object.entries(files)) {
    const mode = /^#!/.test(text) ? 0o755 : 0o644;
    await Deno.writeTextFile(path.join(options.out, name), text, { mode });
  }
  print(
    `${nodes.length} phones: ${options.out}. What goes where: harness/farm/slurm/README.md`,
  );
  return EXIT.pass;
}

interface PhoneRow {
  name: string;
  state: string;
  reason: string | null;
  features: string[];
}

async function slurmRows(options: EngineChoice): Promise<PhoneRow[]> {
  await using engine = openSlurm(options);
  return await engine.nodes();
}

async function stfRows(farm: string, signal: AbortSignal): Promise<PhoneRow[]> {
  const { address } = parseStfAddress(farm);
  const token = await requireSecret(STF_TOKEN_NAME, `the farm ${address.origin}`);
  const client = stfClient({ address, token, timeoutMs: 15_000 });
  const { stfFeatures } = await import("./stf_engine.ts");
  return (await client.phones(signal)).map((phone) => ({
    name: phone.serial,
    state: phone.state,
    reason: phone.owner === null ? null : `${phone.owner} has it`,
    features: stfFeatures(phone),
  }));
}
