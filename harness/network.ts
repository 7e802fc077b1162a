/**
 * Which hosts a command may talk to: this machine and where published models lie, and those that
 * the caller names.
 *
 * @module
 */
import denoJson from "../deno.json" with { type: "json" };
import { startCommand, taskFlags } from "./posemark.ts";

/** Variables that name hosts, as an address or as adb writes it. */
const NAMING_VARIABLES = [
  ...["POSEMARK_STORE", "POSEMARK_MODEL_BASE_URL"],
  ...["ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS"],
];

/**
 * Returns the hosts that the arguments and variables name: of `stf://host`,
 * `postgres://user@host/db`, `tcp:host:port`.
 *
 * @example
 * ```ts
 * hostsNamed(["--store", "postgres://a@db.example:5432/x"]); // ["db.example"]
 * ```
 */
export function hostsNamed(
  args: readonly string[],
  getEnv: (name: string) => string | undefined = () => undefined,
): string[] {
  const hosts = new Set<string>();
  const take = (text: string) => {
    // PostgreSQL takes several hosts in one address, between commas
    const address = /^(?:stf[a-z+]*|https?|postgres(?:ql)?):\/\/(?:[^/?#]*@)?([^/?#]+)/i.exec(text);
    for (const part of address?.[1].split(",") ?? []) {
      const host = /^(\[[0-9a-f:.]+\]|[^:\[\]]+)/i.exec(part)?.[1];
      if (host !== undefined) hosts.add(host.toLowerCase());
    }
    const socket = /^tcp:(\[[^\]]+\]|[^:]+):\d+$/.exec(text)?.[1];
    if (socket !== undefined) hosts.add(socket);
  };
  for (const arg of args) take(arg.replace(/^--[\w-]+=/, ""));
  for (const name of NAMING_VARIABLES) {
    const value = getEnv(name);
    if (!value) continue;
    take(value);
    if (name === "ANDROID_ADB_SERVER_ADDRESS") hosts.add(value);
  }
  return [...hosts].filter((host) => /^[\w.-]+$|^\[.*\]$/.test(host));
}

/**
 * Starts the command again with leave to talk to the hosts that it names, when this process has
 * none; returns its exit code, or null when nothing is missing.
 *
 * A task in `deno.json` names no host of the caller's, so that a program that was led astray
 * reaches nobody else.
 */
export async function restartForHosts(args: readonly string[]): Promise<number | null> {
  const hosts = hostsNamed(args, (name) => Deno.env.get(name));
  const missing: string[] = [];
  for (const host of hosts) {
    const { state } = await Deno.permissions.query({ name: "net", host });
    if (state !== "granted") missing.push(host);
  }
  if (missing.length === 0) return null;
  const flags = taskFlags(denoJson, args[0]);
  const net = flags.find((flag) => flag.startsWith("--allow-net="));
  // a task without a network, or with all of it, is left as it is
  if (net === undefined || !flags.includes("--allow-run")) return null;
  const wider = flags.map((flag) => flag === net ? [net, ...missing].join(",") : flag);
  return await startCommand(wider, args);
}
